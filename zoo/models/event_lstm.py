"""Music as a text of note-on and note-off events, read by an LSTM that predicts the next event.

All tracks are merged in order of time. In the published form every event is one token, `DELTA_TYPE_PITCH_VELOCITY`:
`0_no_77_57` strikes pitch 77 at once, `4_nf_74_64` releases pitch 74 four steps later, and the vocabulary is whatever
the training music holds. Ours splits the token: a time shift, a velocity, an on, an off are symbols of their own, as
in Performance RNN, so no event is unknown. Human playing, which has no beat, is for the preset `performance`: steps of
ten milliseconds, 32 velocities, notes as long as the pedal holds them.

An LSTM reads the events so far and gives a probability to each symbol that may come next. The original sees a window
of fifteen. Ours also reads which notes sound, and gives nothing to what is impossible: an off for what is silent, an
on for what sounds.

To draw, a symbol is taken at random by those probabilities. The original draws a new temperature for every token,
mostly low ones, which makes it cautious with sudden leaps. After as many events in a beat as the training music has
at most, time must go on.

Sources: deep-improvisation (T. Hatanaka, 2017) and a blog's variation of it; Performance RNN (Simon and Oore, 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import keras
import numpy as np

from zoo.codecs import EventCodec, PerformanceCodec
from zoo.codecs.rules import Rules
from zoo.layers.symbols import SymbolInput
from zoo.models._symbols import SymbolModel, lstms
from zoo.training.hyperparameters import DROPOUTS, WIDTHS, among, option, trained, written

TEMPERATURES, WEIGHTS = (0.2, 0.6, 1.0, 1.4), (0.3, 0.5, 0.1, 0.1)  # of the original


@dataclass(kw_only=True)
class EventLSTM(SymbolModel[EventCodec | PerformanceCodec]):
    """Event tokens."""

    units: tuple[int, ...] = option((128,), "units of each LSTM layer", low=1, high=65_536, search=WIDTHS)
    embedding: int = option(
        0, "width of a learnt embedding of symbols; 0 is one-hot", low=0, high=65_536, search=among(32, 64, 128)
    )
    dropout: float = trained(0.0, "share of LSTM outputs dropped in training", low=0, high=0.99, search=DROPOUTS)
    split: bool = written(False, "time shift, velocity, on and off as symbols of their own")
    longest_shift: int = written(4, "beats of the longest time shift that is one symbol", low=1, high=64)
    velocity_bins: int = written(8, "velocities are kept in so many bins", low=1, high=127)
    masked: bool = option(
        False,
        "read what sounds, and give nothing to impossible events: an off for what is silent, an on for what is not",
    )
    draw_temperature: bool = option(
        True, "draw the temperature of each token from 0.2, 0.6, 1.0, 1.4, unless one is set"
    )

    presets: ClassVar = {
        "smoke": dict(units=(16,), epochs=2, updates=200, chunk=64),
        "original": dict(
            context="window", window=15, units=(256,), batch=128, optimizer="rmsprop", learning_rate=0.01, epochs=25
        ),
        "blog": dict(
            context="window", window=15, units=(128,), batch=24, optimizer="rmsprop", learning_rate=0.01, epochs=25
        ),
        "tuned": dict(
            split=True, masked=True, draw_temperature=False, embedding=64, units=(160,), dropout=0.3,
            steps_per_beat="auto", clock_beats=4, epochs=100_000, updates=5200, patience=8, batch=8, chunk=64,
            learning_rate=5e-3, schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            split=True, masked=True, draw_temperature=False, embedding=64, units=(192,), dropout=0.4,
            steps_per_beat="auto", clock_beats=4, transpose=5, epochs=100_000, updates=8000, patience=40, batch=16,
            chunk=64, learning_rate=4e-3, schedule="cosine", clip_norm=1.0,
        ),
        "performance": dict(  # of music without a beat, where a beat is half a second: steps of 10 ms, shifts up to 1 s
            split=True, masked=True, steps_per_beat=50, longest_shift=2, velocity_bins=32, draw_temperature=False,
            transpose=3, stretch=0.05, embedding=64, units=(256, 256), dropout=0.1, epochs=100_000, updates=4000,
            patience=20, batch=16, chunk=128, learning_rate=3e-3, schedule="cosine", clip_norm=1.0,
        ),
    }  # fmt: skip

    def make_codec(self) -> EventCodec | PerformanceCodec:
        if self.split:
            return PerformanceCodec(
                steps_per_beat=self.steps_per_beat, velocity_bins=self.velocity_bins, longest_shift=self.longest_shift
            )
        return EventCodec(steps_per_beat=self.steps_per_beat, velocity_bins=self.velocity_bins)

    @property
    def rules(self) -> Rules | None:
        return super().rules if self.masked else None

    def layers(self, size: int) -> list[keras.Layer]:
        form = "embedding" if self.embedding else "one-hot"
        reader = SymbolInput(size, form, self.embedding, self.clock)
        return [reader, *lstms(self.units, self.dropout), keras.layers.Dense(size)]  # softmax is in the loss

    def temperatures(self, rng: np.random.Generator, steps: int) -> np.ndarray | float:
        return rng.choice(TEMPERATURES, steps, p=WEIGHTS) if self.draw_temperature else 1.0
