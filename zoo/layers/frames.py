"""What the distributions over one frame have in common."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.relative import PitchContext, Relative
from zoo.layers.tensors import Shape, Tensor

FORCE = 1e9  # added to a logit, or taken from it, where a bit is given


class FrameDistribution(keras.layers.Layer):
    """A distribution over frames of `visible` bits whose parameters may differ from frame to frame.

    Its parameters are a vector of biases for each frame and an argument of every method, so that a recurrent network
    can set them (`zoo.layers.conditioned`). The weights between units are shared by all frames. Where there are units
    at every pitch (`zoo.layers.relative`), the vector ends with what comes from them.

    Call arguments:
        frames: (..., visible) bits.

    Returns:
        Its own parameters, the same for every frame, (..., parameters).

    A subclass sets `visible` in `build`, and has:
        biases: its own biases, a list of variables.
        relative: its units at every pitch.
        loss: see below.
        draw: see below.
    """

    visible: int
    relative: Relative = Relative()

    @property
    def noise(self) -> int:
        """How many uniform numbers it takes to draw one frame."""
        raise NotImplementedError

    @property
    def structure(self) -> dict[str, Any]:
        """What it is made of, for the picture of the network; see `structure_of`."""
        raise NotImplementedError

    def structure_of(self, hidden: list[int], gibbs_steps: int | None = None) -> dict[str, Any]:
        """What it is made of, as JSON: machine, visible, hidden, at_every_pitch, gibbs_steps.

        Args:
            hidden: units of each hidden layer, the lowest first.
            gibbs_steps: of contrastive divergence; None where there is no Gibbs sampling.
        """
        return {
            "machine": type(self).__name__,
            "visible": self.visible,
            "hidden": hidden,
            "at_every_pitch": self.relative.units,
            "gibbs_steps": gibbs_steps,
        }

    def make_context(self, dropout: float) -> keras.Layer | None:
        """The layer of the units at every pitch; None where there are none.

        From the frames before and the recurrent state it gives their part of a frame's parameters.
        """
        return PitchContext(self.relative, name="context") if self.relative.units else None

    @property
    def context_size(self) -> int:
        """Length of what that layer gives for a frame."""
        return self.relative.total

    @property
    def biases(self) -> list:
        raise NotImplementedError

    def targets(self, frames: np.ndarray) -> np.ndarray:
        """What `loss` reads of frames; computed outside the network.

        Args:
            frames: (..., visible) bits.
        """
        return frames

    def loss(self, targets: Tensor, parameters: Tensor, training: bool = False) -> Tensor:
        """The loss of each frame.

        Args:
            targets: (..., anything), what `targets` gives.
            parameters: (..., parameters).
            training: whether units are dropped.

        Returns:
            (...), in nats.
        """
        raise NotImplementedError

    def draw(self, before: Tensor, parameters: Tensor, uniform: Tensor, temperature: Tensor) -> Tensor:
        """A frame drawn with the noise given.

        Args:
            before: (batch, visible) the frame before, where a Markov chain may start.
            parameters: (batch, parameters).
            uniform: (batch, noise) in [0, 1).
            temperature: (batch, 1), divides the energy.

        Returns:
            (batch, visible) bits.
        """
        raise NotImplementedError

    @property
    def noise_given(self) -> int:
        """How many uniform numbers it takes to draw one frame around given bits."""
        return self.noise

    def draw_given(
        self, before: Tensor, parameters: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor
    ) -> Tensor:
        """A frame of which some bits are given, the others drawn with the noise given.

        Here the given bits are forced by their biases, the first of the parameters. In a Gibbs chain they are then
        clamped, so the others converge to what the distribution says of them given these, p(others | given).

        Args:
            before: (batch, visible) the frame before.
            parameters: (batch, parameters).
            uniform: (batch, noise_given) in [0, 1).
            temperature: (batch, 1), divides the energy.
            given: (batch, visible), 1 for a bit that is on, −1 for one that is off, 0 for one to be drawn.

        Returns:
            (batch, visible) bits.
        """
        return self.draw(with_given(before, given), self.forced(parameters, given), uniform, temperature)

    def forced(self, parameters: Tensor, given: Tensor) -> Tensor:
        """Parameters (..., parameters) whose first biases, those of the visible bits, leave no choice where given."""
        return ops.concatenate(
            [parameters[..., : self.visible] + FORCE * given, parameters[..., self.visible :]], axis=-1
        )

    def start(self, share: np.ndarray) -> None:
        """Start training at units that are on independently of each other.

        Args:
            share: (visible,) how often each is on, between 0 and 1, neither included.
        """
        raise NotImplementedError

    @property
    def sizes(self) -> list[int]:
        """Lengths of the biases, in their order, and of what comes from the units at every pitch."""
        around = [self.context_size] if self.relative.units else []
        return [bias.shape[0] for bias in self.biases] + around

    def split(self, parameters: Tensor) -> list[Tensor]:
        """The biases in parameters (..., parameters)."""
        ends = np.cumsum(self.sizes).tolist()
        return [parameters[..., first:end] for first, end in zip([0, *ends], ends, strict=False)]

    def own_biases(self) -> Tensor:
        """Its own biases as one vector."""
        return ops.concatenate([ops.convert_to_tensor(bias) for bias in self.biases])

    def call(self, frames: Tensor) -> Tensor:
        around = self.context_size if self.relative.units else 0
        own = ops.concatenate([self.own_biases(), ops.zeros(around)])
        return ops.zeros_like(ops.cast(frames[..., :1], "float32")) + own

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (*shape[:-1], sum(self.sizes))


class Method(keras.layers.Layer):
    """A method of a distribution as a layer of its own, so that it can be compiled; called with a list of arguments.

    Args:
        distribution: whose method it is, built.
        method: its name.
    """

    def __init__(self, distribution: FrameDistribution, method: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.distribution, self.method = distribution, method

    def call(self, inputs: list[Tensor]) -> Tensor:
        return getattr(self.distribution, self.method)(*inputs)


def with_given(bits: Tensor, given: Tensor) -> Tensor:
    """`bits` (..., units), but those that are given: 1 is on, −1 off, 0 not given."""
    return ops.where(given == 0, bits, ops.cast(given > 0, "float32"))


def bernoulli(uniform: Tensor, logit: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
    """Bits that are on with probability sigmoid(logit ÷ temperature).

    Args:
        uniform: (..., units) in [0, 1), decides.
        logit: (..., units).
        temperature: of a shape that goes with theirs.

    Returns:
        (..., units) float32 of 0 and 1.
    """
    return ops.cast(uniform < ops.sigmoid(logit / temperature), "float32")


def bernoulli_nats(bits: Tensor, logit: Tensor) -> Tensor:
    """−log probability of bits under independent units, (..., units) → (...)."""
    return ops.sum(ops.softplus(logit) - bits * logit, axis=-1)
