"""Music as a text of time shifts, velocities, note-ons and note-offs, each a symbol of its own.

Source: Performance RNN (Simon and Oore, 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Symbol
from zoo.codecs._events import OFF, ON, Keyboard, OnsAndOffs
from zoo.codecs.coding import Coding
from zoo.codecs.grid import VELOCITY, Grid
from zoo.codecs.rules import Rules
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

    @property
    def coding(self) -> Coding:
        return Coding()  # a time shift may pass the end of the piece

    def without_velocity(self, symbol: Symbol) -> Symbol:
        return [] if symbol[0] == LOUDNESS else symbol

    @cached_property
    def rules(self) -> Rules:
        """What is off may be struck, what sounds may be released.

        At one time offs come before ons, both from low to high; a velocity is a new one and an on follows it; a time
        shift that is not the longest ends its rest. So a piece has one encoding. Nothing may follow a velocity only
        where all pitches above the last one sound already. The network sees what sounds.
        """
        bins = self.velocity_bins if self.velocity_bins > 1 else 0
        sounding, on_passed, off_passed = (128 * part + np.arange(128) for part in range(3))
        loudness = 384 + np.arange(bins)
        expects_on, expects_event = 384 + bins, 385 + bins
        rules = Rules.empty(self.size, 386 + bins, seen=np.r_[sounding, loudness, expects_on])
        rules.source[sounding], rules.source[loudness] = sounding, loudness  # all else is new with the time
        longest = self.longest_shift * self.steps_per_beat
        for code, (kind, value) in enumerate(self.symbols):
            rules.keep[code, expects_on] = 0
            if kind == SHIFT:
                rules.moves[code] = True
                rules.set[code, expects_event] = value < longest
                rules.forbid[expects_event, code] = 1
            else:
                rules.keep[code, expects_event] = 0
            if kind != ON:
                rules.forbid[expects_on, code] = 1
            if kind == LOUDNESS:
                rules.set[code, [loudness[value], expects_on]] = 1
                rules.keep[code, expects_on] = 1
                rules.keep[code, np.delete(loudness, value)] = 0
                rules.forbid[[loudness[value], on_passed[-1]], code] = 1  # nor where no on can follow
            elif kind == ON:
                rules.set[code, [sounding[value], *on_passed[: value + 1], *off_passed]] = 1
                rules.forbid[[sounding[value], on_passed[value]], code] = 1
                rules.base[code], rules.forbid[loudness, code] = bool(bins), -1  # the first on follows a velocity
            elif kind == OFF:
                rules.set[code, off_passed[: value + 1]] = 1
                rules.keep[code, sounding[value]] = 0
                rules.base[code] = 1
                rules.forbid[sounding[value], code] = -1
                rules.forbid[off_passed[value], code] = 1
        return rules

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
