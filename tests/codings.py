"""Codecs of every kind, and what tests say to them and read from them."""

import dataclasses
import itertools

import numpy as np
import pytest

from zoo import codecs
from zoo.codecs import (
    ChordCodec,
    Codec,
    EventCodec,
    ExactChordCodec,
    MelodyCodec,
    NoteCodec,
    PerformanceCodec,
    PolyphonyCodec,
    RollCodec,
    SymbolCodec,
)
from zoo.codecs.grid import to_steps
from zoo.song import Song

SIXTEENTH = 120  # ticks

CODECS = {
    "event": EventCodec(),
    "event fine": EventCodec(steps_per_beat=12, velocity_bins=127),
    "event split": PerformanceCodec(longest_shift=1),
    "event split, one velocity": PerformanceCodec(steps_per_beat=3, velocity_bins=1),
    "chord": ChordCodec(),
    "chord exact": ExactChordCodec(steps_per_beat=12),
    "note": NoteCodec(),
    "note, short symbols": NoteCodec(steps_per_beat=3, longest=1),
    "polyphony": PolyphonyCodec(),
    "melody": MelodyCodec(),
    "melody hold": MelodyCodec(hold=True),
    "skyline": MelodyCodec(voice="skyline"),
    "skyline hold": MelodyCodec(voice="skyline", hold=True, steps_per_beat=7),
    "roll": RollCodec(steps_per_beat=1),
    "roll struck": RollCodec(low=24, high=101, struck=True, steps_per_frame=5),
}
# What zoo.codecs holds; a new one wants examples in CODECS.
KINDS = {
    kind
    for kind in vars(codecs).values()
    if isinstance(kind, type) and issubclass(kind, Codec) and kind not in (Codec, SymbolCodec)
}
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


def fitted(codec, *pieces):
    return dataclasses.replace(codec).fit(pieces)


def song(*rows, steps=None):
    """A song from rows (start, end, pitch[, velocity[, track]]), in sixteenths."""
    rows = [(*row, *(80, 0)[len(row) - 3 :]) for row in rows]
    notes = [(int(a * SIXTEENTH), int(b * SIXTEENTH) - int(a * SIXTEENTH), *rest) for a, b, *rest in rows]
    programs = tuple(range(max((row[4] for row in rows), default=0) + 1))
    return Song.from_notes(notes, None if steps is None else steps * SIXTEENTH, programs=programs)


def notes(piece, steps_per_beat=4):
    """(start, end, pitch) of each note, in grid steps."""
    start, end = (to_steps(column, steps_per_beat).tolist() for column in (piece.start, piece.end))
    return list(zip(start, end, piece.pitch.tolist(), strict=True))


def read(codec, line):
    """What a line says, as symbols or rows of bits; None stands for an unknown symbol."""
    if isinstance(codec, SymbolCodec):
        return [codec.symbols[code] if code < codec.size else None for code in line.codes]
    return line.codes.tolist()


def symbols(codec, piece):
    """What the only line of a song says."""
    (line,) = codec.encode(piece)
    assert line.beats == piece.beats
    return read(codec, line)


def codes_of(codec, found):
    return np.array([codec.symbols.index(symbol) for symbol in found] if isinstance(codec, SymbolCodec) else found)


def made_up(seed):
    """Two tracks of anything at any tick, unisons and overlaps included, and a line with a legato of one tick."""
    rng = np.random.default_rng(seed)
    columns = (rng.integers(low, high, 60).tolist() for low, high in ((9, 5700), (1, 900), (55, 75), (1, 128), (0, 2)))
    edges = np.sort(rng.choice(24, 9, replace=False)).tolist()
    line = [(a * 240, (b - a) * 240 + 1, 60 + b % 3, 64, 2) for a, b in itertools.pairwise(edges)]
    return Song.from_notes([*zip(*columns, strict=True), *line], 7001, programs=(0, 0, 0))
