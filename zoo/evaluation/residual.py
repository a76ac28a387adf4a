"""What representations leave out of the music, and what it costs to say it: one residual model for all of them.

Each part of the music that codes may leave out (`zoo.codecs.coding`) has a distribution given what they do say. It is
fitted on training music, it is normalised, and it is the same for every model. So −log p(codes) and the residual
together are what a piece costs, whatever the representation: over all pieces of a length the probabilities sum to at
most one.

A part also says what is left of a piece without it: two pieces that are then equal differ in that part alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from zoo.codecs.coding import DURATIONS, END, LINES, OCTAVES, ONSETS, STRIKES
from zoo.codecs.grid import Grid

COUNTED = 1024  # the greatest length, in grid steps, that has a count of its own
GAP_BEATS = 4  # the longest gap to the next onset that durations tell from a longer one
MIDDLE_C = 60  # in whose octave pitch classes come back


def without(grid: Grid, parts: Sequence[str]) -> Grid:
    """What is left of a piece without `parts`: what a representation that leaves them out gives back."""
    for name in ORDER:
        if name in parts:
            grid = ERASE[name](grid)
    return grid


def _without_strikes(grid: Grid) -> Grid:
    """Notes of a pitch that follow one another without a gap become one."""
    order = np.lexsort((grid.start, grid.pitch))
    start, end, pitch = grid.start[order], grid.end[order], grid.pitch[order]
    first = np.ones(len(start), bool)
    first[1:] = (pitch[1:] != pitch[:-1]) | (start[1:] != end[:-1])
    return _sorted(start[first], end[np.roll(first, -1)], pitch[first], grid.steps)


def _without_durations(grid: Grid) -> Grid:
    """Every note lasts a step."""
    return _sorted(grid.start, grid.start + 1, grid.pitch, grid.steps)


def _without_octaves(grid: Grid) -> Grid:
    """The pitches of a chord come in one octave; one that stands alone stays."""
    _, chord, size = np.unique(grid.start, return_inverse=True, return_counts=True)
    pitch = np.where(size[chord] > 1, MIDDLE_C + grid.pitch % 12, grid.pitch)
    _, first = np.unique(grid.start * 128 + pitch, return_index=True)
    return _sorted(grid.start[first], grid.end[first], pitch[first], grid.steps)


def _without_onsets(grid: Grid) -> Grid:
    """Chord after chord, a step each."""
    onsets, number = np.unique(grid.start, return_inverse=True)
    return _sorted(number, number + 1, grid.pitch, len(onsets))


def _sorted(start: np.ndarray, end: np.ndarray, pitch: np.ndarray, steps: int) -> Grid:
    order = np.lexsort((pitch, start))
    return Grid(start[order], end[order], pitch[order], np.zeros(len(order), np.int32), steps)


ERASE: dict[str, Callable[[Grid], Grid]] = {
    STRIKES: _without_strikes,
    DURATIONS: _without_durations,
    OCTAVES: _without_octaves,
    ONSETS: _without_onsets,
}
ORDER = tuple(ERASE)


@dataclass(frozen=True)
class Lengths:
    """Shares of the numbers 1, 2, … in contexts.

    p(n | c) = (count(n, c) + p(n)) ÷ (count(c) + 1), where p(n) = (count(n) + 1 ÷ (n (n + 1))) ÷ (count + 1).

    Args:
        below: (contexts, counted + 1), how many were at most 0, 1, ….
    """

    below: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, context: np.ndarray, contexts: int) -> Self:
        """The shares of values; those beyond COUNTED are left out.

        Args:
            values: (values,) int from 1 on.
            context: (values,) int, of each.
            contexts: how many there are.
        """
        kept = values <= COUNTED
        counts = np.zeros((contexts, int(values[kept].max(initial=0)) + 1))
        np.add.at(counts, (context[kept], values[kept]), 1)
        return cls(np.cumsum(counts, axis=1))

    def nats(self, values: np.ndarray, context: np.ndarray, most: np.ndarray | None = None) -> float:
        """Σ −log p of values.

        Args:
            values: (values,) int from 1 on.
            context: (values,) int, of each.
            most: (values,) int that each is known not to exceed; None where nothing is known.
        """
        longest = self.below.shape[1] - 1
        of_all = np.diff(self.below.sum(axis=0), append=self.below[:, -1].sum())  # of 1, 2, …, and of what is longer
        counts = np.diff(self.below, append=self.below[:, -1:])
        column = np.minimum(values - 1, longest)
        shared = (of_all[column] + 1 / (values * (values + 1))) / (self.below[:, -1].sum() + 1)
        p = (counts[context, column] + shared) / (self.below[context, -1] + 1)
        return float(-np.log(p).sum() + (0.0 if most is None else np.log(self._up_to(most, context)).sum()))

    def nats_beyond(self, most: int, context: int) -> float:
        """−log p of all numbers that are greater than `most`."""
        return float(-np.log1p(-self._up_to(np.array([most]), np.array([context])))[0])

    def _up_to(self, most: np.ndarray, context: np.ndarray) -> np.ndarray:
        """p(n ≤ most | context), (numbers,)."""
        column = np.minimum(most, self.below.shape[1] - 1)
        of_all = self.below.sum(axis=0)
        shared = (of_all[column] + most / (most + 1)) / (of_all[-1] + 1)
        return (self.below[context, column] + shared) / (self.below[context, -1] + 1)


class Part(Protocol):
    """The distribution of one part of the music, given all others that codes say."""

    @classmethod
    def fit(cls, grids: Sequence[Grid], steps_per_beat: int) -> Part:
        """Fitted on training music."""

    def nats(self, grid: Grid) -> float:
        """−log p of that part of a piece."""


@dataclass(frozen=True)
class Strikes:
    """Whether a pitch that sounds on is struck anew, step by step, from low to high.

    It depends on the place in the beat, on whether another pitch begins to sound, on whether a lower one was struck,
    and on whether nothing else sounds, as in a line.

    Args:
        counts: (contexts, 2), how often not, and how often.
        steps_per_beat: of the grid.
    """

    counts: np.ndarray
    steps_per_beat: int

    @classmethod
    def fit(cls, grids: Sequence[Grid], steps_per_beat: int) -> Self:
        counts = np.zeros((8 * steps_per_beat, 2))
        for grid in grids:
            np.add.at(counts, cls._met(grid, steps_per_beat), 1)
        return cls(counts, steps_per_beat)

    def nats(self, grid: Grid) -> float:
        p = (self.counts + 0.5) / (self.counts.sum(axis=1, keepdims=True) + 1)
        return float(-np.log(p[self._met(grid, self.steps_per_beat)]).sum())

    @staticmethod
    def _met(grid: Grid, steps_per_beat: int) -> tuple[np.ndarray, np.ndarray]:
        """The context of every step at which a pitch sounds on, and whether it is struck there, (steps,) int each."""
        held = _without_strikes(grid)
        inside = held.end - held.start - 1
        step = np.repeat(held.start + 1 - (np.cumsum(inside) - inside), inside) + np.arange(inside.sum())
        pitch = np.repeat(held.pitch, inside)
        order = np.lexsort((pitch, step))
        step, pitch = step[order], pitch[order]
        struck = np.isin(step * 128 + pitch, grid.start * 128 + grid.pitch).astype(int)
        before = np.cumsum(struck) - struck
        lower = before > before[np.searchsorted(step, step)]
        alone = np.bincount(step, minlength=grid.steps)[step] + np.isin(step, held.start) == 1
        context = ((step % steps_per_beat * 2 + np.isin(step, held.start)) * 2 + lower) * 2 + alone
        return context, struck


@dataclass(frozen=True)
class Durations:
    """How long each note is, given all onsets: at most until the same pitch starts again, or the end.

    It depends on the time to the next onset.

    Args:
        lengths: of notes in grid steps.
        longest: gap in grid steps that is told from a longer one.
    """

    lengths: Lengths
    longest: int

    @classmethod
    def fit(cls, grids: Sequence[Grid], steps_per_beat: int) -> Self:
        longest = GAP_BEATS * steps_per_beat
        met = [cls._met(grid, longest) for grid in grids]
        values, context = (_joined([columns[index] for columns in met]) for index in range(2))
        return cls(Lengths.fit(values, context, longest + 1), longest)

    def nats(self, grid: Grid) -> float:
        return self.lengths.nats(*self._met(grid, self.longest))

    @staticmethod
    def _met(grid: Grid, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every note its length, its context, and how long it may be, (notes,) int each."""
        onsets = np.append(np.unique(grid.start), grid.steps)
        gap = onsets[np.searchsorted(onsets, grid.start) + 1] - grid.start
        order = np.lexsort((grid.start, grid.pitch))
        again = np.full(len(order), grid.steps)
        same = grid.pitch[order][1:] == grid.pitch[order][:-1]
        again[order[:-1][same]] = grid.start[order[1:][same]]
        return grid.end - grid.start, np.minimum(gap, longest), again - grid.start


@dataclass(frozen=True)
class Octaves:
    """Which pitches a chord has, given its pitch classes: each class at least one, pitch by pitch.

    Args:
        share: (128,), how often a pitch is in a chord that has its class.
    """

    share: np.ndarray

    @classmethod
    def fit(cls, grids: Sequence[Grid], steps_per_beat: int) -> Self:
        counts, of_class = np.zeros(128), np.zeros(12)
        for grid in grids:
            chords = cls._chords(grid)
            counts += chords.sum(axis=0)
            of_class += _classes(chords).sum(axis=0)
        return cls((counts + 0.5) / (np.resize(of_class, 128) + 1))

    def nats(self, grid: Grid) -> float:
        chords, share = self._chords(grid), self.share
        possible = np.resize(_classes(chords).T, (128, len(chords))).T  # pitches whose class the chord has
        log_p = np.where(chords, np.log(share), np.log1p(-share))[possible].sum()
        silent = np.exp(np.bincount(np.arange(128) % 12, np.log1p(-share)))  # no pitch of the class
        return float((_classes(chords) @ np.log1p(-silent)).sum() - log_p)

    @staticmethod
    def _chords(grid: Grid) -> np.ndarray:
        """The pitches of each chord of two and more, (chords, 128) bool."""
        _, chord, size = np.unique(grid.start, return_inverse=True, return_counts=True)
        pitches = np.zeros((len(size), 128), bool)
        pitches[chord, grid.pitch] = True
        return pitches[size > 1]


@dataclass(frozen=True)
class Onsets:
    """When chords start, one after another, and that none starts after the last.

    The time to the next one depends on the place of the last in the beat.

    Args:
        gaps: in grid steps; the first one from before the beginning.
        steps_per_beat: of the grid.
    """

    gaps: Lengths
    steps_per_beat: int

    @classmethod
    def fit(cls, grids: Sequence[Grid], steps_per_beat: int) -> Self:
        met = [cls._met(grid, steps_per_beat) for grid in grids]
        values = _joined([np.diff(onsets) for onsets, _ in met])
        return cls(
            Lengths.fit(values, _joined([context[:-1] for _, context in met]), steps_per_beat + 1), steps_per_beat
        )

    def nats(self, grid: Grid) -> float:
        onsets, context = self._met(grid, self.steps_per_beat)
        last = int(grid.steps - 1 - onsets[-1])
        return self.gaps.nats(np.diff(onsets), context[:-1]) + self.gaps.nats_beyond(last, int(context[-1]))

    @staticmethod
    def _met(grid: Grid, steps_per_beat: int) -> tuple[np.ndarray, np.ndarray]:
        """Before the beginning, at −1, and of every onset: when it is, and its context."""
        onsets = np.append(-1, np.unique(grid.start))
        return onsets, np.append(steps_per_beat, onsets[1:] % steps_per_beat)


@dataclass(frozen=True)
class End:
    """How long it is silent behind the last note, at most as long as the piece.

    Args:
        lengths: of that silence in grid steps, and one.
    """

    lengths: Lengths

    @classmethod
    def fit(cls, grids: Sequence[Grid], steps_per_beat: int) -> Self:
        rests = np.array([cls._rest(grid) for grid in grids], int)
        return cls(Lengths.fit(rests, np.zeros(len(rests), int), 1))

    def nats(self, grid: Grid) -> float:
        return self.lengths.nats(np.array([self._rest(grid)]), np.array([0]), np.array([grid.steps + 1]))

    @staticmethod
    def _rest(grid: Grid) -> int:
        return int(grid.steps - grid.end.max(initial=0)) + 1


PARTS: dict[str, type[Part]] = {
    STRIKES: Strikes,
    DURATIONS: Durations,
    OCTAVES: Octaves,
    ONSETS: Onsets,
    END: End,
}


@dataclass(frozen=True)
class Residual:
    """The distributions of all that codes may leave out.

    Args:
        parts: of each part, by name.
        lines: of the number of lines.
    """

    parts: dict[str, Part]
    lines: Lengths

    @classmethod
    def fit(cls, grids: Sequence[Grid], lines: Sequence[Sequence[Grid]], steps_per_beat: int) -> Self:
        """Fitted on training music; without any, all that is possible has some probability.

        Args:
            grids: the pieces.
            lines: the lines of each.
            steps_per_beat: of the grids.
        """
        parts = {name: part.fit(grids, steps_per_beat) for name, part in PARTS.items()}
        single = [line for lines_of_one in lines if len(lines_of_one) > 1 for line in lines_of_one]
        parts[STRIKES] = Strikes.fit([*grids, *single], steps_per_beat)  # of codes by lines as well
        numbers = np.array([len(lines_of_one) for lines_of_one in lines], int)
        return cls(parts, Lengths.fit(numbers, np.zeros(len(numbers), int), 1))

    def nats(self, lines: Sequence[Grid], left_out: Sequence[str]) -> float:
        """−log p of what codes leave out of a piece, each line of which they tell on its own."""
        nats = sum(self.parts[name].nats(grid) for name in left_out if name in self.parts for grid in lines)
        return nats + self.lines.nats(np.array([len(lines)]), np.array([0])) * (LINES in left_out)


def _classes(chords: np.ndarray) -> np.ndarray:
    """The pitch classes of chords (chords, 128): (chords, 12) bool."""
    return np.asarray(np.pad(chords, ((0, 0), (0, 4))).reshape(-1, 11, 12).any(axis=1))


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, int)
