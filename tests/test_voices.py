"""Music in voices: counted by hand, distributions that sum to one, and the table of the chorales on sixteenths."""

import csv
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from made_runs import write

import zoo
from zoo._errors import UserError
from zoo.codecs.melody import REST
from zoo.evaluation.voices import CountedVoices, Dealing, counted_lines, dealt, in_voices, voices_of, ways
from zoo.report import write_voices
from zoo.song import Song

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "jsb-16th"


def song(*notes, tracks=2, length=None):
    """Notes as (first step, last step + 1, pitch, track), four steps a beat."""
    rows = [(120 * start, 120 * (end - start), pitch, 80, track) for start, end, pitch, track in notes]
    return Song.from_notes(rows, length and 120 * length, programs=(0,) * tracks)


def test_voices_by_hand():
    found = voices_of(song((0, 2, 60, 1), (1, 3, 67, 0), length=4), 4)
    assert found.tolist() == [[REST, 60], [67, 60], [67, REST], [REST, REST]]


def test_a_track_that_sounds_two_notes_is_no_voice():
    assert voices_of(song((0, 2, 60, 1), (1, 3, 67, 1)), 4) is None
    assert voices_of(song((0, 2, 60, 1), (2, 3, 67, 1)), 3) is None  # off the grid
    assert in_voices([song((0, 2, 60, 1)), song((0, 2, 60, 0), tracks=3)], 4) is None
    assert in_voices([song((0, 2, 60, 0), tracks=1)], 4) is None and in_voices([], 4) is None


@pytest.mark.parametrize("voices", [2, 3, 4])
def test_ways_are_all_that_can_be_dealt(voices):
    seen = {}
    for step in itertools.product([60, 64, 67, 72, REST], repeat=voices):
        pitches = frozenset(step) - {REST}
        seen.setdefault(pitches, set()).add(dealt(np.array(step)))
    for pitches, found in seen.items():
        assert len(found) == ways(len(pitches), voices)


def test_given_the_roll_the_ways_to_deal_it_sum_to_one():
    """Over all music of two voices, two pitches and three steps that has the same roll."""
    rng = np.random.default_rng(0)
    model = Dealing.fit([rng.choice([60, 64, REST], (40, 2)) for _ in range(3)])
    totals = {}
    for steps in itertools.product(itertools.product([60, 64, REST], repeat=2), repeat=3):
        roll = tuple(frozenset(step) - {REST} for step in steps)
        totals[roll] = totals.get(roll, 0.0) + math.exp(-model.nats([np.array(steps)]))
    assert len(totals) == 64 and list(totals.values()) == pytest.approx([1.0] * 64)


def test_counted_lines_by_hand():
    train = [np.array([[60, 50], [60, 50], [62, 50]])]
    found = counted_lines(train, [np.array([[60, 50]])])  # three classes: 50, 60, 62
    assert found["unigram"] == pytest.approx(-(math.log(2.1 / 3.3) + math.log(3.1 / 3.3)) / 2)
    assert found["bigram"] == pytest.approx(-2 * math.log(1.1 / 1.3) / 2)
    assert counted_lines(train, [np.array([[61, 50]])])["unigram"] == math.inf


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")
def test_the_chorales_on_sixteenths_have_the_counted_figures():
    corpus = zoo.load_corpus(DATA)
    train, valid, test = (in_voices(part, 4) for part in (corpus.train, corpus.valid, corpus.test))
    assert [sum(map(len, part)) for part in (train, valid, test)] == [55_228, 18_408, 18_900]
    assert list(counted_lines(train, test).values()) == pytest.approx([2.639, 0.983, 0.741], abs=1e-3)
    assert list(counted_lines(train, valid).values()) == pytest.approx([2.611, 0.934, 0.708], abs=1e-3)


COUNTED = {
    split: CountedVoices(4, steps, {"unigram": 2.6, "bigram": 0.983}, 0.02)
    for split, steps in (("valid", 18_408), ("test", 18_900))
}


def add(folder, model, nats, run="sixteenths-seed0", codes=1, lines=1.0, overrides=None):
    """A finished run that has so many nats per voice-step of its own representation, and so many codes per step."""
    path = folder / "runs" / model / run
    settings = {"model": model, "preset": run.partition("-")[0], "seed": int(run[-1]), "overrides": overrides or {}}
    write(path / "model.json", settings | {"hyperparameters": {}, "corpus": {"digest": "abc"}})
    (path / "history.csv").write_text("epoch,seconds\n1,60\n2,90\n")
    scores = {
        split: {
            "nats": 4 * counted.steps * nats,
            "codes": codes * counted.steps,
            "kind": "exact",
            "coverage": {"songs": 1, "lines": lines, "notes": 0.98},
        }
        for split, counted in COUNTED.items()
    }
    results = {"parameters": 1234, "epochs": 2, "seconds": 90, "best_epoch": 2, "scores": scores}
    write(path / "metrics.json", results | {"order0": {"test": 1.0}})


def test_the_table_charges_rolls_for_their_voices(tmp_path):
    write(tmp_path / "corpus.json", {"name": "sixteenths", "folder": "/somewhere", "digest": "abc"})
    add(tmp_path, "rnn_nade", 0.40)
    add(tmp_path, "melody_lstm", 0.70, codes=4)
    add(tmp_path, "rnn_rbm", 0.10, lines=0.9)  # does not express all pieces
    add(tmp_path, "biaxial_lstm", 0.10, overrides={"units": 3})
    add(tmp_path, "polyphony_lstm", 0.10, run="tuned-seed0")
    lines = write_voices(tmp_path, COUNTED)
    with open(tmp_path / "published.csv", newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert float(rows["rnn_nade"]["valid"]) == pytest.approx(0.42)
    assert float(rows["rnn_nade"]["test"]) == pytest.approx(0.42)
    assert float(rows["melody_lstm"]["test"]) == pytest.approx(0.70)
    assert float(rows["one voice, bigram"]["test"]) == 0.983
    assert not {"rnn_rbm", "biaxial_lstm", "polyphony_lstm"} & set(rows)
    order = [line.split(" | ")[0].strip("| ") for line in lines if line.startswith("| ")]
    beside = order[order.index("Music Transformer") :]
    assert beside == [
        "Music Transformer", "TonicNet", "Transformer", "rnn_nade, this zoo", "Coconet, chronological",
        "melody_lstm, this zoo",
    ]  # fmt: skip
    (row,) = [line for line in lines if line.startswith("| rnn_nade | 0 ")]
    assert "| 0.420 | 0.420 | 6.72 | 0.020 | exact | 1,234 | 1.5 |" in row


def test_other_music_in_voices_stands_beside_nothing_published(tmp_path):
    write(tmp_path / "corpus.json", {"name": "quartets", "folder": "/somewhere", "digest": "abc"})
    add(tmp_path, "rnn_nade", 0.40)
    other = {split: CountedVoices(4, counted.steps, {"bigram": 0.5}, 0.02) for split, counted in COUNTED.items()}
    assert not any("Transformer" in line for line in write_voices(tmp_path, other))


def test_without_a_run_it_says_what_to_do(tmp_path):
    write(tmp_path / "corpus.json", {"name": "sixteenths", "folder": "/somewhere", "digest": "abc"})
    with pytest.raises(UserError, match=r"no finished run of a preset sixteenths .*make published"):
        write_voices(tmp_path, COUNTED)
