"""MIDI file → Song."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from zoo._errors import UserError
from zoo.midi import smf
from zoo.midi.beats import has_beat, in_seconds
from zoo.midi.pedal import sustained
from zoo.midi.smf import MAX_BEATS, MAX_TRACKS
from zoo.midi.writing import PRIMED
from zoo.song import TICKS_PER_BEAT, Song

# A hostile or broken file must fill neither memory nor time; no music is near these bounds.
MAX_BYTES = 8 * 2**20
MAX_TRACK_BEATS = 4_000_000  # of all tracks together: each may become a line of its own
MAX_TIME_SIGNATURES = 10_000
BATCH = 2**17  # bytes that are read at once, or a file
TEMPI = (10.0, 1000.0)  # beats per minute that are taken for meant
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)


class UnreadableMidi(UserError):
    """A MIDI file that holds no music we can read; `reason` says why, without the file's name."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}; choose another MIDI file.")
        self.reason = reason


@dataclass(frozen=True)
class Reading:
    """What a MIDI file holds.

    Args:
        song: its music.
        drums: how many notes of drums were dropped.
        empty: how many notes of no length were left out.
        unended: how many notes have no note-off and were closed.
        in_seconds: whether it has no beat, so that a beat of `song` is half a second.
    """

    song: Song
    drums: int = 0
    empty: int = 0
    unended: int = 0
    in_seconds: bool = False


def read_midi(path: Path | str, pedal: bool = True) -> Song:
    """Read a MIDI file; see `parse_midi`, which also counts what is left out.

    Raises:
        UnreadableMidi: (a UserError) when it is missing, damaged, or without notes.
    """
    return parse_midi(path, pedal=pedal).song


def parse_midi(path: Path | str, name: str | None = None, pedal: bool = True) -> Reading:
    """Read a MIDI file, alone or wrapped in RIFF, and count what of it is left out.

    Times are rescaled to 480 ticks per beat by rounding onsets and ends, never durations; a note lasts at least one
    tick, but one that ends where it starts is left out and counted. Every channel and program of a MIDI track that has
    notes becomes a track; a program holds for its channel also in tracks that have none. Pitches and velocities above
    127 are clipped to 127. Where a note-off is missing, the note ends where its pitch is struck again, or with its
    MIDI track.

    The tempo is the file's first between 10 and 1000, 120 if there is none; later tempos are dropped. Music without a
    beat, whose onsets gather at no fraction of one, is read in seconds, through all tempos: a beat is half a second,
    the tempo is 120, there are no time signatures. A time signature that is no fraction of a whole note or stands
    behind the last note is dropped, as are key signatures, lyrics, names of tracks and all controllers but the pedal.

    Args:
        path: the file, whatever its name.
        name: of the song; the file's by default.
        pedal: whether notes sound while the sustain pedal of their channel (controller 64) is down, until it goes up
            or their pitch is struck again, and never longer than the piece.

    Returns:
        The song, as long as its last note sounds, and the counts.

    Raises:
        UnreadableMidi: (a UserError) when the file is missing, damaged, no ordinary file, timed in SMPTE frames, of
            type 2 with several pieces, without notes or with none that ends, or beyond one of the bounds above: 8 MiB,
            100,000 notes, 1000 tracks, six hours at 120 beats per minute, 4,000,000 beats in all tracks together,
            10,000 time signatures.
    """
    (found,) = parse_all([(path, name)], pedal)
    if isinstance(found, UnreadableMidi):
        raise found
    return found


def parse_all(files: Iterable[tuple[Path | str, str | None]], pedal: bool = True) -> Iterator[Reading | UnreadableMidi]:
    """Read MIDI files as `parse_midi` does, many at once: of small ones, several in the time of one.

    Args:
        files: the path of each, and the name of its song; None is the file's.
        pedal: whether notes sound while the sustain pedal is down.

    Returns:
        Of each file, in order, what it holds, or why it cannot be read.
    """
    files = iter(files)
    while batch := list(_batch(files)):
        said = iter(smf.read([one.bodies for one in batch if isinstance(one, _File)]))
        for one in batch:
            if isinstance(one, UnreadableMidi):
                yield one
                continue
            try:
                yield _reading(one, next(said), pedal)
            except UnreadableMidi as error:
                yield error


@dataclass
class _File:
    """A file whose chunks are known: its path, the name of its song, ticks of a beat, and its tracks."""

    path: Path | str
    name: str
    per_beat: int
    bodies: list[bytes]


def _batch(files: Iterator[tuple[Path | str, str | None]]) -> Iterator[_File | UnreadableMidi]:
    """The next files, until there is enough to read at once."""
    size = 0
    for path, name in itertools.islice(files, smf.MAX_FILES):
        try:
            data = _content(path)
            size += len(data)
            yield _File(path, Path(path).stem if name is None else name, *_chunks(path, data))
        except UnreadableMidi as error:
            yield error
        if size >= BATCH:
            return


def _reading(file: _File, events: smf.Events | smf.Damaged | smf.TooMuch, pedal: bool) -> Reading:
    """What a file holds, of what its events say."""
    path, per_beat = file.path, file.per_beat
    if isinstance(events, smf.Damaged):
        raise UnreadableMidi(path, f"it is damaged ({events})")
    if isinstance(events, smf.TooMuch):
        raise UnreadableMidi(path, str(events))
    if len(events.parts) > MAX_TRACKS:
        raise UnreadableMidi(path, f"it holds more than {MAX_TRACKS:,} tracks")
    if len(events.time_signatures) > MAX_TIME_SIGNATURES:
        raise UnreadableMidi(path, f"it holds more than {MAX_TIME_SIGNATURES:,} time signatures")
    start, end, pitch, velocity, part = notes = events.notes
    count = len(start)
    if not count:
        raise UnreadableMidi(path, "it holds only drums" if events.drums else "it holds no notes")
    if events.unended == count:
        raise UnreadableMidi(path, "none of its notes ever ends")
    _refuse_endless(path, int(end.max()), per_beat, len(events.parts))

    empty = 0
    if not (end > start).all():
        keep = end > start
        empty = count - int(keep.sum())
        if empty == count:
            raise UnreadableMidi(path, "it holds no notes but of no length")
        start, end, pitch, velocity, part = notes = notes[:, keep]
    kept, part = (range(len(events.parts)), part) if not empty else np.unique(part, return_inverse=True)
    parts = [events.parts[place] for place in kept]
    if pedal and events.pedals.size:
        channel = np.array([channel for _, channel, _ in parts])[part]
        end[:] = sustained(start, end, pitch, channel, events.pedals)
    beat = has_beat(start, per_beat)
    if beat:
        start, end = _rescale(notes[:2], per_beat)
    else:
        start, end = in_seconds(notes[:2], per_beat, events.tempos)
    end = np.maximum(end, start + 1)
    length = int(end.max())
    _refuse_endless(path, length, TICKS_PER_BEAT, len(parts))
    song = Song(
        start=start,
        duration=end - start,
        pitch=pitch,
        velocity=velocity,
        track=part,
        length=length,
        programs=tuple(program for _, _, program in parts),
        time_signatures=_time_signatures(events, per_beat, length) if beat else (),
        tempo=_tempo(events.tempos) if beat else 120.0,
        primed=_primed(events, per_beat, length, beat),
        name=file.name,
    )
    return Reading(song, events.drums, empty, events.unended, not beat)


def _refuse_endless(path: Path | str, last: int, per_beat: int, tracks: int) -> None:
    if last > MAX_BEATS * per_beat:
        raise UnreadableMidi(path, f"it lasts longer than {MAX_BEATS:,} beats")
    if last * tracks > MAX_TRACK_BEATS * per_beat:
        raise UnreadableMidi(path, f"its {tracks} tracks hold more than {MAX_TRACK_BEATS:,} beats in all")


def _content(path: Path | str) -> bytes:
    """The bytes of a file of bounded size; a pipe or a device, which may never end, is not opened."""
    try:
        status = os.stat(path)
        if status.st_size > MAX_BYTES:
            raise UnreadableMidi(path, f"it is larger than {MAX_BYTES // 2**20} MiB")
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise UnreadableMidi(path, "it is no ordinary file")
        with open(path, "rb", buffering=0) as file:
            return file.read(status.st_size)
    except OSError as error:
        raise UnreadableMidi(path, (error.strerror or str(error)).lower()) from None


def _chunks(path: Path | str, data: bytes) -> tuple[int, list[bytes]]:
    """Ticks of a beat and tracks that the bytes of a MIDI file hold."""
    if not data:
        raise UnreadableMidi(path, "it is empty")
    if not smf.is_midi(data):
        raise UnreadableMidi(path, "it is not a MIDI file")
    try:
        kind, per_beat, bodies = smf.tracks(data)
        if per_beat & 0x8000:
            raise UnreadableMidi(path, "it counts time in SMPTE frames, which have no beats")
        if kind == 2 and len(bodies) > 1:
            raise UnreadableMidi(path, "it is of type 2 and holds several pieces, not one")
        if not per_beat:
            raise smf.Damaged("0 ticks per beat")
    except smf.Damaged as error:
        raise UnreadableMidi(path, f"it is damaged ({error})") from None
    if len(bodies) > MAX_TRACKS:
        raise UnreadableMidi(path, f"it holds more than {MAX_TRACKS:,} tracks")
    return per_beat, bodies


def _rescale(ticks: np.ndarray, per_beat: int) -> np.ndarray:
    """Ticks of `per_beat` → ticks of 480, halves rounded up; int64 in, int64 out."""
    if not TICKS_PER_BEAT % per_beat:
        return ticks * (TICKS_PER_BEAT // per_beat)
    return (ticks * (2 * TICKS_PER_BEAT) + per_beat) // (2 * per_beat)


def _tempo(tempos: list[tuple[int, int]]) -> float:
    """The first that is meant, in beats per minute."""
    for _, microseconds in sorted(tempos, key=itemgetter(0)):
        if microseconds > 0 and TEMPI[0] <= 60e6 / microseconds <= TEMPI[1]:
            return 60e6 / microseconds
    return 120.0


def _primed(events: smf.Events, per_beat: int, length: int, beat: bool) -> int:
    marked = np.array([tick for tick, text in events.markers if text == PRIMED], np.int64)
    if not len(marked):
        return 0
    ticks = _rescale(marked, per_beat) if beat else in_seconds(marked, per_beat, events.tempos)
    return min([tick for tick in ticks.tolist() if 0 <= tick <= length], default=0)


def _time_signatures(events: smf.Events, per_beat: int, length: int) -> tuple[tuple[int, int, int], ...]:
    signatures = {}  # one per tick, the last in the file
    for time, numerator, denominator in events.time_signatures:
        tick = (2 * TICKS_PER_BEAT * time + per_beat) // (2 * per_beat)
        if 0 <= tick < length and numerator > 0 and denominator in DENOMINATORS:
            signatures[tick] = (tick, numerator, denominator)
    return tuple(signatures[tick] for tick in sorted(signatures))
