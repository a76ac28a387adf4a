"""Makes a folder of MIDI files of any size from real pieces: joined, transposed and cut, no two of them the same.

python tests/large.py FOLDER NOTES makes files of about 20 KB each until they hold so many notes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import zoo
from zoo.midi import write_midi
from zoo.song import COLUMNS, TICKS_PER_BEAT, Song

NOTES_PER_FILE = 2500
FILES_PER_FOLDER = 1000


def joined(songs: list[Song]) -> Song:
    """Songs one after another, each beginning on a beat, all tracks in one."""
    columns: dict[str, list[np.ndarray]] = {column: [] for column in COLUMNS}
    at = 0
    for song in songs:
        for column in COLUMNS:
            values = getattr(song, column)
            columns[column].append(values + at if column == "start" else values * (column != "track"))
        at += -(-song.length // TICKS_PER_BEAT) * TICKS_PER_BEAT
    return Song(**{column: np.concatenate(parts) for column, parts in columns.items()}, length=at)


def piece(songs: list[Song], rng: np.random.Generator) -> Song:
    """One piece of about NOTES_PER_FILE notes: parts of real ones, each in a key of its own."""
    parts: list[Song] = []
    while sum(map(len, parts)) < NOTES_PER_FILE:
        song = songs[rng.integers(len(songs))].transpose(int(rng.integers(-5, 7)))
        beats = int(song.beats)
        begin = int(rng.integers(0, max(beats // 2, 1)))
        parts.append(song.crop(begin * TICKS_PER_BEAT, song.length))
    return joined(parts)


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("notes", type=float)
    options = parser.parse_args()
    songs = list(zoo.load_corpus("bach-chorales").train)
    rng, made, number = np.random.default_rng(0), 0, 0
    while made < options.notes:
        song = piece(songs, rng)
        write_midi(song, options.folder / f"{number // FILES_PER_FOLDER:04d}" / f"{number:07d}.mid")
        made, number = made + len(song), number + 1
        if number % 500 == 0:
            print(f"{number:,} files, {made:,} notes", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
