"""Music as a sequence of chords with their exact pitches, and of the times between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zoo.codecs._chords import NUMBERS, Chords, chord_parts, joined, numbers_of, onsets_and_chords
from zoo.codecs.coding import DURATIONS, Coding
from zoo.codecs.grid import Grid

TIME = re.compile(r"\+[0-9]{1,9}")


@dataclass
class ExactChordCodec(Chords):
    """A chord is its pitches (`60.64.67`), and the time to the next one a symbol of its own (`+2` grid steps).

    The empty symbol is silence; a note lasts until the next chord.

    >>> from zoo.song import Song
    >>> song = Song.from_notes([(0, 480, 60, 80, 0), (0, 480, 64, 80, 0), (480, 480, 67, 80, 0)])
    >>> codec = ExactChordCodec(steps_per_beat=2).fit([song])
    >>> codec.known(codec.encode(song)[0].codes)
    ['60.64', '+2', '67', '+2']

    Args:
        parts: see `Chords`.
    """

    choices: ClassVar = {"first": 129, "interval": 128, "note": 128}
    written_as: ClassVar = {"codec": "ChordCodec", "exact": True}

    @property
    def coding(self) -> Coding:
        return Coding((DURATIONS,))  # although a silence tells of some

    def symbols_of(self, grid: Grid) -> tuple[list[str], int]:
        if not len(grid.start):
            return [], 0
        onsets, chords, silent_from = onsets_and_chords(grid)
        changes = {int(onset): joined(chord) for onset, chord in zip(onsets, chords, strict=True)}
        for end in silent_from[silent_from < np.append(onsets[1:], grid.steps)]:
            changes[int(end)] = ""
        changes.setdefault(0, "")
        times = sorted(changes)
        symbols: list[str] = []
        for now, until in zip(times, [*times[1:], grid.steps], strict=True):
            symbols += [changes[now], f"+{until - now}"]
        return symbols, len(grid.start)

    def steps_of(self, symbol: str) -> int:
        return int(symbol) if symbol.startswith("+") else 0

    def is_symbol(self, symbol: str) -> bool:
        if TIME.fullmatch(symbol):
            return True
        return bool(NUMBERS.fullmatch(symbol)) and all(number <= 127 for number in numbers_of(symbol))

    def kind_of(self, symbol: str) -> str:
        return "time" if symbol.startswith("+") else "chord"

    def parts_of(self, symbol: str) -> list[tuple[str, int]]:
        return [("time", int(symbol))] if self.kind_of(symbol) == "time" else chord_parts(numbers_of(symbol))

    def pitches_of(self, symbol: str) -> list[int]:
        return numbers_of(symbol)
