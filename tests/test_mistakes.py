"""What a person may ask wrongly: each is one sentence, exit code 2, and nothing written."""

import re

import pytest

import zoo
from zoo import hyperparameters

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
corpus: nosuch | tunes | ./nothere | ./tunes/tune-1.mid | ./RUN/checkpoints | ./tunes --more
train: - | nosuch | melody-lstm --epochs 2 | --seed 1 nosuch | melody_lstm note_lstm | --epochs 2
train note_lstm --preset smoke --corpus: - | nosuch | tunes | ./nothere | ./RUN/checkpoints
train note_lstm TUNES --preset: - | nosuch | paper | Smoke | --seed 1
NOTES: --tensorboard=yes | --epoch 3 | --hidden 3 | --message | more | --out tunes/tune-1.mid
NOTES --seed: - | x | 1.5 | -1 | 2147483648 | LONG
NOTES --minutes: - | x | -1 | nan | inf | 2000000
NOTES --epochs: - | x | 0 | -1 | 1.5 | 100001 | LONG
NOTES --units: - | x | 0 | 8,0 | 8;8 | 1e3
NOTES --checkpoint-every: - | x | -1 | 1.5
NOTES --weights: - | ./nothere | tunes | RUN
NOTES --steps-per-beat 8 --weights: OTHER
NOTES --units 8 --weights: OTHER
train-all: nosuch | SMOKE note_lstm | --preset smoke --corpus nosuch | TUNES --preset nosuch
train-all SMOKE: --nosuch 3 | --hidden 0 | --units 0 | --epochs x | --seed -1 | --seed x | --weights RUN
train-all SMOKE --exact yes: --checkpoint-every -1 | --corpus ./nothere | --out tunes/tune-1.mid
sample: - | nosuch | ./nothere | ./tunes | tunes | RUN/samples
sample melody_lstm: - | --corpus nosuch | --corpus ./nothere
MELODY: more | --preset tuned | --train-seed 5 | --train-seed x | --out tunes/tune-1.mid
MELODY --epoch: - | 9 | x | -1 | 0
MELODY --count: - | 0 | -1 | x | 1.5 | 100001 | LONG
MELODY --beats: - | 0 | -1 | 0.1 | x | nan | inf | 100001
MELODY --temperature: - | -0.5 | x | nan | inf | 1001
MELODY --top-p: - | 0 | -1 | 1.1 | x | nan
sample rnn_rbm TUNES --top-p: 0.9 | 0
MELODY --prime: - | ./nothere.mid | tunes | {tmp}/broken.mid | {tmp}/chords.mid
MELODY --prime-beats: - | 0 | -1 | x | nan
FROM_VALID --count: 0 | -1 | LONG
FROM_VALID --prime-beats: 0 | -1 | nan | inf
FROM_VALID --seed: -1 | LONG
MELODY --instrument: - | 128 | -1 | kazoo | piano | EMPTY | 1.5
MELODY --tempo: - | 0 | 9 | 1001 | x | nan
MELODY --seed: - | -1 | x | 1.5 | 9223372036854775809 | LONG
MELODY --format: - | exe | mid,exe | MID | EMPTY | ,
score: - | nosuch | ./nothere | tunes | melody_lstm | melody_lstm --corpus nosuch | RUN --corpus nosuch
score melody_lstm TUNES: --split nosuch | --json=1 | --epoch 9 | --preset tuned | --train-seed 5 | --seed 1
report: nosuch | --corpus | --corpus nosuch | --corpus ./nothere | --corpus bach-chorales
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


@pytest.mark.parametrize("name", zoo.names())
def test_a_wrong_value_of_any_hyperparameter_names_it(here, say, name):
    options = hyperparameters.options(zoo.find(name))
    assert len(options) > 20
    for option in options:
        flag = "--" + option.replace("_", "-")
        done = say("train", name, *expanded("SMOKE"), flag, "wrong!")
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert re.match(rf"zoo: {flag} takes .*, not 'wrong!'\.", done.err)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("train melody-lstm --epochs 2", "Did you mean melody_lstm?"),
        ("train note_lstm --corpus ./tunes --preset nosuch", "it has smoke, original, blog, tuned"),
        ("train note_lstm --corpus tunes --preset smoke", "the folder here is written ./tunes"),
        ("train note_lstm SMOKE --out tunes/tune-1.mid", "--out: tunes/tune-1.mid is no folder; choose another one."),
        ("train note_lstm SMOKE --weights RUN", "holds a melody_lstm, not a note_lstm"),
        ("train-all TUNES --preset nosuch", "note_lstm has no preset 'nosuch', only smoke, original"),
        ("sample rnn_rbm TUNES --top-p 0.9", "--top-p is for models over symbols; rnn_rbm draws frames"),
        ("sample melody_lstm TUNES --epoch 9", "kept no checkpoint of epoch 9; it kept 1, 2."),
        ("sample melody_lstm TUNES --preset tuned", "python -m zoo train melody_lstm --preset tuned"),
        ("sample melody_lstm TUNES --instrument piano", "Acoustic Grand Piano, Bright Acoustic Piano"),
        ("sample melody_lstm TUNES --count 0", "--count must be 1 to 100000, not 0."),
        ("sample melody_lstm TUNES --format exe", "--format takes mid, png, svg, mp3"),
        ("sample ./tunes", "tunes is no run folder: it holds no model.json"),
        ("score nosuch", "the zoo has event_lstm, melody_lstm, note_lstm, rnn_dbn, rnn_nade, rnn_rbm"),
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
