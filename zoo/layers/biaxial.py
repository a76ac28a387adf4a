"""The axis of time of a biaxial network: the same recurrent network at every pitch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.layers.conditioned import Conditioned
from zoo.layers.dropout import Dropout
from zoo.layers.frames import FrameDistribution
from zoo.layers.intervals import Intervals
from zoo.layers.tensors import Shape, Tensor


@keras.saving.register_keras_serializable("zoo")
class Biaxial(Conditioned):
    """Parameters of the distribution of each frame, from a recurrent network at every pitch.

    At pitch p, x_p(t) = relu(the last frames, by intervals from p, + the place of frame t + 1 in the bar), and u_p(t)
    is what the recurrent networks make of x_p(0) … x_p(t); u(0) is learned, and the same at every pitch. The
    parameters of frame t are the distribution's own biases, then u_p(t−1) of each pitch. All pitches share all weights,
    so they are one batch.

    Args:
        distribution: the distribution of one frame, a `zoo.layers.pitch_axis.PitchAxis`.
        units: recurrent units of each layer at every pitch, from bottom to top.
        cell: "tanh", "lstm" or "gru".
        dropout: share of the outputs of each layer dropped in training, at all times alike.
        input_dropout: share of the bits of the frames dropped in training, before they are read.
        places: frames after which the place in the bar begins anew; 0 is none. A sequence begins at the first.

    Reference:
        Johnson, "Composing music with recurrent neural networks", 2015.
    """

    def __init__(
        self,
        distribution: FrameDistribution,
        units: tuple[int, ...],
        cell: str = "lstm",
        dropout: float = 0.0,
        places: int = 0,
        input_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(distribution, units, cell, dropout, **kwargs)
        self.places, self.relative = places, distribution.relative
        self.last_frames = Intervals(self.relative, name="last_frames")
        self.dropout = keras.layers.Dropout(dropout, noise_shape=(None, 1, None))
        self.input_dropout = Dropout(input_dropout)

    @property
    def structure(self) -> None:
        """None: the picture is the one of any layer, with `detail`."""

    @property
    def detail(self) -> str:
        """Its units in words."""
        of_time, of_pitch = (" and ".join(map(str, sizes)) for sizes in (self.units, self.distribution.units))
        return f"at each of {self.relative.pitches} pitches {of_time} units along time, {of_pitch} along pitch"

    def build(self, shape: Shape) -> None:
        if not self.distribution.built:  # one from a configuration is
            self.distribution.build(shape)
        self.last_frames.build((*shape[:-1], self.memory * shape[-1]))
        width = self.relative.units
        for rnn, size in zip(self.rnns, self.units, strict=True):
            rnn.build((None, None, width))
            width = size
        self.u0 = self.add_weight(shape=(sum(self.units),), initializer="zeros", name="u0")
        place = (max(self.places, 1), self.relative.units)
        self.place = self.add_weight(shape=place, initializer=keras.initializers.RandomNormal(stddev=0.3), name="place")

    @property
    def memory(self) -> int:
        return self.relative.memory

    @property
    def state_sizes(self) -> list[int]:
        """Lengths of the states of all layers, those of all pitches side by side, and 1 for the place in the bar."""
        return [self.relative.pitches * size for size in super().state_sizes] + [1]

    def initial_states(self, batch: int) -> list[Tensor]:
        at_each = super().initial_states(batch)
        return [ops.tile(state, (1, self.relative.pitches)) for state in at_each] + [ops.zeros((batch, 1))]

    def rows(self, states: list[Tensor]) -> list[list[Tensor]]:
        """States of the recurrent layers with a row for each pitch, (batch × pitches, units)."""
        groups = zip(self.grouped(states[:-1]), self.units, strict=True)
        return [[ops.reshape(state, (-1, size)) for state in group] for group, size in groups]

    def inputs(self, window: Tensor, place: Tensor) -> Tensor:
        """What the lowest layer reads.

        Args:
            window: (..., memory × visible), the last frames, the newest at the end.
            place: (...) frames that were before the next one.

        Returns:
            (..., pitches, units).
        """
        place = ops.cast(place, "int32") % self.place.shape[0]
        return ops.relu(self.last_frames(window) + ops.take(self.place, place, axis=0)[..., None, :])

    def with_biases(self, u: Tensor) -> Tensor:
        """The parameters (..., parameters) of frames from u (..., pitches × units)."""
        return ops.concatenate([ops.zeros_like(u[..., :1]) + self.distribution.own_biases(), u], axis=-1)

    def read(
        self, frames: Tensor, past: Tensor, states: list[Tensor], mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        pitches, memory, time = self.relative.pitches, self.memory, ops.shape(frames)[1]
        frames = self.input_dropout(ops.concatenate([past, frames], axis=1), training=training)
        kept = ops.ones_like(frames[:, memory:, 0]) if mask is None else ops.cast(mask, "float32")
        place = states[-1] + ops.cumsum(kept, axis=1)
        window = ops.concatenate([frames[:, back : back + time] for back in range(1, memory + 1)], axis=-1)
        x = ops.swapaxes(self.inputs(window, place), 1, 2)
        outputs = ops.reshape(x, (-1, time, self.relative.units))
        mask, after = None if mask is None else ops.repeat(mask, pitches, axis=0), []
        for index, (rnn, state) in enumerate(zip(self.rnns, self.rows(states), strict=True)):
            if index:
                outputs = self.dropout(outputs, training=training)
            outputs, *final = rnn(outputs, initial_state=state, mask=mask, training=training)
            after += [ops.reshape(one, (-1, pitches * one.shape[-1])) for one in final]
        u = ops.concatenate([state[0][:, None], outputs[:, :-1]], axis=1)  # u(t−1) belongs to frame t
        u = ops.reshape(self.dropout(u, training=training), (-1, pitches, time, self.units[-1]))
        u = ops.reshape(ops.swapaxes(u, 1, 2), (-1, time, pitches * self.units[-1]))
        return self.with_biases(u), [*after, place[:, -1:] % self.place.shape[0]]

    def upcoming(self, past: Tensor, states: list[Tensor]) -> Tensor:
        return self.with_biases(self.grouped(states[:-1])[-1][0])

    def advance(self, past: Tensor, states: list[Tensor]) -> list[Tensor]:
        place, after = states[-1] + 1, []
        window = ops.reshape(past, (-1, self.memory * past.shape[-1]))
        below = ops.reshape(self.inputs(window, place[:, 0]), (-1, self.relative.units))
        for rnn, state in zip(self.rnns, self.rows(states), strict=True):
            below, final = rnn.cell(below, state, training=False)
            after += [ops.reshape(one, (-1, self.relative.pitches * one.shape[-1])) for one in final]
        return [*after, place % self.place.shape[0]]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "places": self.places, "input_dropout": self.input_dropout.rate}
