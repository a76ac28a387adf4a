"""Codecs: songs and symbols read both ways, identity over real and made-up music, and what each codec loses."""

import numpy as np
import pytest
from codings import CODECS, KINDS, SIXTEENTH, codes_of, every_codec, fitted, made_up, notes, read, song, symbols

from zoo.codecs import ChordCodec, EventCodec, ExactChordCodec, MelodyCodec, PerformanceCodec, RollCodec
from zoo.codecs.grid import on_grid, to_steps, to_ticks
from zoo.midi import read_midi
from zoo.song import Song


def track_per_pitch(piece):
    """A song in which every pitch has a track of its own, so that every track is monophonic."""
    pitches, track = np.unique(piece.pitch, return_inverse=True)
    return piece.replace(track=track, programs=(0,) * len(pitches))


@pytest.fixture(scope="module")
def published(shared_data):
    """Songs of both published corpora, one track each, on beats."""
    paths = [path for name in ("jsb-chorales", "nottingham") for path in shared_data.glob(f"{name}/test/*.mid")]
    return [read_midi(path) for path in sorted(paths)[::4]]


# Codec, notes as in `song`, symbols or frames, and what comes back when that is not the same notes.
TABLE = {
    "event": (
        EventCodec(),
        [(0, 4, 60), (0, 2, 64, 100), (4, 8, 60, 20)],
        [[0, "no", 60, 5], [0, "no", 64, 6], [2, "nf", 64, 0], [2, "nf", 60, 0], [0, "no", 60, 1], [4, "nf", 60, 0]],
        None,
    ),
    "event: offs before ons, low before high": (
        EventCodec(velocity_bins=1),
        [(0, 4, 70), (1, 4, 50), (4, 5, 60), (4, 5, 40)],
        [
            *([0, "no", 70, 0], [1, "no", 50, 0], [3, "nf", 50, 0], [0, "nf", 70, 0]),
            *([0, "no", 40, 0], [0, "no", 60, 0], [1, "nf", 40, 0], [0, "nf", 60, 0]),
        ],
        None,
    ),
    "event: unison of two tracks": (
        EventCodec(),
        [(0, 8, 60, 80, 0), (4, 6, 60, 40, 1), (4, 12, 60, 80, 0)],
        [[0, "no", 60, 5], [4, "nf", 60, 0], [0, "no", 60, 5], [8, "nf", 60, 0]],
        [(0, 4, 60), (4, 12, 60)],
    ),
    "event split: velocity told when it changes, long rests in parts, the last one too": (
        PerformanceCodec(),
        [(0, 4, 60), (0, 2, 64), (4, 8, 60, 20), 28],
        [
            *(["v", 5], ["no", 60], ["no", 64], ["s", 2], ["nf", 64], ["s", 2], ["nf", 60]),
            *(["v", 1], ["no", 60], ["s", 4], ["nf", 60], ["s", 16], ["s", 4]),
        ],
        None,
    ),
    "event split: one velocity": (
        PerformanceCodec(velocity_bins=1),
        [(1, 3, 60, 9)],
        [["s", 1], ["no", 60], ["s", 2], ["nf", 60]],
        None,
    ),
    "chord: C3-G3-E5-Bb5 comes back in octave 4, C2-C6 as one note, rests and durations go": (
        ChordCodec(),
        [(1, 9, 48), (1, 9, 55), (1, 2, 76), (1, 3, 82), (4, 5, 61), (9, 10, 36), (9, 10, 84), 16],
        ["4.7.10.0", "C#4", "0"],
        [(0, 2, 60), (0, 2, 64), (0, 2, 67), (0, 2, 70), (2, 4, 61), (4, 6, 60)],
    ),
    "chord exact: a chord lasts until the next, or until all of it is silent": (
        ExactChordCodec(),
        [(2, 6, 48), (2, 4, 64), (6, 14, 48), (6, 7, 60), (8, 10, 62), (16, 17, 48), 20],
        ["", "+2", "48.64", "+4", "48.60", "+2", "62", "+6", "", "+2", "48", "+1", "", "+3"],
        [(2, 6, 48), (2, 6, 64), (6, 8, 48), (6, 8, 60), (8, 14, 62), (16, 17, 48)],
    ),
    "melody: repeated pitches merge": (
        MelodyCodec(),
        [(0, 2, 60), (2, 4, 60), (4, 5, 62), (6, 8, 64)],
        [60, 60, 60, 60, 62, 128, 64, 64],
        [(0, 4, 60), (4, 5, 62), (6, 8, 64)],
    ),
    "melody hold: they do not": (
        MelodyCodec(hold=True),
        [(1, 2, 60), (2, 4, 60), (4, 5, 62), (6, 8, 64), 9],
        [128, 60, 60, 129, 62, 128, 64, 129, 128],
        None,
    ),
    "skyline": (
        MelodyCodec(voice="skyline"),
        [(0, 8, 60), (2, 4, 67), (3, 6, 48, 80, 1), (4, 5, 64, 80, 1)],
        [60, 60, 67, 67, 64, 60, 60, 60],
        [(0, 2, 60), (2, 4, 67), (4, 5, 64), (5, 8, 60)],
    ),
    "skyline hold": (
        MelodyCodec(voice="skyline", hold=True),
        [(0, 4, 60), (2, 3, 67), (4, 6, 60)],
        [60, 129, 67, 60, 60, 129],
        [(0, 2, 60), (2, 3, 67), (3, 4, 60), (4, 6, 60)],
    ),
    "roll: repeated pitches merge, what lies outside the keys is left out": (
        RollCodec(low=60, high=62),
        [(0, 1, 60), (1, 2, 60), (1, 3, 62), (0, 3, 59), (0, 3, 63)],
        [[1, 0, 0], [1, 0, 1], [0, 0, 1]],
        [(0, 2, 60), (1, 3, 62)],
    ),
    "roll struck: sounding bits, then struck bits; the last frame is padded with silence": (
        RollCodec(low=60, high=62, struck=True, steps_per_frame=2),
        [(0, 2, 60), (2, 3, 60), (1, 3, 62)],
        [[1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1], [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
        None,
    ),
}


@pytest.mark.parametrize(("codec", "given", "wanted", "back"), TABLE.values(), ids=TABLE)
def test_table_both_ways(codec, given, wanted, back):
    *given, steps = given if isinstance(given[-1], int) else [*given, None]
    piece = song(*given, steps=steps)
    codec = fitted(codec, piece)
    assert symbols(codec, piece) == wanted
    decoded = codec.decode(codes_of(codec, wanted))
    assert notes(decoded) == notes(piece) if back is None else notes(decoded) == back
    cropped = codec.decode(codes_of(codec, wanted), on_grid(piece, 4).steps)
    assert notes(cropped) == notes(decoded) and cropped.length == piece.length


# Identity.


@every_codec
def test_what_is_decoded_encodes_to_the_same(codec):
    is_identity(codec, [made_up(seed) for seed in range(12)])


@every_codec
def test_what_is_decoded_of_published_music_encodes_to_the_same(codec, published):
    if isinstance(codec, MelodyCodec) and codec.voice == "lines":
        published = [track_per_pitch(piece) for piece in published[::3]]
    is_identity(codec, published)


def is_identity(codec, music):
    # The published chord form is not its own inverse in one point: an octave (`0`) comes back as one note (`C4`).
    octave_4 = song(*((2 * pc, 2 * pc + 2, 60 + pc) for pc in range(12)))
    codec, count = fitted(codec, *music, octave_4), 0
    for piece in music:
        for line in codec.encode(piece):
            wanted = read(codec, line)
            decoded = codec.decode(codes_of(codec, wanted))
            if isinstance(codec, ChordCodec):
                wanted = [symbols(codec, octave_4)[int(name)] if name.isdigit() else name for name in wanted]
            assert symbols(codec, decoded) == wanted
            assert line.unknown_nats is None or not line.unknown_nats.any()
            count += 1
    assert count >= len(music)


@pytest.mark.parametrize("name", ["event", "event split", "event fine", "roll", "roll struck", "melody", "melody hold"])
def test_published_music_comes_back_note_for_note(name, published):
    codec = fitted(CODECS[name], *published)
    for piece in map(track_per_pitch, published) if name.startswith("melody") else published:
        lines = codec.encode(piece)
        assert len(lines) == codec.lines_of(piece) == len(piece.programs)
        for track, line in enumerate(lines):
            voice = piece.select(piece.track == track)
            assert notes(codec.decode(line.codes, on_grid(piece, codec.steps_per_beat).steps)) == notes(voice)
            assert (line.notes, line.beats) == (len(voice), piece.beats)


def test_roll_is_what_sounds_and_skyline_the_highest_of_it(published):
    for piece in published:
        beat = np.arange(piece.length // 480)[:, None] * 480
        sounds = np.zeros((len(beat), 128), np.uint8)
        for pitch in range(128):
            sounds[:, pitch] = ((piece.start <= beat) & (beat < piece.end) & (piece.pitch == pitch)).any(1)
        assert symbols(RollCodec(steps_per_beat=1), piece) == sounds[:, 21:109].tolist()
        highest = np.where(sounds.any(1), 127 - np.argmax(sounds[:, ::-1], axis=1), 128)
        assert symbols(MelodyCodec(steps_per_beat=1, voice="skyline"), piece) == highest.tolist()


@every_codec
def test_silence_and_nothing(codec):
    codec = fitted(codec, made_up(0))
    lines = codec.encode(song(steps=16))
    if isinstance(codec, RollCodec):  # silence is a frame like any other
        assert not np.any(lines[0].codes) and lines[0].beats == 4 and not len(codec.decode(lines[0].codes))
    else:
        assert lines == []
    assert codec.encode(song()) == []
    empty = codec.decode(np.zeros((0, *codec.encode(made_up(0))[0].codes.shape[1:]), int))
    assert len(empty) == empty.length == 0


# Decoders take anything.


@every_codec
def test_any_codes_decode_to_a_song_of_the_length_asked_for(codec):
    codec, rng = fitted(codec, made_up(0), made_up(1)), np.random.default_rng(0)
    for trial in range(20):
        if isinstance(codec, RollCodec):
            codes = (rng.random((30, codec.bits)) < rng.random()).astype(np.uint8)
        else:
            codes = rng.integers(0, codec.size + 2, 300)  # unknown and start among them
            codes[:3] = (codec.size, codec.start, 0) if trial % 2 else (codec.size - 1, codec.size, codec.start)
        whole = codec.decode(codes)
        for steps in (0, 1, 29, 10_000):
            part = codec.decode(codes, steps)
            assert part.length == to_ticks(steps, codec.steps_per_beat)  # Song sees to it that no note lasts longer
            assert notes(part, codec.steps_per_beat) == [row[:3] for row in grid_rows(part, codec)]  # none overlap
            if part.length <= whole.length:
                assert notes(part) == notes(whole.crop(0, part.length))


def grid_rows(piece, codec):
    grid = on_grid(piece, codec.steps_per_beat)
    return list(zip(grid.start.tolist(), grid.end.tolist(), grid.pitch.tolist(), strict=True))


@pytest.mark.parametrize("name", ["event", "event split", "chord", "chord exact"])
def test_unknown_and_start_codes_are_passed_over(name):
    codec = fitted(CODECS[name], made_up(0))
    (line,) = codec.encode(made_up(0))
    mixed = np.insert(line.codes, [0, 5, 5, len(line.codes)], [codec.start, codec.size, codec.start, codec.size])
    assert codec.decode(mixed) == codec.decode(line.codes)


def test_events_without_a_partner_leave_no_note_hanging():
    found = [[0, "no", 60, 0], [4, "nf", 62, 0], [0, "no", 60, 0], [4, "nf", 61, 0], [0, "no", 62, 0]]
    codec = EventCodec(velocity_bins=1, symbols=found)
    assert notes(codec.decode(range(5), 16)) == [(0, 4, 60), (4, 16, 60), (8, 16, 62)]
    assert notes(codec.decode(range(5))) == [(0, 4, 60), (4, 8, 60)]
    found = [["nf", 62], ["no", 60], ["s", 4], ["no", 60], ["no", 60], ["s", 4], ["no", 62], ["nf", 62], ["s", 2]]
    codec = PerformanceCodec()
    codes = [codec.symbols.index(symbol) for symbol in found]
    assert notes(codec.decode(codes, 16)) == [(0, 4, 60), (4, 16, 60)]
    assert notes(codec.decode(codes)) == [(0, 4, 60), (4, 10, 60)]


def test_a_hold_with_nothing_to_hold_is_a_rest():
    assert notes(MelodyCodec(hold=True).decode([129, 129, 60, 129, 128, 129, 130, 129, 131])) == [(2, 4, 60)]


# Which lines a melody hears.


def tracks_heard(*given):
    """Pitches of the lines that MelodyCodec finds."""
    return [sorted({code for code in line.codes.tolist() if code < 128}) for line in MelodyCodec().encode(song(*given))]


def test_a_line_is_a_track_that_never_sounds_two_notes_in_one_step():
    one = [(0, 4, 60, 80, 0), (4, 8, 62, 80, 0)]
    assert tracks_heard(*one, (0, 5, 50, 80, 1), (4, 8, 52, 80, 1)) == [[60, 62]]  # overlaps by a step
    assert tracks_heard(*one, (0, 4, 50, 80, 1), (0, 4, 52, 80, 1)) == [[60, 62]]  # starts with another
    assert tracks_heard(*one, (0, 4, 50, 80, 1), (0, 2, 50, 80, 1)) == [[60, 62]]  # a unison is two notes
    assert tracks_heard(*one, (0, 8, 50, 80, 1), (2, 4, 52, 80, 1)) == [[60, 62]]  # inside another
    assert tracks_heard(*one, (0, 4, 50, 80, 1), (4, 8, 52, 80, 1), (0, 8, 40, 80, 2)) == [[60, 62], [50, 52], [40]]


@pytest.mark.parametrize(("late", "heard"), [(1, True), (59, True), (60, False)])
def test_legato_of_less_than_half_a_step_is_still_monophonic(late, heard):
    piece = Song.from_notes([(0, 480 + late, 60, 80, 0), (480, 480, 62, 80, 0)])
    lines = MelodyCodec().encode(piece)
    assert bool(lines) == heard
    assert not heard or notes(MelodyCodec().decode(lines[0].codes)) == [(0, 4, 60), (4, 8, 62)]


def test_lines_are_offered_by_track_and_else_by_song():
    piece = song((0, 4, 60, 80, 0), (0, 4, 64, 80, 0), (0, 4, 72, 80, 3))
    assert MelodyCodec().lines_of(piece) == 2
    assert all(codec.lines_of(piece) == 1 for codec in (CODECS["skyline"], EventCodec(), ChordCodec(), RollCodec()))


# The grid.


def test_onsets_and_ends_go_to_the_nearest_step_and_halves_up():
    assert to_steps([0, 59, 60, 179, 180, 240], 4).tolist() == [0, 0, 1, 1, 2, 2]
    assert to_steps([239, 240, 719, 720], 1).tolist() == [0, 1, 1, 2]
    assert to_ticks([0, 1, 2, 7], 7).tolist() == [0, 69, 137, 480]
    for steps_per_beat in range(1, 481):
        steps = np.arange(3 * steps_per_beat)
        assert (to_steps(to_ticks(steps, steps_per_beat), steps_per_beat) == steps).all()


def test_a_note_keeps_a_step_and_a_pitch_sounds_once_at_a_time():
    piece = Song.from_notes(
        [
            *[(10, 5, 60, 80, 0), (70, 10, 60, 81, 0)],  # shorter than a step
            *[(480, 480, 64, 82, 0), (470, 960, 64, 83, 1), (500, 100, 64, 84, 0)],  # together: the longest stays
            *[(960, 960, 67, 85, 0), (1200, 240, 67, 86, 1), (1920, 120, 67, 87, 0)],  # struck again: cut
        ],
        length=2110,
        programs=(0, 0),
    )
    grid = on_grid(piece, 4)
    assert grid_rows(piece, EventCodec()) == [
        (0, 1, 60),
        (1, 2, 60),
        (4, 12, 64),
        (8, 10, 67),
        (10, 12, 67),
        (16, 17, 67),
    ]
    assert grid.velocity.tolist() == [80, 81, 83, 85, 86, 87]
    assert grid.steps == 18
    assert on_grid(Song.from_notes([(1900, 20, 60, 80, 0)]), 4).steps == 17  # as long as its last note


@pytest.mark.parametrize("bins", [1, 2, 3, 8, 32, 64, 67, 100, 127])
@pytest.mark.parametrize("codec", [EventCodec, PerformanceCodec])
def test_a_velocity_comes_back_within_its_bin(bins, codec):
    piece = song(*((velocity, velocity + 1, 60, velocity) for velocity in range(1, 128)))
    unheard = codec is PerformanceCodec and bins == 1
    codec = fitted(codec(velocity_bins=bins), piece)
    found = codec.decode(codec.encode(piece)[0].codes).velocity
    assert (found * bins // 128 == piece.velocity * bins // 128).all()
    assert np.abs(found - piece.velocity).max() <= (80 if unheard else 64 / bins + 1)


def test_blog_frame_has_780_bits():
    codec = RollCodec(low=24, high=101, struck=True, steps_per_frame=5)
    assert (codec.pitches, codec.bits_per_step, codec.bits) == (78, 156, 780)
    piece = song((0, 7, 24), (6, 11, 101), steps=11)
    (line,) = codec.encode(piece)
    assert line.codes.shape == (3, 780) and line.beats == 11 / 4 and line.notes == 2
    assert not line.codes[2, 156:].any()  # of the last frame one step is music, four are silence
    assert notes(codec.decode(line.codes)) == notes(piece)
    assert (codec.decode(line.codes).length, codec.decode(line.codes, 11).length) == (15 * 120, piece.length)


def test_a_strike_without_sound_is_nothing():
    codec = RollCodec(low=60, high=60, struck=True)
    assert notes(codec.decode([[0, 1], [1, 0], [1, 0], [1, 1], [0, 1]])) == [(1, 3, 60), (3, 4, 60)]


def test_every_representation_is_among_the_examples():
    assert {type(codec) for codec in CODECS.values()} == KINDS


# An EventCodec has no token for so long a wait.
ENDING = [
    name for name, codec in CODECS.items() if hasattr(codec, "longest_note") and not isinstance(codec, EventCodec)
]


@pytest.mark.parametrize("name", ENDING)
def test_what_sounds_longer_than_any_training_note_is_ended(name):
    codec = fitted(CODECS[name], song((0, 4, 60), (4, 12, 62)))
    (line,) = codec.encode(song((0, 32, 60), (32, 36, 62)))
    decoded = codec.decode(line.codes, line.steps)
    assert decoded.duration.tolist() == [8 * SIXTEENTH, 4 * SIXTEENTH]
