"""How a piece is drawn, in plain NumPy, slow and obvious: what the compiled samplers are held against.

Each function takes a model's weights by name and draws one piece with the noise of its generator.
"""

import numpy as np
from machines import hashed_noise, sigmoid

SYMBOLS_AT_ONCE, FRAMES_AT_ONCE = 128, 16  # noise is drawn for so many steps at a time


def symbols(weights, codec, clock, primer, steps, temperature, rng):
    """Codes of at least `steps` grid steps behind those of `primer`, by an LSTM over one-hot symbols and clock."""
    kernel, recurrent, bias, W, b = weights.values()
    h = c = np.zeros(len(recurrent))

    def read(symbol, time):
        nonlocal h, c
        x = np.zeros(len(kernel))
        x[codec.as_input[symbol]] = 1
        if clock > 1:
            x[codec.size + 2 + time % clock] = 1
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h @ W + b

    time, logit = 0, read(codec.start, 0)
    for code in primer:
        time += int(codec.advance[code])
        logit = read(code, time)
    begin, in_beat, codes = time, 0, []
    while time - begin < steps:
        if len(codes) % SYMBOLS_AT_ONCE == 0:
            exponential = rng.standard_exponential((SYMBOLS_AT_ONCE, codec.size), np.float32)
            noise = -np.log(np.maximum(exponential, np.finfo(np.float32).tiny))  # Gumbel's
        if in_beat >= codec.most_per_beat:
            logit = np.where(codec.advance == 0, -np.inf, logit)
        codes.append(int(np.argmax(logit + temperature * noise[len(codes) % SYMBOLS_AT_ONCE])))
        before, time = time, time + int(codec.advance[codes[-1]])
        in_beat = in_beat + 1 if time // codec.steps_per_beat == before // codec.steps_per_beat else 0
        logit = read(codes[-1], time)
    return np.array(codes)


def frames(weights, draw, noise, primer, count, rng):
    """`count` frames behind those of `primer`: a recurrent network of tanh units moves the biases of `draw`, which
    takes them, the frame before and `noise` uniform numbers."""
    kernel, recurrent, bias = (
        weights[f"rnn_0/simple_rnn_cell/{name}"] for name in ("kernel", "recurrent_kernel", "bias")
    )
    u, before, pieces = weights["u0"], np.zeros(len(kernel)), []
    for frame in primer:
        u, before = np.tanh(frame @ kernel + u @ recurrent + bias), frame
    while len(pieces) < count:
        for uniform in rng.random((FRAMES_AT_ONCE, noise), np.float32):
            before = draw(u @ weights["W_u"], before, uniform)
            u = np.tanh(before @ kernel + u @ recurrent + bias)
            pieces.append(before)
    return np.array(pieces[:count])


def nade(weights, temperature):
    """Draws the bits of a frame from the lowest to the highest, each given those below it."""
    W, V, b, c = (weights[f"nade/{name}"] for name in ("W", "V", "b", "c"))

    def draw(moved, before, uniform):
        b_t, a, frame = b + moved[: len(b)], c + moved[len(b) :], np.zeros(len(b))
        for bit in range(len(b)):
            p = sigmoid((b_t[bit] + V[bit] @ sigmoid(a)) / temperature)
            frame[bit] = uniform[bit] < p
            a = a + frame[bit] * W[bit]
        return frame

    return draw


def gibbs(weights, steps, temperature):
    """Draws hidden and visible units in turn, from the frame before on."""
    W, b_v, b_h = (weights[f"rbm/{name}"] for name in ("W", "b_v", "b_h"))

    def draw(moved, before, uniform):
        v = before
        for (of_h,), (of_v,) in hashed_noise(uniform[None], steps, len(b_h), len(b_v)):
            h = of_h < sigmoid((v @ W + b_h + moved[len(b_v) :]) / temperature)
            v = (of_v < sigmoid((h @ W.T + b_v + moved[: len(b_v)]) / temperature)).astype(float)
        return v

    return draw
