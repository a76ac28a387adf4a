"""`sample` with a melody, a gap, or beams, from the command line."""

from pathlib import Path

import pytest
from kinds import FRAMES, NAMES

import zoo

TUNES = ["--corpus", "./tunes"]
ABLE = [name for name in NAMES if zoo.find(name)().make_codec().can_be_given]
TUNE = "tunes/tune-2.mid"


def notes_of(path, track):
    song = zoo.read_midi(path)
    kept = song.select(song.track == track)
    return list(zip(kept.start.tolist(), kept.end.tolist(), kept.pitch.tolist(), strict=True))


def test_sample_with_a_melody(copy, say):
    words = ["sample", "rnn_nade", *TUNES, "--melody", TUNE, "--count", "2"]
    done = say(*words, "--voice", "2", "--crossing")
    assert done.code == 0 and not done.err
    (folder,) = {Path(path).parent.name for path in done.lines}
    assert folder.startswith("samples-seed0-crossing=True-melody=tune-2-") and folder.endswith("-voice=2")
    assert all(notes_of(path, 0) == notes_of(TUNE, 1) for path in done.lines)
    other = say(*words)
    assert {Path(path).parent for path in other.lines}.isdisjoint({Path(path).parent for path in done.lines})
    written = say("sample", "rnn_nade", *TUNES, "--melody", "C5:2 G4", "--count", "1", "--out", "mine")
    assert notes_of(written.lines[0], 0) == [(0, 960, 72), (960, 1440, 67)]


def test_sample_that_fills_a_gap(copy, say):
    words = ["sample", "note_lstm", *TUNES, "--fill", TUNE, "--from", "8", "--to", "12.5", "--count", "1"]
    done = say(*words)
    assert done.code == 0
    assert "written from the left; the music after the gap is not known to the model" in done.err
    assert "-begin=8.0-end=12.5-fill=tune-2-" in done.lines[0]
    outside = [zoo.read_midi(path).crop(6000, 9600) for path in (TUNE, *done.lines)]
    assert outside[0].pitch.tolist() == outside[1].pitch.tolist()
    assert outside[0].start.tolist() == outside[1].start.tolist()


@pytest.mark.parametrize(
    "name, words, sentence",
    [
        ("melody_lstm", ["--melody", TUNE], f"melody_lstm cannot write around a given voice; {', '.join(ABLE)} can."),
        (
            ABLE[0],
            ["--melody", TUNE, "--voice", "3"],
            "--voice must be highest, lowest or the number of a track, from 1 to 2",
        ),
        (FRAMES[0], ["--melody", "C9"], "--melody goes from pitch 120 to 120, and"),
        (ABLE[0], ["--melody", "tunes/none.mid"], "tunes/none.mid"),
        (ABLE[0], ["--melody", TUNE, "--fill", TUNE], "not allowed with argument --melody"),
        (ABLE[0], ["--melody", TUNE, "--beats", "8"], "--melody does not go together with --beats; leave it out."),
        (ABLE[0], ["--voice", "lowest"], "--voice belongs to --melody FILE.mid, which is missing."),
        ("note_lstm", ["--fill", TUNE, "--from", "4"], "--fill needs --from BEAT and --to BEAT"),
        (
            "note_lstm",
            ["--fill", TUNE, "--from", "4", "--to", "40"],
            "--from and --to must be beats of the music, 0 to 20",
        ),
        ("note_lstm", ["--beams", "12", "--temperature", "1"], "leave out --temperature and --top-p."),
        (
            "note_lstm",
            ["--beams", "3"],
            "--beams must be a whole number from 10, the number of pieces, to 1000, not 3.",
        ),
        (FRAMES[0], ["--beams", "12"], "--beams is for models over symbols"),
    ],
)
def test_mistakes_are_told_in_one_sentence(here, say, name, words, sentence):
    done = say("sample", name, *TUNES, *words)
    assert done.code == 2 and not done.out
    assert done.err.count("\n") == 1 and sentence in done.err
