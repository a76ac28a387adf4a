"""Training that goes on: after an interruption, and from another run's weights."""

import dataclasses
import json
import os
import re
import shutil

import h5py
import numpy as np
import pytest
from run_files import history_of, interrupt, read, same, weights_of

import zoo
from zoo import UserError
from zoo._errors import CannotWrite
from zoo.experiments import measuring
from zoo.experiments.job import Keeper
from zoo.experiments.run_folder import RunFolder

QUICK = "note_lstm"
FILES = {"model.json", "model.weights.h5", "history.csv", "metrics.json", "samples", "real", ".lock"}


@pytest.fixture
def epochs_trained(monkeypatch):
    """The epochs, from 0, of which a batch was trained."""
    seen = set()
    monkeypatch.setattr(Keeper, "batch", lambda self, epoch, *rest: seen.add(epoch))
    return seen


# After an interruption.

STAGED = [pytest.param(name, marks=pytest.mark.slow) for name in ("rnn_rbm", "rnn_dbn")]


@pytest.mark.parametrize("name", ["melody_lstm", *STAGED])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(job, name, tmp_path, monkeypatch):
    overrides = {"epochs": 3, "batch": 3, "schedule": "cosine", "dropout": 0.3, "transpose": 1}
    whole = job(name, overrides=overrides, results=tmp_path / "whole").run()

    with monkeypatch.context() as patch:
        interrupt(patch, epoch=1, batch=2)  # in the middle of the second epoch
        with pytest.raises(KeyboardInterrupt):
            job(name, overrides=overrides).run()
    again = job(name, overrides=overrides)
    assert again.state() == "resume"
    assert {path.name for path in again.folder.iterdir()} == {"model.json", "history.csv", "state.npz", ".lock"}
    assert len(history_of(again.folder)) == 1
    trained = set()
    monkeypatch.setattr(Keeper, "batch", lambda self, epoch, *rest: trained.add(epoch))
    run = again.run()
    assert trained == {1, 2}, "the first epoch is not trained twice"

    assert {path.name for path in run.iterdir()} == FILES
    assert same(weights_of(run / "model.weights.h5"), weights_of(whole / "model.weights.h5"))
    timeless = [[{**row, "seconds": None} for row in history_of(folder)] for folder in (run, whole)]
    assert timeless[0] == timeless[1] and len(timeless[0]) == 3
    seconds = [row["seconds"] for row in history_of(run)]
    assert 0 < seconds[0] < seconds[1] < seconds[2]
    for path in (whole / "samples").iterdir():
        assert (run / "samples" / path.name).read_bytes() == path.read_bytes()


def test_interrupted_while_it_was_measured(job, monkeypatch, epochs_trained):
    def interrupted(measured):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measuring, "PARTS", {"first": interrupted, "second": interrupted})
        with pytest.raises(KeyboardInterrupt):
            job().run()
        assert job().missing().keys() == {"first", "second"}
    assert not (job().folder / "error.txt").exists()
    assert zoo.load(job().folder).codec.size, "what is trained is there to sample from"
    parts = {"first": lambda measurement: {"about": measurement.model.model_name()}, "second": warned}
    measured_without_training(job, monkeypatch, epochs_trained, parts, {"about": QUICK, "warnings": [QUICK]})


def test_a_failure_in_measuring_costs_neither_the_training_nor_the_other_parts(job, monkeypatch, epochs_trained):
    calls = []

    def broken(measured):
        raise ValueError("length 88315 ends before the last note")

    with monkeypatch.context() as patch:
        patch.setattr(
            measuring,
            "PARTS",
            {"first": lambda m: {"about": "one"}, "second": broken, "third": lambda m: {"epochs": 3}},
        )
        run = job().run()
        assert job().missing() == {"second": "ValueError: length 88315 ends before the last note"}
    metrics = read(run / "metrics.json")
    assert metrics["about"] == "one" and metrics["epochs"] == 3
    assert "Traceback" in (run / "error.txt").read_text() and (run / "model.weights.h5").exists()
    again = {"first": calls.append, "second": warned, "third": calls.append}
    expected = {"about": "one", "warnings": [QUICK], "epochs": 3}
    measured_without_training(job, monkeypatch, epochs_trained, again, expected)
    assert calls == [], "only what is missing is measured"


def test_a_full_disk_is_no_fault_in_measuring(job, monkeypatch, epochs_trained):
    def full(folder, songs):
        raise CannotWrite("cannot write a.mid: No space left on device; free some space or choose another folder.")

    with monkeypatch.context() as patch:
        patch.setattr(measuring, "PARTS", {"first": warned})
        patch.setattr(RunFolder, "write_samples", full)
        with pytest.raises(CannotWrite):
            job().run()
    measured_without_training(job, monkeypatch, epochs_trained, {"first": warned}, {"warnings": [QUICK]})


def warned(measurement):
    """A part that measures something."""
    return {"warnings": (measurement.model.model_name(),)}


def measured_without_training(job, monkeypatch, epochs_trained, parts, expected):
    """The same command measures the trained model of `job` anew."""
    assert job().state() == "trained" and epochs_trained == {0, 1}
    epochs_trained.clear()
    weights = weights_of(job().folder / "model.weights.h5")
    monkeypatch.setattr(measuring, "PARTS", parts)
    run = job().run()
    metrics = read(run / "metrics.json")
    assert job().state() == "done" and epochs_trained == set()
    assert metrics == metrics | {"epochs": 2} | expected
    assert not (run / "state.npz").exists() and not (run / "error.txt").exists()
    assert same(weights_of(run / "model.weights.h5"), weights)


def test_a_damaged_state_is_said_in_a_sentence(job, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, epoch=1)
        with pytest.raises(KeyboardInterrupt):
            job().run()
    (job().folder / "state.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"state.npz is damaged .*; delete it to train from the beginning"):
        job().run()


@pytest.mark.parametrize("stop_at", ["history.csv", "checkpoints/epoch-00002.weights.h5", "state.npz"])
def test_stopped_between_the_files_of_the_last_epoch(job, monkeypatch, unmeasured, stop_at):
    whole = job(checkpoint_every=1, overrides={"batch": 3}).run()
    files = {path.relative_to(whole) for path in whole.rglob("*")}
    shutil.rmtree(whole)
    replace, stopped = os.replace, job(checkpoint_every=1, overrides={"batch": 3})

    def stop(source, target):
        replace(source, target)
        if target == stopped.folder / stop_at and len(history_of(stopped.folder)) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            stopped.run()
    assert job(checkpoint_every=1, overrides={"batch": 3}).run() == whole
    assert len(history_of(whole)) == 2 and {path.relative_to(whole) for path in whole.rglob("*")} == files


def test_the_state_that_a_process_killed_at_the_very_end_left_is_removed(job, instant):
    run = job().run()
    for name in ("state.npz", "left_out.txt"):  # the other says that the corpus could not be read for a while
        (run / name).write_text("left")
    assert job().run() == run and not (run / "state.npz").exists() and not (run / "left_out.txt").exists()


# Going on from another run.


def test_weights_of_another_run(studio, job, corpus, unmeasured):
    source = studio / "reports/tunes/runs" / QUICK / "smoke-seed0"
    overrides = {"epochs": 1, "learning_rate": 1e-9}
    fresh = job(overrides=overrides)
    going_on = job(seed=1, overrides=overrides, weights=(zoo.load(source), source))
    run = going_on.run()
    assert re.fullmatch("smoke-seed1-epochs=1-learning_rate=1e-09-weights=smoke-seed0-[0-9a-f]{8}", run.name)
    start, now = weights_of(source / "model.weights.h5"), weights_of(run / "model.weights.h5")
    assert start.keys() == now.keys()
    assert all(np.allclose(start[key], now[key], atol=1e-6) for key in start), "it started from those weights"
    described, of = read(run / "model.json"), read(source / "model.json")
    facts = {key: of[key] for key in ("model", "preset", "seed", "hyperparameters", "corpus")}
    assert {key: described["weights"][key] for key in facts} == facts
    assert described["weights"]["digest"][:8] == run.name[-8:]
    assert described["codec"] == of["codec"], "the vocabulary is kept"
    assert going_on.state() == "done" and fresh.state() == "new"


def test_weights_of_two_runs_of_one_name_make_two_runs(studio, job, tmp_path):
    source = studio / "reports/tunes/runs" / QUICK / "smoke-seed0"
    moved, other = tmp_path / "moved/smoke-seed0", tmp_path / "other/smoke-seed0"
    for folder in (moved, other):
        shutil.copytree(source, folder)
    with h5py.File(other / "model.weights.h5", "r+") as file:
        file.visititems(lambda name, item: item.__setitem__(..., item[()] + 1) if hasattr(item, "shape") else None)
    described = read(other / "model.json")
    del described["weights_digest"]
    (other / "model.json").write_text(json.dumps(described))
    one, same, another = (job(weights=(zoo.load(folder), folder)) for folder in (source, moved, other))
    assert one.folder == same.folder != another.folder
    assert one.identity() == same.identity() != another.identity()


def test_weights_measured_in_another_way_are_the_same_weights(studio, job, tmp_path):
    source = studio / "reports/tunes/runs/rnn_rbm/smoke-seed0"
    other = shutil.copytree(source, tmp_path / "other/smoke-seed0")
    described = read(other / "model.json")
    described["hyperparameters"]["anneal_steps"] += 1
    (other / "model.json").write_text(json.dumps(described))
    one, same = (job("rnn_rbm", weights=(zoo.load(folder), folder)) for folder in (source, other))
    assert one.weights[0].anneal_steps != same.weights[0].anneal_steps and one.identity() == same.identity()


def test_weights_keep_their_vocabulary(studio, job, corpus, instant):
    source = studio / "reports/tunes/runs" / QUICK / "smoke-seed0"
    smaller = dataclasses.replace(corpus, train=corpus.train[:1], digest="f" * 64)
    run = job(overrides={"epochs": 1}, corpus=smaller, weights=(zoo.load(source), source)).run()
    assert read(run / "model.json")["codec"] == read(source / "model.json")["codec"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"units": (8,)}, r"^weights: the other run's network has another shape; use the same hyperparameters\.$"),
        ({"steps_per_beat": 8}, r"^weights: the other run writes music down in another way; use the same hyper"),
        ({"exact": True}, r"^weights: the other run writes music down in another way; use the same hyper"),
    ],
)
def test_weights_that_do_not_fit(studio, job, overrides, message):
    source = studio / "reports/tunes/runs" / QUICK / "smoke-seed0"
    asked = job(overrides=overrides, weights=(zoo.load(source), source))
    with pytest.raises(UserError, match=message):
        asked.run()
    assert not asked.results.exists(), "nothing is left behind"
