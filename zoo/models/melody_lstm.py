"""A monophonic line on a grid, one class a step, read by an LSTM that predicts the next step.

The model reads only lines: tracks that never sound two notes at once (or, with `voice=skyline`, the highest note of
any music). Time is cut into equal steps, a sixteenth note each; at every step the line is one of 128 pitches or a
rest. The published form cannot tell a held note from a repeated one; with a *hold* class it can.

An LSTM reads the steps so far and gives a probability to each class of the next step. The original sees the last
twenty steps and learns from their last one; ours reads the whole line, learns from every step, and reads its place in
the bar as well.

To draw, the next class is taken at random with the network's own probabilities, and becomes part of what the network
reads.

Source: midi-rnn (B. Dorsey, 2018), and a class project that trained it on game and anime music.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import keras

from zoo.codecs import MelodyCodec
from zoo.codecs.melody import VOICES
from zoo.layers.dropout import Dropout
from zoo.layers.symbols import SymbolInput
from zoo.models._symbols import SymbolModel, lstms
from zoo.training.hyperparameters import DROPOUTS, WIDTHS, option, trained, written


@dataclass(kw_only=True)
class MelodyLSTM(SymbolModel[MelodyCodec]):
    """Windowed one-hot monophonic LSTM."""

    units: tuple[int, ...] = option((64,), "units of each LSTM layer", low=1, high=65_536, search=WIDTHS)
    dense: int = option(0, "units of a dense layer before the last one; 0 is none", low=0, high=65_536)
    dropout: float = trained(0.2, "share of LSTM outputs dropped in training", low=0, high=0.99, search=DROPOUTS)
    hold: bool = written(False, "a class of its own for holding a note, so that a repeated one is struck again")
    voice: str = written("lines", "what is encoded: monophonic tracks, or the highest note of all", choices=VOICES)

    presets: ClassVar = {
        "smoke": dict(units=(16,), epochs=2, updates=200, window=8),
        "blog": dict(context="window", epochs=10, clip_value=5.0, schedule="plateau"),
        "class_project": dict(
            context="window", epochs=10, clip_value=5.0, schedule="plateau", units=(64, 64), dense=128, dropout=0.35
        ),
        "tuned": dict(
            units=(128,), hold=True, steps_per_beat="auto", clock_beats=4, epochs=100_000, updates=2880, patience=20,
            batch=16, learning_rate=8e-3, schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            units=(192,), dropout=0.4, hold=True, steps_per_beat="auto", clock_beats=4, transpose=5, epochs=100_000,
            updates=8000, patience=40, batch=32, learning_rate=4e-3, schedule="cosine", clip_norm=1.0,
        ),
        "sixteenths": dict(  # every voice on its own, which sounds a pitch or rests
            units=(192,), dropout=0.4, steps_per_beat=4, clock_beats=4, transpose=5, epochs=100_000, updates=6000,
            patience=40, batch=32, learning_rate=4e-3, schedule="cosine", clip_norm=1.0,
        ),
    }  # fmt: skip

    def make_codec(self) -> MelodyCodec:
        return MelodyCodec(steps_per_beat=self.steps_per_beat, hold=self.hold, voice=self.voice)

    def layers(self, size: int) -> list[keras.Layer]:
        layers = [SymbolInput(size, "one-hot", clock=self.clock), *lstms(self.units, self.dropout)]
        if self.dense:
            layers += [keras.layers.Dense(self.dense), Dropout(self.dropout)]
        return [*layers, keras.layers.Dense(size)]  # softmax is in the loss

    def nothing_to_read(self) -> str:
        if self.voice == "skyline":
            return "that sounds."
        return (
            "monophonic: every track sounds two notes at once; melody_lstm trained with `voice=skyline` reads the "
            "highest note of any music."
        )
