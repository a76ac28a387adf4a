"""Songs on disk: a corpus of more music than memory holds is read once, and then taken song by song.

Of each folder there is one store, named by what its files are. The notes of all songs lie behind one another in one
file and are read by their place in it: pages of a mapped file would count as memory that is in use.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from zoo._files import locked, read_json, replacing, write_json
from zoo.midi import Reading, UnreadableMidi
from zoo.song import COLUMNS, TICKS_PER_BEAT, Song, in_order

VERSION = 1  # of how music is read and written here
NOTE = np.dtype([("start", "<i4"), ("duration", "<i4"), ("pitch", "u1"), ("velocity", "u1"), ("track", "<u2")])
FIELDS = ("length", "programs", "time_signatures", "tempo", "name", "primed")  # of a song, beside its notes
NOTES, SONGS, INDEX, READ = "notes.bin", "songs.json", "index.npz", "read.json"


class Found(NamedTuple):
    """What the files of a folder hold.

    Attributes:
        songs: in order of path.
        names: of each song.
        beats: of each, quarter notes.
        fingerprints: of each; see `fingerprint`.
        digests: SHA-256 of each and of all that is in it; none where the songs are in memory.
        refused: path of each file that cannot be used, and why.
        in_seconds: names of the songs without a beat.
        drums, empty, unended: see `zoo.midi.Reading`, of all files.
    """

    songs: Sequence[Song]
    names: list[str]
    beats: list[float]
    fingerprints: list[bytes]
    digests: list[str]
    refused: dict[str, str]
    in_seconds: list[str]
    drums: int
    empty: int
    unended: int


class Shape(NamedTuple):
    """How large the songs of a store are.

    Attributes:
        notes: of each song, (songs,) int64.
        lengths: of each, ticks, (songs,) int64.
        offsets: byte at which the fields of each begin, and where the last ends, (songs + 1,) int64.
    """

    notes: np.ndarray
    lengths: np.ndarray
    offsets: np.ndarray


class StoredSongs(Sequence[Song]):
    """Songs of a store, each read from disk when it is asked for.

    Args:
        folder: of the store.
        places: of the songs, (songs,) int64.
        shape: of the store.
    """

    def __init__(self, folder: Path, places: np.ndarray, shape: Shape) -> None:
        self.folder, self.places, self._shape = folder, places, shape
        self._first = np.cumsum(shape.notes) - shape.notes

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Song: ...

    @overload
    def __getitem__(self, index: slice) -> StoredSongs: ...

    def __getitem__(self, index: int | slice) -> Song | StoredSongs:
        if isinstance(index, slice):
            return self.at(self.places[index])
        place = int(self.places[index])
        begin, end = self._shape.offsets[place : place + 2].tolist()
        text = np.fromfile(self.folder / SONGS, np.uint8, end - begin, offset=begin)
        described: dict[str, Any] = json.loads(text.tobytes())
        count, first = int(self._shape.notes[place]), int(self._first[place])
        table = np.fromfile(self.folder / NOTES, NOTE, count, offset=first * NOTE.itemsize)
        return Song(
            start=table["start"],
            duration=table["duration"],
            pitch=table["pitch"],
            velocity=table["velocity"],
            track=table["track"],
            programs=tuple(described.pop("programs")),
            time_signatures=tuple(map(tuple, described.pop("time_signatures"))),
            **described,
        )

    @property
    def notes(self) -> np.ndarray:
        """How many notes each song has, (songs,) int64."""
        return self._shape.notes[self.places]

    @property
    def beats(self) -> np.ndarray:
        """How many beats each has, (songs,) float64."""
        return self._shape.lengths[self.places] / TICKS_PER_BEAT

    def at(self, places: Sequence[int] | np.ndarray) -> StoredSongs:
        """Some songs of the store, by their places in it."""
        return StoredSongs(self.folder, np.asarray(places, np.int64), self._shape)

    def drawn(self, notes: int, rng: np.random.Generator) -> StoredSongs:
        """Songs drawn without replacement, as many as have together so many notes, at least one; in their order."""
        order = rng.permutation(len(self))
        count = max(int(np.searchsorted(np.cumsum(self.notes[order]), notes, side="right")), 1)
        return self.at(self.places[np.sort(order[:count])])

    def portions(self, notes: int) -> int:
        """Into how many portions of about so many notes the songs go."""
        return min(-(-int(self.notes.sum()) // notes), len(self))

    def portion(self, number: int, notes: int, seed: int) -> StoredSongs:
        """One of the portions that the songs are dealt into at random, each song once in a round, and then anew.

        Args:
            number: of the portion, from 0 without end.
            notes: about how many it has.
            seed: of the order.
        """
        round_, part = divmod(number, self.portions(notes))
        order = np.random.default_rng([seed, round_, len(self)]).permutation(len(self))
        return self.at(self.places[np.sort(np.array_split(order, self.portions(notes))[part])])


def within(songs: Sequence[Song], notes: int) -> Sequence[Song]:
    """All songs; of those on disk as many as have so many notes, always the same ones."""
    if not isinstance(songs, StoredSongs) or songs.notes.sum() <= notes:
        return songs
    return list(songs.drawn(notes, np.random.default_rng(0)))


def fingerprint(song: Song) -> bytes:
    """SHA-256 of (start, duration, pitch above the lowest) of all notes: the same for copies and transpositions."""
    notes = np.array([song.start, song.duration, song.pitch - song.pitch.min()], np.int64)
    return hashlib.sha256(in_order(notes, (0, 2, 1), notes.max(1).tolist()).astype("<i4").tobytes()).digest()


def in_memory(paths: Iterable[str], readings: Iterable[Reading | UnreadableMidi]) -> Found:
    """What files hold, the songs in memory.

    Args:
        paths: of the files.
        readings: of each.
    """
    there, refused = [], {}
    for path, found in zip(paths, readings, strict=True):
        if isinstance(found, Reading):
            there.append(found)
        else:
            refused[path] = found.reason
    songs = [reading.song for reading in there]
    return Found(
        songs=songs,
        names=[song.name for song in songs],
        beats=[song.beats for song in songs],
        fingerprints=list(map(fingerprint, songs)),
        digests=[],
        refused=refused,
        in_seconds=[reading.song.name for reading in there if reading.in_seconds],
        drums=sum(reading.drums for reading in there),
        empty=sum(reading.empty for reading in there),
        unended=sum(reading.unended for reading in there),
    )


class File(NamedTuple):
    """A file as it lies there.

    Attributes:
        path: below the folder of the corpus.
        size: bytes.
        changed: when, in nanoseconds.
    """

    path: str
    size: int
    changed: int

    @classmethod
    def at(cls, folder: Path, path: str) -> File:
        """The file at `path` below `folder`; one that is gone has no size."""
        try:
            facts = os.stat(os.path.join(folder, path))
        except OSError:
            return cls(path, 0, 0)
        return cls(path, facts.st_size, facts.st_mtime_ns)


def store_name(files: Iterable[File], pedal: bool) -> str:
    """A name for what files hold.

    Args:
        files: all that are read.
        pedal: whether the sustain pedal is honoured.
    """
    digest = hashlib.sha256(repr((VERSION, pedal)).encode())
    for file in files:
        digest.update(repr(file).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:16]


def on_disk(store: Path, paths: Iterable[str], readings: Iterable[Reading | UnreadableMidi]) -> Found:
    """What files hold, the songs on disk: as read before, or else read now and kept.

    Stores beside it, of what the files were before, are removed.

    Args:
        store: folder to keep it in.
        paths: of the files.
        readings: of each; nothing is taken from it when the store is there.

    Raises:
        UserError: when it cannot be written.
    """
    with locked(store.parent, "reading music into", wait=True):
        found = _opened(store)
        if found is None:
            for other in store.parent.iterdir():
                if other.is_dir():
                    shutil.rmtree(other)
            with replacing(store) as temporary:
                temporary.mkdir()
                _write(temporary, paths, readings)
            found = _opened(store)
    assert found is not None
    return found


def _write(store: Path, paths: Iterable[str], readings: Iterable[Reading | UnreadableMidi]) -> None:
    refused, in_seconds, counts = {}, [], np.zeros(3, np.int64)
    notes, lengths, offsets, fingerprints, digests = [], [], [0], [], []
    with open(store / NOTES, "wb") as of_notes, open(store / SONGS, "wb") as of_songs:
        for path, found in zip(paths, readings, strict=True):
            if not isinstance(found, Reading):
                refused[path] = found.reason
                continue
            song = found.song
            table = np.empty(len(song), NOTE)
            for column in COLUMNS:
                table[column] = getattr(song, column)
            described = json.dumps({field: getattr(song, field) for field in FIELDS}).encode()
            of_notes.write(table.tobytes())
            of_songs.write(described)
            notes.append(len(song))
            lengths.append(song.length)
            offsets.append(offsets[-1] + len(described))
            fingerprints.append(fingerprint(song))
            digests.append(hashlib.sha256(described + table.tobytes()).digest())
            in_seconds += [song.name] * found.in_seconds
            counts += [found.drums, found.empty, found.unended]
    np.savez(
        store / INDEX,
        notes=np.array(notes, np.int64),
        lengths=np.array(lengths, np.int64),
        offsets=np.array(offsets, np.int64),
        fingerprints=np.frombuffer(b"".join(fingerprints), np.uint8).reshape(-1, 32),
        digests=np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32),
    )
    write_json(store / READ, {"refused": refused, "in_seconds": in_seconds, "counts": counts.tolist()})


def _opened(store: Path) -> Found | None:
    """What a store holds; None where there is none, or one that is damaged."""
    try:
        with open(store / INDEX, "rb") as file, np.load(file, allow_pickle=False) as index:
            shape = Shape(*(index[part] for part in Shape._fields))
            fingerprints, digests = index["fingerprints"], index["digests"]
        told: Any = read_json(store / READ)
        sizes = (store / NOTES).stat().st_size, (store / SONGS).stat().st_size
        if sizes != (shape.notes.sum() * NOTE.itemsize, shape.offsets[-1]):
            return None
        text, offsets = (store / SONGS).read_bytes(), shape.offsets.tolist()
        names = [json.loads(text[begin:end])["name"] for begin, end in itertools.pairwise(offsets)]
        songs = StoredSongs(store, np.arange(len(names)), shape)
        return Found(
            songs=songs,
            names=names,
            beats=songs.beats.tolist(),
            fingerprints=[row.tobytes() for row in fingerprints],
            digests=[row.tobytes().hex() for row in digests],
            refused=told["refused"],
            in_seconds=told["in_seconds"],
            **dict(zip(("drums", "empty", "unended"), told["counts"], strict=True)),
        )
    except Exception:  # of NumPy, of zip, of JSON: whatever is wrong with it, it is made anew
        return None
