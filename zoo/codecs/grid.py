"""The grid of a representation: equal steps of a beat, to which onsets and ends are rounded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from zoo.song import TICKS_PER_BEAT, Song

VELOCITY = 80  # of decoded notes where the representation keeps no velocity
AUTO = "auto"  # steps per beat that are chosen by the training music
GRIDS = (1, 2, 3, 4, 6, 8, 12)  # steps per beat that `coarsest_grid` chooses from
FINEST = 480  # steps per beat
NEAR = TICKS_PER_BEAT // 48  # ticks; an onset that a grid moves by no more is in place
ENOUGH = 0.98  # share of the onsets


class Grid(NamedTuple):
    """Notes on a grid of steps, one row a note, ordered by (start, pitch)."""

    start: np.ndarray  # (notes,) int64, grid steps
    end: np.ndarray  # (notes,) int64, grid steps
    pitch: np.ndarray  # (notes,) int32
    velocity: np.ndarray  # (notes,) int32
    steps: int  # length of the song


def to_steps(ticks: ArrayLike, steps_per_beat: int) -> np.ndarray:
    """Ticks to the nearest grid step; halves go up.

    >>> to_steps([0, 59, 60, 480], steps_per_beat=4).tolist()
    [0, 0, 1, 4]
    """
    return (np.asarray(ticks, np.int64) * steps_per_beat * 2 + TICKS_PER_BEAT) // (2 * TICKS_PER_BEAT)


def to_ticks(steps: ArrayLike, steps_per_beat: int) -> np.ndarray:
    """Grid steps to ticks."""
    return (np.asarray(steps, np.int64) * TICKS_PER_BEAT * 2 + steps_per_beat) // (2 * steps_per_beat)


def on_grid(song: Song, steps_per_beat: int) -> Grid:
    """All tracks of `song` merged on a grid: onsets and ends rounded, every note at least a step long.

    A pitch sounds once at a time: of notes that start together on one pitch the longest stays, and a note is cut where
    the same pitch is struck again.
    """
    start = to_steps(song.start, steps_per_beat)
    end = np.maximum(to_steps(song.end, steps_per_beat), start + 1)
    order = np.lexsort((-end, song.pitch, start))  # of equal (start, pitch) the longest comes first
    start, end, pitch, velocity = start[order], end[order], song.pitch[order], song.velocity[order]
    first = np.ones(len(start), bool)
    first[1:] = (start[1:] != start[:-1]) | (pitch[1:] != pitch[:-1])
    start, end, pitch, velocity = start[first], end[first], pitch[first], velocity[first]
    by_pitch = np.lexsort((start, pitch))
    same = pitch[by_pitch][1:] == pitch[by_pitch][:-1]
    earlier, later = by_pitch[:-1][same], by_pitch[1:][same]
    end[earlier] = np.minimum(end[earlier], start[later])
    steps = max(int(to_steps(song.length, steps_per_beat)), int(end.max()) if len(end) else 0)
    return Grid(start, end, pitch, velocity, steps)


def longest_note(grids: Iterable[Grid]) -> int:
    """Grid steps of the longest note of some music; 0 without notes."""
    return max((int((grid.end - grid.start).max()) for grid in grids if len(grid.start)), default=0)


def at_most(longest: int, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The ends of notes, none of which then sounds too long.

    Args:
        longest: grid steps that a note may sound; 0 is any.
        start: (notes,), grid steps.
        end: (notes,), likewise.

    Returns:
        (notes,).
    """
    return np.minimum(end, start + longest) if longest else end


def from_grid(
    start: ArrayLike,
    end: ArrayLike,
    pitch: ArrayLike,
    steps: int,
    steps_per_beat: int,
    velocity: ArrayLike = VELOCITY,
) -> Song:
    """A one-track song from notes on a grid; what lies past its end is cut off.

    Args:
        start: grid step at which each note starts, (notes,) int.
        end: grid step at which it ends, (notes,) int.
        pitch: MIDI pitch, (notes,) int.
        steps: length of the song in grid steps.
        steps_per_beat: of the grid.
        velocity: 1–127, (notes,) int, or one for all.
    """
    start, pitch = np.asarray(start, np.int64), np.asarray(pitch, np.int64)
    end = np.minimum(np.asarray(end, np.int64), steps)
    keep = start < end
    ticks = to_ticks(start[keep], steps_per_beat)
    return Song(
        start=ticks,
        duration=to_ticks(end[keep], steps_per_beat) - ticks,
        pitch=pitch[keep],
        velocity=np.broadcast_to(velocity, start.shape)[keep],
        track=np.zeros(len(ticks), int),
        length=int(to_ticks(steps, steps_per_beat)),
    )


def onset_shares(songs: Sequence[Song]) -> dict[int, float]:
    """The share of onsets that each of GRIDS keeps apart and in place, by steps per beat; of no onset 1.

    An onset is a tick at which notes of a song start. It is in place when it lies within NEAR ticks of a grid step, and
    apart when no earlier onset, more than NEAR ticks before it, is rounded to the same step.
    """
    if not songs:
        return dict.fromkeys(GRIDS, 1.0)
    number = np.repeat(np.arange(len(songs)), [len(song) for song in songs])
    onsets = np.unique(number << 32 | np.concatenate([song.start for song in songs]).astype(np.int64))
    ticks, shares = onsets & 2**32 - 1, {}
    apart = np.diff(onsets) > NEAR
    for per_beat in GRIDS:
        steps = to_steps(ticks, per_beat)
        kept = np.abs(to_ticks(steps, per_beat) - ticks) <= NEAR
        same_step = np.diff(onsets - ticks + steps) == 0  # of one song
        kept[1:] &= ~(same_step & apart)
        shares[per_beat] = float(kept.mean()) if len(kept) else 1.0
    return shares


def coarsest_grid(songs: Sequence[Song]) -> int:
    """The coarsest of GRIDS that keeps 98 % of the onsets apart and in place; where none does, the finest of them."""
    shares = onset_shares(songs)
    return next((per_beat for per_beat in GRIDS if shares[per_beat] >= ENOUGH), GRIDS[-1])
