"""Distributions that go through the bits of a frame in a fixed order, each given those before."""

from __future__ import annotations

from keras import ops

from zoo.layers.frames import FrameDistribution, bernoulli, with_given
from zoo.layers.tensors import Tensor

CANDIDATES = 32  # frames drawn for one, where bits are given


class BitByBit(FrameDistribution):
    """A distribution p(v) = Π p(v_i | bits before it). A subclass has `through`."""

    @property
    def noise(self) -> int:
        return self.visible

    @property
    def noise_given(self) -> int:
        return CANDIDATES * self.noise + 1

    def through(
        self, parameters: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Go through the bits once.

        Args:
            parameters: (batch, parameters).
            uniform: (batch, noise) in [0, 1).
            temperature: (batch, 1), divides the logits.
            given: (batch, visible), see `draw_given`; None draws all bits.

        Returns:
            A frame (batch, visible), and log p of its given bits, each given all bits before it, (batch, 1).
        """
        raise NotImplementedError

    def draw(self, before: Tensor, parameters: Tensor, uniform: Tensor, temperature: Tensor) -> Tensor:
        return self.through(parameters, uniform, temperature)[0]

    def draw_given(
        self, before: Tensor, parameters: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor
    ) -> Tensor:
        """A frame of which some bits are given, by sampling importance resampling.

        A bit that is drawn knows nothing of given bits that come later in the order. So several candidates are drawn,
        in each of which the given bits are forced as their turn comes, and one of them is picked in proportion to the
        probability that it gave to these. With ever more candidates that is a draw from p(others | given); with one,
        the given bits would have no influence on those before them.

        Args:
            before: (batch, visible), not looked at.
            parameters: (batch, parameters).
            uniform: (batch, candidates × noise + 1) in [0, 1).
            temperature: (batch, 1), divides the logits.
            given: (batch, visible), 1 for a bit that is on, −1 for one that is off, 0 for one to be drawn.

        Returns:
            (batch, visible) bits.

        Reference:
            Rubin, "The calculation of posterior distributions by data augmentation", 1987 (the SIR algorithm).
        """
        candidates = (uniform.shape[-1] - 1) // self.noise
        each = [ops.repeat(x, candidates, axis=0) for x in (parameters, temperature, given)]
        parameters, temperature, given = each
        frames, log_p = self.through(parameters, ops.reshape(uniform[:, :-1], (-1, self.noise)), temperature, given)
        below = ops.cumsum(ops.softmax(ops.reshape(log_p, (-1, candidates)), axis=-1), axis=-1)
        picked = ops.minimum(ops.sum(ops.cast(below <= uniform[:, -1:], "int32"), axis=-1), candidates - 1)
        one_hot = ops.cast(ops.one_hot(picked, candidates), "float32")[..., None]
        return ops.sum(one_hot * ops.reshape(frames, (-1, candidates, self.visible)), axis=1)

    def decide(
        self, logit: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One bit of each frame.

        Args:
            logit: (batch, 1).
            uniform: (batch, 1) in [0, 1).
            temperature: (batch, 1).
            given: (batch, 1), see `draw_given`; None where no bit is.

        Returns:
            The bit, and log p of it where it is given, else 0, (batch, 1) each.
        """
        bit = bernoulli(uniform, logit, temperature)
        if given is None:
            return bit, ops.zeros_like(bit)
        bit, towards = with_given(bit, given), given * logit / temperature
        return bit, ops.where(given == 0, 0.0, -ops.softplus(-towards))
