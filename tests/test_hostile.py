"""Hostile files and names: each is read or refused with a reason, in bounded time and memory, and no more."""

import contextlib
import io
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import fuzz
import pytest
from fuzz import chunk, midi

from zoo._errors import UserError
from zoo._files import read_json, write_json
from zoo.cli import main, sampling
from zoo.corpora import load_corpus
from zoo.experiments.folders import results_folder
from zoo.midi import UnreadableMidi, read_midi, write_midi
from zoo.render.sound import audio
from zoo.song import Song

HERE = Path(__file__).resolve().parent
END = b"\0\xff\x2f\0"
NOTE = b"\0\x90\x3c\x40\x60\x80\x3c\0"


def whole(*bodies: bytes) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(bodies), 480) + b"".join(map(chunk, bodies))


def assert_clean(found: fuzz.Found, count: int):
    assert not found.failures, "\n".join(found.failures)
    assert found.tried == count and found.read >= 0.3 * count, found.reasons


def test_mutated_files_are_read_or_refused(tmp_path):
    assert_clean(fuzz.run(300, seed=1, jobs=1, out=tmp_path), 300)


@pytest.mark.slow
def test_twenty_thousand_mutated_files_are_read_or_refused(tmp_path):
    assert_clean(fuzz.run(20_000, seed=0, out=tmp_path), 20_000)


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("os.kill(os.getpid(), 11)", "the process ended with code -11"),
        ("while True: pass", "it takes longer than 2 s"),
        ("x = b'x' * 3 * 10**8", "it takes [34][0-9]{2} MB"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_the_fuzz_finds_what_goes_wrong(line, how, tmp_path, monkeypatch):
    """A copy of the fuzz with a fault in its check, which only mutation 2 has."""
    source = (HERE / "fuzz.py").read_text().replace("MEGABYTES = 2, 500", "MEGABYTES = 2, 200")
    broken = source.replace(
        "    try:\n        reading", f"    if path.stem == '2':\n        {line}\n    try:\n        reading", 1
    )
    (tmp_path / "fuzz.py").write_text(broken)
    monkeypatch.setattr(fuzz, "__file__", str(tmp_path / "fuzz.py"))
    monkeypatch.setattr(fuzz, "representations", list)
    monkeypatch.setattr(fuzz, "sources", lambda: [(480, [[(0, NOTE[1:4]), (96, NOTE[5:]), (0, END[1:])]])])
    found = fuzz.run(5, seed=1, jobs=1, out=tmp_path / "kept")
    (failure,) = found.failures
    assert re.search(how, failure) and found.tried == 5
    kept = tmp_path / "kept" / "seed1-2.mid"
    assert f"mutation 2 of seed 1, kept as {kept}" in failure and "--seed 1 --begin 2 --count 1" in failure
    assert kept.read_bytes() == fuzz.mutation(fuzz.sources(), 1, 2)


@pytest.mark.parametrize("name", ["tempo-without-value", "meter-without-value"])
def test_values_from_beyond_the_file_are_not_read(name):
    """Read as they are, they gave one tempo or time signature today and another tomorrow."""
    with pytest.raises(UnreadableMidi, match="a tempo or time signature without its value"):
        read_midi(HERE / "hostile" / f"{name}.mid")


@pytest.mark.parametrize("delta", [b"\xff\x51", b"\xff\x58"])
def test_what_looks_like_such_a_value_is_read(delta, tmp_path):
    """A rest of 16,337 ticks is written like a tempo; and a tempo, a text and a system exclusive may hold the same."""
    inside = (
        b"\0\xff\x51\3\x0f\xff\x51"
        + b"\0\xff\1\3\xff\x51\0"
        + b"\0\xf0\2\x51\xf7"
        + b"\0\xb0\7\x40\0\7\x41"
        + b"\0\xc0\5"
    )
    (tmp_path / "a.mid").write_bytes(whole(END, inside + delta + NOTE[1:] + END))
    assert read_midi(tmp_path / "a.mid").start.tolist() == [0x7F << 7 | delta[1]]


BOMBS = {
    "60,000 tracks": (lambda: whole(*[NOTE + END] * 60_000), "more than 1,000 tracks"),
    "a million time signatures": (
        lambda: whole(NOTE + b"\1\xff\x58\4\4\2\x18\x08" * 900_000 + NOTE + END),
        "more than 10,000 time signatures",
    ),
    "400,000 notes": (lambda: whole(NOTE[:4] + b"\1\x3c\0\0\x3c\x40" * 400_000 + b"\1\x3c\0" + END), "100,000 notes"),
    "2e9 ticks": (lambda: whole(NOTE[:4] + b"\xff\xff\xff\x7f\xb0\0\0" * 7 + NOTE[4:] + END), "43,200 beats"),
    "a note of 3e9 ticks": (
        lambda: whole(NOTE[:4] + b"\xff\xff\xff\x7f\xb0\0\0" * 12 + NOTE[4:] + END),
        "43,200 beats",
    ),
    "2,048 programs in a large track": (
        lambda: whole(
            b"".join(
                b"\0" + bytes([0xC0 | c, p, 0, 0x90 | c, 60, 64, 1, 0x80 | c, 60, 0])
                for c in range(16)
                for p in range(128)
            )
            + END
            + bytes(7_900_000)
        ),
        "more than 1,000 tracks",
    ),
    "larger than 8 MiB": (lambda: whole(NOTE + END + bytes(2**23)), "larger than 8 MiB"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name, tmp_path):
    make, reason = BOMBS[name]
    (tmp_path / "bomb.mid").write_bytes(make())
    with pytest.raises(UnreadableMidi, match=reason):
        read_midi(tmp_path / "bomb.mid")


def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    for path in (tmp_path / "pipe.mid", "/dev/zero"):
        with pytest.raises(UnreadableMidi, match="no ordinary file"):
            read_midi(path)


def test_long_songs_are_drawn_and_not_played(tmp_path):
    """In a process of its own, whose memory is counted."""
    code = """
import sys
from pathlib import Path
from fuzz import most_memory
from songs import long_song
from zoo._errors import UserError
from zoo.render import render
from zoo.render.roll import piano_roll
from zoo.render.sound import audio
place, refused = Path(sys.argv[1]), []
piano_roll(long_song(43_200, 5000, time_signatures=((0, 1, 64),)), place / "long.png")
for song, suffix in ((long_song(43_200), "wav"), (long_song(7200, tempo=110.0), "mp3"), (long_song(80_001), "musicxml"),
                     (long_song(100, 20_001), "musicxml")):
    try:
        render(song, place / f"long.{suffix}")
    except UserError as error:
        refused.append(str(error))
print(len(refused), all("take fewer beats" in reason for reason in refused), [p.name for p in place.iterdir()])
audio(long_song(3600, tempo=120.0), place / "half an hour.flac")
print(most_memory())
"""
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"}
    command = [sys.executable, "-c", code, tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said, megabytes = done.stdout.splitlines()
    assert said == "4 True ['long.png']"
    assert float(megabytes) < 600  # the sound alone is 635


HOSTILE_NAMES = [
    b"\x1b]0;gone\x07\x1b[2J",
    b"<script>alert(1)",
    b"not \xff\xfe text",
    b"new\nline\r",
    b"..;rm -rf",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_stay_names(name, tmp_path, capsys, monkeypatch):
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/in/" + name))
    place.mkdir(parents=True)
    title = b"\x1b[31m../../../out/\xff/" + name
    track = [(0, b"\xff\3" + bytes([len(title)]) + title), *[(0, b"\x90\x3c\x40"), (96, b"\x80\x3c\0")] * 5]
    for number in range(6):
        file = os.fsencode(place) + b"/%d" % number + name + b".mid"
        Path(os.fsdecode(file)).write_bytes(midi([[*track, *track[1:] * number, (0, END[1:])]]))
    Path(os.fsdecode(file[:-4] + b"-broken.mid")).write_bytes(b"none")
    Path(os.fsdecode(file[:-4] + b"-copy.mid")).write_bytes(Path(os.fsdecode(file)).read_bytes())
    monkeypatch.chdir(tmp_path)
    said = io.TextIOWrapper(io.BytesIO(), "utf-8")  # as strict as a terminal's
    with contextlib.redirect_stdout(said):
        assert main(["corpus", f"./in/{os.fsdecode(name)}/"]) == 0
        assert main(["corpus", f"./in/{os.fsdecode(name)}/none/"]) == 2
    said.flush()
    text = said.buffer.getvalue().decode() + capsys.readouterr().err
    assert "skipped" in text and "the same music" in text
    assert all(character.isprintable() for character in text.replace("\n", ""))
    corpus = load_corpus(place)
    assert all(part.isprintable() for part in (corpus.name, results_folder(f"{place}/").name, corpus.train[0].name))
    write_json(tmp_path / "corpus.json", corpus.describe())
    assert read_json(tmp_path / "corpus.json") == json.loads(json.dumps(corpus.describe()))
    label = sampling.music_name(os.fsdecode(file))
    assert label.isprintable() and "/" not in label
    write_midi(read_midi(os.fsdecode(file)), tmp_path / "again.mid")
    assert title[:5] not in (tmp_path / "again.mid").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.mid", "corpus.json", "in"]


def test_a_damaged_record_of_a_recipe_is_a_user_error(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.mid").write_bytes(whole(NOTE * (number + 1) + END))
    for record in ('{"name": "bach-chorales"}', '{"name": "bach-chorales", "skipped": [1]}', "{"):
        (tmp_path / "recipe.json").write_text(record)
        with pytest.raises(UserError, match=r"recipe\.json"):
            load_corpus(tmp_path)
    (tmp_path / "recipe.json").write_text('{"name": "bach-chorales", "skipped": [["\\u001b[2J", "bad"]]}')
    assert load_corpus(tmp_path).skipped == [("?[2J", "bad")]


def test_audio_of_a_silent_song_is_written(tmp_path):
    audio(Song.from_notes([]), tmp_path / "silence.wav")
    assert (tmp_path / "silence.wav").stat().st_size > 300_000
