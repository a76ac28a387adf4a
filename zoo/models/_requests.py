"""Whether the arguments of `fit`, `score` and `sample` are what they must be."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from zoo._errors import UserError
from zoo.song import Song

MOST_BEATS = 1_000_000  # of all pieces of one request together

MOST_BEAMS = 1000


def check(
    count: int, beats: float, temperature: float | None, top_p: float, prime_beats: float, seed: int, grid: int
) -> None:
    """Look whether the arguments of `sample` are in range.

    Args:
        count: pieces.
        beats: length of the new music in quarter notes.
        temperature: None is the model's own way.
        top_p: share of the probability.
        prime_beats: quarter notes of the primer.
        seed: of all randomness.
        grid: grid steps in a quarter note; no music is shorter than one.

    Raises:
        UserError: when one of them is not.
    """
    step = 1 / grid
    bounds: tuple[tuple[str, Any, type[Any], float, float], ...] = (
        ("count", count, Integral, 1, 10_000),
        ("beats", beats, Real, step, 100_000),
        ("temperature", 1.0 if temperature is None else temperature, Real, 0, 1000),
        ("top_p", top_p, Real, 1e-6, 1),
        ("prime_beats", prime_beats, Real, step, 100_000),
        ("seed", seed, Integral, 0, 2**63),
    )
    for name, value, kind, low, high in bounds:
        if not isinstance(value, kind) or not low <= value <= high:
            number = "a whole number" if kind is Integral else "a number"
            raise UserError(f"`{name}` must be {number} from {low:g} to {high:g}, not {reprlib.repr(value)}.")
    if (total := count * max(beats, prime_beats)) > MOST_BEATS:
        raise UserError(f"{total:,.0f} beats are too many at once, at most {MOST_BEATS:,}; lower `count` or `beats`.")


def check_beams(beams: int, count: int, temperature: float | None, top_p: float) -> None:
    """Raise a UserError when so many beams cannot be followed, or something beside them would be random."""
    if not isinstance(beams, Integral) or not count <= beams <= MOST_BEAMS:
        raise UserError(
            f"`beams` must be a whole number from {count}, the number of pieces, to {MOST_BEAMS}, not "
            f"{reprlib.repr(beams)}."
        )
    if temperature is not None or top_p < 1:
        raise UserError("`beams` searches and draws nothing; leave out `temperature` and `top_p`.")


def songs(music: Iterable[Song] | Song, purpose: str) -> list[Song]:
    """`music` as a list of Songs; a UserError that begins with its `purpose` when it is none."""
    listed = list(music) if isinstance(music, Iterable) else [music]
    if not all(isinstance(song, Song) for song in listed):
        raise UserError(f"{purpose} must be a list of Songs, such as corpus.train.")
    return listed
