import dataclasses
import json
import os
import shutil
import subprocess
import sys

import filelock
import keras
import numpy as np
import pretty_midi
import pytest
from run_files import history_of, interrupt, read

import zoo
from zoo import UserError
from zoo.experiments import measuring
from zoo.experiments.description import ComparisonStep, Description
from zoo.experiments.job import Job
from zoo.experiments.run_folder import RunFolder
from zoo.report import load_runs

QUICK = "note_lstm"  # the model for what concerns them all
FILES = {"model.json", "model.weights.h5", "history.csv", "metrics.json", "samples", "real"}


def snapshot(folder):
    """Every file below `folder`, the lock apart, with its content and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# What is in a run folder.


@pytest.mark.parametrize("name", zoo.names())
def test_a_run_folder_is_what_the_report_reads(studio, corpus, name):
    run, epochs = studio / "reports/tunes/runs" / name / "smoke-seed0", zoo.create(name, "smoke").epochs
    assert {path.name for path in run.iterdir()} == FILES | {"checkpoints", ".lock"}
    (told,) = [told for told in load_runs(run.parents[2]) if told.model == name]
    assert (told.status, told.error, told.epochs, len(told.samples)) == ("finished", "", epochs, 10)
    assert told.results.skill() is not None and told.results.parameters > 100
    assert all(told.history[key] and None not in told.history[key] for key in told.history)

    described = read(run / "model.json")
    assert described["overrides"] == {} and described["message"] == "first try" and described["weights"] is None
    assert (described["model"], described["preset"], described["seed"]) == (name, "smoke", 0)
    assert described["corpus"] == {"name": "tunes", "digest": corpus.digest}
    assert described["hyperparameters"]["epochs"] == epochs
    assert read(run.parents[2] / "corpus.json")["digest"] == corpus.digest

    history = history_of(run)
    columns = ["epoch", "seconds", "loss", "val_loss", "val_nats_per_beat", "val_accuracy", "learning_rate"]
    assert set(columns) <= history[0].keys() and [row["epoch"] for row in history] == [*range(1, epochs + 1)]
    assert 0 < history[0]["seconds"] < history[1]["seconds"]

    metrics = read(run / "metrics.json")
    nats = [row["val_nats_per_beat"] for row in history]
    assert metrics["epochs"] == epochs and metrics["best_epoch"] == 1 + nats.index(min(nats))
    assert metrics["seconds"] == history[-1]["seconds"]
    assert metrics["seconds_to_best"] == history[metrics["best_epoch"] - 1]["seconds"]
    assert metrics["about"].startswith(zoo.find(name).about()[:20]) and metrics["peak_memory_mb"] > 100
    assert metrics["parameters"] == sum(row["parameters"] for row in metrics["network"])
    assert metrics["sampling"]["songs"] / metrics["sampling"]["seconds"] == metrics["sampling"]["songs_per_second"]
    assert metrics["order0"].keys() == metrics["scores"].keys() == {"valid", "test"}
    assert metrics["environment"]["keras"] == keras.__version__
    written = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    assert max(written, key=written.get) == run / "metrics.json", "it says that the run is finished, so it comes last"


@pytest.mark.parametrize("name", zoo.names())
def test_samples_are_ten_midi_files_that_others_can_read(studio, name):
    found = sorted((studio / "reports/tunes/runs" / name / "smoke-seed0/samples").iterdir())
    assert [path.name for path in found] == [f"{name}-{number:02d}.mid" for number in range(1, 11)]
    notes = 0
    for path in found:
        midi = pretty_midi.PrettyMIDI(str(path))
        assert midi.get_end_time() <= 64 * 60 / 120 + 1e-6
        notes += sum(len(instrument.notes) for instrument in midi.instruments)
    assert notes > 20


@pytest.mark.parametrize("name", zoo.names())
def test_real_music_lies_beside_the_samples_as_the_model_hears_it(studio, corpus, name):
    run = studio / "reports/tunes/runs" / name / "smoke-seed0"
    names, test = read(run / "metrics.json")["real"], {song.name: song for song in corpus.test}
    assert 1 <= len(names) <= 5 and set(names) <= set(test)
    for number, title in enumerate(names, 1):
        heard = zoo.read_midi(run / "real" / f"real-{number}.mid")
        assert len(heard) and heard.beats <= 64 and set(heard.pitch % 12) <= set(test[title].pitch % 12)


@pytest.mark.parametrize("name", ["melody_lstm", "rnn_rbm"])
def test_the_figures_and_samples_are_those_of_the_weights_in_the_folder(studio, corpus, tmp_path, name):
    run = studio / "reports/tunes/runs" / name / "smoke-seed0"
    model, metrics = zoo.load(run), read(run / "metrics.json")
    for side, songs, thorough in (("valid", corpus.valid, False), ("test", corpus.test, True)):
        score = json.loads(json.dumps(dataclasses.asdict(model.score(songs, thorough))))
        assert metrics["scores"][side].pop("seconds") > 0
        assert score == metrics["scores"][side]
    for song in model.sample(10, beats=64, seed=0):
        zoo.write_midi(song, tmp_path / f"{song.name}.mid")
        assert (tmp_path / f"{song.name}.mid").read_bytes() == (run / "samples" / f"{song.name}.mid").read_bytes()


def test_checkpoints(studio, job, instant):
    run = studio / "reports/tunes/runs/melody_lstm/smoke-seed0"
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["epoch-00001.weights.h5", "epoch-00002.weights.h5"]
    best = read(run / "metrics.json")["best_epoch"]
    for epoch in (1, 2):
        weights = zoo.load(run, epoch=epoch).network.get_weights()
        equal = all(map(np.array_equal, weights, zoo.load(run).network.get_weights()))
        assert equal == (epoch == best)
    with pytest.raises(UserError, match=r"checkpoints/epoch-00007.weights.h5 is missing"):
        zoo.load(run, epoch=7)
    run = job(overrides={"epochs": 5}, checkpoint_every=2).run()
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["epoch-00002.weights.h5", "epoch-00004.weights.h5"]


def test_the_best_weights_are_kept_not_the_last(job, unmeasured, monkeypatch):
    asked = job(overrides={"epochs": 3}, checkpoint_every=1)
    evaluate, figures = asked.model.evaluate, iter((300.0, 100.0, 200.0))
    worse = lambda *args, **kwargs: dataclasses.replace(evaluate(*args, **kwargs), nats=next(figures))  # noqa: E731
    monkeypatch.setattr(asked.model, "evaluate", worse)
    run = asked.run()
    kept = [zoo.load(run, epoch=epoch).network.get_weights() for epoch in (1, 2, 3)]
    equal = [all(map(np.array_equal, weights, zoo.load(run).network.get_weights())) for weights in kept]
    assert equal == [False, True, False]


def test_without_a_wish_no_checkpoints_and_no_events(job, instant):
    run = job(overrides={"epochs": 1}).run()
    assert {path.name for path in run.iterdir()} == FILES - {"samples", "real"} | {".lock"}


def test_tensorboard_events_lie_in_the_run_folder(job, instant, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    monkeypatch.chdir(tmp_path)
    run = job(tensorboard=True).run()
    events = list(tmp_path.rglob("*tfevents*"))
    assert events and all(run / "tensorboard" in path.parents for path in events)
    assert {path.name for path in tmp_path.iterdir()} == {"tunes"}
    found = {}
    for path in events:
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                numbers = np.frombuffer(value.tensor.tensor_content, np.float32)
                found[path.parent.name, value.tag, event.step] = numbers
    history = history_of(run)
    for row in history:
        (loss,) = found["train", "epoch_loss", int(row["epoch"])]
        (nats,) = found["validation", "epoch_nats_per_beat", int(row["epoch"])]
        assert (loss, nats) == pytest.approx((row["loss"], row["val_nats_per_beat"]))


# When it is trained.


def test_what_is_done_is_not_trained_again(studio, corpus, monkeypatch, capsys):
    monkeypatch.setattr(zoo.find(QUICK), "fit", lambda *args, **kwargs: pytest.fail("trained again"))
    before = snapshot(studio / "reports")
    done = Job(model=zoo.create(QUICK, "smoke"), corpus=corpus, results=studio / "reports/tunes")
    assert done.state() == "done"
    assert done.run() == done.folder == studio / "reports/tunes/runs" / QUICK / "smoke-seed0"
    assert snapshot(studio / "reports") == before
    assert "done before" in capsys.readouterr().err


def test_what_a_killed_process_left_of_a_finished_run_is_removed(job, instant):
    run = RunFolder(job().run())
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    for process in (dead.stdout.strip(), os.getpid()):
        (run.path / f".zoo-{process}.model.weights.h5").touch()
    job().run()
    assert [path.name for path in run.path.glob(".zoo-*")] == [f".zoo-{os.getpid()}.model.weights.h5"]


def test_neither_message_nor_checkpoints_make_another_run(studio, corpus):
    asked = Job(zoo.create(QUICK, "smoke"), corpus, studio / "reports/tunes", message="hm", checkpoint_every=3)
    assert asked.state() == "done"


def test_a_run_that_was_trained_before_may_become_a_step_between_presets(job, instant):
    run = RunFolder(job().run())
    assert run.read_description()["comparison"] is None
    job(comparison=ComparisonStep(training_of="tuned")).run()
    job().run()  # it stays one
    described = Description.from_json(run.read_description())
    assert described.comparison == ComparisonStep(training_of="tuned") and job().state() == "done"
    assert zoo.load(run.path).model_name() == QUICK


def test_a_run_of_a_changed_corpus_is_trained_anew(job, corpus, instant, capsys):
    run = job(checkpoint_every=1, tensorboard=True).run()
    for name in ("samples/old.mid", "error.txt", "state.npz"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("of the old run")
    before = snapshot(run)

    changed = dataclasses.replace(corpus, train=corpus.train[1:], digest="f" * 64)
    anew = job(corpus=changed, overrides={})
    assert anew.state() == "stale"
    assert anew.run() == run
    assert anew.state() == "done" and job().state() == "stale"
    assert "trained anew" in capsys.readouterr().err
    after = snapshot(run)
    assert {path.as_posix() for path in after} == FILES - {"samples", "real"}
    assert all(before[path] != after[path] for path in after)
    assert read(run / "model.json")["corpus"]["digest"] == "f" * 64


def test_a_changed_preset_seed_or_hyperparameter_is_another_folder(job, instant):
    names = [
        job().folder.name,
        job(seed=3).folder.name,
        job(overrides={"units": (8,)}).folder.name,
        job(overrides={"units": (8,), "dense": 4}).folder.name,
    ]
    assert names == ["smoke-seed0", "smoke-seed3", "smoke-seed0-units=8", "smoke-seed0-dense=4-units=8"]
    first, second = job(overrides={"epochs": 1}).run(), job(overrides={"epochs": 1, "dense": 4}).run()
    assert first != second
    assert job(overrides={"epochs": 1}).state() == job(overrides={"epochs": 1, "dense": 4}).state() == "done"
    assert read(second / "model.json")["overrides"] == {"epochs": 1, "dense": 4}


def test_other_hyperparameters_behind_the_same_name_are_stale(job, instant):
    """A preset that was changed in the code."""
    run = job(overrides={"epochs": 1}).run()
    described = read(run / "model.json")
    described["hyperparameters"]["dense"] = 5
    (run / "model.json").write_text(json.dumps(described))
    assert job(overrides={"epochs": 1}).state() == "stale"


def test_what_an_earlier_version_did_not_measure_is_measured_and_nothing_else(studio, corpus, tmp_path, monkeypatch):
    made = studio / "reports/tunes/runs/note_lstm/smoke-seed0"
    run = shutil.copytree(made, tmp_path / "tunes/runs/note_lstm/smoke-seed0")
    whole = read(run / "metrics.json")
    (run / "metrics.json").write_text(json.dumps({key: value for key, value in whole.items() if key != "canonical"}))
    asked = Job(zoo.create("note_lstm", "smoke"), corpus, tmp_path / "tunes")
    assert asked.state() == "trained" and list(asked.missing()) == ["canonical"]
    for name in ("fit", "sample", "score"):
        monkeypatch.setattr(asked.model, name, lambda *args, **kwargs: pytest.fail("more than that"))
    asked.run()
    assert asked.state() == "done" and read(run / "metrics.json") == whole
    assert whole["canonical"]["pieces"] and len(whole["canonical"]["baselines"]["ngram"]) == len(corpus.test)


def test_measured_in_another_way_is_measured_anew_but_not_trained_again(studio, corpus, tmp_path, monkeypatch, capsys):
    made = studio / "reports/tunes/runs/rnn_rbm/smoke-seed0"
    run = shutil.copytree(made, tmp_path / "tunes/runs/rnn_rbm/smoke-seed0")
    described, before = read(run / "model.json"), read(run / "metrics.json")
    described["hyperparameters"] |= {"anneal_steps": 7, "anneal_chains": 5}
    (run / "model.json").write_text(json.dumps(described))
    before["scores"]["test"]["nats"] = before["seconds"] = 12345.0
    (run / "metrics.json").write_text(json.dumps(before))
    (run / "samples/rnn_rbm-01.mid").write_bytes(b"")

    asked = Job(zoo.create("rnn_rbm", "smoke"), corpus, tmp_path / "tunes")
    assert asked.state() == "trained"
    monkeypatch.setattr(asked.model, "fit", lambda *args, **kwargs: pytest.fail("trained again"))
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(measuring, "Measurement", lambda *args: (_ for _ in ()).throw(OSError("disk")))
        asked.run()
    assert asked.state() == "trained" and read(run / "metrics.json") == before and (run / "error.txt").exists()
    assert asked.run() == run and asked.state() == "done" and not (run / "error.txt").exists()
    assert "trained before, measured in another way: measured anew" in capsys.readouterr().err
    after, expected = read(run / "metrics.json"), read(made / "metrics.json")
    for part in (after, expected):
        part.pop("sampling")
        assert all(score.pop("seconds") > 0 for score in part["scores"].values())
    assert after.pop("seconds") == 12345 != expected.pop("seconds") and after == expected
    assert read(run / "model.json")["hyperparameters"] == read(made / "model.json")["hyperparameters"]
    assert read(run / "model.json")["message"] == "first try"
    for name in ("history.csv", "samples/rnn_rbm-01.mid"):
        assert (run / name).read_bytes() == (made / name).read_bytes()
    weights = zoo.load(run).network.get_weights()
    assert all(map(np.array_equal, weights, zoo.load(made).network.get_weights()))


def test_an_interrupted_training_goes_on_however_it_will_be_measured(job, unmeasured, monkeypatch):
    first = job("rnn_rbm", overrides={"epochs": 2})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 1)
        first.run()
    described = read(first.folder / "model.json")
    described["hyperparameters"]["anneal_steps"] = 7
    (first.folder / "model.json").write_text(json.dumps(described))
    again = job("rnn_rbm", overrides={"epochs": 2})
    again.model.anneal_steps = 9
    assert again.state() == "resume"
    assert [row["epoch"] for row in history_of(again.run())] == [1, 2]
    described["hyperparameters"]["hidden"] += 1
    (first.folder / "model.json").write_text(json.dumps(described))
    assert again.state() == "stale"


# What goes wrong.


@pytest.mark.parametrize("error", [RuntimeError("boom"), UserError("the music is too loud; play it softly.")])
def test_a_failure_is_kept_until_a_success(job, instant, monkeypatch, error):
    asked = job(overrides={"epochs": 1})
    with monkeypatch.context() as patch:
        patch.setattr(asked.model, "fit", lambda *args, **kwargs: (_ for _ in ()).throw(error))
        with pytest.raises(type(error)) as raised:
            asked.run()
    assert raised.value is error
    told = (asked.folder / "error.txt").read_text()
    if isinstance(error, UserError):
        assert told == "the music is too loud; play it softly.\n"
    else:
        assert told.startswith("Traceback") and told.endswith("RuntimeError: boom\n")
    (found,) = load_runs(asked.results)
    assert (found.status, found.reason) == ("failed", told.splitlines()[-1])
    assert not (asked.folder / "metrics.json").exists()
    job(overrides={"epochs": 1}).run()
    assert not (asked.folder / "error.txt").exists()
    assert load_runs(asked.results)[0].status == "finished"


def test_an_interruption_is_no_failure(job, monkeypatch):
    interrupt(monkeypatch, epoch=0)
    with pytest.raises(KeyboardInterrupt):
        job().run()
    assert not (job().folder / "error.txt").exists()
    assert job().state() == "new", "there is no finished epoch to go on from"
    assert load_runs(job().results)[0].status == "unfinished"


def test_two_at_once(job, instant):
    asked = job(overrides={"epochs": 1})
    asked.folder.mkdir(parents=True)
    with (
        filelock.FileLock(asked.folder / ".lock"),
        pytest.raises(UserError, match=r"^another process is training .*smoke-seed0-epochs=1; wait for it, or stop it"),
    ):
        asked.run()
    assert snapshot(asked.folder) == {}, "the other's folder is left alone"
    assert (asked.run() / "metrics.json").exists()


def test_a_file_in_the_way(job, tmp_path):
    (tmp_path / "tunes").write_text("I was here first")
    with pytest.raises(
        UserError, match=r"^cannot write to .*tunes/runs/.*: Not a directory; free some space or choose"
    ):
        job().run()


def test_a_loss_that_is_no_number(job):
    asked = job("rnn_rbm", overrides={"learning_rate": 1e3, "optimizer": "sgd", "epochs": 300})
    with pytest.raises(UserError, match=r"^the \w+ became .* in epoch \d+; try a smaller learning_rate or") as raised:
        asked.run()
    assert (asked.folder / "error.txt").read_text() == f"{raised.value}\n"
    assert not (asked.folder / "metrics.json").exists()


def test_a_validation_figure_that_is_no_number(job, monkeypatch):
    asked = job(overrides={"epochs": 1})
    evaluate = asked.model.evaluate
    lost = lambda *args, **kwargs: dataclasses.replace(evaluate(*args, **kwargs), nats=float("nan"))  # noqa: E731
    monkeypatch.setattr(asked.model, "evaluate", lost)
    with pytest.raises(UserError, match=r"^the val_nats_per_beat became nan in epoch 1; try a smaller"):
        asked.run()
