"""Hidden units that stand at every pitch, with weights that all pitches share."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.layers.dropout import Dropout
from zoo.layers.tensors import Shape, Tensor


class Relative(NamedTuple):
    """Units at every pitch that read other pitches in semitones from their own.

    What they learn in one key holds in every key, since the weights are those of intervals: the idea of Johnson,
    "Generating polyphonic music using tied parallel networks", EvoMUSART 2017.

    Attributes:
        units: at each pitch; 0 is none.
        reach: semitones that they read, up and down.
        memory: frames before that they read.
        pitches: of the roll. A frame holds, for each of its channels (sounding, struck; of each step), all pitches.
    """

    units: int = 0
    reach: int = 24
    memory: int = 2
    pitches: int = 1

    @property
    def total(self) -> int:
        """Units of all pitches together."""
        return self.units * self.pitches

    @property
    def intervals(self) -> int:
        """Width of a window of pitches."""
        return 2 * self.reach + 1

    def planes(self, frames: Tensor) -> Tensor:
        """Frames (..., channels × pitches) as (..., pitches, channels)."""
        channels = frames.shape[-1] // self.pitches
        return ops.swapaxes(ops.reshape(frames, (*ops.shape(frames)[:-1], channels, self.pitches)), -1, -2)


@keras.saving.register_keras_serializable("zoo")
class PitchContext(keras.layers.Layer):
    """Biases of the units at every pitch, from the frames before and the recurrent state.

    The unit r at pitch p gets d_r + (u W)_r + Σ_τ Σ_l Σ_c S[τ, l, c, r] v(t − τ)[c, p + l], over the last `memory`
    frames, intervals up to `reach` and all channels.

    Args:
        relative: their numbers, as a `Relative` or a tuple.

    Call arguments:
        frames: (batch, time + memory − 1, visible): the `memory` frames before the first, and all but the last.
        u: (batch, time, units) of the recurrent networks.

    Returns:
        (batch, time, pitches × units).
    """

    def __init__(self, relative: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.relative = Relative(*relative)

    def build(self, frames_shape: Shape, u_shape: Shape) -> None:
        relative = self.relative
        shape = (relative.memory, relative.intervals, frames_shape[-1] // relative.pitches, relative.units)
        small = keras.initializers.RandomNormal(stddev=0.05)
        self.S = self.add_weight(shape=shape, initializer=small, name="S")
        self.W = self.add_weight(shape=(u_shape[-1], relative.units), initializer=small, name="W")
        self.d = self.add_weight(shape=(relative.units,), initializer="zeros", name="d")

    def call(self, frames: Tensor, u: Tensor, training: bool = False) -> Tensor:
        reach = self.relative.reach
        planes = ops.pad(self.relative.planes(frames), ((0, 0), (0, 0), (reach, reach), (0, 0)))
        from_others = ops.conv(planes, self.S, padding="valid")  # (batch, time, pitches, units)
        biases = from_others + (ops.matmul(u, self.W) + self.d)[..., None, :]
        return ops.reshape(biases, (*ops.shape(u)[:-1], self.relative.total))

    def compute_output_shape(self, frames_shape: Shape, u_shape: Shape) -> Shape:
        return (*u_shape[:-1], self.relative.total)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "relative": tuple(self.relative)}


@keras.saving.register_keras_serializable("zoo")
class PitchBiases(keras.layers.Layer):
    """What units at every pitch add to the biases of the visible units there.

    At pitch p, channel c that is Σ_r A[r, c] relu(context_r at p), where the context is a `PitchContext`.

    Args:
        relative: numbers of the units, as a `Relative` or a tuple.
        dropout: share of the units dropped in training.

    Call arguments:
        frames, u: see `PitchContext`.

    Returns:
        (batch, time, visible).
    """

    def __init__(self, relative: tuple[int, ...], dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.context = PitchContext(relative, name="context")
        self.dropout = Dropout(dropout)

    @property
    def relative(self) -> Relative:
        """Numbers of the units."""
        return self.context.relative

    def build(self, frames_shape: Shape, u_shape: Shape) -> None:
        self.context.build(frames_shape, u_shape)
        shape = (self.relative.units, frames_shape[-1] // self.relative.pitches)
        self.A = self.add_weight(shape=shape, initializer=keras.initializers.RandomNormal(stddev=0.1), name="A")

    def call(self, frames: Tensor, u: Tensor, training: bool = False) -> Tensor:
        shape = (*ops.shape(u)[:-1], self.relative.pitches, self.relative.units)
        units = self.dropout(ops.relu(ops.reshape(self.context(frames, u), shape)), training=training)
        return ops.reshape(ops.swapaxes(ops.matmul(units, self.A), -1, -2), (*shape[:-2], frames.shape[-1]))

    def compute_output_shape(self, frames_shape: Shape, u_shape: Shape) -> Shape:
        return (*u_shape[:-1], frames_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "relative": tuple(self.relative), "dropout": self.dropout.rate}
