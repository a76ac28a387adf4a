"""New music put together with music that was given."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np

from zoo.song import COLUMNS, Song

Note = list[int]  # start, duration, pitch, velocity, track


def program_of(song: Song) -> int:
    """The instrument of most of its notes; 0 without notes."""
    return Counter(song.programs[track] for track in song.track.tolist()).most_common(1)[0][0] if len(song) else 0


def notes_of(song: Song, later: int = 0) -> list[Note]:
    """The notes of `song` as rows, `later` ticks later."""
    return np.stack([song.start + later, song.duration, song.pitch, song.velocity, song.track], axis=1).tolist()


def columns(notes: list[Note]) -> dict[str, np.ndarray]:
    """Rows of notes as the columns of a Song."""
    return dict(zip(COLUMNS, np.array(notes, int).reshape(-1, 5).T, strict=True))


def warn_of_moved(melody: Song, kept: Song, steps_per_beat: int) -> None:
    """Warn of notes that are kept otherwise than they stand in a melody.

    Args:
        melody: as it was given.
        kept: as it stands in the pieces.
        steps_per_beat: of the grid to which it was moved.
    """
    there = {tuple(note[:3]) for note in notes_of(melody)}
    moved = sum(tuple(note[:3]) not in there for note in notes_of(kept))
    if moved:
        warnings.warn(
            f"{moved} of {len(kept)} notes of the melody are not as they stand there: they were moved to the grid of "
            f"{steps_per_beat} steps a beat, or cut where the next one starts.",
            stacklevel=3,
        )


def around(melody: Song, kept: Song, written: Song) -> Song:
    """The given voice as the first track, what was written around it as the second.

    Args:
        melody: where the voice is from: tempo, time signatures, instrument.
        kept: the voice, on the grid.
        written: all that was written, the voice with it.
    """
    start, end, pitch = (kept.start[:, None], kept.end[:, None], kept.pitch[:, None])
    is_given = ((written.start >= start) & (written.start < end) & (written.pitch == pitch)).any(axis=0)
    others = [[*note[:4], 1] for note in notes_of(written.select(~is_given))]
    programs = (program_of(melody),) * 2
    return melody.replace(**columns(notes_of(kept) + others), length=kept.length, programs=programs, primed=0)


def filled(song: Song, written: Song, at: int, begin: int, end: int) -> Song:
    """`song` with a gap filled.

    Args:
        song: the music outside of the gap is that of this one.
        written: what stands before the gap, if anything does, then the new music.
        at: tick of `written` where the gap begins.
        begin: tick of `song` where it begins.
        end: tick of `song` where it ends.
    """
    new_track = len(song.programs)
    new = [[*note[:4], new_track] for note in notes_of(written.crop(at, at + end - begin), begin)]
    before, after = notes_of(song.crop(0, begin)), notes_of(song.crop(end, song.length), end)
    went_on = set(written.pitch[(written.start < at) & (written.end > at)].tolist())
    cut = set(song.pitch[(song.start < end) & (song.end > end)].tolist())
    new = _tied(before, new, begin, went_on)
    after = _tied(before + new, after, end, cut)
    return song.replace(**columns(before + new + after), programs=(*song.programs, program_of(song)), primed=0)


def _tied(earlier: list[Note], later: list[Note], border: int, pitches: set[int]) -> list[Note]:
    """`later` without the notes that go on one of `earlier` across the border; that one is made longer.

    Args:
        earlier: notes up to the border.
        later: notes from there on.
        border: tick.
        pitches: of the notes that cross it.
    """
    ending = {note[2]: note for note in earlier if note[0] + note[1] == border}
    apart = []
    for note in later:
        if note[0] == border and note[2] in pitches and note[2] in ending:
            ending[note[2]][1] += note[1]
        else:
            apart.append(note)
    return apart
