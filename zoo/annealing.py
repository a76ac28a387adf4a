"""Annealed importance sampling of a restricted Boltzmann machine's log Z.

In NumPy, on all cores: the draws are most of the work, and a compiled graph takes several times as long for them.

Reference:
    Neal, "Annealed importance sampling", 2001; Salakhutdinov and Murray, "On the quantitative analysis of deep belief
    networks", ICML 2008, section 4.1.
"""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

START_STEPS, START_KEPT = 30, 20  # Gibbs steps of the chains that find where annealing starts, and the last that count
START_SHARE = 0.05  # of the marginal in the start, so that it knows every frame that the music knows
AT_ONCE = 1280  # chains × frames of one piece of work: its arrays stay in a core's cache
CHAINS_AT_ONCE = 5
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
    rows = int(np.clip(-(-len(b_v) // 4), 40, AT_ONCE // CHAINS_AT_ONCE))  # few frames are shared among cores too
    pieces = [(first, group) for first in range(0, len(b_v), rows) for group in range(chains // CHAINS_AT_ONCE)]

    def work(piece):
        first, group = piece
        rng = np.random.Generator(np.random.SFC64([seed, first, group]))
        frames = slice(first, first + rows)
        return _chains(W, b_v[frames], b_h[frames], starts[first // rows], temperatures, rng)

    def start(first):
        rng = np.random.Generator(np.random.SFC64([seed, first]))
        return _start(W, b_v[first : first + rows], b_h[first : first + rows], base, rng)

    # Our own threads are as many as there are cores; those of the matrix product would get in their way.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        starts = list(pool.map(start, range(0, len(b_v), rows)))
        found = list(pool.map(work, pieces))
    groups = chains // CHAINS_AT_ONCE
    log_w = np.concatenate(
        [np.concatenate([w for w, _ in found[i : i + groups]]) for i in range(0, len(found), groups)], 1
    )
    drawn = np.concatenate(
        [np.concatenate([v for _, v in found[i : i + groups]]) for i in range(0, len(found), groups)], 1
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


def _chains(W, b_v, b_h, base, temperatures: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """log importance weights (chains, frames) and last frames (chains, frames, visible) of CHAINS_AT_ONCE chains that
    start at independent units with biases `base` (frames, visible)."""
    shape = (CHAINS_AT_ONCE, *b_v.shape)
    uniform_v, uniform_h = np.empty(shape, np.float32), np.empty((*shape[:-1], W.shape[1]), np.float32)
    v = (rng.random(shape, np.float32) * (1 + np.exp(-base)) < 1).astype(np.float32)
    log_w = np.full(shape[:-1], W.shape[1] * np.log(2) + np.logaddexp(0, base).sum(-1), np.float64)
    betas = np.linspace(0, 1, temperatures, dtype=np.float32)
    for before, beta in itertools.pairwise(betas):
        # The weight gains log p*_β(v) − log p*_before(v), of the same v; then v takes a Gibbs step at β.
        h_in = v @ W + b_h
        now, decay = _softplus(beta * h_in)
        log_w += (beta - before) * (v * (b_v - base)).sum(-1) + (now - _softplus(before * h_in)[0])
        rng.random(out=uniform_h, dtype=np.float32)
        h = (uniform_h * (1 + decay) < 1).astype(np.float32)  # u < sigmoid(h_in), without dividing
        v_in = beta * (h @ W.T) + ((1 - beta) * base + beta * b_v)
        rng.random(out=uniform_v, dtype=np.float32)
        v = (uniform_v * (1 + np.exp(-np.maximum(v_in, -FAR))) < 1).astype(np.float32)
    return log_w, v.astype(np.uint8)


def _softplus(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ log(1 + eˣ) over the last axis, and e⁻ˣ."""
    x = np.maximum(x, -FAR)
    decay = np.exp(-x)
    return (x + np.log1p(decay)).sum(-1), decay
