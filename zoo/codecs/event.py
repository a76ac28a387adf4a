"""Music as a text of note-on and note-off events.

Sources: deep-improvisation (T. Hatanaka, 2017), one token `DELTA_TYPE_PITCH_VELOCITY` an event; Performance RNN
(Simon and Oore, 2017), where time shift, velocity, on and off are tokens of their own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from zoo.codecs._base import Line, SymbolCodec, is_count, is_number, is_whole, log_share
from zoo.codecs.grid import VELOCITY, Grid, from_grid, on_grid
from zoo.song import Song

ON, OFF = "no", "nf"


@dataclass
class EventCodec(SymbolCodec):
    """All tracks merged in order of time; at one time the offs come first, then the ons, each from low to high.

    Args:
        split: with it a time shift ("s", steps), a velocity ("v", bin), an on ("no", pitch) and an off ("nf", pitch)
            are symbols of their own, and the vocabulary is closed; without, an event is one symbol [delta, type, pitch,
            velocity bin], and the vocabulary is what the training music holds.
        velocity_bins: velocities are kept in so many equal bins.
        longest_shift: beats of the longest single time shift of the split form.
    """

    split: bool = False
    velocity_bins: int = 8
    longest_shift: int = 4
    longest_note: int = 0  # grid steps; what sounds longer was forgotten by the model, and decoding ends it; 0 is any
    parts: list[dict] = field(default_factory=list)  # of the joint form: counts of delta, type, pitch, velocity for q

    def lay_out(self) -> None:
        if self.split:
            bins = range(self.velocity_bins if self.velocity_bins > 1 else 0)
            self.symbols = [
                *(["s", steps] for steps in range(1, self.longest_shift * self.steps_per_beat + 1)),
                *(["v", velocity] for velocity in bins),
                *([kind, pitch] for kind in (ON, OFF) for pitch in range(128)),
            ]

    @property
    def learnt(self) -> tuple[str, ...]:
        open_vocabulary = () if self.split else ("symbols", "singletons", "epsilon", "parts")
        return (*open_vocabulary, "most_per_beat", "longest_note")

    def learn_from(self, songs: list[Song]) -> None:
        grids = [on_grid(song, self.steps_per_beat) for song in songs]
        sequences = [self._symbols(grid) for grid in grids]
        self.longest_note = max((int((grid.end - grid.start).max()) for grid in grids if len(grid.start)), default=0)
        if not self.split:
            self.learn(sequences)
            columns = zip(*(symbol for sequence in sequences for symbol in sequence), strict=True)
            self.parts = [{str(key): count for key, count in sorted(Counter(column).items())} for column in columns]
        self.count_most_per_beat(self.to_codes(sequence)[0] for sequence in sequences)

    def is_symbol(self, symbol) -> bool:
        if self.split:
            return True
        delta, kind, pitch, velocity = symbol
        whole = is_whole(delta, 0) and is_whole(pitch, 0, 127) and is_whole(velocity, 0, self.velocity_bins - 1)
        return whole and kind in (ON, OFF)

    def check(self) -> None:
        super().check()
        if not is_whole(self.longest_note, 0):
            raise ValueError(f"its longest note is {self.longest_note!r}")
        if not self.split:
            deltas, *others = self.parts
            if len(others) != 3 or not all(map(is_count, self.parts)) or not all(map(is_number, deltas)):
                raise ValueError("its parts are no counts")

    def steps_of(self, symbol) -> int:
        if self.split:
            return symbol[1] if symbol[0] == "s" else 0
        return symbol[0]

    def fallback(self, symbol) -> float:
        delta, kind, pitch, velocity = symbol
        deltas = {int(key): count for key, count in self.parts[0].items()}
        nats = -log_share(deltas, delta)
        for counts, value, choices in zip(
            self.parts[1:], (kind, pitch, velocity), (2, 128, self.velocity_bins), strict=True
        ):
            nats -= np.log((counts.get(str(value), 0) + 1) / (sum(counts.values()) + choices))
        return float(nats)

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        symbols = self._symbols(grid)
        if not symbols:
            return []
        codes, unknown_nats = self.to_codes(symbols)
        return [Line(codes, grid.steps, song.beats, len(grid.start), unknown_nats)]

    def _symbols(self, grid: Grid) -> list:
        """The notes of a grid as symbols."""
        count = len(grid.start)
        time = np.concatenate([grid.end, grid.start])
        is_on = np.repeat([0, 1], count)
        pitch = np.tile(grid.pitch, 2)
        velocity = np.concatenate([np.zeros(count, int), grid.velocity.astype(int) * self.velocity_bins // 128])
        order = np.lexsort((pitch, is_on, time))
        events = np.stack([np.diff(time[order], prepend=0), is_on[order], pitch[order], velocity[order]], axis=1)
        if not self.split:
            return [[delta, ON if on else OFF, pitch, velocity] for delta, on, pitch, velocity in events.tolist()]
        symbols, loudness, longest = [], None, self.longest_shift * self.steps_per_beat
        for delta, on, pitch, velocity in events.tolist():
            symbols += self._shifts(delta, longest)
            if on and self.velocity_bins > 1 and velocity != loudness:
                symbols.append(["v", velocity])
                loudness = velocity
            symbols.append([ON if on else OFF, pitch])
        if count:
            symbols += self._shifts(grid.steps - int(time.max()), longest)
        return symbols

    @staticmethod
    def _shifts(steps: int, longest: int) -> list:
        whole, rest = divmod(steps, longest)
        return [["s", longest]] * whole + ([["s", rest]] if rest else [])

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        now, loudness = 0, VELOCITY
        sounding: dict[int, tuple[int, int]] = {}  # pitch: (start, velocity)
        notes = []

        def stop(pitch: int) -> None:
            if pitch in sounding:
                start, velocity = sounding.pop(pitch)
                notes.append((start, min(now, start + (self.longest_note or now)), pitch, velocity))

        for code in np.asarray(codes):
            if code >= self.size:
                continue
            symbol = self.symbols[code]
            now += self.advance[code]
            if self.split and symbol[0] == "v":
                loudness = self._velocity(symbol[1])
            elif not self.split or symbol[0] in (ON, OFF):
                kind, pitch = (symbol[0], symbol[1]) if self.split else (symbol[1], symbol[2])
                stop(pitch)
                if kind == ON:
                    sounding[pitch] = (now, loudness if self.split else self._velocity(symbol[3]))
        now = max(now, steps or 0)
        for pitch in list(sounding):
            stop(pitch)
        start, end, pitch, velocity = np.array(notes, np.int64).reshape(-1, 4).T
        return from_grid(start, end, pitch, now if steps is None else steps, self.steps_per_beat, velocity)

    def _velocity(self, bin_: int) -> int:
        """Middle of a velocity bin."""
        return ((2 * bin_ + 1) * 128 + self.velocity_bins) // (2 * self.velocity_bins)
