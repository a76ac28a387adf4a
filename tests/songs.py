"""Music that several tests use."""

import numpy as np

from zoo import Song

BEAT = 480


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
