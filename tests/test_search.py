"""The search: where it looks, what it leaves. What Ray Tune and Optuna do of it is in test_ray.py."""

import csv
import os

import pytest

import zoo
from zoo.search import outcome
from zoo.search.fitting import WHOLE, Work, fit
from zoo.search.searching import Search
from zoo.search.space import as_word, point, searched
from zoo.search.trials import FAILED, FINISHED, STOPPED, Trial, best, judged, mean_ratio, read_trials, write_trials
from zoo.training import hyperparameters, preset_files
from zoo.training.hyperparameters import Range


@pytest.mark.parametrize("name", zoo.names())
def test_every_end_of_every_range_is_allowed_and_leaves_the_representation(name):
    model = zoo.find(name)
    ends = {
        key: (where.low, where.high) if isinstance(where, Range) else where for key, where in searched(model).items()
    }
    assert ends.keys() >= {"learning_rate", "batch", "weight_decay"}
    assert not ends.keys() & set(hyperparameters.of_part(model, "representation"))
    tuned = zoo.create(name, "tuned")
    for key, values in ends.items():
        for value in values:
            assert as_word(getattr(zoo.create(name, "tuned", **{key: as_word(value)}), key)) == as_word(value)
    assert point(model, model.presets["tuned"]) == {key: as_word(getattr(tuned, key)) for key in ends}


def test_a_setting_outside_of_the_ranges_is_no_point():
    model = zoo.find("melody_lstm")
    inside = model.presets["tuned"]
    assert point(model, inside | {"learning_rate": None}) is None
    assert point(model, inside | {"dropout": 0.7}) is None and point(model, inside | {"units": (7,)}) is None


def test_the_objective_is_the_mean_over_corpora_of_what_tuned_needs():
    assert mean_ratio({"a": 3.0, "b": 30.0}, {"a": 4.0, "b": 20.0}) == (0.75 + 1.5) / 2
    assert mean_ratio({"a": 3.0}, {"a": 4.0, "b": 20.0}) == 0.75, "a trial on its way"
    assert judged(Trial(nats={"a": 2.0}), {"a": 4.0}).objective == 0.5


def trial(objective, state=FINISHED, **setting):
    return Trial(setting, state, objective, {"tunes": 5 * objective}, epochs=3, seconds=1.5)


TRIALS = [
    trial(1.0),
    trial(0.7, STOPPED, learning_rate=2e-3, units="128,128"),
    trial(0.9, learning_rate=3e-3, units="64"),
    Trial({"units": "64"}, FAILED, error="MemoryError"),
    trial(0.9, learning_rate=4e-3, units="96"),
]


def test_the_best_is_a_finished_one_and_the_first_of_its_kind():
    assert best(TRIALS) is TRIALS[2] and best(TRIALS[:2]) is TRIALS[0]


def test_what_is_left_can_be_read(corpus, tmp_path):
    search = Search("melody_lstm", [corpus], 0, tmp_path)
    write_trials(search.record, TRIALS)
    assert read_trials(search.record) == TRIALS and search.run(len(TRIALS)) == TRIALS  # done: needs no Ray
    path = outcome.write_outcome(search, TRIALS)
    chosen, tuned = zoo.create("melody_lstm", str(path)), zoo.create("melody_lstm", "tuned")
    assert (chosen.learning_rate, chosen.units) == (3e-3, (64,))
    changed = {name for name in hyperparameters.options(type(tuned)) if getattr(chosen, name) != getattr(tuned, name)}
    assert changed == {"learning_rate", "units"} and preset_files.read(path).hyperparameters["units"] == [64]
    with open(search.folder / "trials.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["objective"] for row in rows] == ["1.0", "0.7", "0.9", "", "0.9"] and rows[3]["error"] == "MemoryError"
    assert rows[0]["learning_rate"] == str(tuned.learning_rate) and rows[0]["nats_per_beat tunes"] == "5.0"
    text = (search.folder / "trials.md").read_text()
    assert "The best is trial 2, 0.9000" in text and "learning_rate" in (search.folder / "trials.svg").read_text()


def test_another_corpus_or_seed_is_another_search(corpus, tmp_path):
    folders = {Search("melody_lstm", [corpus], seed, tmp_path).folder for seed in (0, 1)}
    folders |= {Search(name, [corpus], 0, tmp_path).folder for name in ("melody_lstm", "note_lstm")}
    assert len(folders) == 3


def test_a_trial_trains_tuned_with_its_setting_on_each_corpus(corpus, instant, monkeypatch, tmp_path):
    from zoo.experiments.ray_engine import pack_corpus

    monkeypatch.setattr(os, "environ", os.environ.copy())
    told, files = [], pack_corpus(corpus)
    work = Work("melody_lstm", 0, {"one": files, "two": files}, True, {}, {})
    done = fit(work, {"epochs": 2, "updates": 0, "units": "8"}, told.append)
    assert [standing.part for standing in told] == [24, 49, 74, 99, WHOLE]
    assert [list(standing.trial.nats) for standing in told] == [["one"]] * 2 + [["one", "two"]] * 3
    assert (
        told[-1].trial
        == done
        == Trial(
            {"epochs": 2, "updates": 0, "units": "8"}, FINISHED, nats={"one": 4.25, "two": 4.25}, epochs=4, seconds=3.0
        )
    )
