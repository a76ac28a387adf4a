"""The neural autoregressive distribution estimator: one bit after another, each given those before."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.bit_by_bit import BitByBit
from zoo.layers.dropout import Dropout
from zoo.layers.relative import Relative
from zoo.layers.tensors import Shape, Tensor


@keras.saving.register_keras_serializable("zoo")
class NADE(BitByBit):
    """A distribution over bits v_0, v_1, … by p(v) = Π p(v_i | v_<i); likelihood and draws are exact.

        p(v_i = 1 | v_<i) = sigmoid(b_i + V_i · h_i),   h_i = sigmoid(c + Σ_{j<i} v_j W_j)

    Where `relative` has units, unit r at the pitch of bit i adds g_r relu(a_r + Σ_{j<i} v_j K_r[j from i]) to the
    logit; K_r goes by the interval from i to j, whatever the pitch. The parameters are [b, c], then g and a of each
    pitch. The loss is −log p(v).

    h changes only where a bit is on, and few bits of a frame are: with n of them there are n + 1 different h, not as
    many as there are bits. So the loss reads the frames as lists of the bits that are on, and its work is a matrix
    product of n + 1 rows.

    Args:
        hidden: number of hidden units.
        dropout: share of the units at every pitch dropped in training.
        relative: units at every pitch, a `Relative` or a tuple.

    Reference:
        Larochelle and Murray, "The neural autoregressive distribution estimator", AISTATS 2011; as a frame's
        distribution: Boulanger-Lewandowski, Bengio, Vincent, ICML 2012, section 5.
    """

    def __init__(self, hidden: int, dropout: float = 0.0, relative: tuple[int, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden, self.relative = hidden, Relative(*relative)
        self.dropout = Dropout(dropout)

    def build(self, shape: Shape) -> None:
        self.visible = shape[-1]
        small = keras.initializers.RandomNormal(stddev=0.05)
        self.W = self.add_weight(shape=(self.visible, self.hidden), initializer=small, name="W")
        self.V = self.add_weight(shape=(self.visible, self.hidden), initializer=small, name="V")
        self.b = self.add_weight(shape=(self.visible,), initializer="zeros", name="b")
        self.c = self.add_weight(shape=(self.hidden,), initializer="zeros", name="c")
        units, channels = self.relative.units, self.visible // self.relative.pitches
        if not units:
            return
        # From every channel to every channel's units; a bit reads the channels before its own, and in its own what
        # lies below it.
        shape = (self.relative.intervals, channels, channels, units)
        self.K = self.add_weight(shape=shape, initializer=small, name="K")
        self.g = self.add_weight(
            shape=(channels * units,), initializer=keras.initializers.RandomNormal(stddev=0.1), name="g"
        )
        other, own = np.arange(channels)[:, None], np.arange(channels)
        below = np.arange(self.relative.intervals)[:, None, None] < self.relative.reach
        self.before = ((other < own) | ((other == own) & below))[..., None].astype(np.float32)

    @property
    def biases(self) -> list:
        return [self.b, self.c, self.g] if self.relative.units else [self.b, self.c]

    @property
    def structure(self) -> dict[str, Any]:
        return self.structure_of([self.hidden])

    def start(self, share: np.ndarray) -> None:
        self.b.assign(np.log(share / (1 - share)))

    def targets(self, frames: np.ndarray) -> np.ndarray:
        """Indices of the bits that are on.

        Args:
            frames: (..., visible) bits.

        Returns:
            (..., most on) int32, ascending, filled up with `visible`.
        """
        flat = frames.reshape(-1, frames.shape[-1])
        counts = np.count_nonzero(flat, axis=1)
        on = np.full((len(flat), max(int(counts.max(initial=0)), 1)), self.visible, np.int32)
        rows, bits = np.nonzero(flat)
        on[rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)] = bits
        return on.reshape(*frames.shape[:-1], on.shape[1])

    def loss(self, targets: Tensor, parameters: Tensor, training: bool = False) -> Tensor:
        """−log p of each frame.

        Args:
            targets: (..., most on) indices of the bits that are on, see `targets`.
            parameters: (..., parameters).
            training: whether units are dropped.

        Returns:
            (...), in nats.
        """
        b, c, *around = self.split(parameters)
        on = ops.cast(targets, "int32")
        if around:
            g, a = around
            b = b + self.around(on, g, a, training)
        W = ops.concatenate([self.W, ops.zeros((1, self.hidden))])  # the filling adds nothing
        sums = ops.cumsum(ops.take(W, on, axis=0), axis=-2)  # (..., most on, hidden)
        h = ops.sigmoid(ops.concatenate([c[..., None, :], c[..., None, :] + sums], axis=-2))
        logit = ops.matmul(h, ops.transpose(self.V)) + b[..., None, :]  # (..., most on + 1, visible)
        # Row k speaks of the bits after the k-th that is on, up to the next one; that one is on, the others are off.
        end = ops.concatenate([on, ops.full_like(on[..., :1], self.visible)], axis=-1)[..., None]
        begin = ops.concatenate([ops.full_like(on[..., :1], -1), on], axis=-1)[..., None]
        bits = ops.arange(self.visible)
        nats = ops.where((bits > begin) & (bits <= end), ops.softplus(logit), 0.0)
        nats -= ops.where(bits == end, logit, 0.0)
        return ops.sum(nats, axis=(-2, -1))

    def around(self, on: Tensor, g: Tensor, a: Tensor, training: bool) -> Tensor:
        """What the units at every pitch add to the logits.

        Args:
            on: (..., most on) indices of the bits that are on, see `targets`.
            g: (..., channels × units).
            a: (..., pitches × units).
            training: whether units are dropped.

        Returns:
            (..., visible).
        """
        shape, relative = ops.shape(on)[:-1], self.relative
        frames = ops.sum(ops.one_hot(on, self.visible + 1), axis=-2)[..., : self.visible]
        planes = ops.reshape(relative.planes(frames), (-1, relative.pitches, self.before.shape[1]))
        kernel = ops.reshape(self.K * self.before, (relative.intervals, self.before.shape[1], -1))
        from_others = ops.reshape(
            ops.conv(planes, kernel, padding="same"), (*shape, relative.pitches, -1, relative.units)
        )
        units = ops.relu(from_others + ops.reshape(a, (*shape, relative.pitches, 1, relative.units)))
        units = self.dropout(units, training=training)
        logits = ops.sum(units * ops.reshape(g, (*shape, 1, -1, relative.units)), axis=-1)  # (..., pitches, channels)
        return ops.reshape(ops.swapaxes(logits, -1, -2), (*shape, self.visible))

    def through(
        self, parameters: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        b, c, *around = self.split(parameters)
        bits = ops.arange(self.visible)

        def of_bit(x: Tensor, index: Tensor) -> Tensor:
            return ops.take(x, index, axis=1)[:, None]

        def step(index: Tensor, carried: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
            frame, a, log_p = carried
            logit = ops.take(b, index, axis=1) + ops.sum(ops.sigmoid(a) * ops.take(self.V, index, axis=0), axis=-1)
            if around:
                logit = logit + self.around_bit(index, frame, *around)
            its_given = None if given is None else of_bit(given, index)
            bit, nats = self.decide(logit[:, None], of_bit(uniform, index), temperature, its_given)
            frame = frame + bit * ops.cast(bits == index, bit.dtype)
            return frame, a + bit * ops.take(self.W, index, axis=0), log_p + nats

        frame, _, log_p = ops.fori_loop(0, self.visible, step, (ops.zeros_like(b), c, ops.zeros_like(temperature)))
        return frame, log_p

    def around_bit(self, index: Tensor, frame: Tensor, g: Tensor, a: Tensor) -> Tensor:
        """What the units at the pitch of one bit add to its logit.

        Args:
            index: of the bit.
            frame: (batch, visible), still 0 from that bit on.
            g: (batch, channels × units).
            a: (batch, pitches × units).

        Returns:
            (batch,).
        """
        relative, channels = self.relative, self.before.shape[1]
        channel, pitch = index // relative.pitches, index % relative.pitches
        away = ops.arange(relative.intervals) - relative.reach + pitch
        inside = ops.cast((away >= 0) & (away < relative.pitches), "float32")
        from_others = ops.take(relative.planes(frame), ops.clip(away, 0, relative.pitches - 1), axis=1)
        window = ops.reshape(from_others * inside[:, None], (-1, relative.intervals * channels))
        kernel = ops.reshape(ops.take(self.K, channel, axis=2), (-1, relative.units))
        of_pitch = ops.take(ops.reshape(a, (-1, relative.pitches, relative.units)), pitch, axis=1)
        of_channel = ops.take(ops.reshape(g, (-1, channels, relative.units)), channel, axis=1)
        return ops.sum(of_channel * ops.relu(ops.matmul(window, kernel) + of_pitch), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden": self.hidden,
            "dropout": self.dropout.rate,
            "relative": tuple(self.relative),
        }
