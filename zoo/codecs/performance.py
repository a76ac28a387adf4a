"""Music as a text of time shifts, velocities, note-ons and note-offs, each a symbol of its own.

Source: Performance RNN (Simon and Oore, 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Symbol
from zoo.codecs._events import OFF, ON, Keyboard, OnsAndOffs
from zoo.codecs.grid import VELOCITY, Grid
from zoo.song import Song

SHIFT, LOUDNESS = "s", "v"


@dataclass
class PerformanceCodec(OnsAndOffs):
    """Symbols are time shifts, velocities, note-ons and note-offs; the vocabulary is closed.

    They are written ("s", steps), ("v", bin) for the ons that follow, ("no", pitch) and ("nf", pitch).

    Args:
        velocity_bins, longest_note: see `OnsAndOffs`; of one bin there are no velocities.
        longest_shift: beats of the longest single time shift.
    """

    longest_shift: int = 4

    learnt: ClassVar = ("most_per_beat", "longest_note")
    written_as: ClassVar = {"codec": "EventCodec", "split": True, "parts": []}

    def lay_out(self) -> None:
        bins = range(self.velocity_bins if self.velocity_bins > 1 else 0)
        self.symbols = [
            *([SHIFT, steps] for steps in range(1, self.longest_shift * self.steps_per_beat + 1)),
            *([LOUDNESS, velocity] for velocity in bins),
            *([kind, pitch] for kind in (ON, OFF) for pitch in range(128)),
        ]

    def steps_of(self, symbol: Symbol) -> int:
        return symbol[1] if symbol[0] == SHIFT else 0

    def symbols_of(self, grid: Grid) -> list[Symbol]:
        symbols: list[Symbol] = []
        loudness = None
        for delta, kind, pitch, velocity in self.events(grid):
            symbols += self._shifts(delta)
            if kind == ON and self.velocity_bins > 1 and velocity != loudness:
                symbols.append([LOUDNESS, velocity])
                loudness = velocity
            symbols.append([kind, pitch])
        return symbols + self._shifts(grid.steps - int(grid.end.max())) if symbols else []

    def _shifts(self, steps: int) -> list[Symbol]:
        longest = self.longest_shift * self.steps_per_beat
        whole, rest = divmod(steps, longest)
        return [[SHIFT, longest]] * whole + ([[SHIFT, rest]] if rest else [])

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        keyboard, loudness = Keyboard(self.longest_note), VELOCITY
        for kind, value in self.known(codes):
            if kind == SHIFT:
                keyboard.now += value
            elif kind == LOUDNESS:
                loudness = self.velocity_of(value)
            else:
                keyboard.play(kind, value, loudness)
        return keyboard.song(steps, self.steps_per_beat)
