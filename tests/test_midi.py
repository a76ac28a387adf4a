"""Reading and writing MIDI, against files put together byte by byte and against pretty_midi."""

import struct
import subprocess
import sys
from pathlib import Path

import pretty_midi
import pytest

from zoo._errors import UserError
from zoo.midi import parse_midi, read_midi, reading, smf, write_midi
from zoo.song import Song

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ROOT.parent / "shared" / "data"
END = (0, 0xFF, 0x2F, 0)


def number(value):
    """A MIDI variable-length number."""
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))


def on(delta, pitch, channel=0, velocity=64):
    return (delta, 0x90 | channel, pitch, velocity)


def off(delta, pitch, channel=0):
    return (delta, 0x80 | channel, pitch, 0)


def meta(delta, kind, *data):
    return (delta, 0xFF, kind, len(data), *data)


@pytest.fixture
def midi_file(tmp_path):
    """Write a MIDI file of the given tracks, each a list of (delta ticks, byte, byte, …)."""

    def write(*tracks, division=480):
        data = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), division)
        for track in tracks:
            body = b"".join(number(delta) + bytes(event) for delta, *event in [*track, END])
            data += b"MTrk" + struct.pack(">I", len(body)) + body
        path = tmp_path / "a song.mid"
        path.write_bytes(data)
        return path

    return write


def notes(song):
    return list(zip(*(getattr(song, name).tolist() for name in ("start", "duration", "pitch", "track")), strict=True))


def test_tracks_programs_drums_tempo_and_meter(midi_file):
    path = midi_file(
        [meta(0, 0x51, 0x09, 0x27, 0xC0), meta(0, 0x58, 3, 2, 24, 8), meta(960, 0x58, 6, 3, 24, 8)],
        [(0, 0xC0, 40), on(0, 60), off(480, 60), on(480, 62, velocity=100), off(960, 62)],
        [on(0, 36, channel=9), off(10, 36, channel=9), on(0, 36, channel=9), off(10, 36, channel=9)],
        [],
        [(0, 0xC2, 7), on(240, 72, channel=2), off(240, 72, channel=2)],
    )
    reading = parse_midi(path)
    song = reading.song
    assert notes(song) == [(0, 480, 60, 0), (240, 240, 72, 1), (960, 960, 62, 0)]
    assert song.velocity.tolist() == [64, 64, 100]
    assert (song.programs, reading.drums, song.length, song.name) == ((40, 7), 2, 1920, "a song")
    assert song.tempo == 100.0
    assert song.time_signatures == ((0, 3, 4), (960, 6, 8))
    assert read_midi(path) == song


def test_onsets_and_ends_are_rounded_not_durations(midi_file):
    """7 ticks per beat: note k lasts from k to k + 1, and a neighbour never overlaps nor leaves a gap."""
    song = read_midi(midi_file([event for k in range(7) for event in (on(0, 60), off(1, 60))], division=7))
    edges = [int(k * 480 / 7 + 0.5) for k in range(8)]
    assert song.start.tolist() == edges[:-1] and song.end.tolist() == edges[1:]


def test_a_note_lasts_at_least_one_tick(midi_file):
    reading = parse_midi(midi_file([on(0, 60), off(0, 60), on(1920, 62), off(1, 62)], division=19200))
    assert notes(reading.song) == [(48, 1, 62, 0)]
    assert reading.empty == 1  # of no length: it is not a step long


def test_overlapping_notes_of_a_pitch_stay(midi_file):
    song = read_midi(midi_file([on(0, 60), on(10, 60), off(10, 60), off(10, 60)]))
    assert notes(song) == [(0, 20, 60, 0), (10, 20, 60, 0)]


def test_odd_values_are_clipped_or_dropped(midi_file):
    song = read_midi(
        midi_file(
            [
                meta(0, 0x51, 0, 0, 0),
                meta(0, 0x58, 0, 2, 24, 8),
                meta(0, 0x58, 4, 9, 24, 8),
                meta(0, 0x58, 5, 2, 24, 8),
            ],
            [on(0, 60, velocity=200), off(10, 60), on(0, 61, velocity=0), on(0, 62), on(0, 64), off(10, 64)],
        )
    )
    assert notes(song) == [(0, 10, 60, 0), (10, 10, 62, 0), (10, 10, 64, 0)]
    assert song.velocity.tolist() == [127, 64, 64]
    assert song.tempo == 120.0 and song.time_signatures == ((0, 5, 4),)


@pytest.mark.parametrize(
    ("tracks", "division", "reason"),
    [
        ([[]], 480, "it holds no notes"),
        ([[on(0, 36, 9), off(9, 36, 9)]], 480, "it holds only drums"),
        ([[on(0, 60), off(9, 60)]], 0xE728, "it counts time in SMPTE frames, which have no beats"),
        ([[on(0, 60), off(9, 60)]], 0, "it is damaged (0 ticks per beat)"),
        ([[on(0, 60), off(2**28 - 1, 60)]], 480, "it lasts longer than 43,200 beats"),
        ([[on(2**28 - 1, 60), off(2**28 - 1, 60)] * 5], 32767, "it lasts longer than 43,200 beats"),
    ],
)
def test_files_without_usable_music_say_why(midi_file, tracks, division, reason):
    path = midi_file(*tracks, division=division)
    with pytest.raises(UserError) as caught:
        read_midi(path)
    assert caught.value.reason == reason
    assert str(path) in str(caught.value) and reason in str(caught.value)


def test_missing_empty_foreign_cut_and_huge_files_say_why(midi_file, tmp_path, monkeypatch):
    whole = midi_file([on(0, 60), off(9, 60)])
    data = whole.read_bytes()
    for content, reason in ((b"", "it is empty"), (b"hello, world", "it is not a MIDI"), (data[:-5], "it is damaged")):
        whole.write_bytes(content)
        with pytest.raises(UserError) as caught:
            read_midi(whole)
        assert caught.value.reason.startswith(reason)
    for path, reason in ((tmp_path / "none.mid", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(UserError) as caught:
            read_midi(path)
        assert reason in caught.value.reason
    whole.write_bytes(data)
    monkeypatch.setattr(reading, "MAX_BYTES", len(data))
    assert len(read_midi(whole)) == 1
    monkeypatch.setattr(smf, "MAX_NOTES", 0)
    with pytest.raises(UserError, match="more than 0 notes"):
        read_midi(whole)
    whole.write_bytes(data + b"\0")
    with pytest.raises(UserError, match="larger than"):
        read_midi(whole)


@pytest.fixture
def song():
    rows = [(k * 160, 160 + 40 * (k % 3), 50 + k % 7, 30 + k, k % 18) for k in range(90)]
    return Song.from_notes(
        rows, programs=tuple(range(18)), tempo=93.0, time_signatures=((0, 3, 4), (1440, 6, 8)), name="song"
    )


def test_what_is_written_is_read_again(song, tmp_path):
    write_midi(song, tmp_path / "song.mid")
    again = read_midi(tmp_path / "song.mid")
    assert again.tempo == pytest.approx(93.0, abs=1e-4)
    assert again.replace(tempo=93.0) == song
    write_midi(song, tmp_path / "copy.mid")
    assert (tmp_path / "copy.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.mid", "song.mid"]


def test_the_end_of_a_primer_is_found_again(song, tmp_path):
    write_midi(song.replace(primed=1440), tmp_path / "song.mid")
    data = (tmp_path / "song.mid").read_bytes()
    assert read_midi(tmp_path / "song.mid").primed == 1440
    for text in (b"here the primer endz", b"here the\xff\xc3rimer ends"):  # of somebody else, and in no encoding
        (tmp_path / "song.mid").write_bytes(data.replace(b"here the primer ends", text))
        assert read_midi(tmp_path / "song.mid").primed == 0


def test_no_track_lies_on_the_drum_channel_and_no_note_hangs(song, tmp_path):
    import mido  # comes with pretty_midi

    write_midi(song, tmp_path / "song.mid")
    tracks = [track for track in mido.MidiFile(tmp_path / "song.mid").tracks if any(m.type == "note_on" for m in track)]
    assert len(tracks) == 18
    for track in tracks:
        sounding = 0
        for message in track:
            if message.type in ("note_on", "note_off", "program_change"):
                assert message.channel != 9
                sounding += {"note_on": 1, "note_off": -1, "program_change": 0}[message.type]
        assert sounding == 0


def test_a_repeated_note_ends_before_it_begins_again(tmp_path):
    song = Song.from_notes([(0, 480, 60, 64, 0), (480, 480, 60, 64, 0)])
    write_midi(song, tmp_path / "song.mid")
    (instrument,) = pretty_midi.PrettyMIDI(str(tmp_path / "song.mid")).instruments
    assert [(note.start, note.end) for note in instrument.notes] == [(0.0, 0.5), (0.5, 1.0)]


def test_pretty_midi_agrees_on_file_and_object(song, tmp_path):
    song = song.replace(tempo=100.0)  # a whole number of microseconds
    write_midi(song, tmp_path / "song.mid")
    read, made = pretty_midi.PrettyMIDI(str(tmp_path / "song.mid")), song.to_pretty_midi()
    assert made.get_tempo_changes()[1].tolist() == [100.0]
    assert [i.program for i in made.instruments] == [i.program for i in read.instruments] == list(range(18))

    def table(midi_object):
        return [
            (track, note.pitch, note.velocity, round(note.start, 6), round(note.end, 6))
            for track, instrument in enumerate(midi_object.instruments)
            for note in sorted(instrument.notes, key=lambda note: (note.start, note.pitch))
        ]

    assert len(table(made)) == 90 and table(made) == table(read)
    for midi_object in (made, read):
        meters = [(round(c.time, 6), c.numerator, c.denominator) for c in midi_object.time_signature_changes]
        assert meters == [(0, 3, 4), (1.8, 6, 8)]


def test_writing_where_one_cannot_is_a_user_error(song, tmp_path):
    (tmp_path / "song.mid").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_midi(song, tmp_path / "song.mid")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published benchmark data are not here")
def test_real_songs_survive_writing(tmp_path):
    for path in sorted(PUBLISHED.glob("*/test/*.mid"))[::8]:
        song = read_midi(path)
        write_midi(song, tmp_path / path.name)
        assert read_midi(tmp_path / path.name) == song


def test_importing_loads_no_pretty_midi():
    code = "import sys, zoo.midi; assert 'pretty_midi' not in sys.modules and 'music21' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
