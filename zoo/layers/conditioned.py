"""Sequences of frames: a recurrent network sets the parameters of each frame's distribution."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.layers.dropout import Dropout
from zoo.layers.frames import FrameDistribution
from zoo.layers.recurrent import GRU, LSTM, SimpleRNN
from zoo.layers.tensors import Shape, Tensor

CELLS = {"tanh": SimpleRNN, "lstm": LSTM, "gru": GRU}


@keras.saving.register_keras_serializable("zoo")
class Conditioned(keras.layers.Layer):
    """Parameters of the distribution of each frame, from the frames before it.

    For an RBM, whose parameters are [b_v, b_h], and cell "tanh" this is the RNN-RBM:

        b_v(t) = b_v + u(t−1) W_uv,   b_h(t) = b_h + u(t−1) W_uh,   u(t) = tanh(b_u + v(t) W_vu + u(t−1) W_uu),   u(0)
        learned

    with W_u = [W_uv, W_uh]. An LSTM or GRU may stand in place of tanh (then u(0) is the learned initial output, the
    LSTM's cell starts at zero), and several networks on top of each other; u is then all their outputs. Where the
    distribution has units at every pitch, its context (`zoo.layers.relative`) reads the last frames for them.

    Args:
        distribution: the distribution of one frame.
        units: recurrent units of each layer, from bottom to top.
        cell: "tanh", "lstm" or "gru".
        dropout: share of u dropped on its way up and on its way to the parameters, in training.

    Call arguments:
        frames: (batch, time, visible) bits.

    Returns:
        Parameters (batch, time, parameters); those of frame t depend on frames before t only.

    Reference:
        Boulanger-Lewandowski, Bengio, Vincent, "Modeling temporal dependencies in high-dimensional sequences", ICML
        2012, equations (4) to (7) and section 4; the published tutorial code takes u(t) where u(t−1) belongs, which
        leaks the frame into its biases.
    """

    def __init__(
        self,
        distribution: FrameDistribution,
        units: tuple[int, ...],
        cell: str = "tanh",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.distribution, self.units, self.cell_name, self.dropout_rate = distribution, tuple(units), cell, dropout
        self.rnns = [
            CELLS[cell](size, return_sequences=True, return_state=True, name=f"rnn_{index}")
            for index, size in enumerate(self.units)
        ]
        self.dropout = Dropout(dropout)
        self.context = distribution.make_context(dropout)
        self.frozen = False  # training then leaves all as it is but the distribution and W_u

    @property
    def structure(self) -> dict | None:
        """What it is made of, for the picture of the network: that of the distribution, cell and units.

        None where the picture is that of any layer.
        """
        return self.distribution.structure | {"cell": self.cell_name, "units": list(self.units)}

    def build(self, shape: Shape) -> None:
        if not self.distribution.built:  # one from a configuration is
            self.distribution.build(shape)
        width = shape[-1]
        for rnn, size in zip(self.rnns, self.units, strict=True):
            rnn.build((*shape[:-1], width))
            width = size
        small = keras.initializers.RandomNormal(stddev=1e-3)
        biases = sum(bias.shape[0] for bias in self.distribution.biases)
        self.W_u = self.add_weight(shape=(sum(self.units), biases), initializer=small, name="W_u")
        self.u0 = self.add_weight(shape=(sum(self.units),), initializer="zeros", name="u0")
        if self.context:
            self.context.build(shape, (*shape[:-1], sum(self.units)))

    @property
    def memory(self) -> int:
        """How many frames before a frame `parameters` wants to see."""
        return self.context.relative.memory if self.context else 1

    @property
    def state_sizes(self) -> list[int]:
        """Lengths of the states of all layers, in their order."""
        return [size for size in self.units for _ in range(2 if self.cell_name == "lstm" else 1)]

    def initial_states(self, batch: int) -> list[Tensor]:
        """States before the first frame, each (batch, units): u(0), and zeros for an LSTM's cell."""
        states, first = [], 0
        for size in self.units:
            u0 = ops.tile(self.u0[None, first : first + size], (batch, 1))
            states += [u0, ops.zeros_like(u0)] if self.cell_name == "lstm" else [u0]
            first += size
        return states

    def grouped(self, states: list[Tensor]) -> list[list[Tensor]]:
        """`states`, in one list for each layer."""
        each = 2 if self.cell_name == "lstm" else 1
        return [states[first : first + each] for first in range(0, len(states), each)]

    def parameters(self, u: Tensor, past: Tensor, training: bool = False) -> Tensor:
        """Parameters of the frames that follow u.

        Args:
            u: (batch, time, Σ units), outputs of the recurrent networks.
            past: (batch, memory + time − 1, visible), the frames before each of them.
            training: whether units are dropped.

        Returns:
            (batch, time, parameters).
        """
        biases = self.distribution.own_biases() + ops.matmul(u, self.W_u)
        if not self.context:
            return biases
        return ops.concatenate([biases, self.still(self.context(past, u, training=training))], axis=-1)

    def still(self, x: Tensor) -> Tensor:
        """x, with a gradient of zero (not none) when frozen."""
        return ops.stop_gradient(x) + 0.0 * x if self.frozen else x

    def read(
        self, frames: Tensor, past: Tensor, states: list[Tensor], mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """Parameters of every frame, and the states after the last frame that the mask keeps.

        Args:
            frames: (batch, time, visible).
            past: (batch, memory, visible), the frames before the first.
            states: of the recurrent networks, each (batch, units).
            mask: (batch, time).
            training: whether units are dropped.

        Returns:
            (batch, time, parameters), and the states after.
        """
        outputs: list[Tensor] = []
        below, after = frames, []
        for rnn, state in zip(self.rnns, self.grouped(states), strict=True):
            if outputs:
                below = self.dropout(below, training=training)
            below, *final = rnn(below, initial_state=state, mask=mask, training=training)
            outputs.append(ops.concatenate([state[0][:, None], below[:, :-1]], axis=1))  # u(t−1) belongs to frame t
            after += final
        u = self.still(self.dropout(ops.concatenate(outputs, axis=-1), training=training))
        return self.parameters(u, ops.concatenate([past, frames[:, :-1]], axis=1), training), after

    def upcoming(self, past: Tensor, states: list[Tensor]) -> Tensor:
        """Parameters (batch, parameters) of the frame that follows `past` (batch, memory, visible) and the states."""
        u = ops.concatenate([state[0] for state in self.grouped(states)], axis=-1)
        return self.parameters(u[:, None], past)[:, 0]

    def advance(self, past: Tensor, states: list[Tensor]) -> list[Tensor]:
        """The states after one more frame, the last of `past` (batch, memory, visible)."""
        below, after = past[:, -1], []
        for rnn, state in zip(self.rnns, self.grouped(states), strict=True):
            below, final = rnn.cell(below, state, training=False)
            after += final
        return after

    def call(self, frames: Tensor, training: bool = False) -> Tensor:
        frames = ops.cast(frames, "float32")
        batch, _, visible = ops.shape(frames)
        past = ops.zeros((batch, self.memory, visible))
        return self.read(frames, past, self.initial_states(batch), training=training)[0]

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (*shape[:-1], sum(self.distribution.sizes))

    def get_config(self) -> dict[str, Any]:
        distribution = keras.saving.serialize_keras_object(self.distribution)
        config = {"units": self.units, "cell": self.cell_name, "dropout": self.dropout_rate}
        return {**super().get_config(), "distribution": distribution, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Conditioned:
        distribution = keras.saving.deserialize_keras_object(config["distribution"])
        return cls(**{**config, "distribution": distribution})


class Reader(keras.layers.Layer):
    """`Conditioned.read` as a layer of [frames, past, mask, states …]."""

    def __init__(self, conditioned: Conditioned, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conditioned = conditioned

    def call(self, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        frames, past, mask, *states = inputs
        parameters, after = self.conditioned.read(frames, past, states, mask)
        return parameters, *after


class FrameSampler(keras.layers.Layer):
    """A cell for `keras.layers.RNN` that draws the next frame with the uniform noise that is its input.

    Args:
        conditioned: built.
        with_given: whether some bits of the frame are given.

    Call arguments:
        inputs: (batch, noise + 1) uniform noise, and the temperature that divides the energy; then the given bits
            (batch, visible), if there are any, see `FrameDistribution.draw_given`.
        states: [frames before, one after another (batch, memory × visible), recurrent states …].
    """

    def __init__(self, conditioned: Conditioned, with_given: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        distribution = conditioned.distribution
        self.conditioned, self.with_given = conditioned, with_given
        self.noise = distribution.noise_given if with_given else distribution.noise
        self.input_size = self.noise + 1 + (distribution.visible if with_given else 0)
        self.output_size = distribution.visible
        self.state_size = [conditioned.memory * self.output_size, *conditioned.state_sizes]

    def build(self, *shapes: Shape) -> None:
        """Nothing to build: the layers are the trained network's own."""

    def call(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        past, *memory = states
        before = ops.reshape(past, (-1, self.conditioned.memory, self.output_size))
        parameters = self.conditioned.upcoming(before, memory)
        uniform, temperature, *given = ops.split(inputs, [self.noise, self.noise + 1][: 1 + self.with_given], axis=-1)
        distribution, temperature = self.conditioned.distribution, ops.maximum(temperature, 1e-6)
        draw = distribution.draw_given if self.with_given else distribution.draw
        frame = draw(before[:, -1], parameters, uniform, temperature, *given)
        before = ops.concatenate([before[:, 1:], frame[:, None]], axis=1)
        past = ops.concatenate([past[:, self.output_size :], frame], axis=-1)
        return frame, [past, *self.conditioned.advance(before, memory)]
