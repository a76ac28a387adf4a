"""What the representations by chords have in common: one symbol is everything that starts together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Line, SymbolCodec, is_count, is_number, log_share
from zoo.codecs.grid import Grid, from_grid, on_grid
from zoo.song import Song

PARTS = ("kind", "first", "interval", "note", "time")
NUMBERS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})*|")  # nothing is silence
OF_CLASS, OF_TIME = 128, 140  # numbers of a pitch class, and of a time, among what symbols are made of


@dataclass
class Chords(SymbolCodec):
    """Everything that starts together, on a grid, with an open vocabulary.

    Args:
        parts: learnt, counts behind q, of each of PARTS.
    """

    parts: dict[str, dict[str, int]] = field(default_factory=dict)

    learnt: ClassVar = ("symbols", "singletons", "epsilon", "most_per_beat", "parts")
    choices: ClassVar[dict[str, int]]  # how many values each part but "kind" and "time" may have

    def symbols_of(self, grid: Grid) -> tuple[list[str], int]:
        """A song as symbols, and how many of its notes they express."""
        raise NotImplementedError

    def kind_of(self, symbol: str) -> str:
        """One of "note", "chord" and "time"."""
        raise NotImplementedError

    def parts_of(self, symbol: str) -> list[tuple[str, int]]:
        """The parts of a symbol that q multiplies, and their values."""
        raise NotImplementedError

    def pitches_of(self, symbol: str) -> list[int]:
        """MIDI pitches that a symbol sounds, which is no time."""
        raise NotImplementedError

    def length_of(self, symbols: list[str], grid: Grid) -> int:
        """Grid steps that the symbols of a song stand for."""
        return grid.steps

    def learn_from(self, songs: list[Song]) -> None:
        symbols = self.learn(self.symbols_of(on_grid(song, self.steps_per_beat))[0] for song in songs)
        counts: dict[str, Counter] = {part: Counter() for part in PARTS}
        for symbol in (self.symbols[code] for code in self.singletons):
            counts["kind"][self.kind_of(symbol)] += 1  # an unknown symbol is of the kinds that singletons are
        for symbol, count in symbols.items():
            for part, value in self.parts_of(symbol):
                counts[part][value] += count
        self.parts = {
            part: {str(key): count for key, count in sorted(counter.items())} for part, counter in counts.items()
        }
        super().learn_from(songs)

    def check(self) -> None:
        super().check()
        counted = (
            isinstance(self.parts, dict) and set(self.parts) == set(PARTS) and all(map(is_count, self.parts.values()))
        )
        if not counted or not all(map(is_number, self.parts["time"])):
            raise ValueError("its parts are no counts")

    def fallback(self, symbol: str) -> float:
        kinds = self.parts["kind"]
        nats = -np.log((kinds.get(self.kind_of(symbol), 0) + 1) / (sum(kinds.values()) + 2))
        for part, value in self.parts_of(symbol):
            counts = self.parts[part]
            if part == "time":
                nats -= log_share({int(key): count for key, count in counts.items()}, value)
            else:
                nats -= np.log((counts.get(str(value), 0) + 1) / (sum(counts.values()) + self.choices[part]))
        return float(nats)

    def contents(self) -> list[list[int]]:
        """What each known symbol is made of, as numbers.

        They are its pitches (0–127) and their classes (128–139), or its time (140 and up).
        """
        times = sorted(self.steps_of(symbol) for symbol in self.symbols if self.kind_of(symbol) == "time")
        number = {time: OF_TIME + index for index, time in enumerate(times)}
        contents = []
        for symbol in self.symbols:
            if self.kind_of(symbol) == "time":
                contents.append([number[self.steps_of(symbol)]])
            else:
                pitches = self.pitches_of(symbol)
                contents.append([*pitches, *sorted({OF_CLASS + pitch % 12 for pitch in pitches})])
        return contents

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        symbols, notes = self.symbols_of(grid)
        if not symbols:
            return []
        codes, unknown_nats = self.to_codes(symbols)
        return [Line(codes, self.length_of(symbols, grid), song.beats, notes, unknown_nats)]

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        notes: list[tuple[int, int, int]] = []
        chord: list[int] = []
        now = struck = 0
        for symbol in self.known(codes):
            if self.kind_of(symbol) != "time":
                notes += [(struck, now, pitch) for pitch in chord]
                chord, struck = self.pitches_of(symbol), now
            now += self.steps_of(symbol)
        notes += [(struck, now, pitch) for pitch in chord]
        start, end, pitch = np.array(notes, np.int64).reshape(-1, 3).T
        steps = now if steps is None else steps
        return from_grid(start, end, pitch, steps, self.steps_per_beat)


def onsets_and_chords(grid: Grid) -> tuple[np.ndarray, list[list[int]], np.ndarray]:
    """Where notes start, (chords,); the pitches that start there; and when all that has started by then has ended."""
    onsets, first = np.unique(grid.start, return_index=True)
    chords = [chord.tolist() for chord in np.split(grid.pitch, first[1:])]
    silent_from = np.maximum.accumulate(grid.end)[np.append(first[1:], len(grid.start)) - 1]
    return onsets, chords, silent_from


def numbers_of(symbol: str) -> list[int]:
    """The numbers of `4.7.11`; of the empty symbol none."""
    return [int(number) for number in symbol.split(".")] if symbol else []


def joined(numbers: Sequence[int]) -> str:
    """`4.7.11` of its numbers."""
    return ".".join(map(str, numbers))


def chord_parts(numbers: Sequence[int]) -> list[tuple[str, int]]:
    """The parts of a chord: its lowest number, then intervals, then 0; of silence −1."""
    if not numbers:
        return [("first", -1)]
    ordered = sorted(numbers)
    return [("first", ordered[0]), *(("interval", int(step)) for step in np.diff(ordered)), ("interval", 0)]
