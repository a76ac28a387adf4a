"""Baselines over frames: every bit of a piano roll on its own, its share or an n-gram of its last states.

Source: the "note 1-gram" and "note n-gram" of Boulanger-Lewandowski et al. 2012, which does not say how it smooths.
Written here, since a library's n-grams are of one sequence of symbols: of a roll there would be one for each bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zoo.codecs import Line, RollCodec

SMOOTHINGS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
LONGEST = 16


class Order(NamedTuple):
    """How often bits were off and on after each history of one length that was met.

    A cell is history × bits + bit; a history is a number whose highest binary digit is the oldest state.
    """

    cells: np.ndarray  # (cells,) rising
    counts: np.ndarray  # (2, cells)

    def nats(self, p: np.ndarray) -> float:
        """Σ −log p of what was counted.

        Args:
            p: of each state after each cell, (2, cells) float.
        """
        return float(-(self.counts * np.log(p[:, self.cells])).sum())


def _count(lines: Sequence[Line], longest: int) -> list[Order]:
    """The orders of histories of no state, of one … of `longest` − 1."""
    codes = np.concatenate([line.codes for line in lines])
    histories, bits, orders = np.concatenate([_histories(line.codes, longest) for line in lines]), codes.shape[1], []
    for n in range(1, longest + 1):
        cell = ((histories & ((1 << (n - 1)) - 1)) * bits + np.arange(bits)).ravel()
        total, ones = np.bincount(cell), np.bincount(cell, codes.ravel())
        cells = np.flatnonzero(total)
        orders.append(Order(cells, np.stack([total[cells] - ones[cells], ones[cells]])))
    return orders


def _histories(codes: np.ndarray, longest: int) -> np.ndarray:
    """The last `longest` − 1 states of every bit before each frame, (frames, bits); before the first all were off."""
    histories = np.zeros(codes.shape, np.int32)
    for back in range(1, min(longest, len(codes))):
        histories[back:] |= codes[:-back].astype(np.int32) << (back - 1)
    return histories


def _smooth(orders: Sequence[Order], bits: int, smoothing: float) -> Iterator[np.ndarray]:
    """p_n[state, cell] for n = 1, 2 …, (2, 2^(n−1) × bits)."""
    p = np.full((2, bits), 0.5)
    for n, order in enumerate(orders, 1):
        strength = smoothing if n > 1 else 1.0
        if n > 1:
            p = np.tile(p, 2)  # after a history never met, what follows it without its oldest state
        p[:, order.cells] = (order.counts + strength * p[:, order.cells]) / (order.counts.sum(0) + strength)
        yield p


@dataclass
class NoteNGram:
    """p_n(bit | its last n − 1 states) = (count + s p_{n−1}) ÷ (total + s), p_1 = (count + ½) ÷ (frames + 1).

    Args:
        p: p_n[state, cell], (2, 2^(n−1) × bits), see `Order`.
        n: states that are looked at, the next one included.
        smoothing: s.
    """

    codec: RollCodec
    p: np.ndarray
    n: int
    smoothing: float

    def describe(self) -> dict[str, float]:
        """The n and the smoothing."""
        return {"n": self.n, "smoothing": self.smoothing}

    def nats(self, lines: Sequence[Line]) -> float:
        return _count(lines, self.n)[-1].nats(self.p)

    def generate(self, count: int, steps: int, seed: int) -> list[np.ndarray]:
        frames = -(-steps // self.codec.steps_per_frame)
        return [self._piece(frames, np.random.default_rng([seed, row])) for row in range(count)]

    def _piece(self, frames: int, rng: np.random.Generator) -> np.ndarray:
        bits = self.codec.bits
        noise, codes = rng.random((frames, bits)), np.zeros((frames, bits), np.uint8)
        history, bit = np.zeros(bits, np.int32), np.arange(bits)
        for frame in range(frames):
            codes[frame] = noise[frame] < self.p[1, history * bits + bit]
            history = (history << 1 | codes[frame]) & ((1 << (self.n - 1)) - 1)
        return codes


class Shares(NoteNGram):
    """The n-gram of n = 1: each bit's share of ones, (ones + ½) ÷ (frames + 1)."""

    def describe(self) -> dict[str, float]:
        """Nothing is chosen."""
        return {}


def order0(codec: RollCodec, train: Sequence[Line], valid: Sequence[Line]) -> Shares:
    """The shares of ones.

    Args:
        codec: the representation of the lines.
        train: lines that are counted.
        valid: not used.
    """
    (p,) = _smooth(_count(train, 1), codec.bits, 0.0)
    return Shares(codec, p, 1, 0.0)


def ngram(codec: RollCodec, train: Sequence[Line], valid: Sequence[Line]) -> NoteNGram:
    """The n-gram whose n and smoothing predict validation best.

    Args:
        codec: the representation of the lines.
        train: lines that are counted.
        valid: lines by which the two are chosen.
    """
    counted, predicted = (_count(lines, LONGEST) for lines in (train, valid))
    choices = [
        (order.nats(p), n, smoothing)
        for smoothing in SMOOTHINGS
        for n, (order, p) in enumerate(zip(predicted, _smooth(counted, codec.bits, smoothing), strict=True), 1)
    ]
    _, n, smoothing = min(choices)
    *_, p = _smooth(counted[:n], codec.bits, smoothing)
    return NoteNGram(codec, p, n, smoothing)
