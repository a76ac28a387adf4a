"""Layers over symbols as JSON with arrays, for `page/layers.js`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo._errors import NotPlayable
from zoo.layers.contents import ContentInput, ContentLogits
from zoo.layers.dropout import Dropout
from zoo.layers.recurrent import GRU, LSTM, SimpleRNN
from zoo.layers.symbols import SymbolInput

ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh")  # that the page knows


def layers_of(layers: Sequence[keras.Layer]) -> list[dict[str, Any]]:
    """Layers, the lowest first; what only training does is left out.

    Raises:
        NotPlayable: when the page does not know one.
    """
    return [written for layer in layers if (written := _written(layer))]


def _written(layer: keras.Layer) -> dict[str, Any] | None:
    write = KNOWN.get(type(layer))  # a subclass may do anything else
    if write is None:
        raise NotPlayable(f"the page does not know the layer {layer.name} ({type(layer).__name__}).")
    return write(layer)


def array(weight: Any) -> np.ndarray:
    """A weight, or another tensor, as an array of float32."""
    return np.asarray(ops.convert_to_numpy(weight), np.float32)


def _activation(layer: keras.Layer, activation: Callable) -> str:
    name = keras.activations.serialize(activation)
    if name not in ACTIVATIONS:
        raise NotPlayable(f"the page does not know the activation {name} of the layer {layer.name}.")
    return name


def _symbol_input(layer: SymbolInput) -> dict[str, Any]:
    table = {"table": array(layer.embedding.embeddings)} if layer.embedding else {}
    return {"layer": "input", "form": layer.form, "size": layer.size, "clock": layer.clock, **table}


def _content_input(layer: ContentInput) -> dict[str, Any]:
    return {"layer": "input", "form": "embedding", "size": layer.size, "clock": layer.clock} | {
        "table": array(layer.vectors())
    }


def _content_logits(layer: ContentLogits) -> dict[str, Any]:
    vectors = array(layer.vectors()).T
    bias = array(layer.c) @ vectors + array(layer.b)
    return {"layer": "dense", "kernel": array(layer.W) @ vectors, "bias": bias, "activation": "linear"}


def _dense(layer: keras.layers.Dense) -> dict[str, Any]:
    bias = array(layer.bias) if layer.use_bias else np.zeros(layer.units, np.float32)
    activation = _activation(layer, layer.activation)
    return {"layer": "dense", "kernel": array(layer.kernel), "bias": bias, "activation": activation}


def _batch_norm(layer: keras.layers.BatchNormalization) -> dict[str, Any]:
    if layer.axis not in (-1, 2):
        raise NotPlayable(f"the page does not know the axis {layer.axis} of the layer {layer.name}.")
    mean, variance = array(layer.moving_mean), array(layer.moving_variance)
    scale = (array(layer.gamma) if layer.scale else 1.0) / np.sqrt(variance + layer.epsilon)
    return {"layer": "scale", "scale": scale, "shift": (array(layer.beta) if layer.center else 0.0) - mean * scale}


def recurrent(layer: keras.layers.RNN) -> dict[str, Any]:
    """A recurrent layer of Keras's own, or one of `zoo.layers.recurrent`.

    Raises:
        NotPlayable: when it is another, or one with settings that the page does not know.
    """
    cell, kind = layer.cell, RECURRENT.get(type(layer))
    usual = kind and cell.use_bias and keras.activations.serialize(cell.activation) == "tanh"
    if usual and kind != "rnn":
        usual = keras.activations.serialize(cell.recurrent_activation) == "sigmoid"
    if not usual or getattr(cell, "reset_after", True) is not True or layer.go_backwards or layer.stateful:
        raise NotPlayable(f"the page does not know the layer {layer.name} ({type(layer).__name__}) with its settings.")
    return {
        "layer": kind,
        "kernel": array(cell.kernel),
        "recurrent": array(cell.recurrent_kernel),
        "bias": array(cell.bias).ravel(),
    }


def _sequences(layer: keras.layers.RNN) -> dict[str, Any]:
    if not layer.return_sequences:
        raise NotPlayable(f"the page does not know the layer {layer.name}, which gives its last output only.")
    return recurrent(layer)


# Keras's own, and ours, which compute the same.
RECURRENT: dict[type, str] = {
    **dict.fromkeys((keras.layers.LSTM, LSTM), "lstm"),
    **dict.fromkeys((keras.layers.GRU, GRU), "gru"),
    **dict.fromkeys((keras.layers.SimpleRNN, SimpleRNN), "rnn"),
}
KNOWN: dict[type, Callable[[Any], dict[str, Any] | None]] = {
    SymbolInput: _symbol_input,
    ContentInput: _content_input,
    ContentLogits: _content_logits,
    keras.layers.Dense: _dense,
    keras.layers.BatchNormalization: _batch_norm,
    **dict.fromkeys((keras.layers.Dropout, Dropout), lambda layer: None),
    **dict.fromkeys(RECURRENT, _sequences),
}
