"""Odd but honest music: what datasets/README.md says of it, row by row, on files put together byte by byte."""

import pytest
from fuzz import midi, number
from midi_events import BEAT, note, track

from zoo.codecs import ChordCodec, EventCodec, ExactChordCodec, MelodyCodec, PerformanceCodec, RollCodec
from zoo.midi import UnreadableMidi, parse_midi


def tempo(wait, microseconds):
    return (wait, b"\xff\x51\3" + microseconds.to_bytes(3, "big"))


def meter(wait, numerator, power):
    return (wait, bytes([0xFF, 0x58, 4, numerator, power, 24, 8]))


PIANO, VIOLIN = note(60), [(0, b"\xc1\x28"), *note(72, channel=1)]

# Row of the table: (file, what the song is known by).
READ = {
    "type 0": (midi([track(PIANO, VIOLIN)], kind=0), dict(programs=(0, 40), track=[0, 1], start=[0, 480])),
    "type 1": (midi([track(PIANO), track(VIOLIN)]), dict(programs=(0, 40), track=[0, 1], start=[0, 0])),
    "type 2, one track": (midi([track(PIANO)], kind=2), dict(pitch=[60])),
    "no tempo": (midi([track(PIANO)]), dict(tempo=120.0, time_signatures=())),
    "many tempos": (
        midi([track(tempo(0, 600_000), tempo(BEAT, 300_000), tempo(BEAT, 1_200_000)), track(note(60, 3 * BEAT))]),
        dict(tempo=100.0, length=3 * BEAT),
    ),
    "a tempo slower than 10 or quicker than 1000": (midi([track(tempo(0, 2**24 - 1), PIANO)]), dict(tempo=120.0)),
    "7/8": (
        midi([track(meter(0, 7, 3), meter(1680, 2, 1), PIANO)]),
        dict(time_signatures=((0, 7, 8), (1680, 2, 2)), start=[1680]),
    ),
    "a pickup bar": (
        midi([track(meter(0, 1, 2), meter(BEAT, 3, 2), note(60, 240), note(62, 240))]),
        dict(start=[480, 720], time_signatures=((0, 1, 4), (480, 3, 4))),
    ),
    "triplets": (
        midi([track(note(60, 32), note(62, 32), note(64, 32), note(65, 31))], division=96),
        dict(start=[0, 160, 320, 480], duration=[160, 160, 160, 155]),
    ),
    "one note": (midi([track(PIANO)]), dict(pitch=[60], length=BEAT)),
    "a rest before the first note": (midi([track(note(60, wait=1000))]), dict(start=[1000], length=1480)),
    "three hours": (midi([track(note(60, BEAT), *[note(62, 21_599 * BEAT)])]), dict(length=21_600 * BEAT)),
    "127 tracks": (
        midi([track(note(pitch, channel=pitch % 9)) for pitch in range(127)]),
        dict(track=list(range(127)), pitch=list(range(127))),
    ),
    "16 channels in one track": (
        midi([track(*(note(60 + c, channel=c) for c in range(16)))], kind=0),
        dict(track=list(range(15)), drums=1),
    ),
    "drums beside other music": (
        midi([track(note(36, channel=9), note(38, channel=9)), track(PIANO)]),
        dict(pitch=[60], drums=2, start=[0]),
    ),
    "velocity 1": (midi([track(note(velocity=1))]), dict(velocity=[1])),
    "pitches 0 and 127": (midi([track(note(0), note(127))]), dict(pitch=[0, 127])),
    "overlapping notes of one pitch": (
        midi([track((0, b"\x90\x3c\x40"), (240, b"\x90\x3c\x63"), *[(240, b"\x80\x3c\0")] * 2)]),
        dict(start=[0, 240], duration=[480, 480], velocity=[64, 99]),
    ),
    "a note without an end": (
        midi([track((0, b"\x90\x40\x40"), PIANO)]),
        dict(pitch=[60, 64], duration=[480, 480], unended=1),
    ),
    "a note of no length": (midi([track(note(60, 0), note(62))]), dict(pitch=[62], duration=[480], empty=1)),
    "an end without a note": (midi([track((0, b"\x80\x40\0"), PIANO)]), dict(pitch=[60])),
    "note-ons of velocity 0 for ends, running status": (
        b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x13"
        + b"\0\x90\x3c\x40"
        + b"\x83\x60\x3c\0"
        + b"\0\x3e\x40\x60\x3e\0"
        + b"\0\xff\x2f\0",
        dict(pitch=[60, 62], start=[0, 480], duration=[480, 96]),
    ),
    "system exclusive, lyrics, controllers, pitch bends": (
        midi([track((0, b"\xf0\3\x7e\x7f\xf7"), (0, b"\xff\5\2la"), (0, b"\xb0\x40\x7f"), (0, b"\xe0\0\0"), PIANO)]),
        dict(pitch=[60], programs=(0,)),
    ),
    "another program in the middle": (
        midi([track(note(60), (0, b"\xc0\x07"), note(62))]),
        dict(programs=(0, 7), track=[0, 1]),
    ),
    "fewer tracks than the header says": (
        midi([track(PIANO)]).replace(b"\0\1\0\1\1\xe0", b"\0\1\xff\xff\1\xe0", 1),
        dict(pitch=[60], programs=(0,)),
    ),
    "chunks that are no tracks": (
        midi([track(PIANO)]).replace(b"MTrk", b"XFIH\0\0\0\4abcdMTrk", 1),
        dict(pitch=[60]),
    ),
}
SKIPPED = {
    "type 2, several tracks": (midi([track(PIANO), track(VIOLIN)], kind=2), "type 2 and holds several pieces"),
    "SMPTE time": (midi([track(PIANO)], division=0xE728), "counts time in SMPTE frames"),
    "drums only": (midi([track(note(36, channel=9))]), "holds only drums"),
    "no notes": (midi([track(tempo(0, 600_000))]), "holds no notes"),
    "no tracks": (midi([]), "holds no notes"),
    "velocity 0 throughout": (midi([track(note(velocity=0), note(62, velocity=0))]), "holds no notes"),
    "more than 43,200 beats": (midi([track(note(60, 43_200 * BEAT + 1))]), "lasts longer than 43,200 beats"),
    "more than 1000 tracks": (midi([track(PIANO)] * 1001), "holds more than 1,000 tracks"),
    "tracks too long together": (
        midi([track(note(60, 43_200 * BEAT))] * 93),
        "its 93 tracks hold more than 4,000,000 beats in all",
    ),
    "a RIFF file without MIDI inside": (b"RIFF\x40\0\0\0RMIDLIST" + bytes(12), "RIFF without MIDI inside"),
    "no note-off at all": (midi([track((0, b"\x90\x40\x40"), (9, b"\x90\x41\x40"))]), "none of its notes ever ends"),
    "notes of no length only": (midi([track(note(60, 0), note(62, 0))]), "holds no notes but of no length"),
}
CODECS = [
    EventCodec(),
    PerformanceCodec(),
    ChordCodec(),
    ExactChordCodec(),
    MelodyCodec(hold=True),
    MelodyCodec(voice="skyline"),
    RollCodec(struck=True),
]


@pytest.mark.parametrize("row", READ)
def test_odd_music_is_read(row, tmp_path):
    data, wanted = READ[row]
    (tmp_path / "odd.mid").write_bytes(data)
    reading = parse_midi(tmp_path / "odd.mid")
    song, counts = reading.song, dict(drums=0, empty=0, unended=0, in_seconds=False)
    for name, value in (counts | wanted).items():
        found = getattr(reading if name in counts else song, name)
        assert (found.tolist() if isinstance(value, list) else found) == value, name
    for codec in CODECS:
        lines = codec.fit([song]).encode(song)
        assert lines or codec == MelodyCodec(hold=True)  # which takes monophonic tracks only
        assert all(line.beats == song.beats and 0 <= line.notes <= len(song) for line in lines)


@pytest.mark.parametrize("row", SKIPPED)
def test_odd_music_is_skipped_with_a_reason(row, tmp_path):
    data, reason = SKIPPED[row]
    (tmp_path / "odd.mid").write_bytes(data)
    with pytest.raises(UnreadableMidi) as caught:
        parse_midi(tmp_path / "odd.mid")
    assert reason in caught.value.reason


def test_numbers_of_the_table():
    """The bytes of these files rest on it."""
    assert [number(value) for value in (0, 127, 128, 480, 2**28 - 1)] == [
        *(b"\0", b"\x7f", b"\x81\0", b"\x83\x60", b"\xff\xff\xff\x7f")
    ]
