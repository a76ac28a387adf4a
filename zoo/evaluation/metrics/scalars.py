"""One figure a song: scale, key, how many voices, how empty, how steady."""

from __future__ import annotations

import numpy as np

from zoo.evaluation.metrics.features import STEPS_PER_BEAT, merged, polyphony
from zoo.evaluation.metrics.repetition import distinct_ngrams, loop_share
from zoo.song import Song

MAJOR_SCALE = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])  # a natural minor scale is some major one
# Probe tone ratings of Krumhansl and Kessler (1982), Psychological Review 89, from the tonic up; as printed in
# Krumhansl (1990), Cognitive Foundations of Musical Pitch, page 30.
MAJOR_KEY = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_KEY = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
PROFILES = np.array([np.roll(profile, tonic) for profile in (MAJOR_KEY, MINOR_KEY) for tonic in range(12)])


def describe(song: Song) -> dict[str, float]:
    """Every figure of `song` that this package knows, by the name of its function."""
    measures = (
        *(scale_consistency, key_clarity, pitch_class_entropy),
        *(polyphony_rate, empty_beats, groove_consistency),
        *(loop_share, distinct_ngrams),
        *(notes_per_beat, notes_at_once, pitch_span, longest_note, idle_share),
    )
    return {measure.__name__: measure(song) for measure in measures}


def is_empty(song: Song) -> bool:
    """Whether the song has no note at all."""
    return len(song) == 0


def scale_consistency(song: Song) -> float:
    """Share of notes in the major or natural minor scale that holds most of them, 0–1; 1 without notes.

    One pitch repeated lies in a scale, so it is 1 as well; the seven notes of a scale are at least 7/12 of any music
    that is spread evenly. Source: Mogren 2016 (C-RNN-GAN), as defined in MusPy.
    """
    notes = np.bincount(merged(song).pitch % 12, minlength=12)
    most = max(int(notes @ np.roll(MAJOR_SCALE, tonic)) for tonic in range(12))
    return most / int(notes.sum()) if notes.any() else 1.0


def best_key(song: Song) -> tuple[int, float]:
    """The key whose profile resembles the song most, and Pearson's correlation with it (Krumhansl 1990, chapter 4).

    Keys are 0–11 for C major … B major, 12–23 for C minor … B minor; a profile is held against the beats that each
    pitch class sounds.
    A song without notes, or with all twelve pitch classes alike, gives (0, 0.0); of keys alike the first is taken.
    """
    grid = merged(song)
    beats = np.bincount(grid.pitch % 12, weights=grid.end - grid.start, minlength=12)
    if np.ptp(beats) == 0:
        return 0, 0.0
    correlations = np.corrcoef(beats, PROFILES)[0, 1:]
    key = int(np.argmax(np.round(correlations, 12)))
    return key, float(correlations[key])


def key_clarity(song: Song) -> float:
    """How much the song resembles its best key, a correlation: 1 is the profile itself, 0 no key or no notes."""
    return best_key(song)[1]


def pitch_class_entropy(song: Song) -> float:
    """Shannon entropy of the pitch classes of the notes, bits: 0 for one or none, log2(12) for all alike."""
    notes = np.bincount(merged(song).pitch % 12)
    shares = notes[notes > 0] / max(notes.sum(), 1)
    return float(-(shares * np.log2(shares)).sum()) + 0.0  # no −0


def polyphony_rate(song: Song, pitches: int = 2) -> float:
    """Share of the song's time in which `pitches` or more sound at once, 0–1; 0 for a song without length."""
    sounding = polyphony(merged(song))
    return float(np.mean(sounding >= pitches)) if len(sounding) else 0.0


def empty_beats(song: Song) -> float:
    """Share of beats in which nothing sounds, 0–1; 1 for a song without length. A beat cut short at the end counts."""
    sounding = np.flatnonzero(polyphony(merged(song)))
    beats = -(-merged(song).steps // STEPS_PER_BEAT)
    return 1.0 - len(np.unique(sounding // STEPS_PER_BEAT)) / beats if beats else 1.0


def groove_consistency(song: Song, beats: int = 4) -> float:
    """Share of the steps of a bar of `beats` beats at which neighbouring bars agree that notes start or do not start.

    0–1, mean over all pairs of neighbours; 1 for fewer than two bars. The last bar may be cut short. Source: Wu and
    Yang 2020 (The Jazz Transformer on the Front Line), as defined in MusPy, with 12 steps to a beat.
    """
    grid, bar = merged(song), beats * STEPS_PER_BEAT
    bars = -(-grid.steps // bar)
    starts = np.zeros(bars * bar, bool)
    starts[grid.start] = True
    rhythms = starts.reshape(bars, bar)
    return float(np.mean(rhythms[1:] == rhythms[:-1])) if bars > 1 else 1.0


def notes_per_beat(song: Song) -> float:
    """Notes that start in a beat, the mean over the song; 0 for a song without length."""
    grid = merged(song)
    return len(grid.start) * STEPS_PER_BEAT / grid.steps if grid.steps else 0.0


def notes_at_once(song: Song) -> float:
    """Notes that sound at once, the mean over the song's time; 0 for a song without length."""
    sounding = polyphony(merged(song))
    return float(np.mean(sounding)) if len(sounding) else 0.0


def pitch_span(song: Song) -> float:
    """Semitones from the lowest note to the highest; 0 without notes."""
    return float(np.ptp(song.pitch)) if len(song) else 0.0


def longest_note(song: Song) -> float:
    """Beats of the longest note; 0 without notes."""
    grid = merged(song)
    return float((grid.end - grid.start).max()) / STEPS_PER_BEAT if len(grid.start) else 0.0


def idle_share(song: Song, beats: int = 4) -> float:
    """Share of the song's time, 0–1, that lies in stretches of `beats` beats or more in which no note starts.

    1 for a song without length.
    """
    grid = merged(song)
    gaps = np.diff(np.unique(np.concatenate([[0], grid.start, [grid.steps]])))
    return float(gaps[gaps >= beats * STEPS_PER_BEAT].sum() / grid.steps) if grid.steps else 1.0
