"""Floors: what the simplest model says of the same music in the same representation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zoo.codecs import Codec, RollCodec, SymbolCodec
from zoo.scoring import encode_all
from zoo.song import Song


def order0(codec: Codec, train: Sequence[Song], songs: Sequence[Song]) -> float:
    """Nats per beat of `songs` under the shares of each code in `train`, whatever came before.

    Symbols: add-one shares, and the same ε and q for unknown ones as `SymbolCodec` says. Frames: every bit on its own,
    (ones + ½) ÷ (frames + 1), the "note 1-gram" of Boulanger-Lewandowski et al. 2012.

    Raises:
        TypeError: for a representation of another kind.
    """
    learnt, _ = encode_all(codec, train)
    lines, _ = encode_all(codec, songs)
    beats = sum(line.beats for line in lines)
    seen = np.concatenate([line.codes for line in learnt])
    codes = np.concatenate([line.codes for line in lines])
    if isinstance(codec, SymbolCodec):
        counts = np.bincount(seen[seen < codec.size], minlength=codec.size) + 1.0
        known = codes[codes < codec.size]
        nats = -np.log(counts / counts.sum())[known].sum() - len(known) * np.log1p(-codec.epsilon)
        if len(known) < len(codes):
            nats += sum(line.unknown_nats.sum() for line in lines) - (len(codes) - len(known)) * np.log(codec.epsilon)
    elif isinstance(codec, RollCodec):
        share = (seen.sum(0, dtype=np.float64) + 0.5) / (len(seen) + 1)
        ones = codes.sum(0, dtype=np.float64)
        nats = -(ones * np.log(share) + (len(codes) - ones) * np.log1p(-share)).sum()
    else:
        raise TypeError(f"no floor is known for {codec.name}")
    return float(nats / beats)


class NoteNGram(NamedTuple):
    """A smoothed n-gram of every bit of a piano roll on its own.

    p_n(bit | its last n − 1 states) = (count + s p_{n−1}) ÷ (total + s), p_0 = the share of ones of `order0`: the "note
    n-gram" of Boulanger-Lewandowski et al. 2012.
    """

    nats: float  # per beat
    n: int
    smoothing: float


SMOOTHINGS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
LONGEST = 16


def note_ngram(codec: RollCodec, train: Sequence[Song], valid: Sequence[Song], songs: Sequence[Song]) -> NoteNGram:
    """Nats per beat of `songs`; n and smoothing are those that predict `valid` best.

    Before the first frame of a song all bits were off.
    """
    sides = [encode_all(codec, side)[0] for side in (train, valid, songs)]
    codes = [np.concatenate([line.codes for line in side]) for side in sides]
    best, p = (np.inf,), dict.fromkeys(SMOOTHINGS)
    for n in range(1, LONGEST + 1):
        histories = [np.concatenate([_history(line.codes, n) for line in side]) for side in sides]
        seen, *asked = (_counts(history, of_side, n) for history, of_side in zip(histories, codes, strict=True))
        places = [np.nonzero(counts) for counts in asked]
        for smoothing in SMOOTHINGS:
            p[smoothing] = _smoothed(seen, p[smoothing], smoothing)
            nats = [-(counts[at] * np.log(p[smoothing][at])).sum() for counts, at in zip(asked, places, strict=True)]
            best = min(best, (*nats, n, smoothing))
    _, nats, n, smoothing = best
    return NoteNGram(float(nats / sum(line.beats for line in sides[2])), n, smoothing)


def _history(codes: np.ndarray, n: int) -> np.ndarray:
    """The last n − 1 states of every bit before each frame, as a number whose highest bit is the oldest."""
    history = np.zeros(codes.shape, np.int32)
    for back in range(1, min(n, len(codes))):
        history[back:] |= codes[:-back].astype(np.int32) << (back - 1)
    return history


def _counts(history: np.ndarray, codes: np.ndarray, n: int) -> np.ndarray:
    """How often each bit was off and on after each history, (2, 2^(n−1), bits)."""
    size, bits = 1 << (n - 1), codes.shape[1]
    place = (history * bits + np.arange(bits)).ravel()
    total = np.bincount(place, minlength=size * bits).reshape(size, bits)
    ones = np.bincount(place, codes.ravel(), minlength=size * bits).reshape(size, bits)
    return np.stack([total - ones, ones])


def _smoothed(counts: np.ndarray, shorter: np.ndarray | None, smoothing: float) -> np.ndarray:
    """p[state, history, bit]; `shorter` are those of histories without the oldest state."""
    total = counts.sum(0)
    if shorter is None:
        return (counts + 0.5) / (total + 1)
    return (counts + smoothing * shorter[:, np.arange(len(total)) % shorter.shape[1]]) / (total + smoothing)
