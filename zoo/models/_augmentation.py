"""What training makes of its songs: every epoch other keys, and other tempi."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from zoo.song import Song


class Augmentation(NamedTuple):
    """How songs are moved at random.

    Attributes:
        transpose: semitones at most, up or down.
        stretch: share of the length at most, up or down.
        low, high: MIDI pitches that no note may leave.
    """

    transpose: int
    stretch: float
    low: int
    high: int

    def transposed(self, song: Song, semitones: int) -> Song:
        """`song` moved, or as it was where a note would leave the range."""
        if not len(song) or song.pitch.min() + semitones < self.low or song.pitch.max() + semitones > self.high:
            return song
        return song.transpose(semitones)

    def everywhere(self, songs: Sequence[Song]) -> Iterator[Song]:
        """All keys that training may come to see: a vocabulary is made from them."""
        for song, shift in itertools.product(songs, range(-self.transpose, self.transpose + 1)):
            yield self.transposed(song, shift)

    def drawn(self, songs: Sequence[Song], rng: np.random.Generator) -> Iterator[Song]:
        """The songs of one epoch."""
        shifts = rng.integers(-self.transpose, self.transpose + 1, len(songs))
        moved = map(self.transposed, songs, shifts.tolist())
        if self.stretch:
            moved = map(Song.stretch, moved, rng.uniform(1 - self.stretch, 1 + self.stretch, len(songs)).tolist())
        return moved
