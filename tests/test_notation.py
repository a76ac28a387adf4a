"""Pitches written by hand."""

import pytest

from zoo import UserError
from zoo.midi import is_notation, parse_notation


@pytest.mark.parametrize(
    ("name", "pitch"),
    [("C4", 60), ("A4", 69), ("F#3", 54), ("Bb3", 58), ("b3", 59), ("bb3", 58), ("C-1", 0), ("G9", 127)],
)
def test_pitches_have_their_numbers(name, pitch):
    assert is_notation(name) and parse_notation(name).pitch.tolist() == [pitch]


def test_chords_rests_and_lengths():
    song = parse_notation(" r:2  C4+E4+G4:1.5 c5 r ")
    rows = zip(song.start.tolist(), song.duration.tolist(), song.pitch.tolist(), strict=True)
    assert list(rows) == [(960, 720, 60), (960, 720, 64), (960, 720, 67), (1680, 480, 72)]
    assert song.length == 2640


@pytest.mark.parametrize("text", ["C4 H4", "C4:0", "C4:x", "C4+", "Ab10", "G#9", "Cb-1", "r r", "C4:9999", ""])
def test_what_is_no_music_is_named(text):
    with pytest.raises(UserError):
        parse_notation(text)


@pytest.mark.parametrize("text", ["validation", "a.mid", "./C4.mid", "", "dir/b3"])
def test_files_are_not_taken_for_pitches(text):
    assert not is_notation(text)
