"""What the distributions over one frame have in common."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.relative import PitchContext, Relative


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
        noise: how many uniform numbers it takes to draw one frame.
        loss: see below.
        draw: see below.
        structure: what it is made of, for the picture of the network; see `structure_of`.
    """

    noise: int
    structure: dict
    relative: Relative = Relative()

    def structure_of(self, hidden: list[int], gibbs_steps: int | None = None) -> dict:
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

    def make_context(self, dropout: float):
        """The layer that gives, from the frames before and the recurrent state, what comes from the units at every
        pitch; None where there are none."""
        return PitchContext(self.relative, name="context") if self.relative.units else None

    @property
    def context_size(self) -> int:
        """Length of what that layer gives for a frame."""
        return self.relative.total

    @property
    def biases(self) -> list:
        raise NotImplementedError

    def targets(self, frames: np.ndarray) -> np.ndarray:
        """What `loss` reads of the frames (..., visible); computed outside the network."""
        return frames

    def loss(self, targets, parameters, training=False):
        """The loss of each frame, (...); `training` says whether units are dropped."""
        raise NotImplementedError

    def draw(self, before, parameters, uniform, temperature):
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

    def start(self, share: np.ndarray) -> None:
        """Start training at units that are on independently of each other, with probabilities `share` (visible,)."""
        raise NotImplementedError

    @property
    def sizes(self) -> list[int]:
        """Lengths of the biases, in their order, and of what comes from the units at every pitch."""
        around = [self.context_size] if self.relative.units else []
        return [bias.shape[0] for bias in self.biases] + around

    def split(self, parameters):
        """The biases in parameters (..., parameters)."""
        ends = np.cumsum(self.sizes).tolist()
        return [parameters[..., first:end] for first, end in zip([0, *ends], ends, strict=False)]

    def own_biases(self):
        """Its own biases as one vector."""
        return ops.concatenate([ops.convert_to_tensor(bias) for bias in self.biases])

    def call(self, frames):
        around = self.context_size if self.relative.units else 0
        own = ops.concatenate([self.own_biases(), ops.zeros(around)])
        return ops.zeros_like(ops.cast(frames[..., :1], "float32")) + own

    def compute_output_shape(self, shape):
        return (*shape[:-1], sum(self.sizes))


class Method(keras.layers.Layer):
    """A method of a distribution as a layer of its own, called with a list of its arguments, so that it can be
    compiled."""

    def __init__(self, distribution: FrameDistribution, method: str, **kwargs):
        super().__init__(**kwargs)
        self.distribution, self.method = distribution, method

    def call(self, inputs):
        return getattr(self.distribution, self.method)(*inputs)


def bernoulli(uniform, logit, temperature=1.0):
    """Bits that are on with probability sigmoid(logit ÷ temperature), by uniform noise of the same shape."""
    return ops.cast(uniform < ops.sigmoid(logit / temperature), "float32")


def bernoulli_nats(bits, logit):
    """−log probability of bits under independent units, (..., units) → (...)."""
    return ops.sum(ops.softplus(logit) - bits * logit, axis=-1)
