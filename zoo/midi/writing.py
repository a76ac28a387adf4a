"""Song → MIDI file, and to a pretty_midi object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import symusic

from zoo._errors import UserError
from zoo._files import write_bytes
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    import pretty_midi

PRIMED = "here the primer ends"  # a marker in MIDI files


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


Song.to_pretty_midi = to_pretty_midi  # type: ignore[attr-defined]  # a method of Song that song.py, which knows only NumPy, cannot hold


def program_of(instrument: str) -> int:
    """The General MIDI program (0–127) of a number, a name, or a part of a name that only one instrument has.

    >>> program_of("40"), program_of("Violin"), program_of("church")
    (40, 40, 19)

    Raises:
        UserError: when there is none, or when several instruments have that part.
    """
    from pretty_midi.constants import INSTRUMENT_MAP

    wanted = instrument.strip().lower()
    if wanted.isdecimal() and int(wanted) <= 127:
        return int(wanted)
    exact = [number for number, name in enumerate(INSTRUMENT_MAP) if name.lower() == wanted]
    fitting = exact or [number for number, name in enumerate(INSTRUMENT_MAP) if wanted and wanted in name.lower()]
    if len(fitting) != 1:
        some = (
            ", ".join(INSTRUMENT_MAP[number] for number in fitting[:8]) or "Violin, Church Organ, Acoustic Grand Piano"
        )
        raise UserError(
            f"`instrument` takes a number from 0 to 127 or one General MIDI name, such as {some}; not {instrument!r}."
        )
    return fitting[0]
