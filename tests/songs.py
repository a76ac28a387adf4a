"""Music that several tests use."""

import numpy as np

from zoo import Song

SIXTEENTH, BEAT = 120, 480  # ticks


def tune(seed: int, beats: int = 24) -> Song:
    """Two monophonic voices that walk through C major step by step, every note half a beat to a beat long."""
    rng = np.random.default_rng(seed)
    notes = []
    for track, low in enumerate((60, 48)):
        at, degree = 0, int(rng.integers(0, 7))
        while at < beats * BEAT:
            length = min(int(rng.choice([BEAT // 2, BEAT])), beats * BEAT - at)
            notes.append((at, length, low + [0, 2, 4, 5, 7, 9, 11][degree], 80, track))
            at += length
            degree = int(np.clip(degree + rng.choice([-1, 1]), 0, 6))
    return Song.from_notes(notes, beats * BEAT, programs=(0, 0), name=f"tune {seed}")


def scale(beats: int, first: int = 0) -> Song:
    """C major up over two octaves and from the start again, every note half a beat."""
    steps = [12 * octave + step for octave in range(2) for step in (0, 2, 4, 5, 7, 9, 11)]
    notes = [(i * BEAT // 2, BEAT // 2, 60 + steps[(first + i) % len(steps)], 80, 0) for i in range(2 * beats)]
    return Song.from_notes(notes, beats * BEAT)


TRAIN, VALID = [tune(seed) for seed in range(8)], [tune(seed) for seed in range(8, 11)]


def song(*rows, steps=None):
    """A song from rows (start, end, pitch[, track]), in sixteenths."""
    notes = [(a * SIXTEENTH, (b - a) * SIXTEENTH, pitch, 80, *(track or [0])) for a, b, pitch, *track in rows]
    return Song.from_notes(notes, None if steps is None else steps * SIXTEENTH, programs=(0,) * 4)


def quarters(*pitches):
    """One quarter note after another."""
    return song(*((4 * i, 4 * i + 4, pitch) for i, pitch in enumerate(pitches)))


def piece(number):
    """One to four voices far apart, with rests; none ends on a bar line, none strikes a pitch that still sounds."""
    rows = []
    for voice, lowest in enumerate((36, 50, 64, 78)[: 1 + number % 4]):
        at = 0
        for i in range(16 + number):
            steps = 1 + (i * i + number + voice) % 4
            rows.append((at, at + steps, lowest + (5 * i * i + number * i) % (6 + number), voice))
            at += steps + 8 * ((i + number) % 7 == 6)
    return song(*rows)


NOTHING, SILENCE, ONE = song(), song(steps=32), song((0, 4, 60), steps=16)


def long_song(beats, notes=3, **fields):
    start = np.linspace(0, beats * 480 - 480, notes).astype(int)
    rows = [(int(tick), 480, 60, 64, 0) for tick in start]
    return Song.from_notes(rows, beats * 480, name="long", **fields)
