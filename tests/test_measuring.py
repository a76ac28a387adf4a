"""Measuring a trained model, with a job and without: what fails is missing, and nothing that is measured is lost."""

import dataclasses
import json

import pytest

import zoo
from zoo import Song
from zoo.evaluation import comparison
from zoo.experiments import measuring, records
from zoo.experiments.measuring import sample_warnings
from zoo.experiments.results import Comparison, SplitScore
from zoo.experiments.run_folder import RunFolder

BEAT = 480
QUICK = "note_lstm"


def test_a_model_is_measured_without_a_job_and_nothing_that_is_measured_is_lost(studio, corpus):
    run = RunFolder(studio / "reports/tunes/runs" / QUICK / "smoke-seed0")
    measured, known = measuring.measure(zoo.load(run.path), corpus), run.read_results()
    assert measured.errors == measured.results.missing == {} and len(measured.samples) == 10
    assert [song.name for song in measured.real] == list(known.real) == list(measured.results.real)
    for part in ("about", "parameters", "network", "environment", "real", "warnings", "order0", "ngram", "comparison"):
        assert getattr(measured.results, part) == getattr(known, part), part
    assert measured.results.scores.test.nats_per_beat == known.scores.test.nats_per_beat
    assert measured.results.comparison.own_sampling_error > 0  # of ten samples; of one test piece nobody knows it
    assert len(corpus.test) == 1 and measured.results.scores.test.sampling_error is None
    measurement = measuring.Measurement(zoo.load(run.path), corpus)
    samples, ngram = [measured.samples] * 2
    compared = comparison.compare(measurement.model.codec, measurement.splits, samples, ngram, 16)
    own = {"own_nats_per_beat": None, "own_sampling_error": None}  # of a model, which `compare` does not know
    assert records.to_json(records.read(Comparison, compared)) == json.loads(json.dumps(compared)) | own
    score = dataclasses.asdict(measurement.model.score(corpus.test))
    assert records.to_json(records.read(SplitScore, score)) == score | {"seconds": None}


def test_a_part_that_fails_is_missing_and_costs_no_other(studio, corpus, monkeypatch):
    def broken(measurement):
        raise ValueError("too loud")

    monkeypatch.setattr(measuring, "PARTS", {"one": broken, "other": lambda measurement: {"epochs": 7}})
    measured = measuring.measure(zoo.load(studio / "reports/tunes/runs" / QUICK / "smoke-seed0"), corpus)
    assert measured.results.missing == {"one": "ValueError: too loud"} and measured.results.epochs == 7
    assert isinstance(measured.errors["one"], ValueError) and measured.results.parameters > 100


def song(*notes, beats=16):
    """(beat, length in beats, pitch) each."""
    rows = [(int(beat * BEAT), int(length * BEAT), pitch, 80, 0) for beat, length, pitch in notes]
    return Song.from_notes(rows, length=int(beats * BEAT))


FINE = song((0, 8, 60), (8, 8, 62))
EMPTY = song()
STUCK = song((0, 4, 60), (4, 4, 60), (8, 8, 60))


@pytest.mark.parametrize(
    ("songs", "warnings"),
    [
        ([FINE], []),
        ([song((0, 16, 60))], []),  # one long note is no repetition
        ([EMPTY, FINE, EMPTY], ["2 of 3 samples are empty."]),
        ([FINE, STUCK], ["1 of 2 samples repeat one pitch."]),
        ([song((0, 1, 60), (9, 7, 62))], []),  # eight beats are not more than eight
        ([song((0, 1, 60), (9.5, 6.5, 62))], ["1 of 1 samples fall silent for more than eight beats."]),
        ([song((8.5, 7.5, 60))], ["1 of 1 samples fall silent for more than eight beats."]),
        ([song((0, 7.5, 60))], ["1 of 1 samples fall silent for more than eight beats."]),
        ([song((0, 16, 60), (1, 1, 62))], []),  # the long note sounds on behind the short one
        ([EMPTY, STUCK], ["1 of 2 samples are empty.", "1 of 2 samples repeat one pitch."]),
    ],
)
def test_sample_warnings(songs, warnings):
    assert sample_warnings(songs) == warnings


def test_warnings_stand_in_the_metrics(job, monkeypatch):
    asked = job(overrides={"epochs": 1})
    songs = [EMPTY.replace(name="a"), FINE.replace(name="b")]
    monkeypatch.setattr(asked.model, "sample", lambda *args, **kwargs: songs)
    assert json.loads((asked.run() / "metrics.json").read_text())["warnings"] == ["1 of 2 samples are empty."]
