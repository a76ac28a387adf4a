"""Sequences of frames as JSON with arrays, for `page/frames.js`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from zoo._errors import NotPlayable
from zoo.layers.conditioned import Conditioned
from zoo.layers.dbn import DBN
from zoo.layers.frames import FrameDistribution
from zoo.layers.nade import NADE
from zoo.layers.rbm import RBM
from zoo.layers.relative import PitchBiases, PitchContext
from zoo.play.layers import array, recurrent


def conditioned_of(layer: keras.Layer) -> dict[str, Any]:
    """{"layers", "u0", "W_u", "biases", "context", "distribution"} of a `Conditioned`.

    Raises:
        NotPlayable: when it is something else, or the page does not know its distribution.
    """
    if type(layer) is not Conditioned:
        raise NotPlayable(f"the page does not know the layer {layer.name} ({type(layer).__name__}).")
    return {
        "layers": [recurrent(rnn) for rnn in layer.rnns],
        "u0": array(layer.u0),
        "W_u": array(layer.W_u),
        "biases": [array(bias) for bias in layer.distribution.biases],
        "context": None if layer.context is None else _context(layer.context),
        "distribution": distribution_of(layer.distribution),
    }


def distribution_of(layer: FrameDistribution) -> dict[str, Any]:
    """The distribution of one frame without its biases, which come from outside.

    Raises:
        NotPlayable: when the page does not know it.
    """
    if type(layer) not in DISTRIBUTIONS:
        raise NotPlayable(f"the page does not know the distribution {layer.name} ({type(layer).__name__}).")
    return DISTRIBUTIONS[type(layer)](layer)


def _context(layer: keras.Layer) -> dict[str, Any]:
    """Of the units at every pitch; "A" makes biases of visible units of them."""
    if type(layer) not in (PitchContext, PitchBiases):
        raise NotPlayable(f"the page does not know the layer {layer.name} ({type(layer).__name__}).")
    inner = layer.context if type(layer) is PitchBiases else layer
    own = {"S": array(inner.S), "W": array(inner.W), "d": array(inner.d), "pitches": inner.relative.pitches}
    return own | ({"A": array(layer.A)} if type(layer) is PitchBiases else {})


def _nade(layer: NADE) -> dict[str, Any]:
    own = {"kind": "nade", "W": array(layer.W), "V": array(layer.V)}
    return own | ({"K": array(layer.K), "pitches": layer.relative.pitches} if layer.relative.units else {})


def _rbm(layer: RBM) -> dict[str, Any]:
    return {
        "kind": "rbm",
        "W": array(layer.W),
        "base": array(layer.base),
        "steps": layer.sample_steps,
        "start": layer.chain_start,
    }


def _dbn(layer: DBN) -> dict[str, Any]:
    return {
        "kind": "dbn",
        "W": array(layer.lower.W),
        "G": array(layer.G),
        "upper": _rbm(layer.upper),
        "start": layer.options["chain_start"],
    }


DISTRIBUTIONS: dict[type, Callable[[Any], dict[str, Any]]] = {NADE: _nade, RBM: _rbm, DBN: _dbn}
