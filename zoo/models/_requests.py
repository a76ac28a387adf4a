"""What a model is asked for, and whether it is what it must be: the arguments of `fit`, `score` and `sample`."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from zoo._errors import UserError
from zoo.corpora.stored import StoredSongs
from zoo.song import Song

MOST_BEATS = 1_000_000  # of all pieces of one request together
MOST_BEAMS = 1000


@dataclass(frozen=True)
class Request:
    """What `sample` is asked for, in its order, the primer's music aside.

    Args:
        count: pieces.
        beats: length of the new music in quarter notes.
        temperature: None is the model's own way.
        top_p: share of the probability.
        prime_beats: quarter notes of the primer.
        seed: of all randomness.
        beams: None draws; a number is that of beam search.
    """

    count: int
    beats: float
    temperature: float | None = None
    top_p: float = 1.0
    prime_beats: float = 16
    seed: int = 0
    beams: int | None = None

    def check(self, grid: int) -> None:
        """Raise a UserError when something of it is out of range; no music is shorter than a step of `grid` a beat."""
        step = 1 / grid
        bounds: tuple[tuple[str, Any, type[Any], float, float], ...] = (
            ("count", self.count, Integral, 1, 10_000),
            ("beats", self.beats, Real, step, 100_000),
            ("temperature", 1.0 if self.temperature is None else self.temperature, Real, 0, 1000),
            ("top_p", self.top_p, Real, 1e-6, 1),
            ("prime_beats", self.prime_beats, Real, step, 100_000),
            ("seed", self.seed, Integral, 0, 2**63),
        )
        for name, value, kind, low, high in bounds:
            if not isinstance(value, kind) or not low <= value <= high:
                number = "a whole number" if kind is Integral else "a number"
                raise UserError(f"`{name}` must be {number} from {low:g} to {high:g}, not {reprlib.repr(value)}.")
        if (total := self.count * max(self.beats, self.prime_beats)) > MOST_BEATS:
            raise UserError(
                f"{total:,.0f} beats are too many at once, at most {MOST_BEATS:,}; lower `count` or `beats`."
            )
        if self.beams is not None:
            self._check_beams()

    def _check_beams(self) -> None:
        if not isinstance(self.beams, Integral) or not self.count <= self.beams <= MOST_BEAMS:
            raise UserError(
                f"`beams` must be a whole number from {self.count}, the number of pieces, to {MOST_BEAMS}, not "
                f"{reprlib.repr(self.beams)}."
            )
        if self.temperature is not None or self.top_p < 1:
            raise UserError("`beams` searches and draws nothing; leave out `temperature` and `top_p`.")


def songs(music: Iterable[Song] | Song, purpose: str) -> Sequence[Song]:
    """`music` as a list of Songs, or those on disk; a UserError that begins with its `purpose` when it is neither."""
    if isinstance(music, StoredSongs):
        return music
    listed = list(music) if isinstance(music, Iterable) else [music]
    if not all(isinstance(song, Song) for song in listed):
        raise UserError(f"{purpose} must be a list of Songs, such as corpus.train.")
    return listed
