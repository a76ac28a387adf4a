"""Music as a text that says at every step of the grid, from the highest note to the lowest, what starts and goes on.

Sources: BachBot (F. Liang, 2016); Magenta's polyphony_rnn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Line, Symbol, SymbolCodec, no_nats
from zoo.codecs._sustained import Sustained
from zoo.codecs.coding import Coding
from zoo.codecs.given import PITCHES, Given
from zoo.codecs.grid import at_most, from_grid, on_grid
from zoo.codecs.rules import Rules
from zoo.song import Song

STEP, NEW, HOLD = "step", "new", "hold"
_NEXT_STEP = 512  # more than any symbol of a step


@dataclass
class PolyphonyCodec(Sustained, SymbolCodec):
    """Symbols are ("new", pitch), ("hold", pitch) and ("step",), which ends a step; the vocabulary is closed.

    What is not named ends, so no note can be forgotten.

    >>> from zoo.song import Song
    >>> song = Song.from_notes([(0, 480, 60, 80, 0), (0, 240, 64, 80, 0), (480, 240, 67, 80, 0)])
    >>> codec = PolyphonyCodec(steps_per_beat=2).fit([song])
    >>> [" ".join(map(str, symbol)) for symbol in codec.known(codec.encode(song)[0].codes)]
    ['new 64', 'new 60', 'step', 'hold 60', 'step', 'new 67', 'step']

    Args:
        longest_note: learnt, grid steps; decoding ends what sounds longer; 0 is any.
    """

    longest_note: int = 0

    learnt: ClassVar = ("most_per_beat", "longest_note")
    can_be_given: ClassVar = True

    def lay_out(self) -> None:
        self.symbols = [[STEP], *([kind, pitch] for kind in (NEW, HOLD) for pitch in range(PITCHES))]

    @property
    def coding(self) -> Coding:
        return Coding(unique=True)

    @cached_property
    def rules(self) -> Rules:
        """Within a step a pitch is lower than the one before, and only what sounded goes on: a piece has one encoding.

        The network sees what sounded in the step before, and what was named in this one.
        """
        before, named, passed = (part * PITCHES + np.arange(PITCHES) for part in range(3))
        rules = Rules.empty(self.size, 3 * PITCHES, seen=np.r_[before, named])
        rules.source[before] = named
        rules.moves[0] = True
        for code, (kind, *pitch) in enumerate(self.symbols):
            for value in pitch:
                rules.set[code, [named[value], *passed[value:]]] = 1
                rules.forbid[passed[value], code] = 2
                if kind == HOLD:
                    rules.base[code], rules.forbid[before[value], code] = 1, -1
        return rules

    def steps_of(self, symbol: Symbol) -> int:
        return int(symbol[0] == STEP)

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        if not len(grid.start):
            return []
        lengths = grid.end - grid.start
        ends = np.cumsum(lengths)
        # One number for each symbol, which sorts as the text goes: step, rank from high to low, whether it goes on.
        # Notes may be held for hours, so the numbers are made in place, each from the one before it in the same note.
        keys = np.full(ends[-1] + grid.steps, _NEXT_STEP)
        first = grid.start * _NEXT_STEP + 2 * (PITCHES - 1 - grid.pitch)
        keys[ends - lengths] = first
        keys[(ends - lengths + 1)[lengths > 1]] += 1
        last = first + (lengths - 1) * _NEXT_STEP + (lengths > 1)
        keys[ends[:-1]] -= last[:-1]
        np.cumsum(keys[: ends[-1]], out=keys[: ends[-1]])
        keys[ends[-1] :] = np.arange(grid.steps) * _NEXT_STEP + 2 * PITCHES  # a step's own symbol comes last
        keys.sort()
        keys %= _NEXT_STEP
        rank, goes_on = np.divmod(np.arange(2 * PITCHES), 2)
        codes = np.append(PITCHES - rank + PITCHES * goes_on, 0).astype(np.int32)[keys]
        return [Line(codes, grid.steps, song.beats, len(grid.start), no_nats(len(codes)))]

    def named(self, codes: np.ndarray) -> np.ndarray:
        return np.where(codes == 0, PITCHES, (codes - 1) % PITCHES)

    def allowed(self, given: Given, step: int, below: int, crowded: bool) -> np.ndarray:
        waiting = np.flatnonzero(given.sounds[step, :below])
        free = given.free[step] & (np.arange(PITCHES) < below) & (not crowded)
        if len(waiting):  # the next of them may not be passed
            free[: waiting[-1] + 1] = False
        allowed = np.concatenate([[not len(waiting)], free, free])  # as `symbols` are laid out
        if len(waiting):
            allowed[1 + waiting[-1] + (0 if given.starts[step, waiting[-1]] else PITCHES)] = True
        return allowed

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        notes: list[list[int]] = []  # start, end, pitch
        now = 0
        sounding: dict[int, int] = {}  # pitch: the number of its note
        named: dict[int, int] = {}
        for kind, *pitch in self.known(codes):
            for value in pitch:
                if value in named:
                    continue
                if kind == HOLD and value in sounding:
                    named[value] = sounding[value]
                    notes[named[value]][1] = now + 1
                else:
                    named[value] = len(notes)
                    notes.append([now, now + 1, value])
            if kind == STEP:
                now, sounding, named = now + 1, named, {}
        start, end, pitches = np.array(notes, np.int64).reshape(-1, 3).T
        end = at_most(self.longest_note, start, end)
        steps = now if steps is None else steps
        return from_grid(start, end, pitches, steps, self.steps_per_beat)
