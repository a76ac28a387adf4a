"""Measures a trained model, in parts: one that fails costs neither the training nor the others."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import keras
import numpy as np

from zoo._errors import Unreadable, UserError
from zoo.codecs import Codec, Line
from zoo.codecs.rules import Rules
from zoo.corpora import SPLITS, Corpus
from zoo.evaluation import baselines, canonical, comparison
from zoo.evaluation.canonical import CanonicalMusic, canonical_score
from zoo.evaluation.likelihood import Evaluation, encode_all, to_score
from zoo.evaluation.twins import have_twins
from zoo.experiments import records
from zoo.experiments.results import Baseline, Canonical, Comparison, Layer, Results, Sampling, Scores
from zoo.models._base import MusicModel
from zoo.song import TICKS_PER_BEAT, Song

PACKAGES = ("keras", "tensorflow", "jax", "numpy", "music21", "symusic")
SAMPLES, SAMPLE_BEATS, SAMPLE_SEED = 10, 64, 0
REAL = 10  # pieces of test music that are kept beside the samples, as the representation expresses them
COMPARED = 50  # samples that are measured against real music; the first SAMPLES of them are kept
BY_THE_CLOCK = "minutes end training by the clock: the same command may give other weights next time."


@dataclass
class Measurement:
    """A trained model and the corpus it is measured on, with what several parts need.

    Attributes:
        samples: music of the model, once it was sampled.
        real: test music as the representation expresses it, likewise.
    """

    model: MusicModel
    corpus: Corpus
    samples: Sequence[Song] = ()
    real: Sequence[Song] = ()

    @cached_property
    def splits(self) -> dict[str, Sequence[Song]]:
        """Songs by split."""
        return {split: getattr(self.corpus, split) for split in SPLITS}

    @cached_property
    def lines(self) -> dict[str, list[Line]]:
        """Lines of the model's representation by split."""
        return {split: encode_all(self.model.codec, songs)[0] for split, songs in self.splits.items()}

    @property
    def codec(self) -> Codec:
        """The model's representation."""
        return self.model.codec

    @property
    def rules(self) -> Rules | None:
        """The representation's rules, if the model follows them."""
        return self.model.rules

    @cached_property
    def of_test(self) -> Evaluation:
        """Likelihood of the test music, which takes the longest of all."""
        return self.model.evaluate(self.lines["test"])

    def evaluate(self, lines: list[Line]) -> Evaluation:
        """Likelihood of lines; where they are those of the test music it is not estimated twice."""
        test = self.lines["test"]
        same = len(lines) == len(test) and all(
            np.array_equal(one.codes, other.codes) for one, other in zip(lines, test, strict=True)
        )
        return self.of_test if same else self.model.evaluate(lines)

    @cached_property
    def ngram(self) -> baselines.Baseline:
        """The n-gram of the same representation."""
        return self.baseline("ngram")

    def baseline(self, name: str) -> baselines.Baseline:
        """The baseline of that name in the same representation; see `zoo.evaluation.baselines`."""
        return baselines.fit(name, self.model.codec, self.lines["train"], self.lines["valid"])


class Measured(NamedTuple):
    """What `measure` gives.

    Attributes:
        results: what is known of the model, and what is missing.
        samples: music of the model; none when it was not to be measured, or could not be made.
        real: test music beside it, as the representation expresses it; likewise.
        errors: by part what went wrong.
    """

    results: Results
    samples: Sequence[Song]
    real: Sequence[Song]
    errors: dict[str, Exception]


def measure(
    model: MusicModel, corpus: Corpus, parts: Iterable[str] | None = None, known: Results | None = None
) -> Measured:
    """Measure a trained model on a corpus. What cannot be measured is missing in the results, and stops nothing.

    Args:
        model: trained.
        corpus: its training music is needed for the baselines and for what is copied from it.
        parts: names in PARTS; None is all.
        known: what was known before and is kept; None is what the model says of itself.
    """
    measurement = Measurement(model, corpus.measured())
    errors: dict[str, Exception] = {}
    results = describe(model) if known is None else known
    for part in PARTS if parts is None else parts:
        try:
            results = replace(results, **PARTS[part](measurement))
        except Exception as error:
            errors[part] = error
    missing = {
        part: str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        for part, error in errors.items()
    }
    memory = results.peak_memory_mb or peak_memory()
    results = replace(results, peak_memory_mb=memory, missing=missing)
    return Measured(results, measurement.samples, measurement.real, errors)


def missing(results: Results) -> dict[str, str]:
    """What is not known of a trained model, by part, and why: it failed, or an earlier version did not measure it."""
    unknown = "canonical" in PARTS and results.canonical == Canonical()
    return ({"canonical": "it was not measured when the model was trained"} if unknown else {}) | results.missing


def describe(model: MusicModel) -> Results:
    """What a trained model says of itself, nothing measured."""
    network = tuple(records.read(Layer, row) for row in model.picture())
    return Results(about=model.about(), parameters=model.parameters, network=network, environment=environment())


def _sampling(measurement: Measurement) -> dict:
    """Samples and real music beside them; how fast the model samples, and what is odd."""
    model, seconds = measurement.model, []
    for _ in range(2):  # the first call compiles
        started = time.perf_counter()
        songs = model.sample(SAMPLES, beats=SAMPLE_BEATS, seed=SAMPLE_SEED)
        seconds.append(time.perf_counter() - started)
    real = comparison.real_excerpts(model.codec, measurement.corpus.test, REAL, SAMPLE_BEATS)
    measurement.samples, measurement.real = songs, real
    first, again = seconds
    sampling = Sampling(SAMPLES, SAMPLE_BEATS, SAMPLE_SEED, first, again, songs_per_second=SAMPLES / again)
    warnings = [BY_THE_CLOCK] * bool(model.minutes) + sample_warnings(songs)
    return {"sampling": sampling, "real": tuple(song.name for song in real), "warnings": tuple(warnings)}


def _scores(measurement: Measurement) -> dict:
    """Likelihood of validation and test music."""
    scores = {}
    for split in ("valid", "test"):
        started = time.perf_counter()
        songs = measurement.splits[split]
        if split == "test" and measurement.lines[split]:
            lines, coverage = encode_all(measurement.codec, songs)
            score = to_score(measurement.of_test, lines, coverage)
        else:
            score = measurement.model.score(songs, thorough=False)
        scores[split] = dataclasses.asdict(score) | {"seconds": time.perf_counter() - started}
    scores["test"]["details"] |= _without_twins(measurement)
    return {"scores": records.read(Scores, scores)}


def _without_twins(measurement: Measurement) -> dict:
    """Of test pieces by frames: the likelihood of those whose melody is not in the training music, if some are."""
    songs, lines, of_test = measurement.splits["test"], measurement.lines["test"], measurement.of_test
    lengths = [len(line.codes) for line in lines]
    if len(lines) != len(songs) or of_test.by_line is None or of_test.details.get("frames") != sum(lengths):
        return {}  # not every piece was measured on its own, frame by frame
    kept = np.flatnonzero(~have_twins(songs, measurement.splits["train"])).tolist()
    if not 0 < len(kept) < len(songs):
        return {}
    frames, nats = (sum(float(of_piece[index]) for index in kept) for of_piece in (lengths, of_test.by_line))
    return {"without_twins": {"pieces": len(kept), "frames": int(frames), "nats_per_frame": nats / frames}}


def _baselines(measurement: Measurement) -> dict:
    """Nats per beat of each baseline of the same representation, and what was chosen for it."""
    lines, results = measurement.lines, {}
    for name in baselines.NAMES:
        baseline = measurement.ngram if name == "ngram" else measurement.baseline(name)
        nats = {split: baseline.nats(lines[split]) for split in ("valid", "test")}
        beats = {split: sum(line.beats for line in lines[split]) for split in nats}
        per_beat = {split: nats[split] / beats[split] for split in nats}
        results[name] = Baseline(per_beat["valid"], per_beat["test"], dict(baseline.describe()))
    return results


def _canonical(measurement: Measurement) -> dict:
    """Nats of the same music for all models."""
    model, (train, valid, test) = measurement.model, (measurement.splits[split] for split in SPLITS)
    music = CanonicalMusic.fit(train)
    try:
        score = canonical_score(measurement, test, music)
    except UserError as reason:
        return {"canonical": Canonical(music.steps_per_beat, len(test), left_out=str(reason))}
    baseline_scores = canonical.baseline_scores(test, music, train, valid)
    scale, offset = canonical.curve(model.codec, valid, music) or (None, None)
    result = Canonical(
        score.steps_per_beat,
        score.offered,
        score.kind,
        pieces=tuple(score.pieces.tolist()),
        beats=tuple(score.beats.tolist()),
        notes=tuple(score.notes.tolist()),
        codes=tuple(score.codes.tolist()),
        residual=tuple(score.residual.tolist()),
        apart=tuple(score.apart.tolist()),
        baselines={name: tuple(nats.tolist()) for name, nats in baseline_scores.items()},
        curve_scale=scale,
        curve_offset=offset,
    )
    return {"canonical": result}


def _comparison(measurement: Measurement) -> dict:
    """The model's samples beside real music and beside as many samples of the n-gram."""
    model, codec = measurement.model, measurement.model.codec
    steps = round(SAMPLE_BEATS * codec.steps_per_beat)
    samples = model.sample(COMPARED, beats=SAMPLE_BEATS, seed=SAMPLE_SEED)
    ngram = [codec.decode(codes, steps) for codes in measurement.ngram.generate(COMPARED, steps, SAMPLE_SEED)]
    compared = comparison.compare(codec, measurement.splits, samples, ngram, SAMPLE_BEATS)
    with contextlib.suppress(Unreadable):  # they are empty, as the comparison says
        own = model.score(samples[:SAMPLES])
        compared |= {"own_nats_per_beat": own.nats_per_beat, "own_sampling_error": own.sampling_error}
    return {"comparison": records.read(Comparison, compared)}


# In order of what is missed most when measuring is cut off. Each gives fields of `Results`.
PARTS: dict[str, Callable[[Measurement], dict]] = {
    "samples": _sampling,
    "likelihood": _scores,
    "baselines": _baselines,
    "canonical": _canonical,
    "comparison": _comparison,
}


def peak_memory() -> float | None:
    """Most memory this process ever held, in MB; None on Windows, where Python cannot tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def environment() -> dict[str, object]:
    """Versions, of the packages that are installed, and machine."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # JAX need not be there
            versions[package] = version(package)
    machine = {"machine": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}
    return {"python": platform.python_version(), "backend": keras.backend.backend()} | versions | machine


def sample_warnings(songs: Sequence[Song]) -> list[str]:
    """Sentences about samples that no one would want: empty ones, and ones that repeat a single note."""
    silent = sum(len(song) == 0 for song in songs)
    stuck = sum(len(song) > 1 and len(np.unique(song.pitch)) == 1 for song in songs)
    gaps = sum(len(song) > 0 and _longest_silence(song) > 8 * TICKS_PER_BEAT for song in songs)
    faults = (silent, "are empty"), (stuck, "repeat one pitch"), (gaps, "fall silent for more than eight beats")
    return [f"{count} of {len(songs)} samples {what}." for count, what in faults if count]


def _longest_silence(song: Song) -> int:
    """Ticks of the longest time in which nothing sounds."""
    ends = np.append(0, np.maximum.accumulate(song.end))
    return int((np.append(song.start, song.length) - ends).max())
