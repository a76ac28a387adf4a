"""How much of a song is copied from other songs.

An n-gram is n tokens in a row (`repetition.tokens`: transposition makes no difference). Chorales share
cadences and folk tunes share phrases, so read the figures beside the same ones of real music that was held out. A voice
is not found in an index of full scores: index the songs as the representation expresses them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from zoo.evaluation.metrics.repetition import NGRAM, tokens
from zoo.song import Song

COPY = 0.5  # 10 of 496 held-out chorales and folk tunes reach it: variants of pieces in the training set
BASE = 0x9E3779B97F4A7C15  # any odd number far from 1
INVERSE = pow(BASE, -1, 2**64)


class Index:
    """The n-grams of a set of songs, of every length n.

    The hashes of all n-grams of one length are made when first needed, in O(T log T) time and 8 T bytes for T tokens
    (a polynomial modulo 2^64: Karp and Rabin 1987); an n-gram is then found in O(log T). Two different ones are taken
    for the same with a probability of about 2^−62.
    """

    def __init__(self, songs: Iterable[Song]) -> None:
        # After each song comes a token that no song has, so no n-gram found leads from one song into the next.
        self._codes = _codes([token for number, song in enumerate(songs) for token in (*tokens(song), number)])
        self._known: dict[int, np.ndarray] = {}

    def find(self, song: Song, n: int) -> np.ndarray:
        """Whether the n-gram that begins at each token of `song` is in the index, (tokens − n + 1,) bool."""
        return self._find(_codes(tokens(song)), n)

    def longest(self, song: Song) -> int:
        """Tokens of the longest n-gram of `song` that is in the index; what holds a long one holds its parts."""
        codes = _codes(tokens(song))
        present, missing = 0, 1
        while missing <= len(codes) and self._find(codes, missing).any():
            present, missing = missing, 2 * missing
        missing = min(missing, len(codes) + 1)
        while missing - present > 1:
            middle = (present + missing) // 2
            present, missing = (middle, missing) if self._find(codes, middle).any() else (present, middle)
        return present

    def _find(self, codes: np.ndarray, n: int) -> np.ndarray:
        if n not in self._known:
            self._known[n] = np.unique(_hashes(self._codes, n))
        known, wanted = self._known[n], _hashes(codes, n)
        places = np.searchsorted(known, wanted)
        return np.append(known, np.uint64(0))[places] == wanted if len(known) else np.zeros(len(wanted), bool)


def longest_copy(song: Song, index: Index) -> int:
    """Tokens of the longest n-gram of `song` that is found in `index`; n tokens stand for n + 1 onsets."""
    return index.longest(song)


def copied_share(song: Song, index: Index, n: int = NGRAM) -> float:
    """Share of a song's n-grams that other songs hold, 0–1; 0 for a song too short to have one.

    Args:
        song: the song.
        index: of the other songs.
        n: tokens in an n-gram.
    """
    held = index.find(song, n)
    return float(held.mean()) if len(held) else 0.0


def is_copy(song: Song, index: Index) -> bool:
    """Whether at least half of the song's 8-grams are found in `index`."""
    return copied_share(song, index) >= COPY


def _codes(line: list) -> np.ndarray:
    """A random-looking number for each token, (tokens,) uint64; the same in every process, unlike `hash` of text."""
    digests = (hashlib.blake2b(repr(token).encode(), digest_size=8).digest() for token in line)
    return np.frombuffer(b"".join(digests), "<u8")


def _hashes(codes: np.ndarray, n: int) -> np.ndarray:
    """Σ codes[i + k] BASE^k modulo 2^64 over k < n for each i, (tokens − n + 1,) uint64."""
    if len(codes) < n:
        return np.zeros(0, np.uint64)
    ahead, back = (np.cumprod(np.full(len(codes), factor, np.uint64)) for factor in (BASE, INVERSE))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(codes * ahead)])
    return (sums[n:] - sums[:-n]) * back[: len(codes) - n + 1]
