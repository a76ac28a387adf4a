"""Voices around a given one, and gaps filled, by every model that can."""

import numpy as np
import pytest
from kinds import NAMES
from songs import BEAT

import zoo
from zoo import Song, UserError
from zoo.codecs import PolyphonyCodec, RollCodec
from zoo.codecs.given import Given, given_notes, voice_of
from zoo.codecs.grid import Grid
from zoo.models._joining import filled

ABLE = [name for name in NAMES if zoo.find(name)().make_codec().can_be_given]
RUN = "reports/tunes/runs/{}/smoke-seed0"
# Two tracks; onsets off the grid, a repeated note, a leap, a rest, and a note longer than any of the tunes.
MELODY = [(10, 470, 74), (480, 240, 74), (730, 240, 81), (1440, 960, 69), (2400, 3360, 76)]
BASS = [(0, 960, 50), (960, 960, 74), (1920, 2880, 45)]  # crosses the melody in its second note
DUET = Song.from_notes(
    [(*note, 90, 0) for note in MELODY] + [(*note, 70, 1) for note in BASS], 12 * BEAT, programs=(73, 42), tempo=88.0
)


def rows(song, *columns):
    return sorted(zip(*(getattr(song, column).tolist() for column in columns), strict=True))


def notes_of(song):
    return rows(song, "start", "end", "pitch")


@pytest.fixture
def model(request, here, loading_once):
    return zoo.load(RUN.format(request.param))


@pytest.mark.parametrize("model", ABLE, indirect=True)
def test_the_voice_is_kept_and_nothing_sounds_beyond_it(model):
    step = BEAT // model.grid
    kept = [(*(round(at / step) * step for at in (a, a + b)), pitch) for a, b, pitch in MELODY]
    with pytest.warns(UserWarning, match="2 of 5 notes of the melody"):
        songs = model.harmonize(DUET, 2, voice=1, seed=4)
    for song in songs:
        assert notes_of(song.select(song.track == 0)) == kept
        assert (song.length, song.programs, song.tempo) == (12 * BEAT, (73, 73), 88.0)
        others = notes_of(song.select(song.track == 1))
        assert len(others) > 3
        for start, end, pitch in others:
            beside = [given for given in kept if given[0] < end and given[1] > start]
            assert all(pitch < given[2] for given in beside), "nothing is above, and nothing in the voice itself"
    assert songs[0] != songs[1].replace(name=songs[0].name)
    with pytest.warns(UserWarning):
        assert model.harmonize(DUET, 1, voice="1", seed=4) == songs[:1], "the first of many are the few"
    # The model itself wrote those notes: they are not only put on top.
    given = given_notes(voice_of(DUET, 1, model.grid), 1, False)
    (codes,) = model.generate_given(1, given, None, 4)
    model.codec.longest_note, longest = 0, model.codec.longest_note
    written = model.codec.decode(codes, len(given.sounds))
    model.codec.longest_note = longest
    assert set(kept) <= set(notes_of(written))
    with pytest.warns(UserWarning, match="2 of 4 notes"):  # cut where another is lower
        (bass,) = model.harmonize(DUET, 1, voice="lowest", temperature=0.5)
    line = bass.select(bass.track == 0)
    assert line.pitch.tolist() == [50, 74, 69, 45]
    for start, end, pitch in notes_of(bass.select(bass.track == 1)):
        assert all(pitch > low for a, b, low in notes_of(line) if a < end and b > start)


@pytest.mark.parametrize("model", NAMES, indirect=True)
@pytest.mark.filterwarnings("ignore:.*not in its vocabulary")
def test_what_is_outside_of_a_gap_stays_tick_for_tick(model):
    song = zoo.read_midi("tunes/tune-1.mid")
    song = song.replace(start=song.start + 7, length=song.length + 7)  # off any grid
    begin, end = 2410, 4900
    (piece,) = model.fill(song, begin / BEAT, end / BEAT, seed=1)
    columns = ("start", "duration", "pitch", "velocity")
    for part in ((0, begin), (end, song.length)):
        assert rows(piece.crop(*part), *columns) == rows(song.crop(*part), *columns)
    new = piece.crop(begin, end)
    assert len(new) > 0 and rows(new, *columns) != rows(song.crop(begin, end), *columns)
    assert piece.length == song.length and len(piece.programs) == len(song.programs) + 1


@pytest.mark.parametrize("model", ["melody_lstm"], indirect=True)
def test_a_gap_at_the_beginning_and_one_that_is_none(model):
    song = zoo.read_midi("tunes/tune-1.mid")
    first, second = model.fill(song, 0, 4, count=2)
    assert rows(first.crop(4 * BEAT, song.length), "start", "pitch") == rows(
        song.crop(1920, song.length), "start", "pitch"
    )
    assert notes_of(first.crop(0, 1920)) != notes_of(second.crop(0, 1920))
    for begin, end in ((4, 4), (-1, 4), (5, 4), (0, 999), (float("nan"), 4)):
        with pytest.raises(UserError, match="begin and end must be beats of the music, 0 to 20"):
            model.fill(song, begin, end)


def test_notes_held_across_the_seams():
    song = Song.from_notes([(0, 960, 60, 80, 0), (0, 960, 64, 80, 0), (1200, 960, 67, 80, 0), (1200, 960, 72, 80, 0)])
    # In what was written 60 is held on, 64 is not, 72 is new and reaches the end of the gap; the gap is 480 to 1440.
    written = Song.from_notes([(0, 720, 60, 80, 0), (0, 480, 64, 80, 0), (960, 960, 72, 80, 0), (960, 960, 65, 80, 0)])
    for at in (480, 0):  # what was written may begin with the gap
        new = written.crop(480 - at, written.length)
        piece = filled(song, new, at, 480, 1440)
        held = [(0, 720, 60)] if at else [(0, 480, 60), (480, 720, 60)]
        expected = [*held, (0, 480, 64), (960, 1440, 65), (960, 2160, 72), (1440, 2160, 67)]
        assert notes_of(piece) == sorted(expected)
        assert piece.programs == (0, 0) and piece.pitch[piece.track == 1].tolist() == [*[60][: not at], 65, 72]


def test_the_outermost_voices():
    notes = [(0, 480, 60, 80, 0), (0, 960, 67, 80, 1), (480, 480, 72, 80, 0), (600, 900, 55, 80, 0)]
    song = Song.from_notes(notes, programs=(0, 0))
    grid = voice_of(song, "highest", 4)
    assert np.transpose(grid[:3]).tolist() == [[0, 4, 67], [4, 8, 72]], (
        "cut by the higher one; the inner one is dropped"
    )
    grid = voice_of(song, "lowest", 4)
    assert np.transpose(grid[:3]).tolist() == [[0, 4, 60], [4, 5, 72], [5, 13, 55]]
    for voice in ("0", 3, "-1", "soprano", "²"):
        with pytest.raises(UserError, match="voice must be highest, lowest or the number of a track, from 1 to 2, not"):
            voice_of(song, voice, 4)
    for voice, where in (("highest", ""), (2, " in track 2")):
        with pytest.raises(UserError, match=f"melody holds no note{where}."):
            voice_of(song.select(song.track > 1), voice, 4)


def test_where_others_may_sound():
    """A C for two steps, a step of rest, an E: where it is held, where it ends, and beyond it."""
    grid = Grid(np.array([0, 3]), np.array([2, 4]), np.array([60, 64]), np.array([80, 80]), 4)
    for voice, crossing, beyond in (("highest", False, [61, 127]), ("lowest", False, [0, 59]), (1, True, [])):
        given = given_notes(grid, voice, crossing)
        closed = [{60, *beyond}, {60, *beyond}, {60}, {64, *(pitch + 4 for pitch in beyond if 0 < pitch < 127)}]
        for step, pitches in enumerate(closed):
            probed = [0, 59, 60, 61, 63, 64, 65, 127]
            found = {pitch for pitch in probed if not given.free[step, pitch]}
            assert found >= pitches and (not crossing or found == pitches)
        assert np.argwhere(given.starts).tolist() == [[0, 60], [3, 64]]
        assert np.argwhere(given.sounds).tolist() == [[0, 60], [1, 60], [3, 64]]


def test_what_is_said_of_bits_and_of_symbols():
    sounds, starts, free = np.zeros((3, 2, 128), bool)
    sounds[:, 60] = starts[1, 60] = True
    free[:, 58:60] = True
    roll = RollCodec(low=58, high=61, struck=True, steps_per_frame=3).given(Given(sounds, starts, free))
    assert roll.tolist() == [[0, 0, 1, -1, 0, 0, -1, -1] + [0, 0, 1, -1, 0, 0, 1, -1] + [-1] * 8]
    roll = RollCodec(low=58, high=61).given(Given(sounds, starts, free))
    assert roll.tolist() == [[0, 0, 1, -1]] * 2
    codec = PolyphonyCodec().fit([DUET])
    for crowded, below, expected in (
        (False, 128, [["hold", 60]]),
        (False, 60, [["step"], ["new", 58], ["new", 59], ["hold", 58], ["hold", 59]]),
        (False, 59, [["step"], ["new", 58], ["hold", 58]]),
        (True, 60, [["step"]]),
        (True, 128, [["hold", 60]]),
    ):
        allowed = codec.allowed(Given(sounds, starts, free), 0, below, crowded)
        assert codec.known(np.flatnonzero(allowed)) == expected
    assert codec.named(codec.to_codes([["step"], ["new", 5], ["hold", 127]])[0]).tolist() == [128, 5, 127]
