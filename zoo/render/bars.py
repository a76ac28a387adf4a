"""Where bars begin."""

from __future__ import annotations

import numpy as np

from zoo.song import TICKS_PER_BEAT, Song


def time_signatures(song: Song) -> tuple[tuple[int, int, int], ...]:
    """The song's time signatures, with 4/4 from the start when it says nothing else."""
    starts = song.time_signatures and song.time_signatures[0][0] == 0
    return song.time_signatures if starts else ((0, 4, 4), *song.time_signatures)


def bars(song: Song) -> np.ndarray:
    """Ticks where bars begin, and last the tick where the last bar ends: (bars + 1,), at least one bar."""
    signatures = time_signatures(song)
    ends = [tick for tick, _, _ in signatures[1:]] + [max(song.length, signatures[-1][0] + 1)]
    bars = [np.zeros(1, np.int64)]
    for (tick, numerator, denominator), end in zip(signatures, ends, strict=True):
        step = 4 * TICKS_PER_BEAT * numerator // denominator
        bars.append(np.arange(tick, end, step))
    begins = np.concatenate(bars)
    return np.unique(np.append(begins, begins[-1] + step))
