"""Hostile MIDI files, made from honest ones, for everything that a file passes through: `make fuzz`.

Mutation n of a seed is the same everywhere. It is read or refused with a reason; what is read is encoded by a quarter
of the representations that presets use, by others with the next file, split, written and read again. The work is done
by processes that are killed when one file takes too long, and start anew behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo import codecs
from zoo._errors import UserError
from zoo.corpora import load_corpus
from zoo.midi import parse_midi, read_midi, write_midi
from zoo.song import Song

ROOT = Path(__file__).resolve().parent.parent
SECONDS, MEGABYTES = 2, 500  # of processor time for a file; of memory for the process
MOST_FAILURES = 20  # then it is enough
TURNS = 4  # files that all representations are spread over
TOGETHER = 50  # files that are read as one corpus
CHORALES, TUNES = (
    ("bwv66.6", "bwv269", "bwv253", "bwv4.8"),
    ("ryansMammoth/AcaciaReel", "ryansMammoth/AcrobatsHornpipe"),
)
NAMES = (
    b"\x1b]0;gone\x07\x1b[2J",
    b"../../../../tmp/out",
    b"<script>alert(1)</script>",
    b"\xff\xfe\x80\0\r\n",
    b"C:\\nul",
)

Event = tuple[int, bytes]  # ticks since the event before, status and data
Track = list[Event]


# The writing of files, right or wrong.


def number(value: int) -> bytes:
    """A MIDI variable-length number."""
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))


def chunk(body: bytes, length: int | None = None) -> bytes:
    return b"MTrk" + struct.pack(">I", len(body) if length is None else length) + body


def body(track: Track) -> bytes:
    return b"".join(number(delta) + event for delta, event in track)


def midi(tracks: list[Track], kind: int = 1, division: int = 480) -> bytes:
    """A whole file."""
    header = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks) & 0xFFFF, division)
    chunks = {id(track): chunk(body(track)) for track in tracks}  # one track may stand there a thousand times
    return header + b"".join(chunks[id(track)] for track in tracks)


# Honest files.


def sources() -> list[tuple[int, list[Track]]]:
    """Ticks per beat and tracks: scores of music21 as the recipes write them, and one file of everything else."""
    import mido
    from music21 import corpus

    from zoo.corpora.recipes import read_score

    songs = [read_score(corpus.getWork(name)) for name in (*CHORALES, *TUNES)]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for song in songs:
            write_midi(song.crop(0, 64 * 480), Path(folder) / "song.mid")
            tracks = mido.MidiFile(Path(folder) / "song.mid").tracks
            found.append((480, [[(message.time, bytes(message.bytes())) for message in track] for track in tracks]))
    end = (0, b"\xff\x2f\0")
    rich = [
        (0, b"\xff\x03\4lead"),
        (0, b"\xc0\x28"),
        (0, b"\xb0\7\x64"),
        (0, b"\xf0\3\x7e\x7f\xf7"),
        (0, b"\xff\5\2la"),
    ]
    for step in range(60):
        rich += [(0, bytes([0x90, 50 + step % 24, 70])), (5, b"\xe0\0\x41"), (19, bytes([0x90, 50 + step % 24, 0]))]
    drums = [event for _ in range(40) for event in ((0, b"\x99\x24\x60"), (24, b"\x89\x24\0"))]
    meta = [
        (0, b"\xff\x51\3\7\xa1\x20"),
        (0, b"\xff\x58\4\6\3\x18\x08"),
        (96, b"\xff\x59\2\0\0"),
        (48, b"\xff\x51\3\5\0\0"),
    ]
    found.append((24, [[*meta, end], [*rich, end], [*drums, end]]))
    return found


# What is done to them. Each takes the tracks and a generator, and gives bytes, or changes the tracks.


def _any(rng: np.random.Generator, choices):
    return choices[int(rng.integers(len(choices)))]


def _is(event: bytes, *kinds: int) -> bool:
    return event[0] & 0xF0 in kinds


def absurd_deltas(tracks, rng):
    for _ in range(int(rng.integers(1, 5))):
        track = _any(rng, tracks)
        place = int(rng.integers(len(track)))
        track[place] = (_any(rng, (0, 1, 2**14, 2**21, 2**28 - 1, int(rng.integers(2**20)))), track[place][1])


def absurd_tempos(tracks, rng):
    size = _any(rng, (3, 3, 3, 3, 3, 0, 1, 2, 5))
    for value in rng.integers(0, 2**24, int(rng.integers(1, 200))):
        value = _any(rng, (0, 1, 2**24 - 1, int(value)))
        tracks[0].insert(
            0, (int(rng.integers(9)), b"\xff\x51" + bytes([size]) + struct.pack(">Q", value)[-size:] * (size > 0))
        )


def absurd_meters(tracks, rng):
    size = _any(rng, (4, 4, 4, 4, 4, 0, 1))
    for _ in range(int(rng.integers(1, 300))):
        tracks[0].insert(0, (int(rng.integers(99)), b"\xff\x58" + bytes([size]) + rng.bytes(size)))


def odd_names(tracks, rng):
    for track in tracks:
        name = _any(rng, NAMES) * int(rng.integers(1, 40))
        track.insert(0, (0, b"\xff" + bytes([_any(rng, (1, 3, 4, 5, 6))]) + number(len(name)) + name))


def many_tracks(tracks, rng):
    notes = _any(rng, tracks)[: int(rng.integers(1, 40))]
    tracks += [notes] * int(rng.integers(1, 3000))


def no_tracks(tracks, rng):
    tracks.clear()


def many_programs(tracks, rng):
    track = _any(rng, tracks)
    track[:] = [
        each
        for delta, event in track
        for each in ((delta, bytes([0xC0 | int(rng.integers(16)), int(rng.integers(128))])), (0, event))
    ]


def no_ends(tracks, rng):
    share = rng.random()
    for track in tracks:
        track[:] = [(delta, event) for delta, event in track if not _is(event, 0x80) or rng.random() > share]


def very_long_notes(tracks, rng):
    for track in tracks:
        ends = [(0, event) for _, event in track if _is(event, 0x80)]
        rest = [(delta, event) for delta, event in track if not _is(event, 0x80)]
        track[:] = [*rest, (int(rng.integers(2**24)), b"\xb0\0\0"), *ends]


def all_at_once(tracks, rng):
    for track in tracks:
        ons = [(0, event) for _, event in track if _is(event, 0x90)]
        rest = [(delta, event) for delta, event in track if not _is(event, 0x90)]
        track[:] = ons * int(rng.integers(1, 6)) + rest * int(rng.integers(1, 6))


def odd_values(tracks, rng):
    for track in tracks:
        for place in rng.integers(len(track), size=min(len(track), 30)):
            delta, event = track[place]
            if _is(event, 0x80, 0x90):
                channel = _any(rng, (0, 0, 9, 15, int(rng.integers(16))))
                track[place] = (
                    delta,
                    bytes([event[0] & 0xF0 | channel, _any(rng, (0, 127, event[1], 200)), *rng.bytes(1)]),
                )


def running_status(tracks, rng):
    for track in tracks:
        for place in rng.integers(len(track), size=int(rng.integers(1, 6))):
            delta, event = track[place]
            track[place] = (
                delta,
                _any(rng, (event[1:], event[:1], b"\xf7" + event, rng.bytes(int(rng.integers(1, 5))))),
            )


CHANGES = (
    absurd_deltas, absurd_tempos, absurd_meters, odd_names, many_programs, no_ends, very_long_notes, all_at_once,
    odd_values, running_status, many_tracks, no_tracks,
)  # fmt: skip


def flipped(data: bytes, rng) -> bytes:
    out = bytearray(data)
    for place in rng.integers(len(out), size=int(rng.integers(1, 9))):
        out[place] ^= 1 << int(rng.integers(8))
    return bytes(out)


def overwritten(data: bytes, rng) -> bytes:
    out, place = bytearray(data), int(rng.integers(len(data)))
    some = _any(rng, (b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0" * 8, b"MTrk", rng.bytes(int(rng.integers(1, 30)))))
    out[place : place + len(some)] = some
    return bytes(out)


def cut(data: bytes, rng) -> bytes:
    place = int(rng.integers(len(data)))
    return _any(rng, (data[:place], data[:place] + data[place + int(rng.integers(1, 50)) :], data[:-1]))


def wrong_lengths(data: bytes, rng) -> bytes:
    place = data.find(b"MTrk", int(rng.integers(len(data)))) + 4
    value = _any(rng, (0, 1, 2**31, 2**32 - 1, int(rng.integers(len(data)))))
    return (
        data[:place] + struct.pack(">I", value) + data[place + 4 :] if place > 3 else data[:7] + rng.bytes(1) + data[8:]
    )


def wrong_header(data: bytes, rng) -> bytes:
    kind, count = _any(rng, (0, 1, 1, 2, 3)), _any(rng, (0, 1, 65535, int.from_bytes(data[10:12])))
    division = _any(rng, (0, 1, 7, 24, 32767, 0xE728, int(rng.integers(1, 32768))))
    return data[:8] + struct.pack(">HHH", kind, count, division) + data[14:]


def foreign_chunks(data: bytes, rng) -> bytes:
    place = _any(rng, (14, len(data)))
    return data[:place] + b"XFIH" + struct.pack(">I", _any(rng, (0, 9, 8, 2**31))) + rng.bytes(9) + data[place:]


SPOILINGS = (flipped, overwritten, cut, wrong_lengths, wrong_header, foreign_chunks)


def mutation(honest: list, seed: int, index: int) -> bytes:
    """Mutation number `index` of `seed`."""
    rng = np.random.default_rng((seed, index))
    division, tracks = _any(rng, honest)
    tracks = [list(track) for track in tracks]
    if rng.random() < 0.2:  # spliced
        tracks = [list(_any(rng, _any(rng, honest)[1])) for _ in range(int(rng.integers(1, 9)))]
    spoil = rng.random() < 0.4
    for place in sorted(rng.integers(len(CHANGES), size=int(rng.integers(1 - spoil, 4))).tolist()):  # many tracks last
        tracks = [track for track in tracks if track]
        if tracks:
            CHANGES[place](tracks, rng)
    data = midi(tracks, kind=_any(rng, (1, 1, 1, 0)), division=_any(rng, (division, division, 1, 32767)))
    for _ in range(int(rng.integers(1, 4)) if spoil else 0):
        data = _any(rng, SPOILINGS)(data, rng) or b"\0"
    return data


# What is asked of each.


def check(path: Path, known: list[codecs.Codec], thorough: bool) -> str | None:
    """Take a file there, and if `thorough` back; the reason when it was refused. Raises on anything wrong."""
    try:
        reading = parse_midi(path)
    except UserError as error:
        return error.reason
    song = reading.song
    assert reading == parse_midi(path), "the same bytes were read as other music"
    assert len(song) and song.end.max() == song.length and 10 <= song.tempo <= 1000
    for codec in known:
        lines = codec.encode(song)
        assert len(lines) <= codec.lines_of(song) and sum(line.notes for line in lines) <= len(song)
        for line in lines[:3]:
            assert line.codes.max(initial=0) <= getattr(codec, "size", 1) and line.codes.min(initial=0) >= 0
            assert line.unknown_nats is None or (np.isfinite(line.unknown_nats) & (line.unknown_nats >= 0)).all()
        for line in lines[:1] if thorough else []:
            codec.decode(line.codes[:2000])
    if thorough and len(song) < 3000:
        write_midi(song, path.with_suffix(".copy"))
        copy = read_midi(path.with_suffix(".copy"))
        assert len(copy) == len(song) and np.array_equal(copy.start, song.start) and copy.length == song.length
        assert len(song.transpose(5).crop(480, 9600).to_pretty_midi().instruments) == len(song.programs)
    return None


def representations() -> list[str]:
    """Those of all presets of all models, not fitted, as JSON: the class and its fields."""
    import zoo

    made = (zoo.create(name, preset).make_codec() for name in zoo.names() for preset in zoo.find(name).presets)
    return list(dict.fromkeys(json.dumps([type(codec).__name__, dataclasses.asdict(codec)]) for codec in made))


def fitted(representation: str, songs: list[Song]) -> codecs.Codec:
    """The codec of one of `representations`, fitted."""
    name, settings = json.loads(representation)
    return getattr(codecs, name)(**settings).fit(songs)


@dataclass
class Found:
    """What a run found."""

    tried: int = 0
    read: int = 0
    reasons: Counter = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)  # seconds of processor time, number of the mutation
    megabytes: float = 0.0
    failures: list[str] = field(default_factory=list)


def run(count: int, seed: int, jobs: int = 2, out: Path | None = None, begin: int = 0) -> Found:
    """Try `count` mutations from number `begin`; one that fails is written to `out`, a temporary folder by default."""
    found, out = Found(), out or Path(tempfile.gettempdir()) / "zoo-fuzz"
    with tempfile.TemporaryDirectory() as name:
        place, honest = Path(name), sources()
        _keep_sources(place / "sources.json", honest)
        (place / "codecs.json").write_text(json.dumps(representations()))
        bounds = [begin + count * job // jobs for job in range(jobs + 1)]
        todo, running = list(itertools.pairwise(bounds)), {}
        while todo or running:
            while todo and len(running) < jobs:
                first, last = todo.pop()
                if first < last:
                    running[_start(place, seed, first, last)] = first, last
            time.sleep(0.02)
            for worker in [worker for worker in running if worker.poll() is not None]:
                first, last = running.pop(worker)
                reached, told = _gather(found, place / f"{first}.said", first)
                if reached < last:  # it died, or found something wrong
                    how = told or f"the process ended with code {worker.returncode}"
                    how = {-signal.SIGPROF: f"it takes longer than {SECONDS} s"}.get(worker.returncode, how)
                    found.failures.append(_failure(out, honest, seed, reached, how))
                    found.tried += 1
                    if len(found.failures) < MOST_FAILURES:
                        todo.append((reached + 1, last))
    return found


def _song(path: Path, division: int, tracks: list[Track]) -> Song:
    path.write_bytes(midi(tracks, division=division))
    return read_midi(path)


def _keep_sources(path: Path, honest: list) -> None:
    path.write_text(json.dumps([[n, [[(d, e.hex()) for d, e in track] for track in tracks]] for n, tracks in honest]))


def _kept_sources(path: Path) -> list[tuple[int, list[Track]]]:
    kept = json.loads(path.read_text())
    return [(n, [[(d, bytes.fromhex(e)) for d, e in track] for track in tracks]) for n, tracks in kept]


def _start(place: Path, seed: int, first: int, last: int) -> subprocess.Popen:
    command = [sys.executable, __file__, "--seed", str(seed), "--work", str(place), str(first), str(last)]
    with open(place / f"{first}.said", "w") as said:
        return subprocess.Popen(command, stdout=said, env={**os.environ, "PYTHONPATH": str(ROOT)})


def _work(place: Path, seed: int, first: int, last: int) -> None:
    """Do mutations `first` … `last` − 1 and print a line for each."""
    with contextlib.suppress(ValueError):  # not on every system
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # symusic reserves much more than it uses
    honest, folder = _kept_sources(place / "sources.json"), place / f"{first}.files"
    folder.mkdir()
    songs = [_song(folder / "honest.mid", division, tracks) for division, tracks in honest]
    (folder / "honest.mid").unlink()
    known = [fitted(text, songs) for text in json.loads((place / "codecs.json").read_text())]
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process even inside compiled code
    for index in range(first, last):
        path = folder / f"{index}.mid"
        path.write_bytes(mutation(honest, seed, index))
        reason = failure = None
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            reason = check(path, known[index % TURNS :: TURNS], index // TURNS % 8 == 0)
        except Exception:
            failure = traceback.format_exc()
        seconds = time.process_time() - started
        signal.setitimer(signal.ITIMER_PROF, 0)
        try:
            if len(list(folder.glob("*.mid"))) == TOGETHER or index == last - 1:
                with contextlib.suppress(UserError):
                    json.dumps(load_corpus(folder).describe())
                shutil.rmtree(folder)
                folder.mkdir()
        except Exception:
            failure = failure or f"as one corpus with the {TOGETHER - 1} before it: {traceback.format_exc()}"
        megabytes = most_memory()
        if megabytes > MEGABYTES:
            failure = failure or f"it takes {megabytes:.0f} MB"
        print(json.dumps([index, reason, seconds, megabytes, failure]), flush=True)
        if failure:
            return


def most_memory() -> float:
    """Megabytes that this process held at most, 0 where only getrusage tells: it counts what the parent held, too."""
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024 if status.exists() else 0.0


def _gather(found: Found, said: Path, reached: int) -> tuple[int, str | None]:
    """Add what a process said; the number that it failed at or would have tried next, and how it failed."""
    for line in said.read_text().splitlines():
        index, reason, seconds, megabytes, failure = json.loads(line)
        found.megabytes = max(found.megabytes, megabytes)
        found.slowest = max(found.slowest, (seconds, index))
        if failure:
            return index, failure
        found.tried, reached = found.tried + 1, index + 1
        found.read += reason is None
        found.reasons[re.sub(r"\d[\d,]*", "N", reason) if reason else "read"] += 1
    return reached, None


def _failure(out: Path, honest: list, seed: int, index: int, how: str) -> str:
    """Keep the mutation; a sentence that names it."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"seed{seed}-{index}.mid"
    path.write_bytes(mutation(honest, seed, index))
    again = f"make fuzz ARGS='--seed {seed} --begin {index} --count 1'"
    return f"mutation {index} of seed {seed}, kept as {path}: {how}\n  again: {again}"


def main() -> int:
    """Try mutations and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="mutations [2000]")
    parser.add_argument("--begin", type=int, default=0, help="number of the first [0]")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations [0]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes [one a core]")
    parser.add_argument("--out", type=Path, help="folder for what fails [zoo-fuzz among the temporary files]")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        place, first, last = options.work
        _work(Path(place), options.seed, int(first), int(last))
        return 0
    found = run(options.count, options.seed, options.jobs, options.out, options.begin)
    for reason, count in found.reasons.most_common(20):
        print(f"{count:9,}  {reason}")
    seconds, index = found.slowest
    print(
        f"{found.tried:,} files, {found.read / max(found.tried, 1):.1%} read, {len(found.failures)} failures; "
        f"slowest {seconds:.2f} s (number {index}), at most {found.megabytes:.0f} MB"
    )
    print(*found.failures, sep="\n")
    return bool(found.failures)


if __name__ == "__main__":
    sys.exit(main())
