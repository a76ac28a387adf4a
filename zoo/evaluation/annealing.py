"""Annealed importance sampling of a restricted Boltzmann machine's log Z, compiled, on all cores.

The usual path lets the machine's weights grow from nothing. Halfway, its frames look like neither end's, and what a
chain knew at the start is lost. Here the path is q(v)^(1 − β) p(v)^β, the hidden units summed out of p, and q a mixture
of independent units around frames where the machine itself has much of its probability; so has every p_β between. The
sharper the machines, the more it gains: of the best RNN-RBM on Nottingham, with pools of 256 frames, five hundred and
a thousand temperatures agreed to 0.001 nats a frame, and the usual path is still 0.018 below with eight
thousand.

Reference:
    Neal, "Annealed importance sampling", 2001, whose transitions may be any that keep p_β: here Metropolis-Hastings
    steps that propose the machine's own Gibbs step, then a draw from q (Tierney, "Markov chains for exploring posterior
    distributions", 1994). The usual path: Salakhutdinov and Murray, "On the quantitative analysis of deep belief
    networks", ICML 2008, section 4.1.
"""

from __future__ import annotations

import functools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import keras
import numpy as np
from keras import ops
from threadpoolctl import threadpool_limits

from zoo._cores import cores
from zoo.layers import hashed
from zoo.layers.tensors import Tensor

AT_ONCE = 640  # chains × frames of one piece of work: its arrays stay in a core's cache
CHAINS = 5  # what their number is a multiple of, and how many of them look for frames
MOST_CHAINS = 10  # of one piece of work
POOLED = 1024  # frames whose candidates for the mixtures are pooled: the more, the better the mixtures
STEPS_AT_ONCE = 25  # compiled as one: what they add to the weights is summed in single precision, then in double
EXPLORED, KEPT = 50, 40  # Gibbs steps of the chains that find frames for the mixture, and the last that count
COMPONENTS = 31  # of the mixture: frames, and one for all that they miss; with the machine itself a whole vector of 32
SPREAD = 0.2  # how often a component has a unit as the machine has it on average, not as its frame has it
EVEN = 0.2  # share among the frames' components that is the same for all; the rest is as probable as the frames are
MISSED = 0.2  # share in the mixture of the component for all that the frames miss
MARGINAL = 0.1  # share in that component of what the training music has on average
FAR = np.float32(80)  # beyond it a sigmoid is 0 or 1 in single precision, and exp still finite


class Annealed(NamedTuple):
    """Estimates for each frame."""

    log_z: np.ndarray  # (frames,)
    variance: np.ndarray  # (frames,) of log_z, by the spread of the importance weights
    drawn: np.ndarray  # (chains, frames, visible) uint8: where the chains ended, close to draws from the machines


def anneal(
    W: np.ndarray,
    b_v: np.ndarray,
    b_h: np.ndarray,
    base: np.ndarray,
    hints: np.ndarray,
    temperatures: int,
    chains: int,
    seed: int,
) -> Annealed:
    """The log Z of machines p(v, h) ∝ exp(v·b_v + h·b_h + v W h), one a frame.

    Every chain starts at a draw from its frame's mixture q, and goes by `temperatures` inverse temperatures, equally
    far apart, with two Metropolis-Hastings steps at each. The mean of the importance weights estimates Z without bias,
    whatever q is, so log Z is on average too low (and the likelihood too high) while chains and temperatures are few.

    Args:
        W: (visible, hidden).
        b_v: (frames, visible).
        b_h: (frames, hidden).
        base: (visible,) logits of the shares of ones in the training music.
        hints: (frames, visible) of 0 and 1 that the machines may find probable: the frames that are to be measured.
        temperatures: at least 2.
        chains: a multiple of CHAINS.
        seed: of all draws; the result does not depend on the number of cores.
    """
    W, b_v, b_h, base, hints = (np.ascontiguousarray(array, np.float32) for array in (W, b_v, b_h, base, hints))
    total, together = len(b_v), math.gcd(chains, MOST_CHAINS)
    rows = int(np.clip(-(-total // 4), 40, AT_ONCE // together))  # few frames are shared among cores too
    pooled = rows * min(-(-total // rows), POOLED // rows)
    # The last pieces are filled up: one shape, one compilation.
    firsts, whole = range(0, total, rows), np.resize(np.arange(total), -(-total // pooled) * pooled)
    betas = np.linspace(0, 1, temperatures, dtype=np.float32)
    explore, mix, steps = _compiled(rows, pooled, together, *W.shape)

    def mixture(first: int) -> tuple[np.ndarray, np.ndarray]:
        frames, rng = whole[first : first + pooled], np.random.Generator(np.random.SFC64([seed, first]))
        machine = W, b_v[frames], b_h[frames]
        v, share = explore.predict_on_batch([*machine, base, _keys(rng, EXPLORED + 1)])
        candidates = np.concatenate([hints[frames], v.reshape(-1, len(base))]) > 0
        known = np.unique(np.packbits(candidates, axis=1), axis=0)  # eight units a byte: sorting is most of the work
        pool = np.zeros(candidates.shape, np.float32)
        pool[: len(known)] = np.unpackbits(known, axis=1, count=len(base))
        return mix.predict_on_batch([*machine, base, share, pool, np.arange(len(pool)) < len(known)])

    def work(piece: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        first, group = piece
        frames, own = whole[first : first + rows], slice(first % pooled, first % pooled + rows)
        machine = W, b_v[frames], b_h[frames], *(part[own] for part in mixtures[first // pooled])
        rng = np.random.Generator(np.random.SFC64([seed, first, 1 + group]))
        return _chains(steps, machine, betas, together, rng)

    # Our own threads are as many as there are cores; those of NumPy's matrix product would get in their way.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores()) as pool:
        mixtures = list(pool.map(mixture, range(0, total, pooled)))
        results = list(pool.map(work, [(first, group) for group in range(chains // together) for first in firsts]))
    log_w, drawn = (
        np.concatenate([np.concatenate(part[g : g + len(firsts)], axis=1) for g in range(0, len(part), len(firsts))])[
            :, :total
        ]
        for part in zip(*results, strict=True)
    )
    top = log_w.max(axis=0)
    weights = np.exp(log_w - top)
    mean = weights.mean(axis=0)
    variance = weights.var(axis=0, ddof=1) / mean**2 / chains
    return Annealed(top + np.log(mean), variance, drawn)


def _keys(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, 2**32, (count,), np.uint32)


def _chains(
    steps: keras.Model, machine: tuple[np.ndarray, ...], betas: np.ndarray, chains: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The log importance weights (chains, frames) and last frames (chains, frames, visible) of some chains."""
    *_, a, shares = machine
    frames = np.arange(len(a))
    component = (rng.random((chains, len(a), 1)) > shares.cumsum(-1)[:, :-1]).sum(-1)
    v = rng.random((chains, len(a), a.shape[-1]), np.float32) * (1 + np.exp(-a[frames, component])) < 1
    v, log_w = v.astype(np.float32), np.zeros(v.shape[:-1])
    for first in range(0, len(betas) - 1, STEPS_AT_ONCE):
        part = betas[first : first + STEPS_AT_ONCE + 1]
        missing = STEPS_AT_ONCE + 1 - len(part)
        v, gained = steps.predict_on_batch([*machine, v, np.pad(part, (0, missing), "edge"), _keys(rng, STEPS_AT_ONCE)])
        log_w += gained
    return log_w, v.astype(np.uint8)


@functools.lru_cache(maxsize=16)
def _compiled(*shape: int) -> list[keras.Model]:
    """What is done to machines of one shape, so many at a time; nothing is known of their weights."""
    parts: list[keras.Model] = [Explore(), Mix(), Steps()]
    for part in parts:
        part.built = True  # none has weights
        part.compile(jit_compile=True)
        part.make_predict_function()  # threads would make one each
    return parts


class Explore(keras.Model):
    """Short Gibbs chains of every machine, from draws of the training music's marginal.

    Call arguments, a list:
        W, b_v, b_h, base: (visible, hidden), (frames, visible), (frames, hidden), (visible,).
        keys: (EXPLORED + 1,) uint32, of the draws at each step and, the last, of those where the chains start.

    Returns:
        Where the chains end (CHAINS, frames, visible), and how often the units were on (frames, visible).
    """

    def call(self, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
        W, b_v, b_h, base, keys = inputs
        of_v, of_h = hashed.places((CHAINS, b_v.shape[0]), *W.shape)
        W_T = ops.transpose(W)

        def step(index: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            v, share = state
            h = _on(of_h, keys[index], ops.matmul(v, W) + b_h)
            v_in = ops.matmul(h, W_T) + b_v
            kept = ops.cast(index >= EXPLORED - KEPT, "float32") / KEPT
            return _on(of_v, keys[index], v_in), share + kept * ops.mean(ops.sigmoid(v_in), axis=0)

        v = _on(of_v, keys[-1], base)
        return ops.fori_loop(0, EXPLORED, step, (v, ops.zeros(b_v.shape)))


class Mix(keras.Model):
    """The mixture of each frame.

    Call arguments, a list:
        W, b_v, b_h, base: as those of `Explore`.
        share: (frames, visible) how often the units are on in short chains.
        pool: (pool, visible) frames of which the most probable become components.
        real: (pool,) which of them are to be regarded.

    Returns:
        Logits of the components' units (frames, COMPONENTS, visible), and their shares (frames, COMPONENTS).
    """

    def call(self, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
        W, b_v, b_h, base, share, pool, real = inputs
        # log(1 + e^(x + b)) as log(1 + e^x e^b): of the pool and of the machines, each is raised once. Two units share
        # a logarithm; the last, where their number is odd, does so with one that is never on.
        odd = W.shape[1] % 2
        W, b_h = ops.pad(W, ((0, 0), (0, odd))), ops.pad(b_h, ((0, 0), (0, odd)), "constant", -FAR)
        pooled, own = (ops.exp(ops.clip(x, -FAR / 2, FAR / 2)) for x in (ops.matmul(pool, W), b_h))
        first, second = ops.split(ops.transpose(pooled), 2)

        def of(b: Tensor) -> Tensor:
            factors = [ops.minimum(1 + x * some, np.exp(FAR / 2)) for x, some in ((first, b[0]), (second, b[1]))]
            return ops.sum(ops.log(math.prod(factors)), axis=0)

        hidden = ops.map(of, ops.reshape(own, (own.shape[0], 2, -1, 1)))
        log_p = ops.where(real, ops.matmul(b_v, ops.transpose(pool)) + hidden, -1e30)
        log_p, best = ops.top_k(log_p, COMPONENTS - 1)
        missed = ((1 - MARGINAL) * share + MARGINAL * ops.sigmoid(base))[:, None]
        on = ops.concatenate([(1 - SPREAD) * ops.take(pool, best, axis=0) + SPREAD * missed, missed], axis=1)
        on = ops.clip(on, 1e-4, 1 - 1e-4)
        shares = (1 - EVEN) * ops.softmax(log_p) + EVEN / (COMPONENTS - 1)
        shares = ops.concatenate([(1 - MISSED) * shares, ops.full((b_v.shape[0], 1), MISSED)], axis=1)
        return ops.log(on / (1 - on)), shares


class Steps(keras.Model):
    """STEPS_AT_ONCE temperatures of some chains, two Metropolis-Hastings steps at each.

    Call arguments, a list:
        W, b_v, b_h: (visible, hidden), (frames, visible), (frames, hidden).
        a, shares: what `Mix` returns.
        v: (chains, frames, visible) where the chains are.
        betas: (STEPS_AT_ONCE + 1,) inverse temperatures, the one before the first step included.
        keys: (STEPS_AT_ONCE,) uint32, of the draws at each step.

    Returns:
        Where the chains are then, and what their log weights gained (chains, frames).
    """

    def call(self, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
        W, b_v, b_h, a, shares, v, betas, keys = inputs
        # Frames first, and sums as products: the compiler makes fast code of these.
        v = ops.transpose(v, (1, 0, 2))
        inner = ops.transpose(ops.concatenate([a, b_v[:, None]], axis=1), (0, 2, 1))
        log_share = (ops.log(shares) - ops.sum(ops.softplus(a), -1))[:, None]
        b_v, b_h, W_T = b_v[:, None], b_h[:, None], ops.transpose(W)
        shape, (visible, hidden) = v.shape[:-1], W.shape
        ones_a, ones_h = ops.ones((shares.shape[1], 1)), ops.ones((hidden, 1))
        of_v, of_h, of_new, of_gibbs, of_component, of_fresh = hashed.places(shape, visible, hidden, visible, 1, 1, 1)
        ends = ops.cumsum(shares, -1)[:, None, :-1]
        zero = ops.zeros_like(ends[..., :1])
        begins, ends = ops.concatenate([zero, ends], -1), ops.concatenate([ends, zero + 2], -1)

        def at(v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            """v, the odds against each hidden unit there, and r = log(Z p(v) / q(v)), (frames, chains, 1)."""
            h_in = ops.maximum(ops.matmul(v, W) + b_h, -FAR)
            odds = ops.exp(-h_in)
            free = ops.matmul(h_in + ops.log(1 + odds), ones_h)
            products = ops.matmul(v, inner)
            log_q = products[..., :-1] + log_share
            top = ops.max(log_q, -1, keepdims=True)
            log_q = top + ops.log(ops.matmul(ops.exp(log_q - top), ones_a))
            return v, odds, products[..., -1:] + free - log_q

        def step(index: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            current, log_w = state[:-1], state[-1]
            before, beta, key = betas[index], betas[index + 1], keys[index]
            log_w += (beta - before) * current[-1]
            h = ops.cast(hashed.uniform(of_h, key) * (1 + current[1]) < 1, "float32")
            proposed = at(_on(of_v, key, ops.matmul(h, W_T) + b_v))
            current = _moved(
                current, proposed, (1 - beta) * (current[-1] - proposed[-1]), hashed.uniform(of_gibbs, key)
            )
            u = hashed.uniform(of_component, key)
            component = ops.cast((begins <= u) & (u < ends), "float32")
            proposed = at(_on(of_new, key, ops.matmul(component, a)))
            current = _moved(current, proposed, beta * (proposed[-1] - current[-1]), hashed.uniform(of_fresh, key))
            return *current, log_w

        v, _, _, log_w = ops.fori_loop(0, STEPS_AT_ONCE, step, (*at(v), ops.zeros((*shape, 1))))
        return ops.transpose(v, (1, 0, 2)), ops.transpose(log_w[..., 0])


def _moved(
    current: tuple[Tensor, ...], proposed: tuple[Tensor, ...], log_ratio: Tensor, uniform: Tensor
) -> tuple[Tensor, ...]:
    """Metropolis-Hastings: `proposed` with probability min(1, exp(log_ratio)), else `current`."""
    accepted = uniform < ops.exp(ops.minimum(log_ratio, 0.0))
    return tuple(ops.where(accepted, new, old) for new, old in zip(proposed, current, strict=True))


def _on(places: Tensor, key: Tensor, x: Tensor) -> Tensor:
    """1 with probability sigmoid(x), else 0: u < sigmoid(x), without dividing."""
    return ops.cast(hashed.uniform(places, key) * (1 + ops.exp(-ops.maximum(x, -FAR))) < 1, "float32")
