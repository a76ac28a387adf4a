"""Every voice a token: at each step of the grid, from the highest note to the lowest, what starts and what goes on.

`new 67` starts a note, `hold 60` lets one go on, `step` ends the step. What is not named ends: there are no note-offs,
so no note can be forgotten, and any number of voices may sound.

An LSTM reads the tokens so far and gives a probability to each that may come next. What may not come gets none, in
training, in scoring and in sampling alike: pitches fall within a step, and only what sounded can go on. So a piece has
one encoding, and the likelihood is that of the music. Ours also reads which notes sounded in the step before and which
are named in this one, and its place in the bar.

Sources: BachBot (F. Liang, 2016) and Magenta's polyphony_rnn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import keras

from zoo.codecs import PolyphonyCodec
from zoo.layers.symbols import SymbolInput
from zoo.models._symbols import SymbolModel, lstms
from zoo.training.hyperparameters import DROPOUTS, WIDTHS, among, option, trained


@dataclass(kw_only=True)
class PolyphonyLSTM(SymbolModel[PolyphonyCodec]):
    """Tokens for the voices of each step, from high to low."""

    units: tuple[int, ...] = option((256, 256, 256), "units of each LSTM layer", low=1, high=65_536, search=WIDTHS)
    embedding: int = option(
        0, "width of a learnt embedding of symbols; 0 is one-hot", low=0, high=65_536, search=among(32, 64, 128)
    )
    dropout: float = trained(0.5, "share of LSTM outputs dropped in training", low=0, high=0.99, search=DROPOUTS)

    presets: ClassVar = {
        "smoke": dict(units=(16,), dropout=0.0, epochs=2, updates=200, chunk=64, steps_per_beat=2),
        "magenta": dict(
            steps_per_beat=4, transpose=4, batch=64, learning_rate=1e-3, clip_norm=5.0, epochs=100_000, updates=20_000,
            patience=10,
        ),
        "tuned": dict(
            embedding=64, units=(160,), dropout=0.3, steps_per_beat="auto", clock_beats=4, epochs=100_000, updates=3600,
            patience=8, batch=8, chunk=96, learning_rate=5e-3, schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            embedding=64, units=(192,), dropout=0.4, steps_per_beat="auto", clock_beats=4, transpose=5, epochs=100_000,
            updates=8000, patience=40, batch=16, chunk=96, learning_rate=4e-3, schedule="cosine", clip_norm=1.0,
        ),
    }  # fmt: skip

    def make_codec(self) -> PolyphonyCodec:
        return PolyphonyCodec(steps_per_beat=self.steps_per_beat)

    def layers(self, size: int) -> list[keras.Layer]:
        form = "embedding" if self.embedding else "one-hot"
        reader = SymbolInput(size, form, self.embedding, self.clock)
        return [reader, *lstms(self.units, self.dropout), keras.layers.Dense(size)]  # softmax is in the loss
