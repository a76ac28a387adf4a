"""What a model's samples are like, beside real music and beside samples of the simplest model that is worth the name.

Everything is measured against the *test* music as the model's representation expresses it: encoded and decoded again,
a line of its own where a representation encodes lines. Three sets stand before it:

- `samples` of the model;
- `ngram`, as many samples of the smoothed n-gram in the same representation: the naive level;
- `real`, the validation music, expressed likewise: what two sets of the same music differ by.

All songs are cropped to the same length, so that no measure tells sets apart by that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from zoo.codecs import Codec
from zoo.evaluation import metrics
from zoo.song import COLUMNS, TICKS_PER_BEAT, Song

FEWEST = 2  # songs of a set that a classifier is tried on
BLIND = 0.7  # a classifier that tells n-gram samples from real music less often than that sees nothing


def compare(
    codec: Codec,
    splits: dict[str, Sequence[Song]],
    samples: Sequence[Song],
    ngram: Sequence[Song],
    beats: float,
    seed: int = 0,
) -> dict:
    """Every measure of `zoo.evaluation.metrics` for a model's samples, for JSON.

    Args:
        codec: the representation, fitted.
        splits: the corpus, "train", "valid" and "test".
        samples: of the model.
        ngram: of the n-gram baseline, as many.
        beats: the samples' length in quarter notes.
        seed: of bootstraps and cross-validation.

    Returns:
        kept: onset_f1, note_f1, pitch_class_f1: means over the test songs; a song that cannot be expressed keeps
            nothing.
        beats: what all songs were cropped to.
        longest_note: beats of the longest note of the training music.
        sets: for "samples", "ngram" and "real": songs, empty, loops, copies (shares of songs), longest_copy (notes),
            copied_share, longest_note (beats, of all songs), scalars (means of `metrics.describe` over songs with
            notes), distances (a feature: overlap, wasserstein, each with its interval, and the unit), classifier
            (accuracy, interval; None for fewer than two songs, of which nothing can be learnt).
        train: scalars of the training music.
        test: the test music itself: songs, empty, loops, copies, longest_copy, copied_share, scalars.
        histograms: of each feature the `values` that occur and, under "test", "samples", "ngram" and "real", their
            shares.
        blind: whether the classifier cannot even tell the n-gram's samples from real music.
    """
    expressed = {split: express(codec, songs) for split, songs in splits.items()}
    length = common_length(expressed["test"], beats)
    cropped = {split: [crop(song, length) for song in songs] for split, songs in expressed.items()}
    made = {"samples": samples, "ngram": ngram}
    sets = {name: [crop(song, length) for song in songs] for name, songs in made.items()} | {"real": cropped["valid"]}
    index, test = metrics.Index(expressed["train"]), cropped["test"]
    train = [metrics.views(song) for song in cropped["train"]]  # once for all sets
    measured = {name: _alone(songs, index) | _beside(songs, test, train, seed) for name, songs in sets.items()}
    return {
        "kept": kept(codec, splits["test"]),
        "beats": length / TICKS_PER_BEAT,
        "longest_note": max(map(metrics.longest_note, expressed["train"]), default=0.0),
        "sets": measured,
        "train": _scalars([metrics.describe(song) for song in cropped["train"] if not metrics.is_empty(song)]),
        "test": _alone(test, index),
        "histograms": metrics.histograms({"test": test, **sets}),
        "blind": bool((against_ngram := measured["ngram"]["classifier"]) and against_ngram["accuracy"] < BLIND),
    }


def express(codec: Codec, songs: Sequence[Song]) -> list[Song]:
    """`songs` as the representation gives them back, a Song for each line; what it cannot express is left out."""
    return [line for song in songs for line in codec.express(song)]


def real_excerpts(codec: Codec, songs: Sequence[Song], count: int, beats: float) -> list[Song]:
    """Real songs as the representation gives them back: the first line of each, cropped, under the song's name.

    Args:
        codec: the representation.
        songs: of which those of at least `beats` come before shorter ones, and those that it cannot express not at all.
        count: how many at most.
        beats: length in quarter notes.
    """
    length = round(beats * TICKS_PER_BEAT)
    expressed: list[Song] = []
    for song in sorted(songs, key=lambda song: song.length < length):
        if len(expressed) < count and (lines := express(codec, [song])):
            expressed.append(crop(lines[0], length).replace(name=song.name))
    return expressed


def kept(codec: Codec, songs: Sequence[Song]) -> dict[str, float]:
    """Means over `songs` of what the representation keeps of each, its lines taken together."""
    rows = [dataclasses.asdict(metrics.kept(song, together(express(codec, [song]), song))) for song in songs]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def together(lines: Sequence[Song], like: Song) -> Song:
    """All notes of `lines` in one song, as long as `like` or, where a grid rounds up, as the longest line."""
    if not lines:
        return like.crop(0, 0).replace(length=like.length)
    columns = {name: np.concatenate([getattr(line, name) for line in lines]) for name in COLUMNS}
    return like.replace(**columns, length=max(like.length, *(line.length for line in lines)))


def common_length(songs: Sequence[Song], beats: float) -> int:
    """Ticks that three of four songs last, at most `beats`."""
    return int(min(np.quantile([song.length for song in songs], 0.25), beats * TICKS_PER_BEAT))


def crop(song: Song, length: int) -> Song:
    """The first `length` ticks of what is new in a song."""
    return song.crop(song.primed, min(song.primed + length, song.length))


def _alone(songs: Sequence[Song], index: metrics.Index) -> dict:
    """What a set is, whatever it is compared with."""
    sounding = [song for song in songs if not metrics.is_empty(song)]
    rows = [metrics.describe(song) for song in sounding]

    def share(measure: Callable[[Song], float]) -> float:
        return float(np.mean([measure(song) for song in sounding])) if sounding else 0.0

    return {
        "songs": len(songs),
        "empty": 1 - len(sounding) / max(len(songs), 1),
        "loops": share(metrics.is_loop),
        "copies": share(lambda song: metrics.is_copy(song, index)),
        "longest_copy": share(lambda song: metrics.longest_copy(song, index)),
        "copied_share": share(lambda song: metrics.copied_share(song, index)),
        "longest_note": max((row["longest_note"] for row in rows), default=0.0),
        "scalars": _scalars(rows),
    }


def _scalars(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means of each figure of `metrics.describe` over songs."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}


def _beside(songs: Sequence[Song], test: Sequence[Song], train: Sequence[dict], seed: int) -> dict:
    """How far a set is from the test music; the classifier learns from `train` too, views of the training music."""
    distances = metrics.compare(songs, test, np.random.default_rng([seed, 0]))
    classifier = metrics.two_sample_test(songs, test, np.random.default_rng([seed, 1]), train)
    return {
        "distances": {name: dataclasses.asdict(distance) for name, distance in distances.items()},
        "classifier": dataclasses.asdict(classifier) if min(len(songs), len(test)) >= FEWEST else None,
    }
