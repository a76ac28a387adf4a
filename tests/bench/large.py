"""A corpus larger than memory: files made from real pieces, how long it takes to read, what training holds."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np

import zoo
from bench.measure import Row, chorales, line, process
from zoo.midi import write_midi
from zoo.song import COLUMNS, TICKS_PER_BEAT, Song

NOTES = (10_000_000, 100_000_000)
NOTES_PER_FILE = 2500  # 20 KB
FILES_PER_FOLDER = 1000
MODELS = ("note_lstm", "rnn_nade")  # one over symbols, one over frames, which take the most memory

# One process for each, as memory is counted by process.
TRAIN = """
import pathlib, sys, time
import zoo
folder, store, name = sys.argv[1:]
at = [time.perf_counter()]
corpus = zoo.load_corpus(folder, store=store)
at.append(time.perf_counter())
zoo.create(name, "tuned", updates=1000).fit(corpus.train, corpus.valid)
at.append(time.perf_counter())
highest = 1024 * int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(highest, at[1] - at[0], at[2] - at[1])
"""


@line("large", long=True)
def large(runs: int):
    """What 10^7 and 10^8 notes take: to be read, to be read again, and for 1,000 batches of training."""
    for notes in NOTES:
        with tempfile.TemporaryDirectory() as place:
            write_files(Path(place) / "music", notes)
            for index, name in enumerate(MODELS):
                words = process("-c", TRAIN, f"{place}/music", f"{place}/store", name).split()
                memory, reading, training = map(float, words)
                again = " again" * bool(index)
                yield Row(f"reading {notes:,} notes{again}", "s", [reading])
                yield Row(f"1,000 batches of {name} tuned on {notes:,} notes", "s", [training])
                yield Row("memory of the same, TensorFlow included", "MB", [memory / 1e6], [], ("ours <= 1500",))


def write_files(folder: Path, notes: float) -> None:
    """MIDI files of about 20 KB until they hold so many notes: parts of real pieces, no two files the same."""
    songs, rng, made = list(chorales().train), np.random.default_rng(0), 0
    for number in itertools.count():
        song = piece(songs, rng)
        write_midi(song, folder / f"{number // FILES_PER_FOLDER:04d}" / f"{number:07d}.mid")
        made += len(song)
        if made >= notes:
            return


def piece(songs: list[Song], rng: np.random.Generator) -> Song:
    """One of about NOTES_PER_FILE notes: parts of real ones, each in a key of its own."""
    parts: list[Song] = []
    while sum(map(len, parts)) < NOTES_PER_FILE:
        song = songs[rng.integers(len(songs))].transpose(int(rng.integers(-5, 7)))
        begin = int(rng.integers(0, max(int(song.beats) // 2, 1)))
        parts.append(song.crop(begin * TICKS_PER_BEAT, song.length))
    return joined(parts)


def joined(songs: list[Song]) -> Song:
    """Songs one after another, each beginning on a beat, all tracks in one."""
    columns: dict[str, list[np.ndarray]] = {column: [] for column in COLUMNS}
    at = 0
    for song in songs:
        for column in COLUMNS:
            values = getattr(song, column)
            columns[column].append(values + at if column == "start" else values * (column != "track"))
        at += -(-song.length // TICKS_PER_BEAT) * TICKS_PER_BEAT
    return zoo.Song(**{column: np.concatenate(parts) for column, parts in columns.items()}, length=at)
