"""Small machines of which every state can be counted, and what the tests of layers share."""

import keras
import numpy as np
from keras import ops


def states(units):
    """All states of `units` binary units, (2^units, units); state i holds the binary digits of i, lowest first."""
    return (np.arange(2**units)[:, None] >> np.arange(units)) & 1


def log_sum(x):
    """log Σ exp over the last axis."""
    top = x.max(-1, keepdims=True)
    return (top + np.log(np.exp(x - top).sum(-1, keepdims=True)))[..., 0]


def rbm_joint(W, b_v, b_h):
    """log of every joint state's unnormalised probability, (frames, 2^visible, 2^hidden): no sum is done by hand."""
    v, h = states(W.shape[0]), states(W.shape[1])
    W, b_v, b_h = (np.asarray(array, np.float64) for array in (W, b_v, b_h))
    return (v @ W @ h.T)[None] + (b_v @ v.T)[:, :, None] + (b_h @ h.T)[:, None, :]


def rbm_log_p(W, b_v, b_h):
    """log p of every visible state, (frames, 2^visible)."""
    log_p = log_sum(rbm_joint(W, b_v, b_h))
    return log_p - log_sum(log_p)[:, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def ready(model, music=None):
    """`model` as before its first epoch: with its representation, fitted to `music` if there is some, and compiled."""
    model.codec = model.make_codec().fit(music) if music else model.make_codec()
    model._compile()
    return model


def randomised(layer, *shapes, scale=1.0):
    """`layer`, built if shapes are given, with weights large enough to matter."""
    rng = np.random.default_rng(0)
    if shapes:
        layer.build(*shapes)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(0, scale, weight.shape))
    return layer


def arrays(*tensors):
    """NumPy arrays of what a backend computed."""
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def assert_draws(drawn, p):
    """The frames drawn (draws, visible) have the probabilities p (2^visible,), within 1.5 times the total variation
    that so many draws of p itself have on average."""
    found = np.bincount(np.asarray(drawn, int) @ (1 << np.arange(drawn.shape[1])), minlength=len(p)) / len(drawn)
    noise = np.sqrt(2 / np.pi / len(drawn) * p * (1 - p)).sum() / 2
    assert np.abs(found - p).sum() / 2 < 1.5 * noise


def lowbias32(x: int) -> int:
    """The hash that `zoo.layers.hashed` is made of, in whole numbers of Python."""
    x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
    x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
    return x ^ (x >> 16)


def hashed_noise(noise, steps, *sizes):
    """All that two numbers decide (rows, 2): for each step, arrays (rows, size) of uniform numbers."""
    seeds = [(int(high * 2**24) << 8) % 2**32 ^ int(low * 2**24) for high, low in noise]
    for step in range(steps):
        keys = [lowbias32(seed ^ lowbias32(step)) for seed in seeds]
        drawn = [[lowbias32(lowbias32(place) ^ key) >> 8 for place in range(sum(sizes))] for key in keys]
        yield np.split(np.array(drawn) / 2**24, np.cumsum(sizes)[:-1], axis=1)


def weights_of(layer):
    """Arrays of the trained weights by name, such as lower/W."""
    return {weight.path.partition("/")[2]: np.array(weight) for weight in layer.trainable_weights}


def sgd_step(model, *batch):
    """What plain SGD of rate 1 takes from each weight of the compiled `model` on a batch: the gradient."""
    before = weights_of(model)
    model.train_on_batch(*batch)
    after = weights_of(model)
    return {name: before[name] - after[name] for name in before}


def assert_comes_back_from_its_config(layer, x):
    """Serialised, made anew and given its weights, `layer` does the same with x."""
    (expected,) = arrays(layer(x))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    if not again.built:
        again.build(x.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(arrays(again(x))[0], expected)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert keras.saving.get_registered_name(type(layer)).startswith("zoo>")
