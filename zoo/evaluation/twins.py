"""Test pieces whose melody stands in the training music too: other settings of the same tune, up to transposition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.codecs.grid import on_grid
from zoo.song import Song

# Share of the longer melody's intervals. It is set so that of the 77 test pieces of the JSB chorales of 2012 those 28
# have twins that a list made independently of it names; at 0.9 there would be two more.
ALIKE = 0.905
SILENCE = -1


def intervals(song: Song) -> np.ndarray:
    """Semitones from note to note of the highest voice: at every beat the highest pitch, repetitions left out.

    A silent beat is a step down to SILENCE, and so another one in every key.

    Returns:
        (notes − 1,) int64.
    """
    grid = on_grid(song, 1)
    highest = np.full(grid.steps, SILENCE, np.int64)
    for start, end, pitch in zip(grid.start, grid.end, grid.pitch, strict=True):
        highest[start:end] = np.maximum(highest[start:end], pitch)
    steps = np.diff(highest)
    return steps[steps != 0]


def common(one: np.ndarray, other: np.ndarray) -> int:
    """Length of the longest common subsequence of two sequences of whole numbers.

    `difflib` looks for common runs, which is another thing.

    >>> common(np.array([2, 2, 1, 2]), np.array([2, 1, 5, 2]))
    3
    """
    longest = np.zeros(len(other) + 1, np.int64)  # up to here in `one`, up to each place in `other`
    for value in one:
        longest[1:] = np.maximum(longest[1:], np.where(other == value, longest[:-1] + 1, 0))
        longest = np.maximum.accumulate(longest)
    return int(longest[-1])


def have_twins(songs: Sequence[Song], others: Sequence[Song]) -> np.ndarray:
    """Which of `songs` have their melody, or nearly, in one of `others`.

    Two melodies are alike when ALIKE of the longer one's intervals are a common subsequence of both.

    Returns:
        (songs,) bool.
    """
    melodies, known = ([intervals(song) for song in group] for group in (songs, others))
    lengths, counts = np.array([len(other) for other in known]), [_counts(other) for other in known]
    found = np.zeros(len(songs), bool)
    for index, melody in enumerate(melodies):
        if not (len(melody) and known):
            continue
        needed = ALIKE * np.maximum(lengths, len(melody))
        possible = np.flatnonzero(np.minimum(_counts(melody), counts).sum(1) >= needed)  # a bound that is cheap
        found[index] = any(common(melody, known[other]) >= needed[other] for other in possible)
    return found


def _counts(melody: np.ndarray) -> np.ndarray:
    """How often each interval occurs, (257,)."""
    return np.bincount(melody + 128, minlength=257)
