"""Music as a sequence of note names and chords in normal order: octave, voicing, durations and rests are lost.

Source: Classical-Piano-Composer (S. Skúli, 2017), whose symbol is a note name (`C4`) or a chord's pitch classes in
normal order (`4.7.11`), each lasting half a beat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from zoo.codecs._chords import NUMBERS, Chords, chord_parts, joined, numbers_of, onsets_and_chords
from zoo.codecs.coding import DURATIONS, OCTAVES, ONSETS, Coding
from zoo.codecs.grid import Grid

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")  # no flats: E-1 is E flat or an octave
NOTE = re.compile(rf"({'|'.join(NAMES)})(-1|[0-9])")
OCTAVE_4 = 60  # pitch classes come back in the octave of middle C


@dataclass
class ChordCodec(Chords):
    """A chord is its normal order, a single pitch its name.

    Durations and rests are dropped, and every symbol lasts half a beat.

    Args:
        parts: see `Chords`.
    """

    choices: ClassVar = {"first": 12, "interval": 12, "note": 128}
    written_as: ClassVar = {"exact": False}

    @property
    def coding(self) -> Coding:
        return Coding((DURATIONS, OCTAVES, ONSETS))

    def symbols_of(self, grid: Grid) -> tuple[list[str], int]:
        if not len(grid.start):
            return [], 0
        _, chords, _ = onsets_and_chords(grid)
        # A pitch class that stands twice in a chord is kept once: so much of the notes survives.
        kept = sum(len(chord) if len(chord) == 1 else len(normal_order(chord)) for chord in chords)
        return [_name(chord) for chord in chords], kept

    def length_of(self, symbols: list[str], grid: Grid) -> int:
        return len(symbols) * self.steps_of("")  # every symbol lasts as long as any other

    def steps_of(self, symbol: str) -> int:
        return max(1, self.steps_per_beat // 2)

    def is_symbol(self, symbol: str) -> bool:
        if NUMBERS.fullmatch(symbol):
            return all(number < 12 for number in numbers_of(symbol))
        return bool(NOTE.fullmatch(symbol)) and _pitch(symbol) <= 127

    def kind_of(self, symbol: str) -> str:
        return "note" if symbol[:1].isalpha() else "chord"

    def parts_of(self, symbol: str) -> list[tuple[str, int]]:
        return [("note", _pitch(symbol))] if self.kind_of(symbol) == "note" else chord_parts(numbers_of(symbol))

    def pitches_of(self, symbol: str) -> list[int]:
        if self.kind_of(symbol) == "note":
            return [_pitch(symbol)]
        return [OCTAVE_4 + number for number in numbers_of(symbol)]


def normal_order(pitches: Iterable[int]) -> list[int]:
    """Pitch classes in the rotation that is most tightly packed (Forte 1973).

    Of all rotations the one of the smallest span; of those the one packed to the left, then the one that begins lowest.

    >>> normal_order([60, 67, 76])
    [0, 4, 7]
    """
    classes = sorted({int(pitch) % 12 for pitch in pitches})
    rotations = [classes[turn:] + classes[:turn] for turn in range(len(classes))]

    def packing(order: list[int]) -> list[int]:
        intervals = [(pc - order[0]) % 12 for pc in order]
        return [intervals[-1], *intervals]

    return min(rotations, key=packing)  # of equals the first, which begins lowest


def _name(chord: list[int]) -> str:
    if len(chord) == 1:
        return f"{NAMES[chord[0] % 12]}{chord[0] // 12 - 1}"
    return joined(normal_order(chord))


def _pitch(name: str) -> int:
    letters = name.rstrip("-0123456789")
    return NAMES.index(letters) + 12 * (int(name[len(letters) :]) + 1)
