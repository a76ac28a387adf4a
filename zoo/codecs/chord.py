"""Music as a sequence of chords: one symbol is everything that starts together.

Source: Classical-Piano-Composer (S. Skúli, 2017), whose symbol is a note name (`C4`) or a chord's pitch classes in
normal order (`4.7.11`), each lasting half a beat.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Line, SymbolCodec, is_count, is_number, log_share
from zoo.codecs.grid import Grid, from_grid, on_grid
from zoo.song import Song

NAMES = (
    "C",
    "C#",
    "D",
    "D#",
    "E",
    "F",
    "F#",
    "G",
    "G#",
    "A",
    "A#",
    "B",
)  # no flats: music21's E-1 is E flat or an octave
PARTS = ("kind", "first", "interval", "note", "time")
TIME = re.compile(r"\+[0-9]{1,9}")
PITCHES = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})*|")  # nothing is silence
NOTE = re.compile(rf"({'|'.join(NAMES)})(-1|[0-9])")
OCTAVE_4 = 60  # pitch classes come back in the octave of middle C


def normal_order(pitches) -> list[int]:
    """Pitch classes in the rotation that is most tightly packed (Forte 1973): smallest span, then packed to the left,
    then lowest first.

    >>> normal_order([60, 67, 76])
    [0, 4, 7]
    """
    classes = sorted({int(pitch) % 12 for pitch in pitches})
    rotations = [classes[turn:] + classes[:turn] for turn in range(len(classes))]

    def packing(order: list[int]) -> list[int]:
        intervals = [(pc - order[0]) % 12 for pc in order]
        return [intervals[-1], *intervals]

    return min(rotations, key=packing)  # of equals the first, which begins lowest


@dataclass
class ChordCodec(SymbolCodec):
    """Everything that starts together, on a grid.

    Args:
        exact: with it a chord is its pitches (`60.64.67`; the empty symbol is silence) and is followed by a symbol of
            its own for the time to the next one (`+2` grid steps); a note lasts until the next chord. Without, a chord
            is its normal order, a single pitch its name, durations and rests are dropped, and every symbol lasts half a
            beat.
    """

    exact: bool = False
    parts: dict[str, dict] = field(default_factory=dict)  # counts behind q, of each of PARTS

    learnt: ClassVar = ("symbols", "singletons", "epsilon", "most_per_beat", "parts")

    def learn_from(self, songs: list[Song]) -> None:
        sequences = [self._symbols(on_grid(song, self.steps_per_beat))[0] for song in songs]
        self.learn(sequences)
        self.parts = {part: {} for part in PARTS}
        counts = {part: Counter() for part in self.parts}
        for symbol in (self.symbols[code] for code in self.singletons):
            counts["kind"][self._kind(symbol)] += 1  # an unknown symbol is of the kinds that singletons are
        for symbol in (symbol for sequence in sequences for symbol in sequence):
            for part, value in self._split(symbol):
                counts[part][value] += 1
        self.parts = {
            part: {str(key): count for key, count in sorted(counter.items())} for part, counter in counts.items()
        }
        self.count_most_per_beat(self.to_codes(sequence)[0] for sequence in sequences)

    def is_symbol(self, symbol) -> bool:
        if TIME.fullmatch(symbol):
            return self.exact
        if PITCHES.fullmatch(symbol):
            return all(pitch <= (127 if self.exact else 11) for pitch in map(int, filter(None, symbol.split("."))))
        return not self.exact and bool(NOTE.fullmatch(symbol)) and _pitch(symbol) <= 127

    def check(self) -> None:
        super().check()
        counted = (
            isinstance(self.parts, dict) and set(self.parts) == set(PARTS) and all(map(is_count, self.parts.values()))
        )
        if not counted or not all(map(is_number, self.parts["time"])):
            raise ValueError("its parts are no counts")

    def steps_of(self, symbol) -> int:
        if self.exact:
            return int(symbol) if symbol.startswith("+") else 0
        return max(1, self.steps_per_beat // 2)

    @staticmethod
    def _kind(symbol: str) -> str:
        if symbol.startswith("+"):
            return "time"
        return "note" if symbol[:1].isalpha() else "chord"

    def _split(self, symbol: str) -> list[tuple[str, int]]:
        """The parts of a symbol that q multiplies: a chord is its lowest pitch, then intervals, then 0."""
        kind = self._kind(symbol)
        if kind == "time":
            return [("time", int(symbol))]
        if kind == "note":
            return [("note", _pitch(symbol))]
        pitches = sorted(int(pitch) for pitch in symbol.split(".")) if symbol else []
        if not pitches:
            return [("first", -1)]
        return [("first", pitches[0]), *(("interval", int(step)) for step in np.diff(pitches)), ("interval", 0)]

    def fallback(self, symbol) -> float:
        kinds = self.parts["kind"]
        choices = {"first": 129 if self.exact else 12, "interval": 128 if self.exact else 12, "note": 128}
        nats = -np.log((kinds.get(self._kind(symbol), 0) + 1) / (sum(kinds.values()) + 2))
        for part, value in self._split(symbol):
            counts = self.parts[part]
            if part == "time":
                nats -= log_share({int(key): count for key, count in counts.items()}, value)
            else:
                nats -= np.log((counts.get(str(value), 0) + 1) / (sum(counts.values()) + choices[part]))
        return float(nats)

    def contents(self) -> list[list[int]]:
        """What each known symbol is made of, as numbers: its pitches (0–127), their classes (128–139), or its time
        (140 and up)."""
        times = sorted(int(symbol) for symbol in self.symbols if symbol.startswith("+"))
        number = {time: 140 + index for index, time in enumerate(times)}
        found = []
        for symbol in self.symbols:
            if symbol.startswith("+"):
                found.append([number[int(symbol)]])
            else:
                pitches = self._pitches(symbol)
                found.append([*pitches, *sorted({128 + pitch % 12 for pitch in pitches})])
        return found

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        symbols, notes = self._symbols(grid)
        if not symbols:
            return []
        codes, unknown_nats = self.to_codes(symbols)
        # The published form tells no time: its symbols last half a beat each, and so the music they stand for.
        steps = grid.steps if self.exact else len(symbols) * self.steps_of("")
        return [Line(codes, steps, song.beats, notes, unknown_nats)]

    def _symbols(self, grid: Grid) -> tuple[list[str], int]:
        """A song as symbols, and how many notes they hold."""
        if not len(grid.start):
            return [], 0
        onsets, first = np.unique(grid.start, return_index=True)
        chords = [chord.tolist() for chord in np.split(grid.pitch, first[1:])]
        if not self.exact:
            # A pitch class that stands twice in a chord is kept once: so much of the notes survives.
            kept = sum(len(chord) if len(chord) == 1 else len(normal_order(chord)) for chord in chords)
            return [_name(chord) for chord in chords], kept
        silent_from = np.maximum.accumulate(grid.end)[np.append(first[1:], len(grid.start)) - 1]
        changes = {int(onset): ".".join(map(str, chord)) for onset, chord in zip(onsets, chords, strict=True)}
        next_onset = np.append(onsets[1:], grid.steps)
        for end in silent_from[silent_from < next_onset]:
            changes[int(end)] = ""
        changes.setdefault(0, "")
        times = sorted(changes)
        symbols = []
        for now, until in zip(times, [*times[1:], grid.steps], strict=True):
            symbols += [changes[now], f"+{until - now}"]
        return symbols, len(grid.start)

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        notes, now, chord, struck = [], 0, [], 0
        for code in np.asarray(codes):
            if code >= self.size:
                continue
            symbol = self.symbols[code]
            if not symbol.startswith("+"):
                notes += [(struck, now, pitch) for pitch in chord]
                chord, struck = self._pitches(symbol), now
            now += self.advance[code]
        notes += [(struck, now, pitch) for pitch in chord]
        start, end, pitch = np.array(notes, np.int64).reshape(-1, 3).T
        return from_grid(start, end, pitch, now if steps is None else steps, self.steps_per_beat)

    def _pitches(self, symbol: str) -> list[int]:
        if self._kind(symbol) == "note":
            return [_pitch(symbol)]
        pitches = [int(pitch) for pitch in symbol.split(".")] if symbol else []
        return pitches if self.exact else [OCTAVE_4 + pitch for pitch in pitches]


def _name(chord: list[int]) -> str:
    if len(chord) == 1:
        return f"{NAMES[chord[0] % 12]}{chord[0] // 12 - 1}"
    return ".".join(map(str, normal_order(chord)))


def _pitch(name: str) -> int:
    letters = name.rstrip("-0123456789")
    return NAMES.index(letters) + 12 * (int(name[len(letters) :]) + 1)
