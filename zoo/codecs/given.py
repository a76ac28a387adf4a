"""Notes that are given, such as a melody, and where others may sound beside them."""

from __future__ import annotations

import operator
from typing import NamedTuple

import numpy as np

from zoo._errors import UserError
from zoo.codecs.grid import Grid, on_grid
from zoo.song import Song

HIGHEST, LOWEST = "highest", "lowest"  # voices by their place; others are tracks
PITCHES = 128


class Given(NamedTuple):
    """Given notes on a grid. Other notes may sound where it is free."""

    sounds: np.ndarray  # (steps, 128) bool, where a given note sounds
    starts: np.ndarray  # (steps, 128) bool, where one starts
    free: np.ndarray  # (steps, 128) bool, where others may sound; never where a given note does


def voice_of(song: Song, voice: str | int, steps_per_beat: int) -> Grid:
    """One voice of `song` on a grid.

    Args:
        song: any music.
        voice: "highest" or "lowest", which follow the outermost of the notes that start together and drop what starts
            inside of a note that still sounds; or a track's number, from 1 on, all of whose notes are taken.
        steps_per_beat: of the grid.

    Raises:
        UserError: when there is no such voice, or no note in it.
    """
    if voice in (HIGHEST, LOWEST):
        grid = _outermost(on_grid(song, steps_per_beat), voice == HIGHEST)
    else:
        tracks = len(song.programs)
        if not str(voice).isdecimal() or not 1 <= int(voice) <= tracks:
            there = f"from 1 to {tracks}" if tracks > 1 else "1"
            raise UserError(f"`voice` must be {HIGHEST}, {LOWEST} or the number of a track, {there}, not {voice!r}.")
        grid = on_grid(song.select(song.track == int(voice) - 1), steps_per_beat)
    if not len(grid.start):
        raise UserError(f"`melody` holds no note{'' if voice in (HIGHEST, LOWEST) else f' in track {voice}'}.")
    return grid


def _outermost(grid: Grid, highest: bool) -> Grid:
    beyond = operator.gt if highest else operator.lt
    kept: list[int] = []
    end = grid.end.copy()
    for note in np.lexsort((-grid.pitch if highest else grid.pitch, grid.start)).tolist():
        last = kept[-1] if kept else None
        if last is not None and end[last] > grid.start[note]:
            if grid.start[last] == grid.start[note] or not beyond(grid.pitch[note], grid.pitch[last]):
                continue
            end[last] = grid.start[note]
        kept.append(note)
    return Grid(grid.start[kept], end[kept], grid.pitch[kept], grid.velocity[kept], grid.steps)


def given_notes(grid: Grid, voice: str | int, crossing: bool) -> Given:
    """The notes of a voice, and where others may sound.

    Others may not sound where a given note does, nor let go on what a given note ends with, in the step behind it; nor,
    while a given note sounds, beyond it: above the highest, below it where the voice is the "lowest".

    Args:
        grid: the notes of the voice.
        voice: see `voice_of`.
        crossing: whether others may sound beyond it.
    """
    sounds, starts = np.zeros((2, grid.steps, PITCHES), bool)
    for start, end, pitch in zip(grid.start, grid.end, grid.pitch, strict=True):
        sounds[start:end, pitch] = True
    starts[grid.start, grid.pitch] = True
    free = ~sounds
    free[1:] &= ~sounds[:-1]
    if not crossing:
        inwards = sounds if voice == LOWEST else sounds[:, ::-1]
        beyond = ~np.logical_or.accumulate(inwards, axis=1) & sounds.any(axis=1, keepdims=True)
        free &= ~(beyond if voice == LOWEST else beyond[:, ::-1])
    return Given(sounds, starts, free)
