"""What a person may ask wrongly: each is one sentence, exit code 2, and nothing written."""

import argparse
import re
import subprocess
from pathlib import Path

import pytest

import zoo
import zoo.cli
from zoo._errors import UserError
from zoo.training import hyperparameters

ROOT = Path(__file__).resolve().parents[1]
LONG = "1" + "0" * 400  # no float holds it
RUN = "reports/tunes/runs/melody_lstm/smoke-seed0"
OTHER = "reports/tunes/runs/note_lstm/smoke-seed0"
SHORT = {
    "SMOKE": "--corpus ./tunes --preset smoke",
    "TUNES": "--corpus ./tunes",
    "NOTES": "train note_lstm --corpus ./tunes --preset smoke",
    "MELODY": "sample melody_lstm --corpus ./tunes",
    "FROM_VALID": "sample melody_lstm --corpus ./tunes --prime validation",
    "RUN": RUN,
    "OTHER": OTHER,
    "LONG": LONG,
    "EMPTY": "",
}
# A command, and what may not follow it, separated by bars; - is nothing.
WRONG = """
: - | nosuch | --nosuch | LIST
list: more | --json
corpus: ./tunes --no-pedal=1 | nosuch | tunes | ./nothere | ./tunes/tune-1.mid | ./RUN/checkpoints | ./tunes --more
train: - | nosuch | melody-lstm --epochs 2 | --seed 1 nosuch | melody_lstm note_lstm | --epochs 2
train note_lstm --preset smoke --corpus: - | nosuch | tunes | ./nothere | ./RUN/checkpoints
train note_lstm TUNES --preset: - | nosuch | paper | Smoke | --seed 1
NOTES: --tensorboard=yes | --no-pedal=1 | --epoch 3 | --hidden 3 | --message | more | --out tunes/tune-1.mid
NOTES --seed: - | x | 1.5 | -1 | 2147483648 | LONG
NOTES: --minutes | --epochs | --units
NOTES --checkpoint-every: - | x | -1 | 1.5
NOTES --weights: - | ./nothere | tunes | RUN
NOTES --steps-per-beat 8 --weights: OTHER
NOTES --units 8 --weights: OTHER
train-all: nosuch | SMOKE note_lstm | --preset smoke --corpus nosuch | TUNES --preset nosuch
train-all SMOKE: --nosuch 3 | --hidden 0 | --units 0 | --epochs x | --seed -1 | --seed x | --weights RUN
train-all SMOKE --exact yes: --checkpoint-every -1 | --corpus ./nothere | --out tunes/tune-1.mid
train-all SMOKE: --tensorboard=yes | --no-pedal=1 | --message
train-all SMOKE --jobs: - | x | 0 | -1 | 1.5
train-all SMOKE: --engine | --engine nosuch | --engine Ray | --address | --address auto
compare-presets: - | nosuch | note_lstm --one | note_lstm --other | note_lstm TUNES --preset smoke
compare-presets note_lstm TUNES: --one nosuch | --other nosuch | --one Blog | --epochs 3 | --weights RUN
compare-presets note_lstm TUNES: --tensorboard=yes | --no-pedal=1 | --checkpoint-every -1 | --checkpoint-every x
compare-presets note_lstm TUNES --jobs: - | x | 0 | -1 | 1.5
compare-presets note_lstm TUNES: --engine | --engine nosuch | --address | --address auto
compare-presets note_lstm TUNES: --seed x | --seed -1 | --seed LONG | --out tunes/tune-1.mid
compare-presets note_lstm --corpus: - | nosuch | tunes | ./nothere | ./RUN/checkpoints
compare-optimizers: - | nosuch | note_lstm --optimizers | note_lstm --hidden 3 | note_lstm TUNES --preset nosuch
compare-optimizers note_lstm SMOKE: --optimizers , | --optimizers adam,nosuch | --epochs 0 | --weights RUN | --message
compare-optimizers note_lstm SMOKE: --engine nosuch | --address auto | --jobs 0 | --checkpoint-every -1 | --seed -1
compare-optimizers note_lstm SMOKE: --tensorboard=yes | --no-pedal=1 | --out tunes/tune-1.mid
search: - | nosuch | melody_lstm --corpora | melody_lstm --corpora ./tunes --epochs 3
search melody_lstm --corpora: nosuch | tunes | ./nothere | , | ./tunes,tunes/
search melody_lstm --corpora ./tunes --trials: - | x | 0 | -1 | 1.5
search melody_lstm --corpora ./tunes --minutes: - | x | -1 | nan | inf
search melody_lstm --corpora ./tunes: --seed x | --seed -1 | --out tunes/tune-1.mid | --no-pedal=1 | --address
sample: - | nosuch | ./nothere | ./tunes | tunes | RUN/samples
sample melody_lstm: - | --corpus nosuch | --corpus ./nothere
MELODY: more | --without-primer=1 | --preset tuned | --train-seed 5 | --train-seed x | --out tunes/tune-1.mid
MELODY --epoch: - | 9 | x | -1 | 0
MELODY --count: - | 0 | -1 | x | 1.5 | 10001 | 1000000 | LONG
MELODY --beats: - | 0 | -1 | 0.1 | x | nan | inf | 100001 | 1e9 | 100000 --count 11
MELODY --temperature: - | -0.5 | x | nan | inf | 1001
MELODY --top-p: - | 0 | -1 | 1.1 | x | nan
sample rnn_rbm TUNES --top-p: 0.9 | 0
MELODY --prime: - | ./nothere.mid | tunes | {tmp}/broken.mid | {tmp}/chords.mid | C4:0 | C99
MELODY --prime-beats: - | 0 | -1 | x | nan
FROM_VALID --count: 0 | -1 | LONG
FROM_VALID --prime-beats: 0 | -1 | nan | inf
FROM_VALID --seed: -1 | LONG
MELODY --instrument: - | 128 | -1 | kazoo | piano | EMPTY | 1.5
MELODY --tempo: - | 0 | 9 | 1001 | x | nan
MELODY --seed: - | -1 | x | 1.5 | 9223372036854775809 | LONG
MELODY --format: - | exe | mid,exe | MID | EMPTY | ,
MELODY --melody: - | ./nothere | tunes | H4 | tunes/tune-1.mid --prime C4 | tunes/tune-1.mid
sample rnn_nade TUNES: --voice | --voice 1 | --crossing | --crossing=yes | --melody C4 --voice 2 | --melody C4 --beats 8
MELODY --fill tunes/tune-1.mid: - | --from | --from 4 | --to 4 | --from 4 --to x | --from 4 --to nan | --from 4 --to 4
MELODY --beams: - | x | 0 | 3 | 20 --temperature 1 | 20 --top-p 0.9 | 1001
score: - | nosuch | ./nothere | tunes | melody_lstm | melody_lstm --corpus nosuch | RUN --corpus nosuch
score melody_lstm TUNES: --split nosuch | --json=1 | --epoch 9 | --preset tuned | --train-seed 5 | --seed 1
pack: - | nosuch | ./nothere | ./tunes | melody_lstm | melody_lstm --corpus nosuch | RUN/samples
pack melody_lstm TUNES: --preset tuned | --train-seed 5 | --train-seed x | --out | --out tunes/tune-1.mid | --seed 1
published: nosuch | --corpus | --corpus nosuch | --corpus ./nothere --presets | --corpus bach-chorales
play: nosuch | --corpus | --corpus nosuch | --corpus ./nothere | ./nothere | tunes | --out tunes
report: nosuch | --corpus | --corpus nosuch | --corpus ./nothere | --corpus bach-chorales
report TUNES --ratings: - | ./nothere.csv | tunes | {tmp}/broken.mid
report TUNES --publish: - | tunes | reports | reports/tunes | reports/tunes/new | tunes/tune-1.mid
"""


def expanded(line):
    """The words of a command line with all that is short written out."""
    words = []
    for word in line.split():
        for short in ("RUN", "LONG"):
            word = word.replace(short, SHORT[short])
        words += [""] if word == "EMPTY" else SHORT.get(word, word).split()
    return words


@pytest.mark.parametrize("line", WRONG.strip().splitlines())
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(here, say, tmp_path, line):
    zoo.write_midi(zoo.Song.from_notes([(0, 480, 60, 80, 0), (0, 480, 64, 80, 0)]), tmp_path / "chords.mid")
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    before = {path for path in here.rglob("*") if path.name != ".lock"}
    command, _, wrong = line.partition(":")
    faults = []
    for end in wrong.split("|"):
        words = expanded(f"{command} {end}".removesuffix(" - "))
        words = [word.replace("{tmp}", str(tmp_path)) for word in words]
        try:
            done = say(*words)
        except BaseException as error:
            faults.append(f"{words} raised {error!r}")
            continue
        if done.code != 2 or not re.fullmatch(r"zoo: [^\n]{20,}[^\s]\n", done.err) or "Traceback" in done.err:
            faults.append(f"{words} ended with {done.code} and said {done.err!r}")
        elif done.out:
            faults.append(f"{words} printed {done.out!r}")
        elif created := {path for path in here.rglob("*") if path.name != ".lock"} - before:
            faults.append(f"{words} created {created}")
    assert not faults, "\n".join(faults)


def test_every_option_of_every_command_has_its_mistakes():
    """A new option wants a row in WRONG; hyperparameters have a test of their own, below."""
    given = {}
    for line in WRONG.strip().splitlines():
        command, _, wrong = line.partition(":")
        for end in wrong.split("|"):
            first, *words = [*expanded(f"{command} {end}"), ""]
            options = [word.partition("=")[0] for word in words if word.startswith("--")]
            given.setdefault(first, set()).update(options)
    parser = zoo.cli.make_parser([])
    (commands,) = [action.choices for action in parser._actions if hasattr(action, "choices") and action.choices]
    for name, command in commands.items():
        assert name in given, f"no mistake of {name} is tried"
        shown = [action for action in command._actions if action.help != argparse.SUPPRESS]  # others no person writes
        options = {text for action in shown for text in action.option_strings if text.startswith("--")}
        missing = options - given[name] - {"--help"}
        assert not missing, f"{name}: no wrong value of {', '.join(sorted(missing))} is tried"


def wrong_values(field):
    """Values that a hyperparameter cannot take, as they are written, by what is told."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    whole = isinstance(field.default, (int, tuple)) or (isinstance(field.type, str) and "int" in field.type)
    yield from ("wrong!", "", "[1]", "1 2", "1;2", "1e", "0x10", "None")
    if isinstance(field.default, bool):
        yield from ("2", "-1", "yesno", "nan")
    elif choices:
        yield from (choices[0].upper(), f"{choices[0]},{choices[-1]}", "1", "none")
    else:
        yield from ("nan", "inf", "-inf", "1e999", LONG)
        yield from ("1.5", "1e3") if whole else ()
        yield from () if low is None else (str(low - 1), "-1e9" if not whole else str(-(10**9)))
        yield from () if high is None else (str(high + 1), str(10 * high))
    if isinstance(field.default, tuple):
        yield from (",", f"{low},{low - 1}", ",".join([str(low)] * 33))
    if isinstance(field.default, (int, float, tuple)) and not isinstance(field.default, bool):
        yield "none"


@pytest.mark.parametrize("name", zoo.names())
def test_a_wrong_value_of_any_hyperparameter_names_it(here, say, name):
    model = zoo.find(name)
    options = hyperparameters.options(model)
    assert hyperparameters.options(zoo.MusicModel).keys() < options.keys()
    earlier = [hyperparameters.options(zoo.find(other)) for other in zoo.names()[: zoo.names().index(name)]]
    for option, field in options.items():
        flag = "--" + option.replace("_", "-")
        for value in wrong_values(field):
            with pytest.raises(UserError, match=f"^{option} (takes|must be) ") as caught:
                zoo.create(name, "smoke", **{option: value})
            message = str(caught.value)
            assert re.fullmatch(r"[^\n]{1,200}, not [^\n]{1,60}\.", message)
            if not any(option in known for known in earlier):
                done = say("train", name, *expanded("SMOKE"), f"{flag}={value}")
                assert (done.code, done.err) == (2, f"zoo: {message.replace(option, flag, 1)}\n")
        bounds = [field.metadata[key] for key in ("low", "high") if field.metadata[key] is not None]
        bounds = field.metadata["choices"] or bounds or [field.default]
        for value in bounds:  # these are no mistakes
            extra = {"high": 127} if option == "low" else {"low": 0} if option == "high" else {}
            given = (value,) if isinstance(field.default, tuple) else value
            assert getattr(zoo.create(name, "smoke", **{**extra, option: given}), option) == given


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("train melody-lstm --epochs 2", "Did you mean melody_lstm?"),
        (
            "train note_lstm --epoch 1",
            "--epoch 1 (did you mean --epochs?); python -m zoo train note_lstm --help says what is possible",
        ),
        (
            "sample note_lstm --temprature=1",
            "(did you mean --temperature?); python -m zoo sample --help says what is possible",
        ),
        (
            "train --seed x note_lstm",
            "invalid int value: 'x'; python -m zoo train note_lstm --help says what is possible",
        ),
        ("report --hidden 3", "unrecognized arguments: --hidden 3; python -m zoo report --help says what is possible"),
        ("train note_lstm --corpus ./tunes --preset nosuch", "only smoke, original, blog, tuned"),
        ("train note_lstm --corpus tunes --preset smoke", "and the folder here is written with a slash: ./tunes.\n"),
        ("train note_lstm SMOKE --out tunes/tune-1.mid", "--out: tunes/tune-1.mid is no folder; choose another one."),
        ("train note_lstm SMOKE --weights RUN", "holds a melody_lstm, not a note_lstm"),
        ("train-all TUNES --preset nosuch", "note_lstm has no preset 'nosuch', only smoke, original"),
        ("sample rnn_rbm TUNES --top-p 0.9", "--top-p is for models over symbols; rnn_rbm draws frames"),
        ("sample melody_lstm TUNES --epoch 9", "kept no checkpoint of epoch 9; it kept 1, 2."),
        (
            "sample melody_lstm TUNES --preset tuned --train-seed 3",
            "others are finished: smoke-seed0; train it: python -m zoo train melody_lstm --preset tuned --seed 3 (and",
        ),
        ("sample melody_lstm TUNES --instrument piano", "Acoustic Grand Piano, Bright Acoustic Piano"),
        ("sample melody_lstm TUNES --count 0", "--count must be a whole number from 1 to 10000, not 0."),
        (
            "sample melody_lstm TUNES --beats 1e5 --count 100",
            "10,000,000 beats are too many at once, at most 1,000,000",
        ),
        ("train rnn_rbm SMOKE --low 80 --high 40", "--low must be at most --high, which is 40, not 80."),
        (
            "train note_lstm SMOKE --units " + ",".join("8" * 33),
            "--units takes one to 32 whole numbers joined by commas",
        ),
        ("sample melody_lstm TUNES --format exe", "--format takes mid, png, svg, mp3"),
        ("sample ./tunes", "tunes is no run folder: it holds no model.json"),
        ("score nosuch", f"the zoo has {', '.join(zoo.names())}"),
        (
            "compare-presets rnn_dbn TUNES --one blog",
            "rnn_dbn has no preset 'blog'; name two with --one and --other, of smoke, ",
        ),
        ("report --corpus ./nothere", "there is no run in reports/nothere; train first: python -m zoo train-all"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(here, say, line, told):
    done = say(*expanded(line))
    assert done.code == 2 and told in done.err


def test_no_hyperparameter_is_checked_after_a_corpus_was_built(tmp_path, monkeypatch, say):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo, "load_corpus", lambda *args, **kwargs: pytest.fail("the corpus came first"))
    for words in (["train", "note_lstm", "--epochs", "0"], ["train-all", "--epochs", "0"], ["train", "nosuch"]):
        assert say(*words).code == 2
    assert list(tmp_path.iterdir()) == []


# Through make, and so through real processes.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("data CORPUS=./nothere", "zoo: nothere does not exist; give the folder where the MIDI files are."),
        ("data CORPUS=nosuch", "zoo: 'nosuch' is no named corpus"),
        ("train", "Which model? Name one, as in: make train MODEL=rnn_rbm"),
        ("train MODEL=nosuch", "zoo: there is no model 'nosuch'; the zoo has "),
        ("train MODEL=note_lstm PRESET=nosuch", "zoo: note_lstm has no preset 'nosuch', only smoke"),
        ("train MODEL=note_lstm SEEDS=abc", "zoo: argument --seed: invalid int value: 'abc'"),
        ("train MODEL=note_lstm SEEDS=0,-1 ARGS=--nosuch", "zoo: unrecognized arguments: --nosuch"),
        ("train-all PRESET=nosuch", "zoo: no model has the preset 'nosuch'"),
        ("sample MODEL=note_lstm", "zoo: note_lstm has no finished run"),
    ],
)
def test_a_mistake_through_make(tunes, words, told):
    lock, laid = ROOT / "requirements.txt", ROOT / ".venv/requirements.txt"
    if not laid.is_file() or laid.read_bytes() != lock.read_bytes():
        pytest.skip("the environment is not the lock's: make would make it anew")
    before = set((ROOT / "reports").glob("*/runs/*/*"))
    words = words.split() if "CORPUS" in words else [*words.split(), f"CORPUS={tunes}/"]
    done = subprocess.run(["make", "--no-print-directory", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert set((ROOT / "reports").glob("*/runs/*/*")) == before


# From Python.

SONG = zoo.Song.from_notes([(0, 480, 60, 80, 0)])
WRONG_SEEDS = ("0", None, -1, 0.5, 2**31, 10**400)
LONG_NAME = "./" + "x" * 5000
PYTHON = {
    "create": [(5,), (None,), ("",), ("nosuch",), ("x" * 10**6,), (["rnn_rbm"],), ("rnn_rbm", 5), ("rnn_rbm", [])],
    "find": [(None,), (5,), ("../models/rnn_rbm",), ("__init__",)],
    "load": [(None,), (5,), ("",), ("./nothere",), ("/dev/null",), ("a\0b",), (LONG_NAME,), ([],), (RUN, "1")],
    "load_corpus": [(None,), (5,), ("",), ("nosuch",), (b"./tunes",), ("./tunes/tune-1.mid",), (LONG_NAME,)],
    "read_midi": [("./nothere.mid",), ("./tunes",), ("/dev/null",)],
    "register": [(5,), (None,), ("",), ("./nothere.py",), ("no-such",), ("./tunes",), ("a.b.",), ("rnn_rbm",)],
}  # fmt: skip
PYTHON["create"] += [("rnn_rbm", "smoke", seed) for seed in WRONG_SEEDS]


@pytest.mark.parametrize(("name", "given"), [(name, given) for name, rows in PYTHON.items() for given in rows])
def test_a_mistake_in_python_is_one_sentence(here, name, given):
    with pytest.raises(UserError) as caught:
        getattr(zoo, name)(*given)
    message = str(caught.value)
    assert "\n" not in message and message[-1] in ".?" and len(message) < 6000


@pytest.mark.parametrize(
    "wrong",
    [
        *({"count": value} for value in (-1, 0, 1.5, "1", None, float("nan"), 10**9, [1])),
        *({"beats": value} for value in (0, -1, "4", None, float("nan"), float("inf"), 1e9, [4])),
        *({"temperature": value} for value in (-1, "1", float("nan"), float("inf"), [1.0])),
        *({"top_p": value} for value in (0, 1.5, None, "1", float("nan"))),
        *({"seed": value} for value in (-1, 1.5, "0", None, 2**70)),
        *({"prime": value} for value in (5, "a.mid", [1], [SONG, None])),
        *({"prime": SONG, "prime_beats": value} for value in (0, -1, "4", None, float("nan"), 1e9)),
        {"count": 10_000, "beats": 1000},
    ],
)
def test_a_wrong_request_from_python_is_one_sentence(here, loading_once, wrong):
    with pytest.raises(UserError) as caught:
        zoo.load(RUN).sample(**{"count": 1, "beats": 4, **wrong})
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_music_that_is_none_is_one_sentence(here, loading_once):
    model = zoo.load(RUN)
    for songs in (None, 5, "abc", [1], [SONG, None], []):
        with pytest.raises(UserError):
            model.score(songs)
        with pytest.raises(UserError):
            zoo.create("melody_lstm", "smoke").fit(songs, [SONG])
        with pytest.raises(UserError):
            zoo.create("melody_lstm", "smoke").fit([SONG], songs)
    for use in (lambda model: model.sample(1), lambda model: model.score([SONG]), lambda model: model.save("new")):
        with pytest.raises(UserError, match="is not trained yet"):
            use(zoo.create("melody_lstm", "smoke"))
    with pytest.raises(UserError, match="a model lies in a folder"):
        model.save(5)
