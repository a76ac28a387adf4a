"""Music as chords that are written note by note, each with its duration, and the times between them.

As in REMI (Huang and Yang, 2020) a note carries its duration: what is never ended cannot be forgotten; and a chord is
no symbol of its own, so none is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Line, Symbol, SymbolCodec, no_nats
from zoo.codecs._sustained import Sustained
from zoo.codecs.coding import Coding
from zoo.codecs.grid import Grid, at_most, from_grid, on_grid
from zoo.codecs.rules import Rules
from zoo.song import Song

TIME, PITCH, DURATION = "t", "p", "d"
PITCHES = 128


@dataclass
class NoteCodec(Sustained, SymbolCodec):
    """Symbols are times to the next chord, pitches and durations; the vocabulary is closed.

    They are written ("t", steps), ("p", pitch) and ("d", steps). A chord goes from low to high. What is longer than the
    longest symbol is written with several: as many of the longest as there are, then the rest.

    >>> from zoo.song import Song
    >>> song = Song.from_notes([(0, 480, 60, 80, 0), (0, 960, 64, 80, 0), (480, 480, 67, 80, 0)])
    >>> codec = NoteCodec(steps_per_beat=2).fit([song])
    >>> ["".join(map(str, symbol)) for symbol in codec.known(codec.encode(song)[0].codes)]
    ['p60', 'd2', 'p64', 'd4', 't2', 'p67', 'd2', 't2']

    Args:
        longest: beats of the longest time and of the longest duration that are one symbol.
        longest_note: learnt, grid steps; decoding ends what sounds longer; 0 is any.
    """

    longest: int = 4
    longest_note: int = 0

    learnt: ClassVar = ("most_per_beat", "longest_note")

    def lay_out(self) -> None:
        steps = range(1, self.longest * self.steps_per_beat + 1)
        self.symbols = [
            *([TIME, step] for step in steps),
            *([DURATION, step] for step in steps),
            *([PITCH, pitch] for pitch in range(PITCHES)),
        ]

    @property
    def coding(self) -> Coding:
        return Coding()  # times and durations may pass the end of the piece, or a stroke of the same pitch

    @cached_property
    def rules(self) -> Rules:
        """A pitch is higher than the one before and a duration follows it; what is not the longest symbol ends a sum.

        A piece has one encoding. A pitch that still sounds may be struck, which ends it, although its duration then
        says more than the music does: nothing here counts steps.
        """
        named, passed = np.arange(PITCHES), PITCHES + np.arange(PITCHES)
        expects_duration, may_lengthen, rested = 2 * PITCHES + np.arange(3)
        rules = Rules.empty(self.size, 2 * PITCHES + 3, seen=np.r_[named, expects_duration, may_lengthen])
        whole = self.longest * self.steps_per_beat
        for code, (kind, value) in enumerate(self.symbols):
            rules.keep[code, [expects_duration, may_lengthen, rested]] = 0
            if kind == DURATION:
                rules.base[code] = 1
                rules.forbid[[expects_duration, may_lengthen], code] = -1
                rules.set[code, may_lengthen] = rules.keep[code, may_lengthen] = value == whole
            else:
                rules.forbid[expects_duration, code] = 1
            if kind == TIME:
                rules.moves[code] = True
                rules.forbid[rested, code] = 1
                rules.set[code, rested] = rules.keep[code, rested] = value < whole
            elif kind == PITCH:
                rules.set[code, [named[value], *passed[: value + 1], expects_duration]] = 1
                rules.keep[code, expects_duration] = 1
                rules.forbid[passed[value], code] = 1
        return rules

    def steps_of(self, symbol: Symbol) -> int:
        return symbol[1] if symbol[0] == TIME else 0

    def symbols_of(self, grid: Grid) -> list[Symbol]:
        """The notes of a grid as symbols; none for silence."""
        symbols: list[Symbol] = []
        now = 0
        for start, end, pitch in zip(grid.start.tolist(), grid.end.tolist(), grid.pitch.tolist(), strict=True):
            symbols += self._sum(TIME, start - now)
            symbols += [[PITCH, pitch], *self._sum(DURATION, end - start)]
            now = start
        return symbols + self._sum(TIME, grid.steps - now) if symbols else []

    def _sum(self, kind: str, steps: int) -> list[Symbol]:
        whole, rest = divmod(steps, self.longest * self.steps_per_beat)
        return [[kind, self.longest * self.steps_per_beat]] * whole + ([[kind, rest]] if rest else [])

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        codes, _ = self.to_codes(self.symbols_of(grid))
        return [Line(codes, grid.steps, song.beats, len(grid.start), no_nats(len(codes)))] if len(codes) else []

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        notes: list[list[int]] = []  # start, end, pitch
        last: dict[int, int] = {}  # the number of a pitch's last note
        now, pitch = 0, None
        for kind, value in self.known(codes):
            if kind == TIME:
                now, pitch = now + value, None
            elif kind == PITCH:
                pitch = value
                if pitch in last:  # struck while it sounds: it ends
                    notes[last[pitch]][1] = min(notes[last[pitch]][1], now)
                last[pitch] = len(notes)
                notes.append([now, now, pitch])
            elif pitch is not None:
                notes[last[pitch]][1] += value
        lasting = [note for note in notes if note[1] > note[0]]  # the others have no duration
        start, end, pitches = np.array(lasting, np.int64).reshape(-1, 3).T
        steps = now if steps is None else steps
        return from_grid(start, at_most(self.longest_note, start, end), pitches, steps, self.steps_per_beat)
