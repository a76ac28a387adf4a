"""What the page plays: rendered once, from the run folders alone, beside whatever else lies there."""

import json
import shutil

import pytest
import soundfile
from made_runs import EVIL, add_real, add_run, write

from zoo.midi import read_midi, write_midi
from zoo.report import load_runs, write_report
from zoo.report.pieces import SUFFIXES, Pieces
from zoo.song import Song

BEAT = 480


def made(folder, times=False):
    """Files under samples/, the ledger apart; with `times`, when each was written."""
    found = [path for path in (folder / "samples").rglob("*.*") if path.name != "rendered.json"]
    return {
        path.relative_to(folder / "samples").as_posix(): path.stat().st_mtime_ns if times else None for path in found
    }


def files(place):
    return {f"{place}.{suffix}" for suffix in SUFFIXES}


def test_the_first_run_of_a_variant_is_played_with_real_music_beside_it(folder):
    add_real(add_run(folder, samples=4), "bwv1.mid", EVIL, "bwv3.mid")
    add_run(folder, run="tuned-seed1")
    add_run(folder, run="blog-seed0", samples=1)
    write_report(folder)
    stems = ["tuned-seed0/sample-1", "tuned-seed0/sample-2", "tuned-seed0/sample-3"]
    stems += ["tuned-seed0/real-1", "tuned-seed0/real-2", "blog-seed0/sample-1"]
    heard = {"note_lstm/tuned-seed0/real-3.mp3"}  # in the blind test only
    assert made(folder).keys() == heard.union(*(files(f"note_lstm/{stem}") for stem in stems))
    pieces = Pieces(folder).of(load_runs(folder)[1], 3, 2)
    assert [(piece.kind, piece.title) for piece in pieces] == [
        *(("sample", f"Sample {number}") for number in (1, 2, 3)),
        ("real", "bwv1"),
        ("real", EVIL),
    ]
    for piece in pieces:
        place = folder / piece.urls["mp3"]
        assert soundfile.info(place).duration == pytest.approx(piece.seconds + 2, abs=0.1)
        assert read_midi(place.with_suffix(".mid")) == piece.song


def test_of_real_music_that_the_page_does_not_show_only_the_sound_is_rendered(tmp_path):
    run = add_run(tmp_path, samples=1)
    (run / "samples").rename(run / "real")
    shutil.copy(run / "real" / "sample-1.mid", run / "real" / "sample-2.mid")
    (found,) = load_runs(tmp_path)
    for shown, files in ((1, 5 + 1), (0, 1 + 1)):
        pieces = Pieces(tmp_path)
        pieces.of(found, 0, shown)
        pieces.shared_out([found], shown)
        pieces.make()
        assert len(list((tmp_path / "samples" / "note_lstm" / "tuned-seed0").iterdir())) == files


def test_runs_that_have_the_same_real_music_share_it_out(tmp_path):
    for run, songs in (("a-seed0", 7), ("b-seed0", 7), ("c-seed0", 0), ("d-seed0", 7)):
        add_real(add_run(tmp_path, run=run, samples=0), *(f"bwv{number}" for number in range(1, songs + 1)))
    found = Pieces(tmp_path).shared_out(load_runs(tmp_path), 2)
    shares = [[piece.title for piece in pieces] for pieces in found]
    assert shares == [["bwv3", "bwv6"], ["bwv4", "bwv7"], [], ["bwv5"]]


def test_only_what_has_changed_is_rendered_again(folder):
    run = add_run(folder, samples=3)
    write_report(folder)
    first = made(folder, times=True)
    write_report(folder)
    assert made(folder, times=True) == first
    write_midi(Song.from_notes([(0, BEAT, 72, 80, 0)]), run / "samples" / "sample-2.mid")
    (folder / "samples/note_lstm/tuned-seed0/sample-3.mp3").write_bytes(b"half an MP3")
    write_report(folder)
    now = made(folder, times=True)
    assert {name for name in now if now[name] != first[name]} == files("note_lstm/tuned-seed0/sample-2") | files(
        "note_lstm/tuned-seed0/sample-3"
    )


def test_what_no_piece_needs_is_removed_and_nothing_else(folder):
    run = add_run(folder, samples=2)
    write_report(folder)
    mine = folder / "samples" / "note_lstm" / "tuned-seed0" / "samples-seed7" / "note_lstm-01.mp3"
    write(mine, "a user's own")
    precious = folder / "precious.mid"
    write(precious, "out of reach")
    ledger = folder / "samples" / "rendered.json"
    write(ledger, json.loads(ledger.read_text()) | {"samples/../precious": {}, "precious": {}})
    (run / "samples" / "sample-2.mid").unlink()
    write_report(folder)
    kept = "note_lstm/tuned-seed0/samples-seed7/note_lstm-01.mp3"
    assert made(folder).keys() == files("note_lstm/tuned-seed0/sample-1") | {kept}
    assert precious.exists()


@pytest.mark.parametrize(
    "wrong", ["", "[]", '{"samples/a": 3}', '{"samples/note_lstm/tuned-seed0/sample-1": {"files": 1}}']
)
def test_a_damaged_ledger_costs_only_time(wrong, folder):
    add_run(folder, samples=1)
    write(folder / "samples" / "rendered.json", wrong)
    write_report(folder)
    assert made(folder).keys() == files("note_lstm/tuned-seed0/sample-1")


def test_many_pieces_are_rendered_in_processes(folder, monkeypatch):
    monkeypatch.setattr("zoo.report.pieces.WORTH_A_PROCESS", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    add_run(folder, samples=3)
    write_report(folder)
    assert len(made(folder)) == 3 * len(SUFFIXES)
