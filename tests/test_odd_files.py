"""Odd files of other programs, each kind on bytes made here and, where they are, on the published files."""

import os
import struct
import time

import byte_by_byte
import numpy as np
import pytest
from fuzz import midi, number
from midi_events import END, note, track

from zoo._errors import UserError
from zoo.corpora import load_corpus
from zoo.midi import UnreadableMidi, parse_midi, smf
from zoo.midi.beats import has_beat

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def pedal(wait, value, channel=0):
    return (wait, bytes([0xB0 | channel, 64, value]))


def riff(data, before=b""):
    inside = b"RMID" + before + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


@pytest.fixture
def reading(tmp_path):
    def read(data, **options):
        (tmp_path / "odd.mid").write_bytes(data)
        return parse_midi(tmp_path / "odd.mid", **options)

    return read


def rows(song):
    return list(zip(song.start.tolist(), song.end.tolist(), song.pitch.tolist(), strict=True))


TWO = [(0, 480, 60), (480, 960, 62)]
PLAIN = midi([track(note(60), note(62))])
RUNNING = b"\0\x90\x3c\x40\x83\x60\x3c\0"  # a note; the next begins in running status
REST = b"\0\x3e\x40\x83\x60\x3e\0\0\xff\x2f\0"


def running(between):
    body = RUNNING + between + REST
    return b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + struct.pack(">I", len(body)) + body


SAME = {
    "RIFF": riff(PLAIN),
    "RIFF with a list before": riff(PLAIN, b"LIST\3\0\0\0abc\0"),
    "RIFF with a wrong size": b"RIFF\0\0\0\0RMIDdata\1\0\0\0" + PLAIN,
    "a header of 8 bytes": PLAIN.replace(b"\0\0\0\6", b"\0\0\0\x08").replace(b"\1\xe0MTrk", b"\1\xe0abMTrk"),
    "a chunk between": PLAIN.replace(b"MTrk", b"XFIH\0\0\0\4abcdMTrk"),
    "garbage behind": PLAIN + b"\0\0garbage, and more of it",
    "a byte between chunks": PLAIN.replace(b"MTrk", b"\0MTrk"),
    "more tracks than the header says": midi([track(note(60))]) + midi([track(note(62, wait=480))])[14:],
    "running status over a system exclusive": running(b"\0\xf0\5\x7e\x7f\x09\1\xf7"),
    "over one without its end": running(b"\0\xf0\4\x7e\x7f\x09\1"),
    "over a long one": running(b"\0\xf0\x81\0" + b"\1" * 127 + b"\xf7"),
    "over an escape": running(b"\0\xf7\2\1\2"),
    "over a text": running(b"\0\xff\1\3abc"),
    "over a long text": running(b"\0\xff\1\x81\0" + b"a" * 128),
    "over a real-time message": running(b"\0\xf8"),
    "over a song position": running(b"\0\xf2\1\2"),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_music_of_an_odd_file_is_read_whole(kind, reading):
    assert rows(reading(SAME[kind]).song) == TWO


def test_a_time_signature_of_an_impossible_denominator_is_ignored(reading):
    for power in (7, 0x40, 0xFF):
        odd = (0, bytes([0xFF, 0x58, 4, 4, power, 24, 8]))
        assert reading(midi([track(odd, note(60))])).song.time_signatures == ()


def test_a_program_belongs_to_its_channel(reading):
    trumpet, violin = (0, b"\xc3\x38"), (480, b"\xc3\x28")
    song = reading(midi([track(trumpet), track(note(60, channel=3)), track(note(62, channel=3))])).song
    assert song.programs == (56, 56)
    song = reading(midi([track(trumpet, violin), track(note(60, channel=3), note(62, channel=3))])).song
    assert sorted(zip(song.start.tolist(), np.take(song.programs, song.track).tolist(), strict=True)) == [
        (0, 56),
        (480, 40),
    ]
    own = track((0, b"\xc3\x07"), note(60, channel=3))
    assert reading(midi([track(trumpet), own])).song.programs == (7,)
    assert reading(midi([track(trumpet), track(note(60, channel=2))])).song.programs == (0,)


def test_a_missing_end_closes_its_note_at_the_next_strike_or_the_end(reading):
    strike = (0, b"\x90\x3c\x40")
    found = reading(midi([track(strike, note(62), note(60), note(64))]))
    assert rows(found.song) == [(0, 480, 60), (0, 480, 62), (480, 960, 60), (960, 1440, 64)] and found.unended == 1
    found = reading(midi([track(note(62), strike, note(64))]))
    assert rows(found.song) == [(0, 480, 62), (480, 960, 60), (480, 960, 64)] and found.unended == 1
    with pytest.raises(UnreadableMidi, match="none of its notes ever ends"):
        reading(midi([track(strike, (480, b"\x90\x3e\x40"))]))


PEDALS = {
    "until it goes up": (
        [pedal(0, 64), *note(60, 100), pedal(300, 0), *note(62, 600)],
        [(0, 400, 60), (400, 1000, 62)],
    ),
    "63 is up": ([pedal(0, 63), *note(60, 100), *note(62, 600)], [(0, 100, 60), (100, 700, 62)]),
    "until the next strike": (
        [pedal(0, 127), *note(60, 100), *note(60, 100, wait=50), pedal(500, 0)],
        [(0, 150, 60), (150, 750, 60)],
    ),
    "never up": ([pedal(0, 127), *note(60, 100), *note(62, 600)], [(0, 700, 60), (100, 700, 62)]),
    "too late": ([*note(60, 100), pedal(0, 127), *note(62, 600)], [(0, 100, 60), (100, 700, 62)]),
    "of another channel": ([pedal(0, 127, 1), *note(60, 100), *note(62, 600)], [(0, 100, 60), (100, 700, 62)]),
}


@pytest.mark.parametrize("kind", PEDALS)
def test_the_pedal_holds_notes(kind, reading):
    events, wanted = PEDALS[kind]
    data = midi([track(events)])
    assert rows(reading(data).song) == wanted
    assert [end - start for start, end, _ in rows(reading(data, pedal=False).song)] == [
        delta for delta, event in events if event[0] & 0xF0 == 0x80
    ]


def test_a_pedal_in_another_track_holds_its_channel_only(reading):
    tracks = [track(pedal(0, 127), pedal(400, 0)), track(note(60, 100)), track(note(72, 100, channel=1))]
    assert rows(reading(midi(tracks)).song) == [(0, 400, 60), (0, 100, 72)]


def free(count, seed=0, tempos=()):
    """Onsets at random, in ticks of 480, and a file of them."""
    at = np.cumsum(np.random.default_rng(seed).integers(30, 300, count)).tolist()
    waits = np.diff([0, *at]).tolist()
    notes = [event for wait in waits for event in note(60, 20, wait=wait - 20 if wait != waits[0] else wait)]
    del notes[-1]
    return notes, midi([[*tempos, END], track(notes, (20, b"\x80\x3c\0"))])


def test_music_without_a_beat_is_read_in_seconds_through_its_tempos(reading):
    tempos = [(0, b"\xff\x51\3\x0f\x42\x40"), (4800, b"\xff\x51\3\x03\xd0\x90")]  # a second a beat, then a quarter
    meter = (0, b"\xff\x58\4\3\2\x18\x08")
    _, data = free(200)
    beats = reading(free(20)[1])
    assert not beats.in_seconds
    plain = reading(data)
    found = reading(free(200, tempos=[meter, *tempos])[1])
    assert plain.in_seconds and found.in_seconds
    assert found.song.tempo == 120.0 and found.song.time_signatures == ()
    ticks = plain.song.start  # at 120, half a second a beat: ticks are what they were
    wanted = np.where(ticks < 4800, ticks * 2, 9600 + (ticks - 4800) / 2)
    assert np.abs(found.song.start - wanted).max() <= 0.5


def test_music_on_a_beat_has_one_whatever_its_grid():
    rng = np.random.default_rng(0)
    for grid in (480, 240, 160, 120, 80, 60, 40):
        start = grid * rng.integers(0, 400, 300)
        assert has_beat(start, 480) and has_beat(start + rng.integers(-4, 5, 300) + 4, 480)
        assert has_beat(start + 7, 480)  # late throughout
    for seed in range(20):
        assert not has_beat(np.random.default_rng(seed).integers(0, 480 * 100, 400), 480)
    assert has_beat(rng.integers(0, 48_000, 20), 480)  # too few to tell


def test_a_folder_lists_all_that_looks_like_music(tmp_path):
    for name in ("a.mid", "b.KAR", "c.rmi", "d.smf", "no suffix", "e.mid.bin", "f.txt"):
        pitches = [50 + len(name) + sum(map(ord, name)) % 7 * (k % 3) + k % 5 for k in range(20)]
        (tmp_path / name).write_bytes(midi([track(*map(note, pitches))]))
    (tmp_path / "g.dat").write_bytes(riff((tmp_path / "a.mid").read_bytes()))
    nothing = ("README.md", "cover.png", ".hidden.mid", "._a.mid", "h")
    for name in ("x.zip", "x.tar.gz", "x.MXL", "x.gp5", "broken.mid", "x.mid.txt", *nothing):
        (tmp_path / name).write_bytes(b"anything else")
    os.mkfifo(tmp_path / "pipe")
    corpus = load_corpus(tmp_path)
    read = {song.name for side in (corpus.train, corpus.valid, corpus.test) for song in side}
    assert read == {"a", "b", "c", "d", "no suffix", "e.mid", "f", "g"}
    assert dict(corpus.skipped) == {
        "x.zip": "it is an archive; unpack it first",
        "x.tar.gz": "it is an archive; unpack it first",
        "x.MXL": "it is .mxl, not MIDI; export it as MIDI",
        "x.gp5": "it is .gp5, not MIDI; export it as MIDI",
        "broken.mid": "it is not a MIDI file",
        "x.mid.txt": "it is not a MIDI file",
    }


def test_a_folder_of_an_archive_says_so(tmp_path):
    (tmp_path / "music.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"music\.zip: it is an archive; unpack it first"):
        load_corpus(tmp_path)


def test_a_corpus_counts_what_was_left_out_and_says_what_has_no_beat(tmp_path, capsys):
    from zoo.cli import main

    for seed in range(6):
        (tmp_path / f"{seed}.mid").write_bytes(free(100, seed)[1])
    odd = track(note(60, 0), (0, b"\x90\x40\x40"), note(62), note(64), note(65))
    (tmp_path / "odd.mid").write_bytes(midi([odd]))
    corpus = load_corpus(tmp_path)
    facts = corpus.describe()
    assert (facts["empty_notes"], facts["unended_notes"]) == (corpus.empty_notes, corpus.unended_notes) == (1, 1)
    assert facts["in_seconds"] == [str(seed) for seed in range(6)]
    warning = "6 of 7 pieces have no beat: they are read in seconds, half a second a beat."
    assert warning in corpus.warnings
    assert main(["corpus", f"{tmp_path}/"]) == 0
    said = capsys.readouterr().out
    assert "1 notes of no length were left out" in said and "1 notes without an end were closed" in said
    assert warning in said


def told(found, notes, pedals, markers):
    """What a reader finds, in one form for both."""
    return {
        "notes": sorted(notes),
        "drums": found.drums,
        "unended": found.unended,
        "pedals": [tuple(map(int, pedal)) for pedal in pedals],
        "tempos": found.tempos,
        "signatures": found.time_signatures,
        "markers": markers,
    }


def in_runs(files):
    """What the zoo's reader finds in files that are read together; of a damaged one only that."""
    told_of = []
    for found in smf.read(files):
        if isinstance(found, smf.Damaged):
            told_of.append("damaged")
        else:
            notes = [(*note[:4], found.parts[note[4]]) for note in found.notes.T.tolist()]
            told_of.append(told(found, notes, found.pedals.T, found.markers))
    return told_of


def truth_of(bodies):
    """What is found byte by byte; of several faults, either reader may tell another."""
    try:
        found = byte_by_byte.read(bodies)
    except smf.Damaged:
        return "damaged"
    markers = [(tick, text.decode("utf-8", "replace")) for tick, text in found.markers]
    return told(found, found.notes, found.pedals, markers)


def an_event(rng):
    """Bytes of an event, mostly of few channels and pitches, so that they meet; some are odd."""
    wait = number(int(rng.choice([0, 1, 60, 127, 128, 480, 20_000, 3_000_000])))
    status, pitch, value = int(rng.choice([0x90, 0x91, 0x99])), int(rng.integers(60, 64)), int(rng.integers(0, 3)) * 40
    kinds = [
        bytes([status, pitch, value]),
        bytes([pitch, value]),
        bytes([status - 16, pitch, 0]),
        bytes([status, pitch, 0]),
        bytes([0xB0 | status & 1, 64, value + 20]),
        bytes([0xC0 | status & 1, pitch]),
        bytes([0xD0, value]),
        bytes([0xE0, 0, 64]),
        b"\xff\1\3abc",
        b"\xff\1\3\x90\xe4\xf6",
        b"\xff\x51\3\7\xa1\x20",
        b"\xff\x58\4\3\2\x18\x08",
        b"\xff\6\1x",
        b"\xf0\3\1\2\xf7",
        b"\xf8",
        b"\xf2\1\2",
    ]
    shares = np.array([8, 12, 8, 3, 3, 1, 1, 1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.1, 0.1])
    return wait + kinds[rng.choice(len(kinds), p=shares / shares.sum())]


def test_runs_are_read_as_byte_by_byte():
    rng = np.random.default_rng(3)
    files = []
    for turn in range(1500):
        bodies = []
        for _ in range(rng.integers(1, 4)):
            events = [b"\0\x90\x3c\x40"] * (rng.random() < 0.9) + [an_event(rng) for _ in range(rng.integers(0, 60))]
            body = bytearray(b"".join(events) + b"\0\xff\x2f\0" * (rng.random() < 0.9))
            for _ in range(rng.integers(0, 4) * (turn % 3 == 0)):  # a third is damaged
                if body:
                    body[rng.integers(len(body))] = rng.integers(256)
            if turn % 3 == 1 and rng.random() < 0.3:
                del body[rng.integers(len(body) + 1) :]
            bodies.append(bytes(body))
        files.append(bodies)
    truth = [truth_of(bodies) for bodies in files]
    assert 50 < truth.count("damaged") < 750
    begin, together = 0, 1
    while begin < len(files):  # one alone, two together, three and so on
        some = slice(begin, begin + together)
        assert in_runs(files[some]) == truth[some], files[some]
        begin, together = begin + together, together + 1


def test_real_files_are_read_as_byte_by_byte(shared_data):
    folders = shared_data / "folders"
    if not folders.is_dir():
        pytest.skip("the folders are not here")
    paths = [path for path in sorted(folders.rglob("*.mid*"))[::12] if path.stat().st_size < 50_000]
    assert len(paths) > 40
    files = [smf.tracks(path.read_bytes())[2] for path in paths]
    assert in_runs(files) == [truth_of(bodies) for bodies in files]


@pytest.mark.parametrize(
    "body",
    [
        b"\0\xf0" * 2_000_000,
        b"\xf7\0\0" * 1_500_000,
        b"\0\xff\x51\3\xff\x51\3" * 700_000,
        b"\0\xf8" * 2_000_000,
        b"\0\x9c\x40\x40\0\xcc\1" * 600_000,
        b"\0\xb0\x40\x7f\0\xb0\x40\0\0\xf8" * 400_000,
        b"MTrk" * 1_000_000,
    ],
)
def test_hostile_tracks_take_time_in_proportion(body, reading):
    data = b"MThd\0\0\0\6\0\1\0\2\1\xe0" + 2 * (b"MTrk" + struct.pack(">I", len(body) // 2) + body[: len(body) // 2])
    began = time.process_time()
    with pytest.raises(UnreadableMidi):
        reading(data)
    assert time.process_time() - began < 15


def test_the_published_odd_files(shared_data):
    odd = shared_data / "odd"
    if not odd.is_dir():
        pytest.skip("the odd files are not here")
    base = rows(parse_midi(odd / "base.mid").song)
    assert len(base) == 128
    for name in ("running_status_over_sysex.mid", "karaoke.kar", "riff.rmi", "riff_named.mid", "header_len_8.mid"):
        found = parse_midi(odd / name)
        assert rows(found.song) == base and len(found.song.programs) == 1, name
    found = parse_midi(odd / "zero_length.mid")
    assert [row[2] for row in rows(found.song)] == [row[2] for row in base] and found.empty == 128
    with pytest.raises(UnreadableMidi, match="none of its notes ever ends"):
        parse_midi(odd / "no_noteoff.mid")
    found = parse_midi(odd / "ts_denominator_0x40.mid")
    assert rows(found.song) == base and found.song.time_signatures == ()
    assert parse_midi(odd / "program_in_other_track.mid").song.programs == (56, 56)
    for name, ups in (("pedal_cc64.mid", range(900, 40_000, 960)), ("pedal_never_released.mid", [])):
        short, held = parse_midi(odd / name, pedal=False).song, parse_midi(odd / name).song
        for (start, end, pitch), (_, until, _) in zip(rows(short), rows(held), strict=True):
            up = next((tick for tick in ups if tick >= end), short.length)
            again = [other for other, _, same in rows(short) if same == pitch and other > start]
            assert until == min([up, *again])
        assert held.length <= max(short.length, *ups, 0)
    assert len(parse_midi(odd / "cluster_vocabulary.mid").song) > 20_000


def test_only_performances_have_no_beat(shared_data):
    folders = shared_data / "folders"
    if not folders.is_dir():
        pytest.skip("the folders are not here")
    shares = {}
    for name in ("performances", "jazz-piano", "pop-rbm", "ff-piano"):
        found = [parse_midi(path).in_seconds for path in sorted((folders / name).rglob("*.mid*"))[::4]]
        shares[name] = sum(found) / len(found)
    assert shares["performances"] == shares["jazz-piano"] == 1 and shares["pop-rbm"] == shares["ff-piano"] == 0


def test_numbers():
    assert number(480) == b"\x83\x60"  # the bytes of these files rest on it
