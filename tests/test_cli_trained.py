"""The commands that use what was trained: `sample`, `score`, `report`."""

import json
import os
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pretty_midi
import pytest
from kinds import NAMES, having, unreadable
from run_files import contents, read

import zoo
from zoo.cli import commands

BEAT = 480
TUNES = ["--corpus", "./tunes"]
MELODY = "reports/tunes/runs/melody_lstm/smoke-seed0"


# sample


def test_sample_by_name_and_by_run_folder(copy, say):
    done = say("sample", "melody_lstm", *TUNES, "--count", "3", "--beats", "8")
    folder = "reports/tunes/samples/melody_lstm/smoke-seed0/samples-seed0-beats=8.0"
    assert (done.code, done.err) == (0, "")
    assert done.lines == [f"{folder}/melody_lstm-0{number}.mid" for number in (1, 2, 3)]
    assert all(0 < zoo.read_midi(path).length <= 8 * BEAT for path in done.lines)
    by_folder = say("sample", MELODY, "--count", "3", "--beats", "8", "--out", "mine")
    assert by_folder.lines == [f"mine/melody_lstm-0{number}.mid" for number in (1, 2, 3)]
    assert contents(by_folder.lines) == contents(done.lines)
    more = say("sample", MELODY, "--count", "4", "--beats", "8", "--out", "more")
    assert contents(more.lines[:3]) == contents(done.lines), "the first of many are the few"


def test_sample_makes_ten_of_64_beats_like_those_in_the_run(here, say, tmp_path):
    done = say("sample", "melody_lstm", *TUNES, "--out", tmp_path)
    assert len(done.lines) == 10
    for path in done.lines:
        assert Path(path).read_bytes() == (here / MELODY / "samples" / Path(path).name).read_bytes()


def test_every_way_of_asking_has_a_folder_of_its_own(copy, say):
    base = ["sample", MELODY, "--count", "1", "--beats", "2"]
    os.makedirs("songs")
    shutil.copy("tunes/tune-1.mid", "songs/tune-2.mid")
    ways = [
        [],
        ["--seed", "1"],
        ["--temperature", "0.5"],
        ["--top-p", "0.9"],
        ["--prime", "tunes/tune-2.mid"],
        ["--prime", "songs/tune-2.mid"],
        ["--prime", "tunes/tune-2.mid", "--prime-beats", "2"],
        ["--prime", "validation", *TUNES],
        ["--instrument", "40"],
        ["--tempo", "90"],
        ["--epoch", "1"],
    ]
    paths = [say(*base, *way).lines for way in ways]
    assert all(len(found) == 1 and Path(found[0]).is_file() for found in paths)
    assert len({found[0] for found in paths}) == len(ways)
    assert len({Path(found[0]).parents[1] for found in paths}) == 1


@pytest.mark.parametrize("name", ["melody_lstm", "rnn_rbm"])
def test_seed(here, say, tmp_path, name):
    words = ["sample", name, *TUNES, "--count", "2", "--beats", "8"]
    made = [
        contents(say(*words, "--seed", seed, "--out", tmp_path / out).lines)
        for seed, out in ((5, "a"), (5, "b"), (6, "c"))
    ]
    assert made[0] == made[1] and made[0][0] != made[2][0] and made[0][0] != made[0][1]


def test_temperature_zero_draws_nothing(here, say, tmp_path):
    words = ["sample", "melody_lstm", *TUNES, "--count", "2", "--beats", "8", "--temperature", "0"]
    made = {
        piece for seed in (1, 2) for piece in contents(say(*words, "--seed", seed, "--out", tmp_path / str(seed)).lines)
    }
    assert len(made) == 1


def test_top_p_that_leaves_one_symbol_is_temperature_zero(here, say, tmp_path):
    words = ["sample", "melody_lstm", *TUNES, "--count", "1", "--beats", "8", "--seed", "3"]
    least = say(*words, "--top-p", "0.000001", "--out", tmp_path / "p")
    coldest = say(*words, "--temperature", "0", "--out", tmp_path / "t")
    assert least.code == coldest.code == 0 and contents(least.lines) == contents(coldest.lines)


def test_prime_with_a_file(here, say, tmp_path):
    words = ["--prime", "tunes/tune-2.mid", "--prime-beats", "4", "--count", "4", "--beats", "8", "--out", tmp_path]
    done = say("sample", "melody_lstm", *TUNES, *words)
    assert done.code == 0 and len(done.lines) == 4
    primer = zoo.read_midi("tunes/tune-2.mid").crop(0, 4 * BEAT)
    for number, path in enumerate(done.lines):
        song = zoo.read_midi(path)
        begin, voice = song.crop(0, 4 * BEAT), primer.select(primer.track == number % 2)
        assert begin.start.tolist() == voice.start.tolist() and begin.pitch.tolist() == voice.pitch.tolist()
        assert 4 * BEAT < song.length <= 12 * BEAT, "the beats of the new music do not count those of the primer"


def test_prime_with_pitches_and_the_new_music_alone(here, say, tmp_path):
    words = ["sample", "rnn_nade", *TUNES, "--prime", "C4 E4:0.5 F4:0.5 C4+G4:2", "--count", "1", "--beats", "4"]
    (path,) = say(*words, "--out", tmp_path / "whole").lines
    begin = zoo.read_midi(path).crop(0, 4 * BEAT)
    assert {(start, pitch) for start, pitch in zip(begin.start.tolist(), begin.pitch.tolist(), strict=True)} >= {
        (0, 60), (BEAT, 64), (3 * BEAT // 2, 65), (2 * BEAT, 60), (2 * BEAT, 67)
    }  # fmt: skip
    (new,) = say(*words, "--without-primer", "--out", tmp_path / "new").lines
    whole, new = zoo.read_midi(path), zoo.read_midi(new)
    rest = whole.crop(4 * BEAT, whole.length)
    assert new.pitch.tolist() == rest.pitch.tolist() and new.start.tolist() == rest.start.tolist()
    told = say(*words[:5], "C4 H4", "--count", "1")
    assert told.code == 2 and told.err.startswith("zoo: 'H4' is no music: write pitches as in ")


def test_prime_with_sixteen_beats(here, say, tmp_path):
    words = ["--prime", "tunes/tune-2.mid", "--count", "1", "--beats", "2", "--out", tmp_path]
    (path,) = say("sample", "rnn_nade", *TUNES, *words).lines
    assert 16 * BEAT < zoo.read_midi(path).length <= 18 * BEAT


def test_prime_with_validation_music(here, say, tmp_path):
    words = ["--prime", "validation", "--prime-beats", "4", "--count", "6", "--beats", "4"]
    done = say("sample", "melody_lstm", *TUNES, *words, "--out", tmp_path / "a")
    assert (done.code, done.err) == (0, "")
    valid = zoo.load_corpus("./tunes").valid
    excerpts = {}  # the notes of every voice of every four beats of validation music: where they are from
    for song in valid:
        for beat in range(17):
            for track in (0, 1):
                part = song.crop(beat * BEAT, (beat + 4) * BEAT)
                part = part.select(part.track == track)
                excerpts[tuple(part.start), tuple(part.pitch)] = (song.name, beat, track)
    found = []
    for path in done.lines:
        begin = zoo.read_midi(path).crop(0, 4 * BEAT)
        found.append(excerpts[tuple(begin.start), tuple(begin.pitch)])
    assert len(set(found)) > 2
    again = say("sample", "melody_lstm", *TUNES, *words, "--out", tmp_path / "b")
    other = say("sample", "melody_lstm", *TUNES, *words, "--seed", "1", "--out", tmp_path / "c")
    assert contents(again.lines) == contents(done.lines) != contents(other.lines)


def test_a_primer_that_a_model_cannot_hear_is_told_how_one_could(here, say, tmp_path):
    zoo.write_midi(zoo.Song.from_notes([(0, 480, 60, 80, 0), (0, 480, 64, 80, 0)]), tmp_path / "chords.mid")
    told = say("sample", "melody_lstm", *TUNES, "--prime", tmp_path / "chords.mid")
    assert told.err.endswith("; melody_lstm trained with --voice skyline reads the highest note of any music.\n")


def test_what_of_a_primer_is_not_in_the_vocabulary_is_told(here, say, tmp_path):
    """The joint events of smoke: the tunes have one velocity, so an onset of any other is unknown; an off is not."""
    tune = zoo.read_midi("tunes/tune-2.mid")
    soft = tune.replace(velocity=tune.velocity // 4)
    zoo.write_midi(soft, tmp_path / "soft.mid")
    zoo.write_midi(tune.replace(velocity=np.where(tune.start < 4 * BEAT, tune.velocity, 20)), tmp_path / "softer.mid")
    words = ["sample", "event_lstm", *TUNES, "--count", "1", "--beats", "4", "--out", tmp_path / "out", "--prime"]
    told = say(*words, tmp_path / "soft.mid")
    assert told.code == 2 and told.out == "" and not (tmp_path / "out").exists()
    assert "event_lstm knows no note of soft: 50.0% of its symbols are not in the vocabulary" in told.err
    told = say(*words, tmp_path / "softer.mid")
    (share,) = re.findall(
        "zoo: note: event_lstm leaves out what is not in its vocabulary: (.*)% of softer.\n", told.err
    )
    codec = zoo.load("reports/tunes/runs/event_lstm/smoke-seed0").codec
    (line,) = codec.encode(zoo.read_midi(tmp_path / "softer.mid").crop(0, 16 * BEAT))
    known = [symbol for symbol in map(int, line.codes) if symbol < len(codec.symbols)]
    assert told.code == 0 and 0 < float(share) < 50
    assert float(share) == pytest.approx(100 * (1 - len(known) / len(line.codes)), abs=0.051)
    assert say(*words, "tunes/tune-2.mid").err == ""
    with pytest.warns(UserWarning, match="leaves out .*% of softer"):
        zoo.load("reports/tunes/runs/event_lstm/smoke-seed0").sample(1, 4, prime=zoo.read_midi(tmp_path / "softer.mid"))


@pytest.mark.parametrize(
    ("instrument", "program"), [("40", 40), ("violin", 40), ("Church Organ", 19), ("0", 0), ("127", 127)]
)
def test_instrument(here, say, tmp_path, instrument, program):
    words = ["--count", "1", "--beats", "4", "--instrument", instrument, "--out", tmp_path]
    (path,) = say("sample", "melody_lstm", *TUNES, *words).lines
    assert zoo.read_midi(path).programs == (program,)


def test_tempo(here, say, tmp_path):
    words = ["sample", "melody_lstm", *TUNES, "--count", "1", "--beats", "4"]
    (path,) = say(*words, "--tempo", "96", "--out", tmp_path / "a").lines
    assert zoo.read_midi(path).tempo == pytest.approx(96)
    (path,) = say(*words, "--out", tmp_path / "b").lines
    assert zoo.read_midi(path).tempo == pytest.approx(120)


def test_formats(here, say, tmp_path):
    words = ["sample", "melody_lstm", *TUNES, "--beats", "4", "--out", tmp_path]
    done = say(*words, "--count", "2", "--format", "mid, .png")
    assert [Path(path).name for path in done.lines] == [
        f"melody_lstm-0{number}.{suffix}" for number in (1, 2) for suffix in ("mid", "png")
    ]
    done = say(*words, "--count", "1", "--format", "mp3,musicxml,png")
    heads = [Path(path).read_bytes() for path in done.lines]
    assert heads[0][:1] == b"\xff" or heads[0][:3] == b"ID3"
    assert b"<score-partwise" in heads[1] and heads[2].startswith(b"\x89PNG")


def test_a_checkpoint(copy, say):
    def sharpen(name, item):
        if isinstance(item, h5py.Dataset):
            item[...] = 30 * item[...]

    with h5py.File(f"{MELODY}/checkpoints/epoch-00001.weights.h5", "r+") as file:
        file.visititems(sharpen)  # after two epochs of seconds all weights are alike
    words = ["sample", "melody_lstm", *TUNES, "--count", "2", "--beats", "8"]
    made = {epoch: contents(say(*words, "--epoch", epoch, "--out", f"{epoch}").lines) for epoch in (1, 2)}
    assert made[1] != made[2] == contents(say(*words, "--out", "best").lines)
    sharp = zoo.load(MELODY, 1).sample(1, beats=8)[0]
    zoo.write_midi(sharp, "expected.mid")
    assert made[1][0] == Path("expected.mid").read_bytes()


def test_which_run_is_meant(copy, say):
    shutil.copytree(MELODY, "reports/tunes/runs/melody_lstm/other-seed7")
    described = read(MELODY + "/model.json") | {"preset": "other", "seed": 7}
    Path("reports/tunes/runs/melody_lstm/other-seed7/model.json").write_text(json.dumps(described))
    os.utime("reports/tunes/runs/melody_lstm/other-seed7/metrics.json")
    words = ["score", "melody_lstm", *TUNES]
    assert "/other-seed7, test" in say(*words).out
    assert "/smoke-seed0, test" in say(*words, "--preset", "smoke").out
    assert "/smoke-seed0, test" in say(*words, "--train-seed", "0").out
    assert "/other-seed7, test" in say(*words, "--train-seed", "7", "--preset", "other").out


# score, report


@pytest.mark.parametrize("name", ["melody_lstm", "rnn_rbm"])
def test_score(here, say, corpus, name):
    run = f"reports/tunes/runs/{name}/smoke-seed0"
    model, scores = zoo.load(run), {}
    for words, side, songs in (([], "test", corpus.test), (["--split", "valid"], "valid", corpus.valid)):
        done = say("score", name, *TUNES, *words, "--json")
        found = json.loads(done.out)
        assert done.code == 0 and (found.pop("run"), found.pop("split")) == (run, side)
        scores[side] = json.loads(json.dumps(commands.dataclasses.asdict(model.score(songs))))
        assert found == scores[side]
    kept = read(f"{run}/metrics.json")["scores"]["test"]
    assert kept.pop("seconds") and kept == scores["test"]
    done = say("score", run, *TUNES)
    nats, error = scores["test"]["nats_per_beat"], scores["test"]["standard_error"]
    figure = f"{nats:.4f} ± {error:.4f}" if error else f"{nats:.4f}"
    assert done.lines[0] == f"{run}, test: {figure} nats per beat ({scores['test']['kind']})"
    assert done.lines[1].startswith(f"  {scores['test']['codes']:,} codes, {scores['test']['beats']:,.1f} beats")
    assert done.lines[1].endswith(f", accuracy {scores['test']['accuracy']:.1%}")
    assert done.lines[2] == "  expressed: 100.0% of songs, 100.0% of lines, 100.0% of notes"
    assert json.loads(say("score", name, *TUNES, "--split", "train", "--json").out)["beats"] > found["beats"]


def test_an_accuracy_of_nought_is_said(here, say, monkeypatch):
    score = zoo.load(MELODY).score(zoo.load_corpus("./tunes").test)
    model = zoo.load(MELODY)
    monkeypatch.setattr(model, "score", lambda songs: commands.dataclasses.replace(score, accuracy=0.0))
    assert say("score", "melody_lstm", *TUNES).lines[1].endswith(", accuracy 0.0%")


def test_score_on_another_corpus_says_so(copy, say):
    Path("tunes/tune-1.mid").rename("tunes/renamed.mid")
    done = say("score", MELODY, *TUNES)
    assert done.code == 0 and done.err == f"zoo: note: {MELODY} was trained on another corpus (tunes).\n"


def test_report(copy, say):
    for name in NAMES[1:]:
        for drawn in ("samples", "real"):  # drawing them takes time
            shutil.rmtree(f"reports/tunes/runs/{name}/smoke-seed0/{drawn}")
    done = say("report", *TUNES)
    assert done.code == 0
    assert re.fullmatch(r"(pieces rendered: \d+ of \d+, [\d:]+ left\n)*", done.err), "and nothing on a fast machine"
    assert done.lines[-1] == "reports/tunes/index.html" and Path(done.lines[-1]).is_file()
    assert Path("reports/tunes/results.csv").is_file()
    for name in zoo.names():
        assert any(line.startswith(name) and line.endswith("finished") for line in done.lines)


def test_a_run_folder_knows_its_own_corpus(copy, say):
    one, other = say("score", MELODY), say("score", MELODY, *TUNES)
    assert (one.code, one.err) == (0, "") and one.lines == other.lines


@pytest.mark.slow
def test_a_folder_of_real_files_with_bad_ones_among_them_trains(shared_data, copy, say):
    folder = Path("mixed")
    folder.mkdir()
    real = sorted((shared_data / "jsb-chorales" / "train").glob("*.mid"))[:20]
    for path in real:
        shutil.copy(path, folder)
    (folder / "empty.mid").write_bytes(b"")
    (folder / "text.MID").write_text("dear diary")
    (folder / "cut.mid").write_bytes(real[0].read_bytes()[:60])
    drums = pretty_midi.PrettyMIDI()
    kit = pretty_midi.Instrument(0, is_drum=True)
    kit.notes.append(pretty_midi.Note(80, 36, 0.0, 1.0))
    drums.instruments.append(kit)
    drums.write(str(folder / "drums.midi"))
    told = say("corpus", "./mixed")
    assert told.code == 0
    skipped = {line.split()[1].rstrip(":"): line for line in told.lines if line.strip().startswith("skipped")}
    assert set(skipped) == {"empty.mid", "text.MID", "cut.mid", "drums.midi"}
    assert "drums" in skipped["drums.midi"].partition(":")[2]
    left_out = unreadable(zoo.load_corpus("./mixed").valid)
    for name in NAMES:
        voice = ["--voice", "skyline"] * (name in having("voice"))
        if voice or name not in left_out:
            assert say("train", name, "--corpus", "./mixed", "--preset", "smoke", *voice).code == 0
    assert say("report", "--corpus", "./mixed").code == 0
    page = Path("reports/mixed/index.html").read_text()
    assert all(name in page for name in skipped)
