"""Song ↔ MIDI file: the only room that knows symusic and pretty_midi objects."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import symusic

from zoo.errors import UserError
from zoo.files import write_bytes
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    import pretty_midi

# A hostile or broken file must fill neither memory nor time; no music is near these bounds.
MAX_BYTES = 8 * 2**20
MAX_NOTES = 100_000
MAX_TRACKS = 1000
MAX_BEATS = 6 * 60 * 120  # six hours at 120 beats per minute
MAX_TRACK_BEATS = 4_000_000  # of all tracks together: each may become a line of its own
MAX_TIME_SIGNATURES = 10_000
TEMPI = (10.0, 1000.0)  # beats per minute that are taken for meant
PRIMED = "here the primer ends"  # a marker in MIDI files
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)
# An empty track. symusic reads up to ten bytes past the end of a track that is cut inside an event, and dies where the
# memory behind the file ends; behind this it finds these bytes.
PADDING = b"MTrk\0\0\0\x10\0\xff\x2f\0" + bytes(12)
# Tempo (3 bytes) and time signature (of 4, the first two), by kind of meta event; and what may be one with fewer.
NEEDED = {0x51: 3, 0x58: 2}
MAYBE_SHORT = re.compile(rb"\xff(?:\x51[^\x03]|\x58[^\x04])")
DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2, 0xF1: 1, 0xF2: 2, 0xF3: 1}  # by status


class UnreadableMidi(UserError):
    """A MIDI file that holds no music we can read; `reason` says why, without the file's name."""

    def __init__(self, path: Path | str, reason: str):
        super().__init__(f"{path} cannot be read: {reason}; choose another MIDI file.")
        self.reason = reason


def read_midi(path: Path | str) -> Song:
    """Read a MIDI file; see `parse_midi`, which also counts the drums.

    Raises:
        UnreadableMidi: (a UserError) when it is missing, damaged, or without notes.
    """
    return parse_midi(path)[0]


def parse_midi(path: Path | str, name: str | None = None) -> tuple[Song, int]:
    """Read a MIDI file and count the drum notes that were dropped.

    Times are rescaled to 480 ticks per beat by rounding onsets and ends, never durations; a note lasts at least one
    tick. Every channel and program of a MIDI track that has notes becomes a track. The tempo is the file's first, 120
    if there is none between 10 and 1000. Pitches and velocities above 127 are clipped to 127; a note-on without its
    note-off is dropped, as is a time signature that is no fraction of a whole note or stands behind the last note.
    Names of tracks are not read.

    Returns:
        The song, called `name` or like the file, as long as its last note sounds; and how many drum notes were dropped.

    Raises:
        UnreadableMidi: (a UserError) when the file is missing, damaged, no ordinary file, timed in SMPTE frames, of
            type 2 with several pieces, without notes, or beyond one of the bounds above: 8 MiB, 100,000 notes, 1000
            tracks, six hours at 120 beats per minute, 4,000,000 beats in all tracks together, 10,000 time signatures.
    """
    score = _score(path, _content(path))
    if len(score.tracks) > MAX_TRACKS:
        raise UnreadableMidi(path, f"it holds more than {MAX_TRACKS:,} tracks")
    if len(score.time_signatures) > MAX_TIME_SIGNATURES:
        raise UnreadableMidi(path, f"it holds more than {MAX_TIME_SIGNATURES:,} time signatures")

    tracks = [track for track in score.tracks if len(track.notes)]
    drums = sum(len(track.notes) for track in tracks if track.is_drum)
    tracks = [track for track in tracks if not track.is_drum]
    count = sum(len(track.notes) for track in tracks)
    if not count:
        raise UnreadableMidi(path, "it holds only drums" if drums else "it holds no notes")
    if count > MAX_NOTES:
        raise UnreadableMidi(path, f"it holds more than {MAX_NOTES:,} notes")

    notes = [track.notes.numpy() for track in tracks]
    columns = ("time", "duration", "pitch", "velocity")
    start, duration, pitch, velocity = (
        np.concatenate([some[name] for some in notes], dtype=np.int64) for name in columns
    )
    track = np.repeat(np.arange(len(notes)), [len(some["time"]) for some in notes])
    # symusic counts in 32 bits, so that an endless file shows as negative times.
    times = np.array([start, start + duration])
    if start.min() < 0 or duration.min() < 0 or (last := int(times[1].max())) > MAX_BEATS * score.tpq:
        raise UnreadableMidi(path, f"it lasts longer than {MAX_BEATS:,} beats")
    if last * len(tracks) > MAX_TRACK_BEATS * score.tpq:
        raise UnreadableMidi(path, f"its {len(tracks)} tracks hold more than {MAX_TRACK_BEATS:,} beats in all")
    start, end = _rescale(times, score.tpq)
    end = np.maximum(end, start + 1)
    length = int(end.max())
    song = Song(
        start=start,
        duration=end - start,
        pitch=pitch,
        velocity=np.maximum(velocity, 1),
        track=track,
        length=length,
        programs=tuple(track.program for track in tracks),
        time_signatures=_time_signatures(score, length),
        tempo=_tempo(score),
        primed=_primed(score, length),
        name=Path(path).stem if name is None else name,
    )
    return song, drums


def write_midi(song: Song, path: Path | str) -> None:
    """Write a song as a MIDI file of type 1, whole or not at all; the same song gives the same bytes.

    Each track is a MIDI track with its program; the drums' channel is never used. At one tick, notes end before notes
    begin. The end of a primer is a marker, which `read_midi` finds again. `length` has no place in a MIDI file; when a
    note lies inside another of the same pitch and track, MIDI cannot tell whose end is whose: the earlier onset gets
    the earlier end.

    Raises:
        UserError: when the file cannot be written.
    """
    score = symusic.Score(TICKS_PER_BEAT)
    score.tempos.append(symusic.Tempo(0, song.tempo))
    for signature in song.time_signatures:
        score.time_signatures.append(symusic.TimeSignature(*signature))
    if song.primed:
        score.markers.append(symusic.TextMeta(song.primed, PRIMED))
    columns = [song.start, song.duration, song.pitch.astype(np.int8), song.velocity.astype(np.int8)]
    for index, program in enumerate(song.programs):
        track = symusic.Track("", program, False)
        track.notes = symusic.Note.from_numpy(*(column[song.track == index] for column in columns), ttype="tick")
        score.tracks.append(track)
    write_bytes(path, score.dumps_midi())


def to_pretty_midi(song: Song) -> pretty_midi.PrettyMIDI:
    """The song as a `pretty_midi.PrettyMIDI`: one instrument per track, times in seconds at the song's tempo."""
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=TICKS_PER_BEAT, initial_tempo=song.tempo)
    seconds = 60 / (song.tempo * TICKS_PER_BEAT)
    midi.instruments = [pretty_midi.Instrument(program) for program in song.programs]
    for start, end, pitch, velocity, track in zip(
        (song.start * seconds).tolist(),
        (song.end * seconds).tolist(),
        song.pitch.tolist(),
        song.velocity.tolist(),
        song.track.tolist(),
        strict=True,
    ):
        midi.instruments[track].notes.append(pretty_midi.Note(velocity, pitch, start, end))
    midi.time_signature_changes = [
        pretty_midi.TimeSignature(numerator, denominator, tick * seconds)
        for tick, numerator, denominator in song.time_signatures
    ]
    return midi


Song.to_pretty_midi = to_pretty_midi  # a method of Song that song.py, which knows only NumPy, cannot hold


def _content(path: Path | str) -> bytes:
    """The bytes of a file of bounded size; a pipe or a device, which may never end, is not opened."""
    try:
        found = os.stat(path)
        if found.st_size > MAX_BYTES:
            raise UnreadableMidi(path, f"it is larger than {MAX_BYTES // 2**20} MiB")
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            raise UnreadableMidi(path, "it is no ordinary file")
        with open(path, "rb") as file:
            return file.read(found.st_size)
    except OSError as error:
        raise UnreadableMidi(path, (error.strerror or str(error)).lower()) from None


def _score(path: Path | str, data: bytes) -> symusic.Score:
    """Parse the bytes of a MIDI file; what symusic would refuse with a riddle is refused here with a reason."""
    if not data:
        raise UnreadableMidi(path, "it is empty")
    if data[:4] != b"MThd":
        raise UnreadableMidi(path, "it is not a MIDI file")
    if len(data) > 12 and data[12] & 0x80:
        raise UnreadableMidi(path, "it counts time in SMPTE frames, which have no beats")
    if data[8:10] == b"\0\2" and data[10:12] > b"\0\1":
        raise UnreadableMidi(path, "it is of type 2 and holds several pieces, not one")
    if MAYBE_SHORT.search(data) and _lacks_values(data):
        raise UnreadableMidi(path, "it is damaged (a tempo or time signature without its value)")
    try:
        score = symusic.Score.from_midi(data + PADDING, sanitize_data=True)
    except (RuntimeError, ValueError, MemoryError) as error:
        detail = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error").rstrip("!")
        raise UnreadableMidi(path, f"it is damaged ({detail})") from None
    if score.tpq < 1:
        raise UnreadableMidi(path, "it is damaged (0 ticks per beat)")
    return score


def _lacks_values(data: bytes) -> bool:
    """Whether a tempo or time signature has fewer bytes than its value: symusic takes what lies in memory behind it, so
    that the same file would be read as other music the next time."""
    place = 14
    while place < len(data):
        begin, place = place + 8, place + 8 + int.from_bytes(data[place + 4 : place + 8])
        track, at, running = data[begin:place], 0, 0  # running: bytes of data of the status in force
        try:
            while data[begin - 8 : begin - 4] == b"MTrk" and at < len(track):
                _, at = _number(track, at)
                status = track[at]
                if status == 0xFF:
                    size, end = _number(track, at + 2)
                    if size < NEEDED.get(track[at + 1], 0):
                        return True
                    at = len(track) if track[at + 1] == 0x2F else end + size
                    continue
                at += status >= 0x80
                if status == 0xF0:
                    size, end = _number(track, at)
                    running = end + size - at
                elif status >= 0x80:
                    running = DATA_BYTES.get(status, DATA_BYTES.get(status & 0xF0, 0))
                at += running
        except IndexError:  # the track is cut, which symusic finds too
            pass
    return False


def _number(track: bytes, at: int) -> tuple[int, int]:
    """The number of variable length, of at most four bytes, at `at`; and where it ends."""
    value = 0
    for at in range(at, at + 4):  # noqa: B020
        value = value << 7 | track[at] & 0x7F
        if track[at] < 0x80:
            break
    return value, at + 1


def _rescale(ticks: np.ndarray, per_beat: int) -> np.ndarray:
    """Ticks of `per_beat` → ticks of 480, halves rounded up; int64 in, int64 out."""
    return (ticks * (2 * TICKS_PER_BEAT) + per_beat) // (2 * per_beat)


def _tempo(score: symusic.Score) -> float:
    if not len(score.tempos):
        return 120.0
    tempos = score.tempos.numpy()
    microseconds = float(tempos["mspq"][np.argmin(tempos["time"])])
    tempo = 60e6 / microseconds if microseconds > 0 else 0.0
    return tempo if TEMPI[0] <= tempo <= TEMPI[1] else 120.0


def _primed(score: symusic.Score, length: int) -> int:
    ticks = [int(_rescale(np.int64(marker.time), score.tpq)) for marker in score.markers if marker.text == PRIMED]
    return min([tick for tick in ticks if 0 <= tick <= length], default=0)


def _time_signatures(score: symusic.Score, length: int) -> tuple[tuple[int, int, int], ...]:
    signatures = {}  # one per tick, the last in the file
    for signature in score.time_signatures:
        tick = int(_rescale(np.int64(signature.time), score.tpq))
        if 0 <= tick < length and signature.numerator > 0 and signature.denominator in DENOMINATORS:
            signatures[tick] = (tick, signature.numerator, signature.denominator)
    return tuple(signatures[tick] for tick in sorted(signatures))


def program_of(instrument: str) -> int:
    """The General MIDI program (0–127) of a number, a name, or a part of a name that only one instrument has.

    Raises:
        UserError: when there is none, or when several instruments have that part.
    """
    from pretty_midi.constants import INSTRUMENT_MAP

    wanted = instrument.strip().lower()
    if wanted.isdecimal() and int(wanted) <= 127:
        return int(wanted)
    exact = [number for number, name in enumerate(INSTRUMENT_MAP) if name.lower() == wanted]
    found = exact or [number for number, name in enumerate(INSTRUMENT_MAP) if wanted and wanted in name.lower()]
    if len(found) != 1:
        some = ", ".join(INSTRUMENT_MAP[number] for number in found[:8]) or "Violin, Church Organ, Acoustic Grand Piano"
        raise UserError(
            f"--instrument takes a number from 0 to 127 or one General MIDI name, such as {some}; not {instrument!r}."
        )
    return found[0]
