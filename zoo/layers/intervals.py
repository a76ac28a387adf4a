"""Units at every pitch that read a piano roll by intervals, with weights that all pitches share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.relative import Relative
from zoo.layers.tensors import Shape, Tensor

OCTAVE = 12  # semitones


@keras.saving.register_keras_serializable("zoo")
class Intervals(keras.layers.Layer):
    """What sounds at every distance from a pitch.

    Unit r at pitch p gets d_r + E[p, r] + Σ_c Σ_q v[c, q] (K[q − p, c, r] + O[(q − p) mod 12, c, r]), where K goes by
    intervals up to `reach`, O by pitch classes in any octave, and E alone knows the pitch. So what is learnt in one key
    holds in all. Over all pitches it is one matrix product.

    Args:
        relative: numbers of units, reach and pitches, as a `Relative` or a tuple.
        below: whether only pitches below p are read.

    Call arguments:
        frames: (..., channels × pitches) bits.

    Returns:
        (..., pitches, units).

    Reference:
        The inputs "previous vicinity" and "previous context" of Johnson, "Composing music with recurrent neural
        networks", 2015, as learnt units.
    """

    def __init__(self, relative: tuple[int, ...], below: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.relative, self.below = Relative(*relative), below
        pitches, reach = self.relative.pitches, self.relative.reach
        away = np.arange(pitches)[:, None] - np.arange(pitches)  # from the pitch that reads to the one that is read
        self.read = (away < 0 if below else np.full_like(away, True)).astype(np.float32)[..., None, None]
        self.octave = away % OCTAVE
        self.near = np.where(np.abs(away) <= reach, away + reach, self.relative.intervals)  # the last is nothing

    def build(self, shape: Shape) -> None:
        units, channels = self.relative.units, shape[-1] // self.relative.pitches
        by_interval, by_pitch = keras.initializers.RandomNormal(stddev=0.2), keras.initializers.RandomNormal(stddev=0.3)
        near, classes = (self.relative.intervals, channels, units), (OCTAVE, channels, units)
        self.K = self.add_weight(shape=near, initializer=by_interval, name="K")
        self.O = self.add_weight(shape=classes, initializer=by_interval, name="O")
        self.E = self.add_weight(shape=(self.relative.pitches, units), initializer=by_pitch, name="E")
        self.d = self.add_weight(shape=(units,), initializer="zeros", name="d")

    def matrix(self) -> Tensor:
        """The kernel for every pair of pitches, (channels × pitches read, reading pitches, units)."""
        K = ops.concatenate([self.K, ops.zeros_like(self.K[:1])])
        pairs = (ops.take(K, self.near, axis=0) + ops.take(self.O, self.octave, axis=0)) * self.read
        _, pitches, channels, units = pairs.shape
        return ops.reshape(ops.transpose(pairs, (2, 0, 1, 3)), (channels * pitches, pitches, units))

    def biases(self) -> Tensor:
        """What the units get where nothing sounds, (pitches, units)."""
        return self.E + self.d

    def call(self, frames: Tensor) -> Tensor:
        matrix = self.matrix()
        flat = ops.matmul(frames, ops.reshape(matrix, (matrix.shape[0], -1)))
        return ops.reshape(flat, (*ops.shape(frames)[:-1], *matrix.shape[1:])) + self.biases()

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (*shape[:-1], self.relative.pitches, self.relative.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "relative": tuple(self.relative), "below": self.below}
