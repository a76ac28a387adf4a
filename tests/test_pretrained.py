"""What ships with the package, and how a run becomes such a thing."""

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from run_files import weights_of

import zoo
from zoo import pretrained
from zoo.experiments import packing
from zoo.experiments.packing import MOVED
from zoo.experiments.run_folder import RunFolder

LARGEST = 10_000_000  # bytes of all that ships
RUN = "reports/tunes/runs/note_lstm/smoke-seed0"


@pytest.fixture
def shipped(copy, say, monkeypatch):
    """A folder in which note_lstm ships as trained on the chorales; its corpus is that of `copy`."""
    done = say("pack", RUN, "--out", "parcel")
    assert done.code == 0, done.err
    Path("parcel/tunes").rename("parcel/bach-chorales")
    monkeypatch.setattr(pretrained, "FOLDER", (copy / "parcel").resolve())
    return copy


def test_a_packed_run_is_the_model_in_half_precision(copy, say, corpus):
    done = say("pack", RUN)
    packed = copy / "reports/tunes/packed/tunes/note_lstm"
    assert done.lines == [f"{packed}, {(packed / 'model.weights.h5').stat().st_size / 1e6:.2f} MB"]
    assert {path.name for path in packed.iterdir()} == {"model.json", "model.weights.h5", "metrics.json", "card.md"}
    whole, half = weights_of(Path(RUN) / "model.weights.h5"), weights_of(packed / "model.weights.h5")
    assert whole.keys() == half.keys() and {array.dtype for array in half.values()} == {np.dtype("float16")}
    for name, array in whole.items():
        np.testing.assert_allclose(half[name], array, rtol=2**-11, atol=2**-24)
    scores = [zoo.load(folder).score(corpus.test).nats_per_beat for folder in (RUN, packed)]
    assert 0 < abs(scores[0] - scores[1]) < MOVED


def test_weights_whose_score_would_move_stay_whole(copy, say, monkeypatch):
    monkeypatch.setattr(packing, "MOVED", 0)
    done = say("pack", "note_lstm", "--corpus", "./tunes", "--out", "parcel")
    assert done.code == 0 and "kept whole" in done.err
    whole, packed = weights_of(Path(RUN) / "model.weights.h5"), weights_of("parcel/tunes/note_lstm/model.weights.h5")
    assert all((packed[name] == array).all() and packed[name].dtype == array.dtype for name, array in whole.items())


def test_a_card_says_what_it_is(copy, say):
    say("pack", RUN, "--out", "parcel")
    run = RunFolder("parcel/tunes/note_lstm")
    text, results = run.card.read_text(), run.read_results()
    assert text.startswith("# note_lstm, smoke, trained on tunes\n")
    for fact in (
        f"| weights, SHA-256 | `{hashlib.sha256(run.weights.read_bytes()).hexdigest()}` |",
        "| command | `zoo train note_lstm --corpus tunes --preset smoke --seed 0` |",
        f"| test likelihood (exact) | {results.scores.test.nats_per_beat:.3f} nats a beat |",
        f"| trained weights | {results.parameters:,} |",
    ):
        assert fact in text
    assert "ask the maker" in text and "## Known faults" in text


def test_a_run_is_not_packed_onto_itself_nor_half_trained(copy, say):
    shutil.copytree(RUN, "own/tunes/note_lstm")
    done = say("pack", "own/tunes/note_lstm", "--out", "own")
    assert done.code == 2 and "is the run itself" in done.err
    Path(RUN, "metrics.json").unlink()
    done = say("pack", RUN, "--out", "parcel")
    assert done.code == 2 and "is not a finished run" in done.err and not Path("parcel").exists()


def test_what_names_no_folder_is_not_packed_and_what_ships_stays_as_it_is(shipped, say):
    described = Path(RUN, "model.json")
    described.write_text(described.read_text().replace('"name": "tunes"', '"name": "../../outside"'))
    done = say("pack", RUN)
    assert done.code == 2 and "names no corpus or no model that could be a folder" in done.err
    files = {path: path.stat().st_mtime_ns for path in pretrained.FOLDER.rglob("*")}
    assert (
        say("pack", "bach-chorales/note_lstm", "--corpus", "./tunes")
        .lines[0]
        .startswith("reports/bach-chorales/packed/")
    )
    assert files == {path: path.stat().st_mtime_ns for path in pretrained.FOLDER.rglob("*")}


def test_what_ships_is_sampled_where_nothing_is_trained_and_the_command_says_so(shipped, say):
    done = say("sample", "note_lstm", "--count", 1, "--beats", 4)
    assert (done.code, done.lines) == (
        0,
        ["reports/bach-chorales/samples/note_lstm/pretrained/samples-seed0-beats=4.0/note_lstm-01.mid"],
    )
    assert "no run of your own, so the pretrained bach-chorales/note_lstm is used" in done.err
    by_name = say("sample", "bach-chorales/note_lstm", "--count", 1, "--beats", 4)
    assert (by_name.lines, by_name.err) == (done.lines, "")
    assert zoo.load("bach-chorales/note_lstm").sample(1, 4)[0] == zoo.read_midi(done.lines[0]).replace(
        name="note_lstm-01"
    )
    assert "pretrained: bach-chorales/note_lstm" in say("list").out
    for words in (["rnn_rbm"], ["note_lstm", "--preset", "blog"], ["note_lstm", "--corpus", "./other"]):
        assert say("sample", *words).code == 2


def test_a_run_of_ones_own_comes_before_what_ships(shipped, say):
    shutil.copytree("reports/tunes", "reports/bach-chorales")
    done = say("sample", "note_lstm", "--count", 1, "--beats", 4)
    assert done.err == "" and "/smoke-seed0/" in done.lines[0]


def test_training_goes_on_from_what_ships_with_its_hyperparameters(shipped, say, instant):
    done = say("train", "note_lstm", "--corpus", "./tunes", "--weights", "bach-chorales/note_lstm", "--seed", 4)
    assert re.fullmatch("reports/tunes/runs/note_lstm/smoke-seed4-weights=note_lstm-[0-9a-f]{8}", done.lines[0])
    done = say("train", "melody_lstm", "--corpus", "./tunes", "--weights", "bach-chorales/note_lstm")
    assert done.code == 2 and "holds a note_lstm, not a melody_lstm" in done.err


def test_a_page_to_play_on_takes_what_ships(shipped, say):
    assert say("pack", RUN.replace("note", "biaxial"), "--out", "parcel").code == 0
    Path("parcel/tunes/biaxial_lstm").rename("parcel/bach-chorales/biaxial_lstm")
    done = say("play", "--out", "page.html")
    assert done.code == 0 and done.lines[0].startswith("note_lstm (pretrained): ")
    assert (
        done.err
        == "zoo: left out: biaxial_lstm (pretrained), for the page does not know the layer biaxial_lstm (Biaxial).\n"
    )


def test_what_ships_fits_its_cards():
    size = sum(path.stat().st_size for path in pretrained.FOLDER.rglob("*") if path.suffix != ".pyc")
    assert size <= LARGEST
    for name in pretrained.names():
        run = RunFolder(pretrained.folder(name))
        digest = hashlib.sha256(run.weights.read_bytes()).hexdigest()
        assert run.read_description()["weights_digest"] == digest and f"`{digest}`" in run.card.read_text()
        assert run.read_results().scores.test.nats_per_beat < run.read_results().ngram.test


@pytest.mark.slow
@pytest.mark.parametrize("name", pretrained.names())
def test_what_ships_scores_what_its_card_says(chorales, name):
    run = RunFolder(pretrained.folder(name))
    expected = run.read_results().scores.test
    near = max(MOVED, expected.standard_error or 0)  # of an estimate other processors may draw otherwise
    assert zoo.load(name).score(chorales.test).nats_per_beat == pytest.approx(expected.nats_per_beat, abs=near)
