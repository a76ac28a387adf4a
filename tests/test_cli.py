import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import filelock
import pytest
from kinds import NAMES, having, unreadable
from run_files import contents, read

import zoo
from zoo import models
from zoo.cli import commands, main, training
from zoo.experiments import engine
from zoo.experiments.job import Keeper
from zoo.report import load_runs
from zoo.training import hyperparameters

ROOT = Path(__file__).resolve().parents[1]
BEAT = 480
TUNES = ["--corpus", "./tunes"]
SMOKE = [*TUNES, "--preset", "smoke"]
MELODY = "reports/tunes/runs/melody_lstm/smoke-seed0"


NEW = '''\
"""Says what it heard last.

Made by a test.
"""

from dataclasses import dataclass
from typing import ClassVar

import keras

from zoo import MelodyCodec, SymbolInput, SymbolModel, option


@dataclass(kw_only=True)
class Parrot(SymbolModel):
    """An LSTM."""

    feathers: int = option(4, "units of the LSTM", low=1, high=64)

    presets: ClassVar = {"smoke": dict(epochs=1)}

    def make_codec(self):
        return MelodyCodec(steps_per_beat=self.steps_per_beat)

    def layers(self, size):
        lstm = keras.layers.LSTM(self.feathers, return_sequences=True)
        return [SymbolInput(size, "one-hot", clock=self.clock), lstm, keras.layers.Dense(size)]
'''


@pytest.fixture
def in_process(monkeypatch):
    """`train-all` trains in this process, which knows Keras already; `codes` may set how a model's process ends."""
    commanded = SimpleNamespace(models=[], codes={})

    def one_after_another(given, jobs):
        assert jobs >= 1
        for key, title, command in given:
            assert command[:4] == [sys.executable, "-m", "zoo", "train"] and title.startswith(command[4])
            commanded.models.append(command[4])
            code = commanded.codes.get(command[4])
            if code == engine.INTERRUPTED:
                raise KeyboardInterrupt
            yield key, main(command[3:]) if code is None else code

    monkeypatch.setattr(training, "side_by_side", one_after_another)
    return commanded


@pytest.fixture
def control_c():
    """SIGINT as in a terminal; a process in the background is born deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


# list, corpus


def test_list(here, say):
    done = say("list")
    assert done.code == 0 and done.err == ""
    assert done.lines[::3] == zoo.names()
    at = done.lines.index("melody_lstm")
    assert "A monophonic line on a grid" in done.lines[at + 1]
    assert done.lines[at + 2] == "    presets: smoke, blog, class_project, tuned, studio, sixteenths"


def test_corpus(here, tunes, say):
    done = say("corpus", "./tunes")
    songs = [zoo.read_midi(path) for path in tunes.iterdir()]
    notes = sum(map(len, songs))
    assert done.code == 0 and done.err == ""
    assert done.lines[0] == "tunes, in tunes"
    sides = {line.split()[0]: line.split()[1::2] for line in done.lines[1:5]}
    assert list(sides) == ["train", "valid", "test", "all"]
    assert sides["all"] == ["8", "160.0", f"{notes:,}"]
    assert sum(int(sides[side][0]) for side in ("train", "valid", "test")) == 8
    assert "75% of the pieces, 75% of the beats" in done.lines[1] and "auto takes 2" in done.out


def test_corpus_says_what_is_wrong_with_it(copy, say):
    Path("tunes/broken\x1b[31m.mid").write_bytes(b"no MIDI")
    shutil.copy("tunes/tune-1.mid", "tunes/tune-1-again.mid")
    done = say("corpus", "./tunes")
    assert "  skipped broken?[31m.mid: it is not a MIDI file" in done.lines
    assert "  the same music: tune-1-again and tune-1" in done.lines
    for number in range(3, 8):
        Path(f"tunes/tune-{number}.mid").unlink()
    assert "  note: fewer than 5 distinct pieces: each is split by time, 80/10/10." in say("corpus", "./tunes").lines


# train, train-all


def test_train_prints_the_run_and_does_not_train_what_is_done(here, say):
    for _ in range(2):
        done = say("train", "melody_lstm", *SMOKE)
        assert (done.code, done.lines) == (0, [MELODY])
        assert done.err == f"melody_lstm smoke-seed0: done before, in {MELODY}\n"
    for message, told in (("first try", ""), ("second try", ", where the message was not kept")):
        done = say("train", "melody_lstm", *SMOKE, "--message", message)
        assert done.err == f"melody_lstm smoke-seed0: done before, in {MELODY}{told}\n"


def test_train_takes_every_option(copy, say, instant):
    weights = "reports/tunes/runs/note_lstm/smoke-seed0"
    words = ["--seed", "3", "--minutes", "5", "--epochs", "1", "--learning-rate", "0.01", "--message", "hm, so so"]
    words += ["--weights", weights, "--checkpoint-every", "1", "--out", "else/where", "--tensorboard"]
    done = say("train", *words, *SMOKE, "note_lstm")
    assert done.code == 0 and "by the clock" in done.err
    run, name = Path(done.lines[0]), "smoke-seed3-epochs=1-learning_rate=0.01-minutes=5.0-weights=smoke-seed0"
    assert run.parent == Path("else/where/tunes/runs/note_lstm") and re.fullmatch(f"{name}-[0-9a-f]{{8}}", run.name)
    described = read(run / "model.json")
    assert described["overrides"] == {"epochs": 1, "learning_rate": 0.01, "minutes": 5.0}
    assert described["message"] == "hm, so so" and described["seed"] == 3 and described["preset"] == "smoke"
    assert described["weights"]["model"] == "note_lstm" and described["hyperparameters"]["learning_rate"] == 0.01
    assert (run / "checkpoints/epoch-00001.weights.h5").exists() and list(run.glob("tensorboard/*/*tfevents*"))
    assert {path.name for path in Path().iterdir()} == {"tunes", "reports", "else"}


def test_a_run_that_another_process_trains_is_left_to_it(copy, say):
    run = Path("reports/tunes/runs/note_lstm/smoke-seed5")
    run.mkdir()
    with filelock.FileLock(run / ".lock"):
        done = say("train", "note_lstm", *SMOKE, "--seed", 5)
    assert (done.code, done.out) == (3, "") and list(run.iterdir()) == [run / ".lock"]
    assert done.err == f"zoo: another process is training {run}; wait for it, or stop it.\n"


def test_train_into_results_of_its_own_when_two_folders_have_one_name(copy, say, instant):
    shutil.copytree("tunes", "other/tunes")
    done = say("train", "note_lstm", "--corpus", "other/tunes", "--preset", "smoke", "--epochs", 1)
    assert re.fullmatch(r"reports/tunes-[0-9a-f]{4}/runs/note_lstm/smoke-seed0-epochs=1", done.lines[0])


def test_help_of_a_model_lists_its_hyperparameters(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["train", "rnn_rbm", "--help"])
    text = capsys.readouterr().out
    for name in hyperparameters.options(zoo.find("rnn_rbm")):
        assert f"--{name.replace('_', '-')} " in text
    assert "--embedding" not in text
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])
    assert "python -m zoo train MODEL --help lists the hyperparameters" in capsys.readouterr().out


def test_a_models_name_in_another_options_word_is_no_model(copy, say, instant):
    done = say("train", "--message", "rnn_rbm", "melody_lstm", *SMOKE, "--seed", "8", "--hold", "yes")
    assert (done.code, done.lines) == (0, ["reports/tunes/runs/melody_lstm/smoke-seed8-hold=True"])
    assert read("reports/tunes/runs/melody_lstm/smoke-seed8-hold=True/model.json")["message"] == "rnn_rbm"


@pytest.mark.parametrize("source", ["", NEW + NEW.replace("class Parrot", "class Cockatoo")], ids=["none", "two"])
def test_a_file_that_defines_not_one_model_is_named(source, copy, say, monkeypatch):
    Path("more").mkdir()
    Path("more/parrot.py").write_text(source)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(copy / "more")])
    monkeypatch.setitem(sys.modules, "zoo.models.parrot", None)
    del sys.modules["zoo.models.parrot"]
    told = say("train", "parrot", *SMOKE)
    assert told.code == 2 and "zoo/models/parrot.py must define one model" in told.err
    assert ("Parrot" in told.err) == ("Cockatoo" in told.err) == bool(source)


def test_train_all_does_what_is_not_yet_done(copy, say, in_process, instant):
    shutil.rmtree("reports/tunes/runs/note_lstm")
    done = say("train-all", *SMOKE)
    assert done.code == 0 and in_process.models == ["note_lstm"]
    assert "melody_lstm smoke-seed0: done before, in reports/tunes/runs/melody_lstm/smoke-seed0\n" in done.err
    again = say("train-all", *SMOKE)
    assert again.code == 0 and in_process.models == ["note_lstm"] and again.err.count("done before") == len(NAMES)


def test_train_all_passes_everything_on(copy, say, monkeypatch):
    commanded = []
    record = lambda given, jobs: ((key, commanded.append(command) or 0) for key, _, command in given)  # noqa: E731
    monkeypatch.setattr(training, "side_by_side", record)
    words = ["--seed", "3", "--epochs", "1", "--units", "8", "--checkpoint-every", "2", "--out", "else"]
    done = say("train-all", *SMOKE, *words, "--message=--hm", "--tensorboard", "--exact", "yes")
    assert done.code == 0
    assert [command[4] for command in commanded] == zoo.names()
    expected = ["--corpus", "./tunes", "--preset", "smoke", "--seed", "3", "--checkpoint-every", "2", "--out", "else"]
    for command in commanded:
        assert command[5:] == [
            *expected,
            "--message=--hm",
            "--tensorboard",
            "--epochs=1",
            *(["--exact=yes"] if command[4] in having("exact") else []),
            *(["--units=8"] if command[4] in having("units") else []),
        ]
    told = [
        f"zoo: {name} has no --{option}; trained without"
        for name in NAMES
        for option in ("exact", "units")
        if name not in having(option)
    ]
    assert done.err.splitlines() == told


def test_compare_presets_goes_from_one_to_the_other_part_by_part(copy, say, monkeypatch):
    """Representation, network and training of each run, by the hyperparameters that its command gives."""
    made, steps = [], []

    def run(given, jobs):
        for key, _, command in given:
            yield key, tried(command)

    def tried(command):
        options = zoo.cli.make_parser(command[3:]).parse_args(command[3:])
        given = {key: getattr(options, key) for key in options.hyperparameters if hasattr(options, key)}
        made.append((zoo.create(options.model, options.preset, options.seed, **given), options.message))
        steps.append((options.training_of, options.representation_of))
        return 0

    monkeypatch.setattr(training, "side_by_side", run)
    assert say("compare-presets", "rnn_rbm", *TUNES, "--seed", "5").code == 0
    presets = {name: zoo.create("rnn_rbm", name) for name in ("blog", "tuned")}
    # What makes a machine hard to measure is the representation, most of all.
    expected = [("blog",) * 4, ("blog", "blog", "tuned", "blog"), ("blog", "tuned", "tuned", "blog"), ("tuned",) * 4]
    for (model, message), sources in zip(made, expected, strict=True):
        assert model.seed == 5
        for part, source in zip(("representation", "network", "training", "measuring"), sources, strict=True):
            for key in hyperparameters.of_part(type(model), part):
                assert getattr(model, key) == getattr(presets[source], key), (message, key)
    assert [message for _, message in made] == [
        "blog",
        "blog with the training of tuned",
        "tuned on the representation of blog",
        "tuned",
    ]
    assert steps == [("", ""), ("tuned", ""), ("", "blog"), ("", "")]
    wrong = say("compare-presets", "rnn_rbm", *TUNES, "--one", "bolg")
    assert wrong.code == 2 and "no preset 'bolg'" in wrong.err and len(made) == 4


@pytest.mark.parametrize("name", zoo.names())
def test_compare_presets_begins_with_what_was_published(copy, say, monkeypatch, name):
    published = [preset for preset in zoo.find(name).presets if preset not in training.OURS]
    begun = []

    def run(given, jobs):
        for key, _, command in given:
            begun.append(command)
            yield key, 0

    monkeypatch.setattr(training, "side_by_side", run)
    done = say("compare-presets", name, *TUNES)
    if published:
        assert done.code == 0
        assert begun[0][begun[0].index("--preset") + 1] == ("blog" if "blog" in published else published[0])
    else:
        assert done.code == 2 and "--one" in done.err and not begun


def test_compare_optimizers_trains_one_model_with_each_at_its_own_rate(copy, say, monkeypatch):
    commanded = []
    record = lambda given, jobs: ((key, commanded.append((key, command)) or 0) for key, _, command in given)  # noqa: E731
    monkeypatch.setattr(training, "side_by_side", record)
    words = ("compare-optimizers", "note_lstm", *SMOKE, "--epochs", "1")
    assert say(*words, "--optimizers", "sgd, adam").code == 0
    assert [command[-3:] for _, command in commanded] == [
        ["--learning-rate=none", "--epochs=1", f"--optimizer={kind}"] for kind in ("sgd", "adam")
    ]
    assert [job.model.optimizer for job, _ in commanded] == ["sgd", "adam"]
    assert say(*words, "--optimizers", ",").code == 2 and say(*words, "--weights", "x").code == 2


def test_train_all_leaves_out_models_without_the_preset(copy, say, in_process):
    in_process.codes = dict.fromkeys(NAMES, 0)
    done = say("train-all", *TUNES, "--preset", "original")
    presets = {name: zoo.find(name).presets for name in NAMES}
    left = [name for name in NAMES if "original" not in presets[name]]
    assert done.code == 0 and in_process.models == [name for name in NAMES if name not in left]
    assert {"event_lstm", "note_lstm"} <= set(in_process.models) and "rnn_rbm" in left
    assert done.err.splitlines() == [
        f"zoo: left out: {name} has no preset 'original', only {', '.join(presets[name])}" for name in left
    ]


def test_train_all_goes_on_after_a_failure(copy, say, in_process, instant):
    shutil.rmtree("reports/tunes/runs/note_lstm")
    (copy / "reports/tunes/runs/event_lstm/smoke-seed0/metrics.json").unlink()
    in_process.codes = {"event_lstm": -9}
    done = say("train-all", *SMOKE)
    assert done.code == 1 and in_process.models == ["event_lstm", "note_lstm"]
    assert Path("reports/tunes/runs/note_lstm/smoke-seed0/metrics.json").exists()
    assert done.err.splitlines()[-1] == "zoo: failed: event_lstm; error.txt in the run's folder says why."
    error = Path("reports/tunes/runs/event_lstm/smoke-seed0/error.txt")
    assert error.read_text() == "its process ended with code -9, without a word.\n"


def test_train_all_leaves_out_a_model_that_can_read_nothing_in_the_corpus(copy, say, in_process, instant):
    for path in Path("tunes").iterdir():
        song = zoo.read_midi(path)
        zoo.write_midi(song.replace(track=song.track * 0, programs=(0,)), path)  # both voices on one track: no line
    left_out = unreadable(zoo.load_corpus("./tunes").train)
    in_process.codes = dict.fromkeys(NAMES, 0)
    done = say("train-all", *SMOKE, "--seed", "7")
    assert done.code == 0 and in_process.models == [name for name in NAMES if name not in left_out]
    told = [line for line in done.err.splitlines() if "left out" in line]
    nothing = "for the training music (6 pieces) holds nothing"
    assert [line.partition(nothing)[0] for line in told] == [f"zoo: left out: {name}, " for name in left_out]
    assert f"{nothing} monophonic" in told[left_out.index("melody_lstm")] and "rnn_rbm" not in left_out
    run = Path("reports/tunes/runs/melody_lstm/smoke-seed7")
    assert "voice=skyline" in (run / "left_out.txt").read_text() and not (run / "error.txt").exists()
    assert say("report", "--corpus", "./tunes").code == 0
    assert [run.status for run in load_runs("reports/tunes") if run.name == "smoke-seed7"].count("left out") == len(
        left_out
    )


def test_train_all_marks_no_run_that_another_process_is_training(copy, say, in_process):
    run = copy / "reports/tunes/runs/event_lstm/smoke-seed0"
    (run / "metrics.json").unlink()
    in_process.codes = {"event_lstm": 2}  # a user's mistake: it said so
    assert say("train-all", *SMOKE).code == 1
    assert not (run / "error.txt").exists()


def test_train_all_stops_when_interrupted(copy, say, in_process):
    in_process.codes = dict.fromkeys(zoo.names(), engine.INTERRUPTED)
    done = say("train-all", *SMOKE, "--seed", "4")
    assert done.code == 130 and in_process.models == NAMES[:1]


def test_train_all_trains_in_a_process_of_its_own(copy, monkeypatch, capfd):
    for name in set(zoo.names()) - {"note_lstm"}:
        shutil.copytree(f"reports/tunes/runs/{name}/smoke-seed0", f"kept/tunes/runs/{name}/smoke-seed0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert main(["train-all", *SMOKE, "--out", "kept"]) == 0
    out, err = capfd.readouterr()
    assert out == "kept/tunes/runs/note_lstm/smoke-seed0\n" and "Traceback" not in err
    run, twin = Path("kept/tunes/runs/note_lstm/smoke-seed0"), Path("reports/tunes/runs/note_lstm/smoke-seed0")
    assert contents(sorted(run.glob("samples/*.mid"))) == contents(sorted(twin.glob("samples/*.mid")))


def test_control_c_and_the_same_command_goes_on(copy, say, control_c, monkeypatch, unmeasured):
    words = ["train", "note_lstm", *SMOKE, "--epochs", "3"]
    run = copy / "reports/tunes/runs/note_lstm/smoke-seed0-epochs=3"
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "batch", lambda self, epoch, *rest: epoch == 2 and control_c())
        done = say(*words)
    assert done.code == 130 and done.out == ""
    assert done.err.splitlines()[-1] == (
        "zoo: interrupted; the same command goes on from the last epoch that was finished."
    )
    assert "Traceback" not in done.err and not (run / "error.txt").exists() and (run / "state.npz").exists()
    trained = set()
    monkeypatch.setattr(Keeper, "batch", lambda self, epoch, *rest: trained.add(epoch))
    assert say(*words).code == 0 and trained == {2}


# One file makes a model.


def test_a_new_model_is_one_new_file(copy, say, in_process, unmeasured, monkeypatch):
    Path("more").mkdir()
    Path("more/parrot.py").write_text(NEW)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(copy / "more")])
    monkeypatch.setitem(sys.modules, "zoo.models.parrot", None)  # so that it is taken out again
    del sys.modules["zoo.models.parrot"]

    assert zoo.names() == sorted([*NAMES, "parrot"])
    listed = say("list").lines
    at = listed.index("parrot")
    assert listed[at : at + 3] == ["parrot", "    Says what it heard last.", "    presets: smoke"]
    in_process.codes = {"parrot": 0}  # trained below
    assert say("train-all", *SMOKE).code == 0 and in_process.models == ["parrot"]
    done = say("train", "parrot", *SMOKE, "--feathers", "3")
    assert (done.code, done.lines) == (0, ["reports/tunes/runs/parrot/smoke-seed0-feathers=3"])
    done = say("sample", "parrot", *TUNES, "--count", "1", "--beats", "4")
    assert done.lines == ["reports/tunes/samples/parrot/smoke-seed0-feathers=3/samples-seed0-beats=4.0/parrot-01.mid"]
    assert json.loads(say("score", "parrot", *TUNES, "--json").out)["kind"] == "exact"
    for other in set(zoo.names()) - {"parrot"}:
        shutil.rmtree(f"reports/tunes/runs/{other}")  # drawing them takes time
    done = say("report", *TUNES)
    assert sum(line.startswith("parrot") for line in done.lines) == 1
    assert "Says what it heard last." in Path("reports/tunes/index.html").read_text()


# The process.


@pytest.mark.parametrize("words", [["--help"], ["corpus", "./tunes"], ["report", "--corpus", "./tunes"]])
def test_commands_that_train_nothing_do_without_keras(copy, words):
    for name in NAMES[1:]:
        shutil.rmtree(f"reports/tunes/runs/{name}")  # drawing them takes time
    command = [sys.executable, "-X", "importtime", "-m", "zoo", *words]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0 and len(done.stdout.splitlines()) >= 5
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "zoo.cli" in imported
    assert not imported & {"keras", "tensorflow", "jax"}


def test_the_exit_code_of_the_process(tmp_path):
    command = [sys.executable, "-m", "zoo", "corpus", "./nothere"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "zoo: nothere does not exist; give the folder where the MIDI files are.\n"


def test_interrupted(say, control_c, monkeypatch):
    monkeypatch.setattr(commands, "list_models", lambda options: control_c())
    done = say("list")
    assert done.code == 130 and done.out == ""
    assert done.err == "zoo: interrupted; the same command goes on from the last epoch that was finished.\n"


def test_nobody_reads_on(tmp_path, tunes):
    code = (
        "import sys; import zoo.cli; from zoo.cli import main\n"
        "zoo.cli.describe_corpus = lambda options: [print('x' * 9999) for _ in range(99)] and None\n"
        "sys.exit(main(['corpus']))"
    )
    command = f'{sys.executable} -c "{code}" | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}'
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_tensorflow_does_not_tell_users_of_retracing():
    logger = logging.getLogger("tensorflow")
    told = [
        "5 out of the last 5 calls to <f> triggered tf.function retracing. Tracing is expensive",
        "the disk is full",
    ]
    records = [logging.LogRecord("tensorflow", logging.WARNING, "", 1, text, (), None) for text in told]
    assert [bool(logger.filter(record)) for record in records] == [False, True]
