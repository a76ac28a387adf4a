"""Song ↔ MIDI file: the only room that knows symusic and pretty_midi objects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import symusic

from zoo.errors import UserError
from zoo.files import write_bytes
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    import pretty_midi

# A hostile or broken file must not fill the memory; no music is near these bounds.
MAX_BYTES = 8 * 2**20
MAX_NOTES = 500_000
MAX_BEATS = 24 * 60 * 120  # 24 hours at 120 beats per minute
TEMPI = (10.0, 1000.0)  # beats per minute that are taken for meant
PRIMED = "here the primer ends"  # a marker in MIDI files
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)
CHANNELS = [channel for channel in range(16) if channel != 9]  # channel 10, counted from 1, is for drums


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

    Returns:
        The song, called `name` or like the file, as long as its last note sounds; and how many drum notes were dropped.

    Raises:
        UnreadableMidi: (a UserError) when the file is missing, damaged, timed in SMPTE frames, without notes,
            larger than 8 MiB, of more than 500,000 notes, or longer than 24 hours at 120 beats per minute.
    """
    try:
        size = os.stat(path).st_size
        if size > MAX_BYTES:
            raise UnreadableMidi(path, f"it is larger than {MAX_BYTES // 2**20} MiB")
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UnreadableMidi(path, (error.strerror or str(error)).lower()) from None
    score = _score(path, data)

    tracks = [track for track in score.tracks if len(track.notes)]
    drums = sum(len(track.notes) for track in tracks if track.is_drum)
    tracks = [track for track in tracks if not track.is_drum]
    count = sum(len(track.notes) for track in tracks)
    if not count:
        raise UnreadableMidi(path, "it holds only drums" if drums else "it holds no notes")
    if count > MAX_NOTES:
        raise UnreadableMidi(path, f"it holds more than {MAX_NOTES:,} notes")

    notes = [track.notes.numpy() for track in tracks]
    columns = {name: np.concatenate([column[name] for column in notes]) for name in notes[0]}
    start = columns["time"].astype(np.int64)
    end = start + columns["duration"]
    # symusic counts in 32 bits, so that an endless file shows as negative times.
    if start.min() < 0 or columns["duration"].min() < 0 or end.max() > MAX_BEATS * score.tpq:
        raise UnreadableMidi(path, "it lasts longer than 24 hours")
    start, end = _rescale(start, score.tpq), _rescale(end, score.tpq)
    end = np.maximum(end, start + 1)
    length = int(end.max())
    song = Song(
        start=start,
        duration=end - start,
        pitch=columns["pitch"],
        velocity=np.maximum(columns["velocity"], 1),
        track=np.repeat(np.arange(len(notes)), [len(track.notes) for track in tracks]),
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


def _score(path: Path | str, data: bytes) -> symusic.Score:
    """Parse the bytes of a MIDI file; what symusic would refuse with a riddle is refused here with a reason."""
    if not data:
        raise UnreadableMidi(path, "it is empty")
    if data[:4] != b"MThd":
        raise UnreadableMidi(path, "it is not a MIDI file")
    if len(data) > 12 and data[12] & 0x80:
        raise UnreadableMidi(path, "it counts time in SMPTE frames, which have no beats")
    try:
        score = symusic.Score.from_midi(data, sanitize_data=True)
    except (RuntimeError, ValueError, MemoryError) as error:
        detail = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error").rstrip("!")
        raise UnreadableMidi(path, f"it is damaged ({detail})") from None
    if score.tpq < 1:
        raise UnreadableMidi(path, "it is damaged (0 ticks per beat)")
    return score


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
