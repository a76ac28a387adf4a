"""Deep belief networks of two machines whose biases may differ from frame to frame."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers import hashed
from zoo.layers.frames import FrameDistribution, bernoulli, bernoulli_nats, with_given
from zoo.layers.rbm import RBM
from zoo.layers.relative import PitchBiases, Relative
from zoo.layers.tensors import Shape, Tensor

LOWER, UPPER, TOGETHER = "lower", "upper", "together"


@keras.saving.register_keras_serializable("zoo")
class DBN(FrameDistribution):
    """A deep belief network: p(v, h) = p(v | h) p(h), with p(h) an RBM of its own, the upper machine.

        p(v_i = 1 | h) = sigmoid(b_v + h Gᵀ),   q(h_j = 1 | v) = sigmoid(b_q + v W)

    q, the recognition, stands in for p(h | v) where that cannot be computed. Parameters: [b_v, b_q] of the lower
    machine and [b_v, b_h] of the upper one, then what the units at every pitch add to b_v, in the upper machine to
    b_h of its first `visible` units. The upper machine has `visible + extra` hidden units: turned over, the lower
    machine is one of its states (`unroll`), and the network then says exactly what the lower machine says. Deeper
    training starts from there.

    The loss depends on `stage`, a layer at a time and then together:
        "lower": CD-k of the lower machine alone, an RBM with weights W.
        "upper": CD-k of the upper machine alone, on h drawn from q.
        "together": the up-down algorithm: log p(v | h) and CD-k of the upper machine on h drawn from q, and log q on
            (v*, h*) that end in the upper machine's chain.

    Args:
        hidden: hidden units between the two machines.
        extra: hidden units of the upper machine beyond the number of visible ones.
        gibbs_steps, sample_steps, chain_start, relative, weight_scale: see `RBM`.

    Reference:
        Hinton, Osindero, Teh, "A fast learning algorithm for deep belief nets", Neural Computation 2006; as a frame's
        distribution: Goel, Vohra, Sahoo, "Polyphonic music generation by modeling temporal dependencies using a
        RNN-DBN", ICANN 2014.
    """

    def __init__(
        self,
        hidden: int,
        extra: int = 0,
        gibbs_steps: int = 1,
        sample_steps: int = 25,
        chain_start: str = "previous",
        relative: tuple[int, ...] = (),
        weight_scale: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden, self.extra, self.stage = hidden, extra, TOGETHER
        self.options: dict[str, Any] = {
            "gibbs_steps": gibbs_steps,
            "sample_steps": sample_steps,
            "chain_start": chain_start,
            "weight_scale": weight_scale,
        }
        self.relative = Relative(*relative)
        self.lower = RBM(hidden, **self.options, name="lower")
        self.seed_generator = keras.random.SeedGenerator(0)  # set from (seed, epoch) by the training loop

    def build(self, shape: Shape) -> None:
        self.visible = shape[-1]
        self.upper = RBM(self.visible + self.extra, **self.options, name="upper")
        self.lower.build(shape)
        self.upper.build((*shape[:-1], self.hidden))
        self.G = self.add_weight(shape=(self.visible, self.hidden), initializer="zeros", name="G")

    @property
    def biases(self) -> list:
        return [*self.lower.biases, *self.upper.biases]

    def make_context(self, dropout: float) -> keras.Layer | None:
        return PitchBiases(self.relative, dropout, name="context") if self.relative.units else None

    @property
    def context_size(self) -> int:
        return self.visible

    @property
    def noise(self) -> int:
        return self.hidden + self.upper.noise + self.visible

    @property
    def structure(self) -> dict[str, Any]:
        return self.structure_of([self.hidden, self.upper.hidden], self.options["gibbs_steps"])

    def start(self, share: np.ndarray) -> None:
        self.lower.start(share)

    def unroll(self, W_u: Tensor) -> None:
        """Set the upper machine to the lower one turned over; extra units keep weights near 0.

        Args:
            W_u: (units, parameters) the recurrent network's weights, of which the columns that move the upper machine's
                biases are set too.
        """
        v, lower, upper, W = self.visible, self.lower, self.upper, np.asarray(self.lower.W)
        weights, moved, b_1, b_2 = (np.asarray(weight).copy() for weight in (upper.W, W_u, upper.b_v, upper.b_h))
        u_v, u_q, u_1, u_2 = np.split(moved, np.cumsum([bias.shape[0] for bias in self.biases])[:-1], axis=1)
        weights[:, :v], b_1[:], b_2[:v] = W.T, np.asarray(lower.b_h), np.asarray(lower.b_v)
        u_1[:], u_2[:, :v] = u_q, u_v
        for bias, value in ((upper.b_v, b_1), (upper.b_h, b_2)):
            bias.assign(value)
        for matrix, value in ((self.G, W), (upper.W, weights), (W_u, moved)):
            matrix.assign(value)

    def parts(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Parameters of the lower machine and of the upper one, (..., visible + hidden) and (..., hidden + upper)."""
        b_v, b_q, b_1, b_2, *around = self.split(parameters)
        if around:
            b_v = b_v + around[0]
            b_2 = b_2 + ops.concatenate([around[0], ops.zeros_like(b_2[..., self.visible :])], axis=-1)
        return ops.concatenate([b_v, b_q], axis=-1), ops.concatenate([b_1, b_2], axis=-1)

    def loss(self, targets: Tensor, parameters: Tensor, training: bool = False) -> Tensor:
        v = ops.cast(targets, "float32")
        lower, upper = self.parts(parameters)
        # So that every weight has a gradient at every stage.
        W = self.lower.W
        idle = 0.0 * (ops.sum(self.G) + ops.sum(self.upper.W) + ops.sum(W) + ops.sum(parameters))
        if self.stage == LOWER:
            return self.lower.loss(v, lower) + idle
        b_v, b_q = self.lower.split(lower)
        h = ops.stop_gradient(bernoulli(self._uniform(b_q), ops.matmul(v, W) + b_q))
        contrast, h_star = self.upper.contrast(h, upper)
        if self.stage == UPPER:
            return contrast + idle
        down = bernoulli_nats(v, self.down(h, b_v))
        v_star = ops.stop_gradient(bernoulli(self._uniform(b_v), self.down(h_star, b_v)))
        sleep = bernoulli_nats(h_star, ops.matmul(v_star, W) + b_q)
        return down + contrast + sleep

    def down(self, h: Tensor, b_v: Tensor) -> Tensor:
        """Logits of v given h (..., hidden), with the biases b_v (..., visible)."""
        return ops.matmul(h, ops.transpose(self.G)) + b_v

    def _uniform(self, like: Tensor) -> Tensor:
        return hashed.draw(ops.shape(like), self.seed_generator)

    def draw(self, before: Tensor, parameters: Tensor, uniform: Tensor, temperature: Tensor) -> Tensor:
        lower, upper = self.parts(parameters)
        b_v, b_q = self.lower.split(lower)
        of_start, of_chain, of_frame = self.noise_of(uniform)
        h = bernoulli(of_start, ops.matmul(self.chain_start(before), self.lower.W) + b_q, temperature)
        h = self.upper.chain(h, upper, of_chain, temperature)
        return bernoulli(of_frame, self.down(h, b_v), temperature)

    def draw_given(
        self, before: Tensor, parameters: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor
    ) -> Tensor:
        """A frame of which some bits are given: a chain of the upper machine that is held to them.

        The chain is Metropolis and Hastings's. What a Gibbs step of the upper machine proposes for h is accepted with
        probability min(1, p(given | h′) / p(given | h)), so it converges to p(h | given); then p(others | h) draws.
        Annealed chains are held to them in the same way, at every machine they pass. It starts at what the recognition
        says of the frame before with the given bits in it.

        Args:
            before: (batch, visible), where the chain starts.
            parameters: (batch, parameters).
            uniform: (batch, noise_given) in [0, 1).
            temperature: (batch, 1), divides the energy.
            given: (batch, visible), 1 for a bit that is on, −1 for one that is off, 0 for one to be drawn.

        Returns:
            (batch, visible) bits.
        """
        lower, upper = self.parts(parameters)
        b_v, b_q = self.lower.split(lower)
        of_start, of_chain, of_frame = self.noise_of(uniform)
        start = with_given(self.chain_start(before), given)
        h = bernoulli(of_start, ops.matmul(start, self.lower.W) + b_q, temperature)

        def log_p(h: Tensor) -> Tensor:
            towards = given * self.down(h, b_v) / temperature
            return -ops.sum(ops.where(given == 0, 0.0, ops.softplus(-towards)), axis=-1, keepdims=True)

        h = self.upper.chain(h, upper, of_chain, temperature, log_p)
        return with_given(bernoulli(of_frame, self.down(h, b_v), temperature), given)

    def noise_of(self, uniform: Tensor) -> list[Tensor]:
        """What of the noise of a draw starts the chain, takes it on, and draws the frame."""
        return ops.split(uniform, [self.hidden, self.hidden + self.upper.noise], axis=-1)

    def chain_start(self, before: Tensor) -> Tensor:
        """The frame at which a chain starts."""
        return before if self.options["chain_start"] == "previous" else ops.zeros_like(before)

    def get_config(self) -> dict[str, Any]:
        config = {"hidden": self.hidden, "extra": self.extra, **self.options, "relative": tuple(self.relative)}
        return {**super().get_config(), **config}
