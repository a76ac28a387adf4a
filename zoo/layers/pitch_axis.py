"""The axis of pitch of a biaxial network: one bit after another, from the lowest pitch to the highest."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.bit_by_bit import BitByBit
from zoo.layers.frames import bernoulli_nats
from zoo.layers.intervals import Intervals
from zoo.layers.recurrent import LSTM
from zoo.layers.relative import Relative
from zoo.layers.tensors import Shape, Tensor


@keras.saving.register_keras_serializable("zoo")
class PitchAxis(BitByBit):
    """A distribution over the bits of a frame by an LSTM that goes from the lowest pitch to the highest.

        x_p = relu(u_p W + what sounds below p, by intervals)      n_p = LSTM(x_p, n_{p−1})
        p(v_{c,p} = 1 | bits below p, and of p before c) = sigmoid(b_{c,p} + [x_p, n_p] A_c + Σ_{j<c} v_{j,p} R_{j,c})

    Channel c says whether the pitch sounds, or is struck; all pitches share W, A, R and the LSTM. The parameters are b,
    then u of each pitch. Likelihood and draws are exact, and the loss is −log p(v).

    Args:
        inputs: length of u.
        hidden: units x at each pitch.
        units: of each LSTM along pitch, from bottom to top.
        dropout: share of x, and of the outputs of each LSTM, dropped in training, at all pitches of a frame alike.
        relative: reach in semitones and number of pitches, a `Relative` or a tuple.

    Reference:
        Johnson, "Composing music with recurrent neural networks", 2015, and "Generating polyphonic music using tied
        parallel networks", EvoMUSART 2017.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        units: tuple[int, ...],
        dropout: float = 0.0,
        relative: tuple[int, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.inputs, self.hidden, self.units, self.relative = inputs, hidden, tuple(units), Relative(*relative)
        self.below = Intervals(self.relative._replace(units=hidden), below=True, name="below")
        self.rnns = [LSTM(size, return_sequences=True, name=f"pitch_{index}") for index, size in enumerate(self.units)]
        self.dropout = keras.layers.Dropout(dropout, noise_shape=(None, 1, None))

    def build(self, shape: Shape) -> None:
        self.visible = shape[-1]
        self.below.build((None, self.visible))
        width = self.hidden
        for rnn, size in zip(self.rnns, self.units, strict=True):
            rnn.build((None, self.relative.pitches, width))
            width = size
        small, channels = keras.initializers.RandomNormal(stddev=0.05), self.visible // self.relative.pitches
        self.W = self.add_weight(shape=(self.inputs, self.hidden), initializer="glorot_uniform", name="W")
        self.A = self.add_weight(shape=(self.hidden + width, channels), initializer=small, name="A")
        self.R = self.add_weight(shape=(channels, channels), initializer="zeros", name="R")
        self.b = self.add_weight(shape=(self.visible,), initializer="zeros", name="b")
        self.before = np.triu(np.ones((channels, channels), np.float32), 1)

    @property
    def biases(self) -> list:
        return [self.b]

    @property
    def context_size(self) -> int:
        return self.relative.pitches * self.inputs

    def make_context(self, dropout: float) -> None:
        """None: what each pitch reads comes from the axis of time."""

    def start(self, share: np.ndarray) -> None:
        self.b.assign(np.log(share / (1 - share)))

    def of_pitches(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """The biases, and what the axis of time gives to the hidden units, (..., pitches, hidden)."""
        b, u = self.split(parameters)
        u = ops.reshape(u, (*ops.shape(u)[:-1], self.relative.pitches, self.inputs))
        return b, ops.matmul(u, self.W)

    def loss(self, targets: Tensor, parameters: Tensor, training: bool = False) -> Tensor:
        bits = ops.cast(targets, "float32")
        return bernoulli_nats(bits, self.logits(bits, parameters, training))

    def logits(self, bits: Tensor, parameters: Tensor, training: bool = False) -> Tensor:
        """Of each bit, given those before it.

        Args:
            bits: (..., visible) float32.
            parameters: (..., parameters).
            training: whether units are dropped.

        Returns:
            (..., visible).
        """
        b, of_time = self.of_pitches(parameters)
        x = ops.reshape(ops.relu(of_time + self.below(bits)), (-1, self.relative.pitches, self.hidden))
        n = x = self.dropout(x, training=training)
        for rnn in self.rnns:
            n = self.dropout(rnn(n), training=training)
        planes = self.relative.planes(bits)
        of_units = ops.reshape(ops.matmul(ops.concatenate([x, n], axis=-1), self.A), ops.shape(planes))
        logit = of_units + ops.matmul(planes, self.R * self.before)
        return b + ops.reshape(ops.swapaxes(logit, -1, -2), ops.shape(bits))

    def through(
        self, parameters: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        b, of_time = self.of_pitches(parameters)
        of_time = of_time + self.below.biases()
        matrix, pitches, places = self.below.matrix(), self.relative.pitches, ops.arange(self.visible)
        zeros = [ops.zeros_like(temperature) * ops.zeros(size) for size in self.units for _ in range(2)]

        def step(pitch: Tensor, carried: tuple) -> tuple:
            frame, log_p, *states = carried
            n = x = ops.relu(ops.take(of_time, pitch, axis=1) + ops.matmul(frame, ops.take(matrix, pitch, axis=1)))
            after = []
            for index, rnn in enumerate(self.rnns):
                n, final = rnn.cell(n, states[2 * index : 2 * index + 2], training=False)
                after += final
            logit = ops.matmul(ops.concatenate([x, n], axis=-1), self.A)
            for channel in range(logit.shape[-1]):
                place = channel * pitches + pitch
                uniform_of, b_of = (ops.take(x, place, axis=1)[:, None] for x in (uniform, b))
                given_of = None if given is None else ops.take(given, place, axis=1)[:, None]
                bit, nats = self.decide(logit[:, channel, None] + b_of, uniform_of, temperature, given_of)
                log_p = log_p + nats
                frame = frame + bit * ops.cast(places == place, bit.dtype)
                logit = logit + bit * (self.R * self.before)[channel]
            return frame, log_p, *after

        frame, log_p, *_ = ops.fori_loop(0, pitches, step, (ops.zeros_like(b), ops.zeros_like(temperature), *zeros))
        return frame, log_p

    def get_config(self) -> dict[str, Any]:
        own = {"inputs": self.inputs, "hidden": self.hidden, "units": self.units, "dropout": self.dropout.rate}
        return {**super().get_config(), **own, "relative": tuple(self.relative)}
