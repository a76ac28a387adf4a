"""What the representations by note-on and note-off events have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.codecs._base import Line, Symbol, SymbolCodec
from zoo.codecs._sustained import Sustained
from zoo.codecs.grid import Grid, at_most, from_grid, on_grid
from zoo.song import Song

ON, OFF = "no", "nf"


@dataclass
class OnsAndOffs(Sustained, SymbolCodec):
    """All tracks merged in order of time; at one time the offs come first, then the ons, each from low to high.

    Args:
        velocity_bins: velocities are kept in so many equal bins.
        longest_note: learnt, grid steps; what sounds longer the model forgot to end, and decoding ends it; 0 is any.
    """

    velocity_bins: int = 8
    longest_note: int = 0

    def symbols_of(self, grid: Grid) -> list[Symbol]:
        """The notes of a grid as symbols."""
        raise NotImplementedError

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        symbols = self.symbols_of(grid)
        if not symbols:
            return []
        codes, unknown_nats = self.to_codes(symbols)
        return [Line(codes, grid.steps, song.beats, len(grid.start), unknown_nats)]

    def events(self, grid: Grid) -> list[tuple[int, str, int, int]]:
        """Steps since the event before, ON or OFF, pitch and velocity bin (of an OFF 0) of each event."""
        count = len(grid.start)
        time = np.concatenate([grid.end, grid.start])
        is_on = np.repeat([0, 1], count)
        pitch = np.tile(grid.pitch, 2)
        velocity = np.concatenate([np.zeros(count, int), grid.velocity.astype(int) * self.velocity_bins // 128])
        order = np.lexsort((pitch, is_on, time))
        events = np.stack([np.diff(time[order], prepend=0), is_on[order], pitch[order], velocity[order]], axis=1)
        return [(delta, ON if on else OFF, pitch, velocity) for delta, on, pitch, velocity in events.tolist()]

    def velocity_of(self, bin_: int) -> int:
        """Middle of a velocity bin."""
        return ((2 * bin_ + 1) * 128 + self.velocity_bins) // (2 * self.velocity_bins)


class Keyboard:
    """Turns strikes and releases into notes; what is struck again, or held at the end, is released."""

    def __init__(self, longest_note: int) -> None:
        self.now, self._longest_note = 0, longest_note
        self._sounding: dict[int, tuple[int, int]] = {}  # pitch: (start, velocity)
        self._notes: list[tuple[int, int, int, int]] = []

    def play(self, kind: str, pitch: int, velocity: int) -> None:
        """An event of a pitch at the grid step that is `now`.

        Args:
            kind: ON or OFF.
            pitch: 0–127.
            velocity: 1–127; of an OFF it counts for nothing.
        """
        self._release(pitch)
        if kind == ON:
            self._sounding[pitch] = (self.now, velocity)

    def _release(self, pitch: int) -> None:
        if pitch in self._sounding:
            start, velocity = self._sounding.pop(pitch)
            self._notes.append((start, self.now, pitch, velocity))

    def song(self, steps: int | None, steps_per_beat: int) -> Song:
        """All that was played, in `steps` grid steps (default: until now)."""
        self.now = max(self.now, steps or 0)
        for held in list(self._sounding):
            self._release(held)
        start, end, pitch, velocity = np.array(self._notes, np.int64).reshape(-1, 4).T
        steps = self.now if steps is None else steps
        return from_grid(start, at_most(self._longest_note, start, end), pitch, steps, steps_per_beat, velocity)
