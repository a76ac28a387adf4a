"""Runs on a Ray cluster of two machines, which here are two raylets, end as runs on this machine do: bit for bit. And a
search.

Ray is in no lock: `make test-ray` makes an environment that has it.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_files import same, weights_of

cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed: make test-ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

ROOT = Path(__file__).resolve().parents[1]
ALL = False  # every model and three seeds, for an hour of patience
SEEDS = ("0", "1", "2") if ALL else ("0",)
WORDS = ("train-all", "--corpus", "./tunes", "--preset", "smoke")
LONG = (*WORDS, "--epochs", "150", "--updates", "150")  # long enough to be disturbed
HOOK = "" if ALL else 'import zoo\nzoo.names = lambda: ["melody_lstm", "rnn_nade"]\n'


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    folder = tmp_path_factory.mktemp("setting")
    (folder / "sitecustomize.py").write_text(HOOK)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


@pytest.fixture(scope="module")
def cluster():
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield cluster
    cluster.shutdown()


@pytest.fixture
def two(cluster):
    """The cluster with a second machine, which a test may take away."""
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield node
    if node in cluster.list_all_nodes():
        cluster.remove_node(node)


@pytest.fixture(scope="module")
def local(tunes, setting, tmp_path_factory):
    """Run folders as this machine makes them, by the words of the command."""
    known = {}

    def reports(words):
        if words not in known:
            folder = tmp_path_factory.mktemp("local")
            (folder / "tunes").symlink_to(tunes)
            for seed in SEEDS:
                command = [sys.executable, "-m", "zoo", *words, "--seed", seed]
                subprocess.run(command, cwd=folder, env=setting, check=True, capture_output=True)
            known[words] = folder / "reports"
        return known[words]

    return reports


@pytest.fixture
def begin(tunes, setting, tmp_path, cluster):
    """Start the same command on the cluster; its words go to `log`."""
    (tmp_path / "tunes").symlink_to(tunes)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background is born deaf to it

    def started(words, seed="0"):
        command = [sys.executable, "-m", "zoo", *words, "--seed", seed, "--engine", "ray", "--address", cluster.address]
        with open(tmp_path / "log", "ab") as log:
            return subprocess.Popen(command, cwd=tmp_path, env=setting, stdout=log, stderr=log)

    yield started
    signal.signal(signal.SIGINT, before)


def trained(reports):
    """Of every finished run the weights and the samples."""
    runs = {path.parent.relative_to(reports): path.parent for path in reports.glob("tunes/runs/*/*/metrics.json")}
    samples = {name: [file.read_bytes() for file in sorted(run.glob("samples/*.mid"))] for name, run in runs.items()}
    return {name: (weights_of(run / "model.weights.h5"), samples[name]) for name, run in runs.items()}


def assert_same(reports, expected):
    ours, theirs = trained(reports), trained(expected)
    assert ours.keys() == theirs.keys() and len(theirs) >= 2
    for run, (weights, samples) in ours.items():
        assert samples == theirs[run][1], run
        assert same(weights, theirs[run][0]), run
    left = [path for path in reports.rglob("*") if path.name.startswith(".zoo") or path.name == "state.npz"]
    assert left == []


def processes():
    """The trainings of all workers: numbers of the process and of its worker."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words, facts = (place / "cmdline").read_text().split("\0"), (place / "stat").read_text()
        except OSError:
            continue
        if "-c" in words and "train" in words and "music/tunes/" in words:
            yield int(place.name), int(facts.rpartition(") ")[2].split()[1])


def first_training(caller):
    """Wait until an epoch of some run is told."""
    until = time.monotonic() + 120
    log = lambda: Path("log").read_text()  # noqa: E731
    while " epoch " not in log() and time.monotonic() < until and caller.poll() is None:
        time.sleep(0.2)
    assert caller.poll() is None, log()
    return next(processes())


def test_the_same_bits_and_a_second_call_trains_nothing(two, begin, local, tmp_path):
    for seed in SEEDS:
        assert begin(WORDS, seed).wait(900) == 0, (tmp_path / "log").read_text()
    assert_same(tmp_path / "reports", local(WORDS))
    assert begin(WORDS).wait(120) == 0
    assert (tmp_path / "log").read_text().count("done before") == len(trained(tmp_path / "reports")) / len(SEEDS)


@pytest.mark.parametrize("what", ["process", "worker", "machine"])
def test_what_is_lost_is_trained_elsewhere(cluster, two, begin, local, tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    caller = begin(LONG)
    process, worker = first_training(caller)
    if what == "machine":
        cluster.remove_node(two)
    else:
        os.kill({"process": process, "worker": worker}[what], signal.SIGKILL)
        time.sleep(2)
        assert process not in dict(processes()), "it ends with its worker"
    assert caller.wait(300) == 0, Path("log").read_text()
    assert "lost" in Path("log").read_text()
    assert_same(tmp_path / "reports", local(LONG))


def test_an_interrupted_caller_leaves_no_process_and_goes_on(two, begin, local, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    caller = begin(LONG)
    first_training(caller)
    caller.send_signal(signal.SIGINT)
    assert caller.wait(60) == 130 and "interrupted" in Path("log").read_text()
    until = time.monotonic() + 30
    while (left := list(processes())) and time.monotonic() < until:
        time.sleep(0.5)
    assert not left
    assert begin(LONG).wait(300) == 0, Path("log").read_text()
    assert_same(tmp_path / "reports", local(LONG))


TINY = '''"""One GRU over monophonic lines."""
from dataclasses import dataclass
from typing import ClassVar
import keras
from zoo import MelodyCodec, SymbolInput, SymbolModel, option
from zoo.training.hyperparameters import among
@dataclass(kw_only=True)
class TinyGRU(SymbolModel):
    """It."""
    units: int = option(8, "units of the GRU", low=1, search=among(4, 8, 32))
    presets: ClassVar = {"tuned": dict(epochs=6, learning_rate=1e-3, chunk=32, batch=8)}
    def make_codec(self):
        return MelodyCodec(steps_per_beat=self.steps_per_beat)
    def layers(self, size):
        gru = keras.layers.GRU(self.units, return_sequences=True)
        return [SymbolInput(size, "one-hot", clock=self.clock), gru, keras.layers.Dense(size)]
'''


def test_a_search_goes_on_and_its_best_setting_trains_to_what_it_found(setting, tunes, tmp_path):
    (tmp_path / "tunes").symlink_to(tunes)
    (tmp_path / "tiny_gru.py").write_text(TINY)
    environment = setting | {"ZOO_MODELS": "./tiny_gru.py"}
    environment["PYTHONPATH"] = str(ROOT)

    def zoo(*words):
        command = [sys.executable, "-m", "zoo", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    words = ("search", "tiny_gru", "--corpora", "./tunes")
    zoo(*words, "--trials", 3)
    (path,) = tmp_path.glob("reports/searches/tiny_gru-*/trials.json")
    before = json.loads(path.read_text())
    again = zoo(*words, "--trials", 4)
    trials = json.loads(path.read_text())
    assert len(before) == 3 and trials[:3] == before and len(trials) == 4 and "trial 1 of" not in again.stderr
    assert trials[0]["objective"] == 1 and trials[0]["setting"] == {}
    finished = [trial for trial in trials if trial["state"] == "finished"]
    best = min(finished, key=lambda trial: trial["objective"])
    assert best["objective"] == best["nats"]["tunes"] / trials[0]["nats"]["tunes"] <= 1
    run = zoo("train", "tiny_gru", "--corpus", "./tunes", "--preset", path.with_name("best.json")).stdout.strip()
    with open(tmp_path / run / "history.csv") as file:
        assert min(float(row["val_nats_per_beat"]) for row in csv.DictReader(file)) == best["nats"]["tunes"]
