"""Music as a text that says at every step of the grid, from the highest note to the lowest, what starts and goes on.

Sources: BachBot (F. Liang, 2016); Magenta's polyphony_rnn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Line, Symbol, SymbolCodec, is_whole, no_nats
from zoo.codecs.grid import at_most, from_grid, longest_note, on_grid
from zoo.codecs.rules import Rules
from zoo.song import Song

STEP, NEW, HOLD = "step", "new", "hold"
PITCHES = 128


@dataclass
class PolyphonyCodec(SymbolCodec):
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

    def lay_out(self) -> None:
        self.symbols = [[STEP], *([kind, pitch] for kind in (NEW, HOLD) for pitch in range(PITCHES))]

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

    def learn_from(self, songs: list[Song]) -> None:
        grids = [on_grid(song, self.steps_per_beat) for song in songs]
        self.longest_note = longest_note(grids)
        self.count_most_per_beat(line.codes for song in songs for line in self.encode(song))

    def check(self) -> None:
        super().check()
        if not is_whole(self.longest_note, 0):
            raise ValueError(f"its longest note is {self.longest_note!r}")

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        if not len(grid.start):
            return []
        lengths = grid.end - grid.start
        ends = np.cumsum(lengths)
        age = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)  # of each note, in each step of its own
        pitch = np.repeat(grid.pitch, lengths)
        step = np.concatenate([np.repeat(grid.start, lengths) + age, np.arange(grid.steps)])
        codes = np.concatenate([1 + pitch + PITCHES * (age > 0), np.zeros(grid.steps, int)])
        order = np.lexsort((np.concatenate([-pitch, np.full(grid.steps, 1)]), step))  # a step's own symbol comes last
        codes = codes[order].astype(np.int32)
        return [Line(codes, grid.steps, song.beats, len(grid.start), no_nats(len(codes)))]

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
