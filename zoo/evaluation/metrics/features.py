"""What a song is made of, as one array a feature, and the few ways of looking at notes that the measures share."""

from __future__ import annotations

import numpy as np

from zoo.codecs.grid import Grid, on_grid
from zoo.song import Song

STEPS_PER_BEAT = 12  # both sixteenths and triplets fall on it
UNITS = {
    "pitch": "semitones",
    "pitch_class": "semitones",
    "interval": "semitones",
    "duration": "beats",
    "inter_onset": "beats",
    "polyphony": "pitches",
    "density": "notes per beat",
}


def features(song: Song) -> dict[str, np.ndarray]:
    """The values of each feature; an array is empty where the song has none.

    Returns:
        pitch: MIDI pitch of each note, (notes,) int.
        pitch_class: the same modulo 12, C is 0, (notes,) int.
        interval: semitones from each note of the melody to the next, up is positive, (melody notes − 1,) int.
        duration: beats, (notes,) float.
        inter_onset: beats from each onset to the next, (onsets − 1,) float.
        polyphony: pitches that sound in each step, 0 in silence, (steps,) int.
        density: notes that start in each beat, the last of which may be cut short, (beats,) int.
    """
    grid = merged(song)
    return {
        "pitch": grid.pitch,
        "pitch_class": grid.pitch % 12,
        "interval": np.diff(melody(grid)),
        "duration": (grid.end - grid.start) / STEPS_PER_BEAT,
        "inter_onset": np.diff(np.unique(grid.start)) / STEPS_PER_BEAT,
        "polyphony": polyphony(grid),
        "density": np.bincount(grid.start // STEPS_PER_BEAT, minlength=-(-grid.steps // STEPS_PER_BEAT)),
    }


def merged(song: Song) -> Grid:
    """All tracks on the grid of every measure, twelfths of a beat."""
    return on_grid(song, STEPS_PER_BEAT)


def melody(grid: Grid) -> np.ndarray:
    """Pitches of the notes that start with nothing higher sounding, in order, (melody notes,) int."""
    highest = np.full(grid.steps, -1)
    for note in np.argsort(grid.pitch, kind="stable"):  # the highest writes last
        highest[grid.start[note] : grid.end[note]] = grid.pitch[note]
    return grid.pitch[grid.pitch == highest[grid.start]]


def polyphony(grid: Grid) -> np.ndarray:
    """Pitches that sound in each step, (steps,) int."""
    begun, ended = (np.bincount(steps, minlength=grid.steps + 1) for steps in (grid.start, grid.end))
    return np.cumsum(begun - ended)[:-1]


def pitch_classes(grid: Grid) -> np.ndarray:
    """Whether each pitch class sounds in each step, (steps, 12) bool."""
    changes = np.zeros((grid.steps + 1, 12), np.int32)
    np.add.at(changes, (grid.start, grid.pitch % 12), 1)
    np.add.at(changes, (grid.end, grid.pitch % 12), -1)
    return np.cumsum(changes, axis=0)[:-1] > 0


def chords(grid: Grid) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Steps at which notes start, (onsets,) int, and the pitches that start at each, from low to high."""
    onsets, first = np.unique(grid.start, return_index=True)
    return onsets, [tuple(pitches.tolist()) for pitches in np.split(grid.pitch, first[1:])][: len(onsets)]
