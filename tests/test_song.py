"""Song: columns in order, checked, read-only."""

import numpy as np
import pytest

from zoo.song import LONGEST, Song


@pytest.fixture
def song():
    rows = [(480, 480, 64, 80, 1), (0, 960, 60, 70, 0), (0, 480, 67, 80, 0), (960, 240, 127, 80, 0)]
    return Song.from_notes(rows, programs=(0, 40), time_signatures=((0, 3, 4), (480, 4, 4)), name="s", primed=3)


def test_notes_are_put_in_order_whatever_order_they_come_in(song):
    assert song.start.tolist() == [0, 0, 480, 960]
    assert song.pitch.tolist() == [60, 67, 64, 127]
    assert song.track.tolist() == [0, 0, 1, 0]
    assert song.end.tolist() == [960, 480, 960, 1200]
    assert len(song) == 4 and song.length == 1200 and song.beats == 2.5
    shuffled = song.select(np.array([3, 1, 0, 2]))
    assert shuffled == song and shuffled != song.replace(tempo=90.0)


@pytest.mark.parametrize(
    ("late", "long"), [(0, 5), (LONGEST - 8, 5), (2**30, 2**30)]
)  # of the last, no 63 bits hold all
def test_notes_that_begin_together_go_by_pitch_track_duration_and_velocity(late, long):
    rng = np.random.default_rng(0)
    rows = rng.integers((late, 1, 60, 64, 0), (late + 3, long, 63, 67, 4), (500, 5)).tolist()  # every kind of tie
    song = Song.from_notes(rows, programs=(0,) * 4)
    columns = (song.start, song.duration, song.pitch, song.velocity, song.track)
    assert np.transpose(columns).tolist() == sorted(rows, key=lambda row: (row[0], row[2], row[4], row[1], row[3]))
    assert all(column.flags.c_contiguous for column in columns)  # which a corpus's digest needs


def test_columns_are_read_only_and_int32(song):
    assert song.start.dtype == np.int32
    with pytest.raises(ValueError):
        song.start[0] = 1


@pytest.mark.parametrize(
    "row", [(-1, 1, 60, 64, 0), (0, 0, 60, 64, 0), (0, 1, 128, 64, 0), (0, 1, 60, 0, 0), (0, 1, 60, 64, 1)]
)
def test_values_out_of_range_are_refused(row):
    with pytest.raises(ValueError, match="must lie between"):
        Song.from_notes([row])


def test_columns_of_different_lengths_and_a_short_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        Song([0], [1], [60], [64], [0, 0], length=1)
    with pytest.raises(ValueError, match="before the last note"):
        Song.from_notes([(0, 10, 60, 64, 0)], length=9)


def test_an_empty_song_is_a_song():
    empty = Song.from_notes([])
    assert len(empty) == 0 and empty.length == 0 and empty.crop(0, 480) == empty


def test_transpose_drops_what_leaves_the_range(song):
    assert song.transpose(1).pitch.tolist() == [61, 68, 65]
    assert song.transpose(1).length == song.length
    assert song.transpose(-3).transpose(3) == song


def test_stretch_rounds_onsets_and_ends_and_keeps_every_note(song):
    longer = song.stretch(1.05)
    assert longer.start.tolist() == [round(1.05 * tick) for tick in song.start.tolist()]
    assert longer.end.tolist() == [round(1.05 * tick) for tick in song.end.tolist()]
    assert longer.length == round(1.05 * song.length) and longer.time_signatures[1][0] == 504
    short = Song.from_notes([(0, 1, 60, 64, 0), (1, 1, 60, 64, 0)]).stretch(0.5)
    assert short.duration.tolist() == [1, 1] and short.length >= short.end.max()
    assert song.stretch(1.0) == song


def test_crop_cuts_notes_and_keeps_the_meter_in_force(song):
    part = song.crop(240, 960)
    assert part.start.tolist() == [0, 0, 240]
    assert part.duration.tolist() == [720, 240, 480]
    assert part.length == 720
    assert part.time_signatures == ((0, 3, 4), (240, 4, 4))
    assert song.crop(600, 5000).time_signatures == ((0, 4, 4),)
    assert song.crop(600, 5000).length == 600
