"""A piece of music as columns of notes: the one form that music has everywhere in the zoo.

Time is counted in ticks, 480 to a beat; a beat is a quarter note, whatever the time signature says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

TICKS_PER_BEAT = 480
COLUMNS = ("start", "duration", "pitch", "velocity", "track")
LOWEST = (0, 1, 0, 1, 0)  # value of each
ORDER = (0, 2, 4, 1, 3)  # in which columns decide which note comes first
LONGEST = 2**31 - 1  # ticks


@dataclass(frozen=True, eq=False)
class Song:
    """Notes in order of (start, pitch, track, duration, velocity); frozen, the columns are read-only.

    Args:
        start: onset of each note in ticks, ≥ 0. All columns are int32 of shape (notes,).
        duration: ticks, ≥ 1.
        pitch: MIDI pitch, 0–127.
        velocity: 1–127.
        track: index into `programs`.
        length: ticks, at least the end of the last note; a trailing rest makes it longer.
        programs: General MIDI program (0–127) of each track.
        time_signatures: (tick, numerator, denominator), in order of tick; empty means 4/4.
        tempo: beats per minute, one for the whole song.
        name: what to call the song, usually its file's path within the corpus.
        primed: tick where the music that a model made begins; 0 for a song without a primer.

    Raises:
        ValueError: when a column has another length or a value is out of its range.
    """

    start: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    track: np.ndarray
    length: int
    programs: tuple[int, ...] = (0,)
    time_signatures: tuple[tuple[int, int, int], ...] = ()
    tempo: float = 120.0
    name: str = ""
    primed: int = 0

    def __post_init__(self) -> None:
        columns = [np.asarray(getattr(self, column)) for column in COLUMNS]
        if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
            raise ValueError("the columns of a Song must be one-dimensional and of one length")
        table = np.array(columns, np.int64)  # one array: reading a corpus makes thousands of small Songs
        start, duration, *_ = table
        least, most = table.min(1, initial=LONGEST).tolist(), table.max(1, initial=0).tolist()
        if start.size:
            highest = (LONGEST, LONGEST, 127, 127, len(self.programs) - 1)
            for name, lower, upper, low, high in zip(COLUMNS, least, most, LOWEST, highest, strict=True):
                if lower < low or upper > high:
                    raise ValueError(f"{name} must lie between {low} and {high}, not {lower} to {upper}")
        if self.length < (int((start + duration).max()) if start.size else 0):
            raise ValueError(f"length {self.length} ends before the last note")
        table = in_order(table, ORDER, most).astype(np.int32, order="C")  # each column in one piece, as digests want it
        table.flags.writeable = False
        for name, column in zip(COLUMNS, table, strict=True):
            object.__setattr__(self, name, column)
        object.__setattr__(self, "length", int(self.length))

    @classmethod
    def from_notes(
        cls, notes: Iterable[tuple[int, int, int, int, int]], length: int | None = None, **fields: Any
    ) -> Song:
        """A song from rows of notes.

        >>> song = Song.from_notes([(480, 240, 64, 80, 0), (0, 480, 60, 80, 0)])
        >>> song.pitch.tolist(), song.length, song.beats
        ([60, 64], 720, 1.5)

        Args:
            notes: (start, duration, pitch, velocity, track) of each, in any order.
            length: of the song in ticks; None ends it with its last note.
            **fields: other fields of the song.

        Raises:
            ValueError: when a value is out of its range.
        """
        start, duration, pitch, velocity, track = np.array(list(notes), np.int32).reshape(-1, 5).T
        if length is None:
            length = int((start + duration).max(initial=0))
        return cls(start, duration, pitch, velocity, track, length, **fields)

    def __len__(self) -> int:
        """Number of notes."""
        return len(self.start)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Song) and all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self)
        )

    __hash__ = None  # type: ignore[assignment]  # frozen, but arrays have no hash

    @property
    def end(self) -> np.ndarray:
        """Tick at which each note ends, (notes,) int32."""
        return self.start + self.duration

    @property
    def beats(self) -> float:
        """Length in beats (quarter notes)."""
        return self.length / TICKS_PER_BEAT

    def replace(self, **fields: Any) -> Song:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **fields)

    def select(self, keep: np.ndarray) -> Song:
        """Some of the notes; everything else stays.

        Args:
            keep: which, (notes,) bool, or their places, (kept,) int.
        """
        return self.replace(**{column: getattr(self, column)[keep] for column in COLUMNS})

    def transpose(self, semitones: int) -> Song:
        """The song moved by `semitones`; notes that would leave 0–127 are dropped, never wrapped around."""
        pitch = self.pitch + semitones
        keep = (pitch >= 0) & (pitch <= 127)
        return self.select(keep).replace(pitch=pitch[keep])

    def stretch(self, factor: float) -> Song:
        """The song `factor` times as long; onsets and ends are rounded to ticks, never durations."""
        start, end = (np.rint(column * factor).astype(np.int64) for column in (self.start, self.end))
        end = np.maximum(end, start + 1)
        return self.replace(
            start=start,
            duration=end - start,
            length=max(round(self.length * factor), int(end.max(initial=0))),
            time_signatures=tuple((round(tick * factor), *rest) for tick, *rest in self.time_signatures),
            primed=round(self.primed * factor),
        )

    def crop(self, begin: int, end: int) -> Song:
        """The music from tick `begin` to tick `end`, moved to tick 0; notes that cross a border are cut there."""
        start, stop = np.maximum(self.start, begin), np.minimum(self.end, end)
        keep = start < stop
        signatures = [(max(tick - begin, 0), *rest) for tick, *rest in self.time_signatures if tick < end]
        in_force = [signature for signature in signatures if signature[0] == 0][-1:]
        return self.replace(
            **{column: getattr(self, column)[keep] for column in ("pitch", "velocity", "track")},
            start=(start - begin)[keep],
            duration=(stop - start)[keep],
            length=max(min(end, self.length) - begin, 0),
            time_signatures=tuple(in_force + [signature for signature in signatures if signature[0] > 0]),
        )


def in_order(table: np.ndarray, by: Sequence[int], most: Sequence[int]) -> np.ndarray:
    """The columns of `table`, sorted by one field after the other.

    Where 63 bits hold all fields of a note, as in nearly all music, a note is sorted as one number: far less work.

    Args:
        table: (fields, notes), int64 and ≥ 0.
        by: the fields, the first to decide first; all of them.
        most: the largest value of each field, or more.
    """
    widths = [value.bit_length() for value in most]
    if sum(widths) > 63:
        return table[:, np.lexsort(table[list(reversed(by))])]
    shifts, used = [0] * len(widths), 0
    for field in reversed(by):
        shifts[field], used = used, used + widths[field]
    notes = np.array([1 << shift for shift in shifts]) @ table
    notes.sort()
    return np.array([notes >> shift & (1 << width) - 1 for shift, width in zip(shifts, widths, strict=True)])
