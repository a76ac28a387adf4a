"""Floors: what the simplest model says of the same music in the same representation."""

from __future__ import annotations

from collections.abc import Sequence

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
