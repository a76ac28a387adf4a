"""Nothing is lost: `kill -9` at any moment, a full disk, a folder that cannot be written to, two at once.
All of it ends in the files of a run that nobody disturbed."""

import collections
import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from run_files import weights_of

ROOT = Path(__file__).resolve().parents[1]
CORPUS = "bach-chorales"
RUNS = f"reports/{CORPUS}/runs"
TRAIN = ["train-all", "--preset", "smoke", "--checkpoint-every", "1"]
ONE_BY_ONE = [*TRAIN, "--jobs", "1"]
# What differs between runs: times, memory, and the digest of the weights' file, where Keras numbers its layers.
TIMES = {"seconds", "seconds_to_best", "first_seconds", "songs_per_second", "peak_memory_mb", "weights_digest"}

# Every Python started here reads it first: a corpus of eight little scores, some of the models, and a pause before a
# file takes its place, so that one can see it.
HOOK = """
import dataclasses, os, pathlib, time, zoo
from zoo.corpora import recipes
scores = sorted(pathlib.Path(os.environ["SCORES"]).glob("*.abc"))
pieces = {path.stem: path for path in scores}
recipes.RECIPES["bach-chorales"] = recipes.Recipe("little scores", lambda: pieces, "of nobody")
if "MODELS" in os.environ:
    zoo.names = lambda: os.environ["MODELS"].split(",")
replace = os.replace
def slowly(*names):
    time.sleep(float(os.environ.get("PAUSE", 0)))
    replace(*names)
os.replace = slowly
"""


@pytest.fixture(scope="session")
def setting(tmp_path_factory):
    """Environment variables of processes that know the little corpus."""
    folder = tmp_path_factory.mktemp("setting")
    (folder / "sitecustomize.py").write_text(HOOK)
    for number in range(8):
        keys = np.random.default_rng(number).choice(list("CDEFGABc"), (8, 4))
        music = "|".join("".join(bar) for bar in keys)
        (folder / f"piece-{number}.abc").write_text(f"X:1\nT:t\nM:4/4\nL:1/4\nQ:1/4=90\nK:C\n{music}|\n")
    path = os.pathsep.join([str(folder), str(ROOT)])
    return os.environ | {"PYTHONPATH": path, "SCORES": str(folder), "MODELS": "note_lstm,rnn_dbn,rnn_nade"}


def start(folder, words, setting, **more):
    """A command in a process group of its own, its words in `log` beside the folder."""
    folder.mkdir(exist_ok=True)
    with open(folder.with_suffix(".log"), "w") as log:
        command = [sys.executable, "-m", "zoo", *words]
        return subprocess.Popen(command, cwd=folder, env=setting | more, stdout=log, stderr=log, start_new_session=True)


def said(folder):
    return folder.with_suffix(".log").read_text()


def run(folder, words, setting, **more):
    """The exit code of a command, and what it said."""
    return start(folder, words, setting, **more).wait(), said(folder)


def wait_for(folder, pattern, count, process):
    """Wait until so many files fit the pattern that were not there, or were others, before; gives one."""
    before = written(folder, pattern)
    while len(found := written(folder, pattern) - before) < count:
        assert process.poll() is None, f"it ended before there was {pattern}: {said(folder)}"
        time.sleep(0.002)
    return found.pop()[0]


def written(folder, pattern):
    """(path, when it was written) of the files that fit the pattern."""
    found = set()
    for path in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # it has taken its place
            found.add((path, path.stat().st_mtime_ns))
    return found


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items() if key not in TIMES}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def content(path):
    """What is in a file, but for the time that it took."""
    if path.suffix == ".h5":
        return {key: array.tobytes() for key, array in weights_of(path).items()}
    if path.suffix == ".csv":
        return without_times(list(csv.DictReader(path.read_text().splitlines())))
    return without_times(json.loads(path.read_text())) if path.suffix == ".json" else path.read_bytes()


def contents(folder):
    """Every file of a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix(): content(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def whole(setting, tmp_path_factory):
    """The folder of a training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "here"
    code, told = run(folder, TRAIN, setting)
    assert code == 0, told
    assert len(list(folder.glob(f"{RUNS}/*/smoke-seed0/metrics.json"))) == 3
    return folder


def report_of(folder):
    """Every byte of the report."""
    results = folder / "reports" / CORPUS
    paths = [path for path in results.rglob("*") if path.is_file() and results / "runs" not in path.parents]
    return {path: path.read_bytes() for path in paths}


def assert_same(folder, whole, *models):
    assert contents(folder / "datasets") == contents(whole / "datasets")
    for model in models or ("note_lstm", "rnn_dbn", "rnn_nade"):
        mine, its = contents(folder / RUNS / model), contents(whole / RUNS / model)
        assert mine.keys() == its.keys()
        assert [name for name in mine if mine[name] != its[name]] == []
    assert list(folder.rglob(".zoo-*")) == [], "what killed processes left is removed"


BUILD = "datasets/.zoo-*.bach-chorales"
# A hidden file is killed before it takes its place, one that is not, right after.
STEPS = {
    "model.json": "epoch",
    ".zoo-*.history.csv": "checkpoint",
    "checkpoints/.zoo-*": "checkpoint",
    ".zoo-*.state.npz": "checkpoint",
    "state.npz": "epoch",
    "checkpoints/epoch-00002*": "checkpoint",
    ".zoo-*.model.weights.h5": "checkpoint",
    "samples/*-03.mid": "sampling",
    ".zoo-*.metrics.json": "sampling",
    "metrics.json": "sampling",
}
CHOSEN = {"note_lstm": STEPS, "rnn_dbn": list(STEPS)[::3], "rnn_nade": list(STEPS)[1::2]}
MOMENTS = [("corpus", ONE_BY_ONE, f"{BUILD}/p*.mid", 1), ("corpus", ONE_BY_ONE, f"{BUILD}/p*.mid", 5)]
MOMENTS += [("corpus", ONE_BY_ONE, f"{BUILD}/.zoo-*.recipe.json", 1)]
MOMENTS += [
    (STEPS[step], ONE_BY_ONE, f"{RUNS}/{model}/smoke-seed0/{step}", 1)
    for model, steps in CHOSEN.items()
    for step in steps
]
DRAWN = ("figures/curves-*", "samples/*/*/.zoo-*.mp3", "samples/*/*/*.mp3", "samples/.zoo-*.rendered.json")
WRITTEN = (".zoo-*.results.csv", ".zoo-*.blind.html", ".zoo-*.index.html")
MOMENTS += [("report", ["report"], f"reports/{CORPUS}/{name}", 1) for name in (*DRAWN, *WRITTEN)]


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_as_if_nothing_had_been(setting, whole, tmp_path, capsys):
    folder, survived = tmp_path / "here", collections.Counter()
    for activity, words, pattern, count in MOMENTS:
        if words == ["report"] and not survived["report"]:
            code, told = run(folder, ONE_BY_ONE, setting)
            assert code == 0, told
            assert_same(folder, whole)
        process = start(folder, words, setting, PAUSE="0.05")
        wait_for(folder, pattern, count, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path in folder.rglob(".zoo-*"):
            if path.is_file():
                os.truncate(path, path.stat().st_size // 2)
        survived[activity] += 1
    assert run(folder, ["report"], setting)[0] == 0
    assert_same(folder, whole)
    page = report_of(folder)
    for name in ("figures", "samples"):
        shutil.rmtree(folder / "reports" / CORPUS / name)
    assert run(folder, ["report"], setting)[0] == 0 and report_of(folder) == page, "the same runs, the same bytes"
    with capsys.disabled():
        print(f"\nkilled {sum(survived.values())} times: {dict(survived)}; all went on to the same bytes")


@pytest.mark.slow
def test_killed_side_by_side(setting, whole, tmp_path):
    """Models that train at the same time end as those that train one by one."""
    folder = tmp_path / "here"
    process = start(folder, TRAIN, setting, PAUSE="0.05")
    wait_for(folder, f"{RUNS}/rnn_dbn/smoke-seed0/.zoo-*.state.npz", 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    code, told = run(folder, TRAIN, setting)
    assert code == 0, told
    assert_same(folder, whole)


@pytest.mark.slow
def test_two_at_once_orphans_and_a_child_that_is_killed(setting, whole, tmp_path):
    folder, setting = tmp_path / "here", setting | {"MODELS": "note_lstm,rnn_nade"}
    first = start(folder, ONE_BY_ONE, setting, PAUSE="0.2")
    seen = wait_for(folder, f"{RUNS}/note_lstm/smoke-seed0/.zoo-*.history.csv", 1, first)
    child = int(seen.name.split("-")[1].split(".")[0])
    busy = f"zoo: another process is training {RUNS}/note_lstm/smoke-seed0; wait for it, or stop it.\n"
    with contextlib.ExitStack() as stack:
        stack.callback(os.kill, child, signal.SIGKILL)
        os.killpg(first.pid, signal.SIGSTOP)
        code, told = run(folder, ONE_BY_ONE, setting)
        assert code == 3 and told.endswith(busy)
        assert run(folder, ["report"], setting)[0] == 0, "a report while training runs"
        first.kill()
        first.wait()
        code, told = run(folder, ONE_BY_ONE, setting)
        assert code == 3 and told.endswith(busy), "the child without its parent is still at it"

    second = start(folder, ONE_BY_ONE, setting, PAUSE="0.2")  # the lock of a dead process is none
    seen = wait_for(folder, f"{RUNS}/rnn_nade/smoke-seed0/.zoo-*.history.csv", 1, second)
    os.kill(int(seen.name.split("-")[1].split(".")[0]), signal.SIGKILL)
    assert second.wait() == 1
    assert said(folder).endswith("zoo: failed: rnn_nade; error.txt in the run's folder says why.\n")
    told = (folder / RUNS / "rnn_nade/smoke-seed0/error.txt").read_text()
    assert told == "its process ended with code -9, without a word.\n"
    assert run(folder, ONE_BY_ONE, setting)[0] == 0
    assert_same(folder, whole, "note_lstm", "rnn_nade")


@pytest.mark.slow
def test_two_build_a_corpus_and_two_write_a_report_at_once(setting, whole, tmp_path):
    folder = tmp_path / "here"
    shutil.copytree(whole / "reports", folder / "reports")
    for words in (["corpus", CORPUS], ["report"]):
        ones = [start(folder, words, setting, PAUSE="0.05") for _ in range(2)]
        assert [one.wait() for one in ones] == [0, 0], said(folder)
    assert_same(folder, whole)
    page = report_of(folder)
    assert run(folder, ["report"], setting)[0] == 0 and report_of(folder) == page


@pytest.mark.slow
def test_a_full_disk_and_a_folder_that_is_read_only(setting, whole, tmp_path):
    """On a disk of its own, that grows from call to call; it lives as long as the shell."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here: unshare -Urm is refused")
    (tmp_path / "here").mkdir()
    steps = ["size=8k", "size=60k", "size=120k", "size=200k", "ro", "rw,size=99m"]
    zoo = f"{sys.executable} -m zoo"
    lines = ["mount -t tmpfs tmpfs here && cd here"]
    for number, step in enumerate(steps):
        lines += [f"mount -o remount,{step} .", f"{zoo} {' '.join(TRAIN)} > ../{number}.log 2>&1; echo $?"]
        lines += [f"{zoo} report > ../report.log 2>&1; echo $?"] * (step == "ro")
    lines += ["cp -a . ../kept"]
    env = setting | {"MODELS": "note_lstm"}
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", "\n".join(lines)], cwd=tmp_path, env=env, capture_output=True)
    logs = [(tmp_path / f"{number}.log").read_text() for number in range(len(steps))]
    assert done.stderr == b"" and done.stdout.split() == [b"2", b"1", b"1", b"1", b"1", b"2", b"0"], (done, logs)
    for log in logs[:4]:
        assert "zoo: cannot write " in log and "No space left on device; free some space or choose" in log
    for log in (logs[4], (tmp_path / "report.log").read_text()):
        assert "zoo: cannot write " in log and "Read-only file system; free some space or choose" in log
    assert not any(str(ROOT / "zoo") in log for log in logs), "no traceback of ours; h5py mutters when it closes a file"
    assert_same(tmp_path / "kept", whole, "note_lstm")
