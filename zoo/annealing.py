"""Annealed importance sampling of a restricted Boltzmann machine's log Z, compiled, on all cores.

Reference:
    Neal, "Annealed importance sampling", 2001; Salakhutdinov and Murray, "On the quantitative analysis of deep belief
    networks", ICML 2008, section 4.1.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import keras
import numpy as np
from keras import ops
from threadpoolctl import threadpool_limits

START_STEPS, START_KEPT = 30, 20  # Gibbs steps of the chains that find where annealing starts, and the last that count
START_SHARE = 0.05  # of the marginal in the start, so that it knows every frame that the music knows
AT_ONCE = 1280  # chains × frames of one piece of work: its arrays stay in a core's cache
CHAINS_AT_ONCE = 5
STEPS_AT_ONCE = 50  # compiled as one: what they add to the weights is summed in single precision, then in double
FAR = np.float32(80)  # beyond it a sigmoid is 0 or 1 in single precision, and exp still finite


class Annealed(NamedTuple):
    """Estimates for each frame."""

    log_z: np.ndarray  # (frames,)
    variance: np.ndarray  # (frames,) of log_z, by the spread of the importance weights
    drawn: np.ndarray  # (chains, frames, visible) uint8: where the chains ended, close to draws from the machines


def anneal(W, b_v, b_h, base, temperatures: int, chains: int, seed: int) -> Annealed:
    """log Z of the machines p(v, h) ∝ exp(v·b_v + h·b_h + v W h), one a frame.

    Every chain starts at a draw from independent units, whose Z is known, and goes by `temperatures` inverse
    temperatures, equally far apart, with a Gibbs step at each. The mean of the importance weights estimates Z without
    bias, so log Z is on average too low (and the likelihood too high) while chains and temperatures are few.

    The independent units are on as often as in a few short Gibbs chains of the frame's own machine (a twentieth: as
    often as in the training music). That start is so much nearer than the training music's marginal that half the
    temperatures do, and it leaves the estimate unbiased, for those chains draw other numbers.

    Args:
        W: (visible, hidden).
        b_v, b_h: (frames, visible), (frames, hidden).
        base: (visible,) logits of the shares of ones in the training music.
        temperatures: at least 2.
        chains: a multiple of CHAINS_AT_ONCE.
        seed: of all draws; the result does not depend on the number of cores.
    """
    W, b_v, b_h, base = (np.ascontiguousarray(array, np.float32) for array in (W, b_v, b_h, base))
    total, groups = len(b_v), chains // CHAINS_AT_ONCE
    rows = int(np.clip(-(-total // 4), 40, AT_ONCE // CHAINS_AT_ONCE))  # few frames are shared among cores too
    firsts = range(0, total, rows)
    whole = np.resize(np.arange(total), len(firsts) * rows)  # the last piece is filled up: one shape, one compilation
    steps = _compiled(rows, *W.shape)
    betas = np.linspace(0, 1, temperatures, dtype=np.float32)

    def start(first):
        frames, rng = whole[first : first + rows], np.random.Generator(np.random.SFC64([seed, first]))
        return _start(W, b_v[frames], b_h[frames], base, rng)

    def work(piece):
        first, group = piece
        frames, rng = whole[first : first + rows], np.random.Generator(np.random.SFC64([seed, first, 1 + group]))
        return _chains(steps, W, b_v[frames], b_h[frames], starts[first // rows], betas, rng)

    # Our own threads are as many as there are cores; those of NumPy's matrix product would get in their way.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        starts = list(pool.map(start, firsts))
        found = list(pool.map(work, [(first, group) for group in range(groups) for first in firsts]))
    log_w, drawn = (
        np.concatenate([np.concatenate(part[g : g + len(firsts)], axis=1) for g in range(0, len(part), len(firsts))])[
            :, :total
        ]
        for part in zip(*found, strict=True)
    )
    top = log_w.max(axis=0)
    weights = np.exp(log_w - top)
    mean = weights.mean(axis=0)
    variance = weights.var(axis=0, ddof=1) / mean**2 / chains
    return Annealed(top + np.log(mean), variance, drawn)


def _start(W, b_v, b_h, base, rng: np.random.Generator) -> np.ndarray:
    """Logits (frames, visible) of the units' shares of ones in CHAINS_AT_ONCE short chains."""
    marginal, share = 1 / (1 + np.exp(-base)), np.zeros_like(b_v)
    v = (rng.random((CHAINS_AT_ONCE, *b_v.shape), np.float32) < marginal).astype(np.float32)
    for step in range(START_STEPS):
        h_in = np.clip(v @ W + b_h, -FAR, FAR)
        h = (rng.random(h_in.shape, np.float32) * (1 + np.exp(-h_in)) < 1).astype(np.float32)
        p = 1 / (1 + np.exp(-np.clip(h @ W.T + b_v, -FAR, FAR)))
        v = (rng.random(p.shape, np.float32) < p).astype(np.float32)
        if step >= START_STEPS - START_KEPT:
            share += p.mean(0) / START_KEPT
    share = np.clip((1 - START_SHARE) * share + START_SHARE * marginal, 1e-6, 1 - 1e-6)
    return np.log(share / (1 - share))


def _chains(steps, W, b_v, b_h, base, betas, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """log importance weights (chains, frames) and last frames (chains, frames, visible) of CHAINS_AT_ONCE chains that
    start at independent units with biases `base` (frames, visible)."""
    v = (rng.random((CHAINS_AT_ONCE, *b_v.shape), np.float32) * (1 + np.exp(-base)) < 1).astype(np.float32)
    log_w = np.full(v.shape[:-1], W.shape[1] * np.log(2) + np.logaddexp(0, base).sum(-1), np.float64)
    for first in range(0, len(betas) - 1, STEPS_AT_ONCE):
        some = betas[first : first + STEPS_AT_ONCE + 1]
        left = STEPS_AT_ONCE + 1 - len(some)
        keys = rng.integers(0, 2**32, (STEPS_AT_ONCE,), np.uint32)
        v, gained = steps.predict_on_batch([W, b_v, b_h, base, v, np.pad(some, (0, left), "edge"), keys])
        log_w += gained
    return log_w, v.astype(np.uint8)


@functools.lru_cache(maxsize=16)
def _compiled(frames: int, visible: int, hidden: int) -> keras.Model:
    """`Steps` for machines of one shape; nothing is known of their weights."""
    steps = Steps()
    steps.compile(jit_compile=True)
    return steps


class Steps(keras.Model):
    """STEPS_AT_ONCE Gibbs steps of CHAINS_AT_ONCE chains, each at a temperature of its own.

    Call arguments, a list:
        W, b_v, b_h, base: (visible, hidden), (frames, visible), (frames, hidden), (frames, visible).
        v: (chains, frames, visible) where the chains are.
        betas: (STEPS_AT_ONCE + 1,) inverse temperatures, the one before the first step included.
        keys: (STEPS_AT_ONCE,) uint32, of the draws at each step.

    Returns:
        Where the chains are then, and what their log weights gained (chains, frames).
    """

    def __init__(self):
        super().__init__()
        self.built = True  # it has no weights

    def call(self, inputs):
        W, b_v, b_h, base, v, betas, keys = inputs
        shape, (visible, hidden) = v.shape[:-1], W.shape
        places = ops.cast(ops.arange(shape[0] * shape[1] * (visible + hidden), dtype="int32"), "uint32")
        of_v, of_h = ops.split(_mixed(places), [shape[0] * shape[1] * visible])
        of_v, of_h = ops.reshape(of_v, (*shape, visible)), ops.reshape(of_h, (*shape, hidden))

        def step(index, state):
            """The weight gains log p*_β(v) − log p*_before(v), of the same v; then v takes a Gibbs step at β."""
            v, log_w = state
            before, beta = betas[index], betas[index + 1]
            h_in = ops.maximum(ops.matmul(v, W) + b_h, -FAR)
            decay = ops.exp(-beta * h_in)
            # softplus(β x) − softplus(before x) = (β − before) x + log((1 + exp(−β x)) / (1 + exp(−before x)))
            log_w += (beta - before) * (ops.sum(v * (b_v - base), -1) + ops.sum(h_in, -1))
            log_w += ops.sum(ops.log((1 + decay) / (1 + ops.exp(-before * h_in))), -1)
            h = ops.cast(_uniform(of_h, keys[index]) * (1 + decay) < 1, "float32")  # u < sigmoid(β x), without dividing
            v_in = beta * ops.matmul(h, ops.transpose(W)) + ((1 - beta) * base + beta * b_v)
            v = ops.cast(_uniform(of_v, keys[index]) * (1 + ops.exp(-ops.maximum(v_in, -FAR))) < 1, "float32")
            return v, log_w

        return ops.fori_loop(0, STEPS_AT_ONCE, step, (v, ops.zeros(shape)))


def _uniform(places, key):
    """A number in [0, 1) for every place, uint32; others with another key."""
    drawn = ops.right_shift(_mixed(ops.bitwise_xor(places, key)), np.uint32(8))
    return ops.cast(ops.cast(drawn, "int32"), "float32") * np.float32(2**-24)


def _mixed(x):
    """A bijection of 32-bit numbers after which near ones lie anywhere: lowbias32 (C. Wellons, hash prospector, 2018).

    A random key a step, and a place a unit, give all uniform numbers that a step needs while the units are at hand; a
    backend's own generator takes several times as long as all the rest.
    """
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x = ops.bitwise_xor(x, ops.right_shift(x, np.uint32(shift))) * np.uint32(factor)
    return x
