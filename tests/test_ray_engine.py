"""The engine of many machines without Ray: what a worker does, and what is done with its messages."""

import contextlib
import os
import sys
from types import SimpleNamespace

import pytest
from run_files import same, weights_of

from zoo._files import write_parcel
from zoo.experiments import ray_engine, worker
from zoo.experiments.engine import BUSY
from zoo.experiments.ray_engine import corpus_there, models_there, on_cluster, pack_corpus
from zoo.experiments.worker import Begun, Ended, Reached, Said, Shown


class Lost(Exception):
    """A machine is."""


class Ray:
    """As much of Ray as the engine needs, in this process; `tasks` has what was sent."""

    exceptions = SimpleNamespace(RayError=Lost, RayTaskError=ZeroDivisionError, RuntimeEnvSetupError=OSError)

    def __init__(self):
        self.tasks = []

    def put(self, value):
        return value

    def remote(self, **options):
        assert options == {"num_cpus": 1, "max_retries": 0, "num_returns": "streaming"}

        def taken(function):
            def send(*arguments):
                self.tasks.append(arguments)
                return iter([lambda m=m: m for m in function(*arguments)])

            return SimpleNamespace(remote=send)

        return taken

    def wait(self, waiting, timeout):
        return waiting[:1], waiting[1:]

    def get(self, reference):
        message = reference()
        if isinstance(message, Exception):
            raise message
        return message

    def cancel(self, messages):
        self.cancelled = True


@pytest.fixture
def ray(monkeypatch):
    ray = Ray()
    monkeypatch.setattr(ray_engine, "connected", lambda address: contextlib.nullcontext(ray))
    return ray


@pytest.fixture
def scripted(monkeypatch):
    """Workers that say what they are told to, one list of messages for each that is sent."""

    def script(*lives):
        lives = iter(lives)
        monkeypatch.setattr(worker, "train", lambda *arguments: next(lives))

    return script


def given(job):
    words = ["python", "-m", "zoo", "train", "note_lstm", "--preset", "smoke"]
    return [(job, job.title, [*words, f"--corpus={corpus_there(job.corpus)}", f"--out={worker.REPORTS}"])]


def files(job, **more):
    """A run folder of this identity."""
    job.run_folder.write_description(job.identity())
    parcel = job.run_folder.to_parcel()
    job.run_folder.description.unlink()
    return parcel | {name.replace("_", "."): content for name, content in more.items()}


def test_what_comes_back_lies_where_a_local_run_lies(ray, scripted, job, capsys):
    job = job()
    whole = files(job, model_weights_h5=b"w", metrics_json=b"{}")
    scripted([Begun(), Shown(0.5, "half"), Said("epoch 1\n"), Reached(files(job, state_npz=b"s")), Ended(0, whole)])
    assert list(on_cluster(given(job))) == [(job, 0)]
    assert {path.name for path in job.folder.iterdir()} == {"model.json", "model.weights.h5", "metrics.json", ".lock"}
    assert (job.results / "corpus.json").is_file()
    told = capsys.readouterr()
    assert told.out == f"{job.folder}\n" and told.err == "epoch 1\n"


@pytest.mark.parametrize("end", [[Lost()], [Ended(-9, {})], []], ids=["machine", "killed", "silence"])
def test_a_lost_run_goes_on_from_what_came_back(ray, scripted, job, end):
    job = job()
    first = [Begun(), Reached(files(job, state_npz=b"s")), *end]
    scripted(first, [Begun(), Ended(0, files(job, metrics_json=b"{}"))])
    assert list(on_cluster(given(job))) == [(job, 0)]
    assert [task[-1].get("state.npz") for task in ray.tasks] == [None, b"s"]
    assert ray.tasks[0][0].words[:2] == ["train", "note_lstm"]


def test_who_is_lost_again_and_again_is_given_up(ray, scripted, job, capsys):
    scripted(*[[Begun(), Lost()]] * ray_engine.TRIES)
    assert [code for _, code in on_cluster(given(job()))] == [1]
    assert len(ray.tasks) == ray_engine.TRIES and "lost 4 times" in capsys.readouterr().err


def test_another_process_at_the_run_is_left_alone(ray, scripted, job, capsys):
    job = job()
    scripted([Begun(), Ended(0, files(job, metrics_json=b"{}"))])
    with job.run_folder.locked():
        assert list(on_cluster(given(job))) == [(job, BUSY)]
    assert ray.cancelled and not job.run_folder.metrics.exists()
    assert "another process is training" in capsys.readouterr().err


def test_a_model_from_outside_travels(monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text("x = 1")
    monkeypatch.setenv("ZOO_MODELS", f"{tmp_path / 'mine.py'}:package.other")
    parcel, variables = models_there()
    assert parcel == {"models/mine.py": b"x = 1"}
    assert variables["ZOO_MODELS"] == "models/mine.py:package.other"


def test_without_ray_one_sentence_says_how_to_have_it(copy, say, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ("train-all", "--corpus", "./tunes", "--preset", "smoke", "--seed", "9", "--engine", "ray")
    done = say(*words)
    assert done.code == 2
    assert done.err == "zoo: this needs Ray, which is not installed: pip install 'music-rnn-zoo[ray]'.\n"
    assert say(*words[:-1], "local", "--address", "auto").code == 2
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(exceptions=Ray.exceptions))
    nobody = say(*words, "--address", "127.0.0.1:1")
    assert nobody.code == 2 and "there is no Ray cluster at --address 127.0.0.1:1" in nobody.err
    client = say(*words, "--address", "ray://head:10001")
    assert client.code == 2 and "--address ray://head:10001 cannot be used" in client.err


STUBBORN = """
import os, signal, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.SIG_IGN)
run = Path("reports/tunes/runs/melody_lstm/one")
run.mkdir(parents=True, exist_ok=True)
(run / "error.txt").write_text(str(os.getpid()))
(run / "state.npz").touch()
time.sleep(60)
"""


def test_a_process_that_ignores_an_interrupt_is_gone_when_its_folder_goes(monkeypatch):
    monkeypatch.setattr(worker, "PROGRAM", STUBBORN)
    monkeypatch.setattr(worker, "SENT_EVERY", 0.0)
    monkeypatch.setattr(worker, "PATIENCE", 0.0)
    task = worker.Task([], "tunes", "melody_lstm", "one", {}, 1)
    with contextlib.closing(worker.train(task, {}, {}, {})) as messages:
        reached = next(message for message in messages if isinstance(message, Reached))
    with pytest.raises(ProcessLookupError):  # a zombie would still be there
        os.kill(int(reached.files["error.txt"]), 0)


@pytest.mark.slow
def test_a_worker_goes_on_elsewhere_with_the_same_bits(job, monkeypatch, tmp_path):
    """In a process of its own, in a folder of its own, of which nothing stays."""
    monkeypatch.setattr(worker, "SENT_EVERY", 0.0)
    mine = job("melody_lstm", overrides={"epochs": 40})
    run = mine.run_folder
    words = ["train", run.model, "--preset", "smoke", "--epochs", "40", "--corpus", corpus_there(mine.corpus)]
    task = worker.Task([*words, "--out", worker.REPORTS], mine.corpus.name, run.model, run.name, {}, 1)
    music = pack_corpus(mine.corpus)

    def until(kind, begun):
        with contextlib.closing(worker.train(task, music, {}, begun)) as messages:
            return next(message for message in messages if isinstance(message, kind))

    half = until(Reached, {}).files
    assert "state.npz" in half and "metrics.json" not in half
    resumed, whole = until(Ended, half), until(Ended, {})
    assert (resumed.code, whole.code) == (0, 0) and resumed.files.keys() == whole.files.keys()
    weights = []
    for name, end in {"resumed": resumed, "whole": whole}.items():
        write_parcel({f"{name}.h5": end.files["model.weights.h5"]}, tmp_path)
        weights.append(weights_of(tmp_path / f"{name}.h5"))
    assert same(*weights)
