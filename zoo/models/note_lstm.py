"""The piece as a sequence of chords, everything that starts together one symbol, drawn by roulette wheel.

In the published form a symbol is a note name (`C4`) or a chord's pitch classes in normal order (`4.7.11`): octave,
voicing, durations and rests are lost, and every symbol lasts half a beat. The network reads each symbol as one real
number, its place in the vocabulary, although symbol 200 is not twice symbol 100. Ours writes a
chord note by note, from low to high, each with its duration, and then the time to the next chord: the next note of a
chord is drawn given those below it, so no chord is unknown, no voice is lost, and every note ends. In between stands a
chord as one symbol with exact pitches, and a vector learnt for each pitch (`exact`, `content`).

An LSTM, of three layers in the published form and of one in ours, reads the symbols so far and gives a probability to
each that may come next.

To draw, the wheel is spun: the next symbol is taken at random with the network's own probabilities, where the
original took the most probable one and ran into loops.

Sources: Classical-Piano-Composer (S. Skúli, 2017), trained by others on Final Fantasy, Chrono Trigger, Zelda and
Mario piano MIDI, and a blog's variation of it that adds the roulette and compares three optimizers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import keras

from zoo._errors import UserError
from zoo.codecs import ChordCodec, ExactChordCodec, NoteCodec
from zoo.layers.contents import ContentInput, ContentLogits
from zoo.layers.dropout import Dropout
from zoo.layers.recurrent import LSTM
from zoo.layers.symbols import SymbolInput
from zoo.models._symbols import SymbolModel
from zoo.training.hyperparameters import DROPOUTS, WIDTHS, among, option, trained, written


@dataclass(kw_only=True)
class NoteLSTM(SymbolModel[ChordCodec | ExactChordCodec | NoteCodec]):
    """Note and chord sequence with roulette sampling."""

    units: tuple[int, ...] = option((128, 64, 128), "units of each LSTM layer", low=1, high=65_536, search=WIDTHS)
    dense: int = option(64, "units of the dense layer before the last one; 0 is none", low=0, high=65_536)
    embedding: int = option(
        0,
        "width of a learnt embedding of symbols; 0 reads a symbol as one number",
        low=0,
        high=65_536,
        search=among(32, 64, 128),
    )
    dropout: float = trained(
        0.3, "share of outputs dropped in training, after each layer", low=0, high=0.99, search=DROPOUTS
    )
    recurrent_dropout: float = trained(0.0, "share of the recurrent state dropped in training", low=0, high=0.99)
    content: bool = option(False, "read and draw a symbol by the pitches it holds, so that chords share what is learnt")
    batch_norm: bool = option(False, "batch normalisation around the dense layer, which then has ReLU")
    by_note: bool = written(
        False, "a chord note by note, each with its duration, and the time to the next chord: no chord is unknown"
    )
    exact: bool = written(
        False, "exact pitches and the time to the next chord, in place of normal order and half a beat"
    )

    presets: ClassVar = {
        "smoke": dict(units=(16,), dense=8, epochs=2, updates=200, window=8),
        "original": dict(
            context="window", window=100, units=(512, 512, 512), recurrent_dropout=0.3, batch_norm=True, dense=256,
            batch=128, optimizer="rmsprop", epochs=200,
        ),
        "blog": dict(context="window", window=20, batch=16, epochs=25),
        "tuned": dict(
            by_note=True, steps_per_beat="auto", embedding=64, units=(160,), dense=0, dropout=0.3,
            clock_beats=4, epochs=100_000, updates=3600, patience=8, batch=8, chunk=64, learning_rate=5e-3,
            schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            by_note=True, steps_per_beat="auto", embedding=64, units=(192,), dense=0, dropout=0.4, clock_beats=4,
            transpose=5, epochs=100_000, updates=8000, patience=40, batch=16, chunk=64, learning_rate=4e-3,
            schedule="cosine", clip_norm=1.0,
        ),
    }  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.content and not self.embedding:
            raise UserError("`content` needs the width of its vectors: `embedding=64`.")

        if self.content and self.by_note:
            raise UserError("`content` is of chords that are one symbol: leave out it, or `by_note`.")

    def make_codec(self) -> ChordCodec | ExactChordCodec | NoteCodec:
        if self.by_note:
            return NoteCodec(steps_per_beat=self.steps_per_beat)
        return (ExactChordCodec if self.exact else ChordCodec)(steps_per_beat=self.steps_per_beat)

    def layers(self, size: int) -> list[keras.Layer]:
        contents = self.codec.contents() if isinstance(self.codec, ChordCodec | ExactChordCodec) else []
        if self.content:
            layers = [ContentInput(contents, self.embedding, self.clock)]
        else:
            layers = [SymbolInput(size, "embedding" if self.embedding else "scalar", self.embedding, self.clock)]
        for index, units in enumerate(self.units):
            # Dropout stands between the layers; the original has its own inside the recurrent state.
            if index and not self.recurrent_dropout:
                layers.append(Dropout(self.dropout))
            layers.append(LSTM(units, return_sequences=True, recurrent_dropout=self.recurrent_dropout))
        norm = [keras.layers.BatchNormalization()] if self.batch_norm else []
        layers += [*norm, Dropout(self.dropout)] if norm or not self.dense else []
        if self.dense:
            layers.append(keras.layers.Dense(self.dense, activation="relu" if norm else None))
            layers += [keras.layers.BatchNormalization()] if norm else []
            layers.append(Dropout(self.dropout))
        if self.content:
            return [*layers, ContentLogits(contents, self.embedding)]
        return [*layers, keras.layers.Dense(size)]  # softmax is in the loss
