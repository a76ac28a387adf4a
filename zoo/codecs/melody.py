"""Monophonic lines on a grid: each step is a pitch, a rest or, optionally, a hold.

Source: midi-rnn (B. Dorsey, 2018), with 128 pitches and rest; the hold class is that of Melody RNN (Magenta, 2016).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zoo.codecs._base import Line, SymbolCodec, no_nats
from zoo.codecs.coding import LINES, STRIKES, Coding
from zoo.codecs.grid import Grid, from_grid, on_grid
from zoo.song import Song

REST = 128
HOLD = 129
VOICES = ("lines", "skyline")


@dataclass
class MelodyCodec(SymbolCodec):
    """Classes 0–127 sound that pitch, 128 is a rest, 129 (with `hold`) goes on with the note before.

    Args:
        hold: a pitch class means an onset, and holds after it its length; without, a pitch sounds as long as it is
            repeated, and two strokes of one pitch in a row become one note.
        voice: "lines" takes every track that never sounds two notes in one grid step; "skyline" takes one line a song,
            the highest sounding note, which works on any music.

    >>> song = Song.from_notes([(0, 480, 60, 80, 0), (480, 240, 64, 80, 0)], length=960)
    >>> (line,) = MelodyCodec(steps_per_beat=2, hold=True).encode(song)
    >>> line.codes.tolist(), line.steps, line.beats  # a hold is 129, a rest 128
    ([60, 129, 64, 128], 4, 2.0)
    """

    hold: bool = False
    voice: str = "lines"

    def lay_out(self) -> None:
        self.symbols = list(range(HOLD + 1 if self.hold else HOLD))
        self.most_per_beat = self.steps_per_beat

    @property
    def coding(self) -> Coding:
        if self.voice == "skyline":
            return Coding(lost="keeps only the highest voice")
        return Coding((LINES,) if self.hold else (LINES, STRIKES))  # and say which voice has which note

    def steps_of(self, symbol: int) -> int:
        return 1

    def lines_of(self, song: Song) -> int:
        return len(np.unique(song.track)) if self.voice == "lines" else 1

    def can_read(self, song: Song) -> bool:
        return any(True for _ in self._voices(song))

    def _voices(self, song: Song) -> Iterator[Grid]:
        """The lines of `song` on the grid, each with a note at least."""
        if self.voice == "skyline":
            if len(song):
                yield on_grid(song, self.steps_per_beat)
            return
        for track in np.unique(song.track):
            notes = song.select(song.track == track)
            grid = on_grid(notes, self.steps_per_beat)
            if len(grid.start) == len(notes) and not np.any(grid.start[1:] < grid.end[:-1]):
                yield grid

    def encode(self, song: Song) -> list[Line]:
        lines = []
        for grid in self._voices(song):
            codes, notes = self._skyline(grid)
            lines.append(Line(codes, grid.steps, song.beats, notes, no_nats(len(codes))))
        return lines

    def _skyline(self, grid: Grid) -> tuple[np.ndarray, int]:
        """Class of each step (steps,) int32: the highest note that sounds there; and how many notes are struck."""
        owner = np.full(grid.steps, -1)
        for note in np.argsort(grid.pitch, kind="stable"):  # the highest writes last
            owner[grid.start[note] : grid.end[note]] = note
        codes = np.where(owner >= 0, np.append(grid.pitch, REST)[owner], REST).astype(np.int32)
        struck = np.diff(codes, prepend=-1) != 0  # without a hold class, what differs from the step before
        if self.hold:
            struck = np.diff(owner, prepend=-1) != 0
            codes[~struck & (owner >= 0)] = HOLD
        # A note that sounds on after a higher one has ended is struck again, and is still one note.
        return codes, len(np.unique(owner[struck & (owner >= 0)]))

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        codes = np.asarray(codes)
        steps = len(codes) if steps is None else steps
        changed = np.ones(len(codes), bool)
        changed[1:] = codes[1:] != HOLD if self.hold else codes[1:] != codes[:-1]
        bounds = np.flatnonzero(changed)
        first = codes[bounds]  # a hold with nothing to hold is a rest
        pitched = first < REST
        return from_grid(
            bounds[pitched], np.append(bounds[1:], len(codes))[pitched], first[pitched], steps, self.steps_per_beat
        )
