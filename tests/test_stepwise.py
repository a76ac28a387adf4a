"""Layers that a sampler can carry along step by step, and those that it refuses."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from songs import TRAIN, VALID

import zoo
from zoo import UserError
from zoo.codecs import MelodyCodec
from zoo.layers.stepwise import is_stepwise
from zoo.layers.symbols import SymbolInput
from zoo.models._symbols import SymbolModel

UNITS = 6


class Attention(keras.layers.Layer):
    """Every step looks at itself and at those before it, through a gate that is closed at first."""

    def __init__(self, gate="ones", **kwargs):
        super().__init__(**kwargs)
        self.attention, self.gate = keras.layers.MultiHeadAttention(2, 3), gate

    def build(self, shape):
        self.attention.build(shape, shape)
        self.scale = self.add_weight(shape=(), initializer=self.gate, name="scale")

    def call(self, x):
        return x + self.scale * self.attention(x, x, use_causal_mask=True)

    def compute_output_shape(self, shape):
        return shape


class Positions(keras.layers.Layer):
    """Tells every step how many there were before it."""

    def call(self, x):
        return x + keras.ops.cast(keras.ops.arange(x.shape[1] or keras.ops.shape(x)[1]), "float32")[None, :, None]


class OwnGRU(keras.layers.GRU):
    """One that is not known by its type."""


lstm = keras.layers.LSTM
CARRIED = {
    "LSTM": lambda: lstm(UNITS, return_sequences=True),
    "GRU": lambda: keras.layers.GRU(UNITS, return_sequences=True, recurrent_dropout=0.5),
    "a GRU of one's own": lambda: OwnGRU(UNITS, return_sequences=True),
    "SimpleRNN": lambda: keras.layers.SimpleRNN(UNITS, return_sequences=True),
    "RNN of a cell": lambda: keras.layers.RNN(keras.layers.LSTMCell(UNITS), return_sequences=True),
    "Dense": lambda: keras.layers.Dense(UNITS, "relu"),
    "Dropout": lambda: keras.layers.Dropout(0.5),
    "BatchNormalization": lambda: keras.layers.BatchNormalization(),
    "LayerNormalization": lambda: keras.layers.LayerNormalization(),
    "a convolution over one step": lambda: keras.layers.Conv1D(UNITS, 1),
    "TimeDistributed": lambda: keras.layers.TimeDistributed(keras.layers.Dense(UNITS)),
}
REFUSED = {
    "Bidirectional": lambda: keras.layers.Bidirectional(lstm(UNITS // 2, return_sequences=True)),
    "Conv1D, same": lambda: keras.layers.Conv1D(UNITS, 3, padding="same"),
    "Conv1D, causal": lambda: keras.layers.Conv1D(UNITS, 3, padding="causal"),
    "Conv1D, valid": lambda: keras.layers.Conv1D(UNITS, 3),
    "attention": lambda: Attention(),
    "attention that starts at zero": lambda: Attention("zeros"),
    "positions": lambda: Positions(),
    "an LSTM that reads backwards": lambda: lstm(UNITS, return_sequences=True, go_backwards=True),
    "a GRU of one's own that reads backwards": lambda: OwnGRU(UNITS, return_sequences=True, go_backwards=True),
    "an LSTM that keeps its state": lambda: lstm(UNITS, return_sequences=True, stateful=True),
    "an LSTM that gives its last output": lambda: lstm(UNITS),
    "cells on top of each other": lambda: keras.layers.RNN(
        [keras.layers.LSTMCell(UNITS), keras.layers.LSTMCell(UNITS)], return_sequences=True
    ),
    "average of all steps": lambda: keras.layers.GlobalAveragePooling1D(keepdims=True),
}


@dataclass(kw_only=True)
class Stacked(SymbolModel):
    """Any layer between two recurrent ones."""

    middle = None  # no hyperparameter

    def make_codec(self):
        return MelodyCodec(steps_per_beat=self.steps_per_beat)

    def layers(self, size):
        return [
            SymbolInput(size),
            lstm(UNITS, return_sequences=True),
            self.middle(),
            keras.layers.Dense(size),
        ]


def stacked(make, **hyperparameters) -> SymbolModel:
    model = Stacked(epochs=1, updates=1, window=4, **hyperparameters)
    model.middle = make
    return model


def built(make):
    layer, inputs = make(), keras.Input((None, UNITS), batch_size=2)
    layer(inputs)
    return layer


@pytest.mark.parametrize("make", CARRIED.values(), ids=CARRIED)
def test_a_layer_that_treats_every_step_alike_or_carries_a_state_is_known(make):
    layer = built(make)
    before = layer.get_weights()
    assert is_stepwise(layer)
    for weight, kept in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_layer_that_mixes_steps_is_refused(make):
    assert not is_stepwise(built(make))


@pytest.mark.parametrize("name", ["Bidirectional", "Conv1D, same", "Conv1D, causal", "attention"])
def test_a_model_with_such_a_layer_is_refused_in_context_song_and_trained_in_windows(name):
    with pytest.raises(UserError, match=r"^the layer \S+ \(\w+\) cannot be carried along .* take context window"):
        stacked(REFUSED[name]).fit(TRAIN[:2], VALID[:1])
    model = stacked(REFUSED[name], context="window")
    model.fit(TRAIN[:2], VALID[:1])
    line = model.codec.encode(VALID[0])[0]
    log_p = model.log_probabilities(line.codes)[np.arange(len(line.codes)), line.codes]
    assert model.evaluate([line]).nats == pytest.approx(-log_p.sum(), rel=1e-5)
    (codes,) = model.generate(1, 12, 0.0, 1.0, None, 0)
    np.testing.assert_array_equal(codes, model.log_probabilities(codes).argmax(-1))


def test_a_model_of_layers_that_can_be_carried_draws_what_it_scores():
    model = stacked(CARRIED["a convolution over one step"])
    model.fit(TRAIN[:2], VALID[:1])
    (codes,) = model.generate(1, 12, 0.0, 1.0, None, 0)
    np.testing.assert_array_equal(codes, model.log_probabilities(codes).argmax(-1))


@pytest.mark.parametrize("context", ["song", "window"])
def test_layers_that_give_another_number_of_logits_are_refused_with_a_sentence(context, monkeypatch):
    layers = zoo.find("melody_lstm").layers
    monkeypatch.setattr(zoo.find("melody_lstm"), "layers", lambda model, size: layers(model, 7))
    model = zoo.create("melody_lstm", "smoke", context=context)
    with pytest.raises(UserError, match=r"the last of the layers gives 7 numbers for \d+ symbols"):
        model.fit(TRAIN, VALID)
