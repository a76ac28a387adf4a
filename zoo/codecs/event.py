"""Music as a text of events, each one symbol: `DELTA_TYPE_PITCH_VELOCITY`.

Source: deep-improvisation (T. Hatanaka, 2017).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Symbol, is_count, is_number, is_whole, log_share
from zoo.codecs._events import OFF, ON, Keyboard, OnsAndOffs
from zoo.codecs.coding import END, Coding
from zoo.codecs.grid import Grid, on_grid
from zoo.song import Song


@dataclass
class EventCodec(OnsAndOffs):
    """An event is one symbol [delta, type, pitch, velocity bin]; the vocabulary is what the training music holds.

    Args:
        velocity_bins, longest_note: see `OnsAndOffs`.
        parts: learnt, counts of delta, type, pitch and velocity, for q.
    """

    parts: list[dict[str, int]] = field(default_factory=list)

    learnt: ClassVar = ("symbols", "singletons", "epsilon", "parts", "most_per_beat", "longest_note")
    written_as: ClassVar = {"split": False, "longest_shift": 4}
    unread: ClassVar = ("longest_shift",)  # of a shift that is a symbol of its own

    @property
    def coding(self) -> Coding:
        return Coding((END,))

    def without_velocity(self, symbol: Symbol) -> Symbol:
        return symbol[:3]

    def learn_from(self, songs: list[Song]) -> None:
        counts = self.learn(self.symbols_of(on_grid(song, self.steps_per_beat)) for song in songs)
        columns: list[Counter[int]] = [Counter() for _ in next(iter(counts), ())]
        for symbol, count in counts.items():
            for column, value in zip(columns, symbol, strict=True):
                column[value] += count
        self.parts = [{str(key): count for key, count in sorted(column.items())} for column in columns]
        super().learn_from(songs)

    def symbols_of(self, grid: Grid) -> list[Symbol]:
        return list(map(list, self.events(grid)))

    def is_symbol(self, symbol: Symbol) -> bool:
        delta, kind, pitch, velocity = symbol
        whole = is_whole(delta, 0) and is_whole(pitch, 0, 127) and is_whole(velocity, 0, self.velocity_bins - 1)
        return whole and kind in (ON, OFF)

    def check(self) -> None:
        super().check()
        deltas, *others = self.parts
        if len(others) != 3 or not all(map(is_count, self.parts)) or not all(map(is_number, deltas)):
            raise ValueError("its parts are no counts")

    def steps_of(self, symbol: Symbol) -> int:
        return symbol[0]

    def fallback(self, symbol: Symbol) -> float:
        delta, kind, pitch, velocity = symbol
        deltas = {int(key): count for key, count in self.parts[0].items()}
        nats = -log_share(deltas, delta)
        for counts, value, choices in zip(
            self.parts[1:], (kind, pitch, velocity), (2, 128, self.velocity_bins), strict=True
        ):
            nats -= np.log((counts.get(str(value), 0) + 1) / (sum(counts.values()) + choices))
        return float(nats)

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        keyboard = Keyboard(self.longest_note)
        for delta, kind, pitch, velocity in self.known(codes):
            keyboard.now += delta
            keyboard.play(kind, pitch, self.velocity_of(velocity))
        return keyboard.song(steps, self.steps_per_beat)
