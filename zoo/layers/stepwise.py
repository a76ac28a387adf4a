"""Layers carried along step by step, as samplers do: whether that can be, and all steps in one compiled piece."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.recurrent import GRU, LSTM, SimpleRNN

STEPS = 3  # that are tried
MOVED = 0.1  # standard deviation of what is added to weights: some start at zero, and would hide what they do
NEAR = 1e-3  # of the largest output
RECURRENT = (keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM, SimpleRNN, GRU, LSTM)


def state_sizes(layer: keras.layers.Layer) -> list[int]:
    """Sizes of a recurrent layer's states; none for any other layer."""
    if not isinstance(layer, keras.layers.RNN):
        return []
    size = layer.cell.state_size
    return list(size) if isinstance(size, (list, tuple)) else [size]


def make_sampler(cell: keras.layers.Layer, steps: int, size: int) -> keras.Model:
    """The steps of a sampler's `cell` in one compiled piece, its memory carried along.

    Args:
        cell: has `state_size`, one for each part of its memory.
        steps: that are compiled together.
        size: of its input, which is noise.

    Returns:
        Noise (batch, steps, size) and memory → what the cell gives (batch, steps, ...) and memory.
    """
    noise = keras.Input((steps, size))
    memory = [keras.Input((size,)) for size in cell.state_size]
    roll_out = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    sampler = keras.Model([noise, *memory], roll_out(noise, initial_state=memory))
    sampler.compile(jit_compile=True)
    return sampler


def is_stepwise(layer: keras.layers.Layer) -> bool:
    """Whether a layer of a sequence gives for one step after another what it gives for all of them at once.

    A recurrent layer is called by its cell, with its states carried along; any other must treat every step alike and
    on its own, which a convolution over time, an attention, or a network that reads backwards as well does not. Of
    Keras's own recurrent layers and ours it is known; all else is tried out, so nobody has to say it of a layer. No
    weight changes.

    Args:
        layer: built, with a symbolic input (batch, time, ...).

    Returns:
        False too where a layer cannot be called with a single step.
    """
    if type(layer) in RECURRENT:
        return layer.return_sequences and not layer.go_backwards and not layer.stateful
    rng = np.random.default_rng(0)
    shape = (2, STEPS, *layer.input.shape[2:])
    whole_numbers = "int" in keras.backend.standardize_dtype(layer.input.dtype)
    x = rng.integers(0, STEPS, shape).astype("int32") if whole_numbers else rng.normal(size=shape).astype("float32")
    moved = [
        (weight, np.asarray(weight) + MOVED * rng.standard_normal(weight.shape, np.float32))
        for weight in layer.trainable_weights
    ]
    with keras.StatelessScope(state_mapping=[(weight, ops.convert_to_tensor(value)) for weight, value in moved]):
        try:
            whole = ops.convert_to_numpy(layer(ops.convert_to_tensor(x)))
            steps = _step_by_step(layer, x)
        except Exception:  # whatever a layer makes of a single step, it does not treat it as one of many
            return False
    return whole.shape == steps.shape and bool(np.abs(whole - steps).max() <= NEAR * np.abs(whole).max())


def _step_by_step(layer: keras.layers.Layer, x: np.ndarray) -> np.ndarray:
    states = [ops.zeros((len(x), size)) for size in state_sizes(layer)]
    outputs = []
    for step in range(STEPS):
        if states:
            output, states = layer.cell(ops.convert_to_tensor(x[:, step]), states, training=False)
            output = output[:, None]
        else:
            output = layer(ops.convert_to_tensor(x[:, step : step + 1]))
        outputs.append(ops.convert_to_numpy(output))
    return np.concatenate(outputs, axis=1)
