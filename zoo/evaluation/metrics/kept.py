"""What is left of a song after a representation had it: notes matched as transcriptions are.

A note is kept when the decoded song has one of the same pitch at the same time; each note is matched once, in the
matching that keeps most of them (Bay, Ehmann and Downie 2009; Raffel et al. 2014, mir_eval). Notes in unison, of one
pitch and one onset on several tracks, are one note, the longest: a merged representation cannot tell them apart.

Written on SciPy's matching, since mir_eval, which tests hold it against, matches in Python, in seconds and hertz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from zoo.song import TICKS_PER_BEAT, Song

TOLERANCE = TICKS_PER_BEAT // 10  # ticks: mir_eval's 50 ms at 120 beats per minute
SHARE = 5  # ends may differ by a fifth of the duration where that is more: mir_eval's 20 %


@dataclass(frozen=True)
class Kept:
    """Harmonic means of precision and recall, 0–1; 1 when neither song has notes, 0 when only one has.

    Attributes:
        onset_f1: of notes that start within a tenth of a beat at the same pitch.
        note_f1: of those that also end within a tenth of a beat, or a fifth of the original's duration.
        pitch_class_f1: of notes that start within a tenth of a beat at the same pitch class.
    """

    onset_f1: float
    note_f1: float
    pitch_class_f1: float


def kept(original: Song, decoded: Song) -> Kept:
    """How much of `original` the song `decoded` holds."""
    original, decoded = _without_unisons(original), _without_unisons(decoded)
    return Kept(
        onset_f1=_f1(original, decoded),
        note_f1=_f1(original, decoded, ends=True),
        pitch_class_f1=_f1(original, decoded, classes=12),
    )


def _without_unisons(song: Song) -> Song:
    """Of the notes that begin together on one pitch only the longest."""
    order = np.lexsort((-song.duration, song.pitch, song.start))
    again = (np.diff(song.start[order]) == 0) & (np.diff(song.pitch[order]) == 0)
    return song.select(order[np.append(True, ~again)]) if len(order) else song


def _f1(original: Song, decoded: Song, ends: bool = False, classes: int = 128) -> float:
    notes = len(original) + len(decoded)
    return 2 * _matches(original, decoded, ends, classes) / notes if notes else 1.0


def _matches(original: Song, decoded: Song, ends: bool, classes: int) -> int:
    """Size of the largest matching."""
    apart = max(original.length, decoded.length) + 2 * TOLERANCE  # pitches are that far from one another on one axis
    one, other = (song.start + song.pitch.astype(np.int64) % classes * apart for song in (original, decoded))
    order = np.argsort(other, kind="stable")
    first = np.searchsorted(other[order], one - TOLERANCE)
    counts = np.searchsorted(other[order], one + TOLERANCE, "right") - first
    pairs = np.repeat(np.arange(len(one)), counts)
    partners = order[np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)]
    if ends:
        off = np.abs(original.end[pairs].astype(np.int64) - decoded.end[partners])
        close = off * SHARE <= np.maximum(original.duration[pairs], TOLERANCE * SHARE)
        pairs, partners = pairs[close], partners[close]
    if not len(pairs):
        return 0
    graph = csr_array((np.ones(len(pairs), np.int8), (pairs, partners)), shape=(len(one), len(other)))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
