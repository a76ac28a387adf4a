"""Restricted Boltzmann machines whose biases may differ from frame to frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers import hashed
from zoo.layers.frames import FrameDistribution, bernoulli
from zoo.layers.relative import PitchBiases, Relative
from zoo.layers.tensors import Shape, Tensor

ANNEALED = 0.8  # of the steps of a chain, if it is annealed


@keras.saving.register_keras_serializable("zoo")
class RBM(FrameDistribution):
    """A restricted Boltzmann machine over visible units v and hidden units h, p(v, h) ∝ exp(v·b_v + h·b_h + v W h).

    Its parameters are [b_v, b_h]; where `relative` has units, what they add to b_v follows. The loss is F(v) − F(v*),
    with the gradient of CD-k: v* ends a Gibbs chain of k steps from v and counts as a constant.

    Args:
        hidden: number of hidden units.
        gibbs_steps: k of contrastive divergence, CD-k.
        sample_steps: Gibbs steps for a frame drawn.
        chain_start: where that chain starts, at the "previous" frame or at "zeros".
        relative: units at every pitch that move b_v, a `Relative` or a tuple.
        weight_scale: standard deviation of W at the beginning. A machine with W = 0 is a saddle of the likelihood, and
            training takes long to leave it.

    Reference:
        Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
    """

    def __init__(
        self,
        hidden: int,
        gibbs_steps: int = 1,
        sample_steps: int = 25,
        chain_start: str = "previous",
        relative: tuple[int, ...] = (),
        weight_scale: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden, self.gibbs_steps = hidden, gibbs_steps
        self.sample_steps, self.chain_start = sample_steps, chain_start
        self.relative, self.weight_scale = Relative(*relative), weight_scale
        self.seed_generator = keras.random.SeedGenerator(0)  # set from (seed, epoch) by the training loop

    def build(self, shape: Shape) -> None:
        self.visible = shape[-1]
        initial = keras.initializers.RandomNormal(stddev=self.weight_scale)
        self.W = self.add_weight(shape=(self.visible, self.hidden), initializer=initial, name="W")
        self.b_v = self.add_weight(shape=(self.visible,), initializer="zeros", name="b_v")
        self.b_h = self.add_weight(shape=(self.hidden,), initializer="zeros", name="b_h")
        # Logit of each unit's share of ones in the training music: where b_v starts, and the chains
        # that annealed importance sampling (`zoo.evaluation.annealing`) explores with.
        self.base = self.add_weight(shape=(self.visible,), initializer="zeros", trainable=False, name="base")

    @property
    def biases(self) -> list:
        return [self.b_v, self.b_h]

    def make_context(self, dropout: float) -> keras.Layer | None:
        return PitchBiases(self.relative, dropout, name="context") if self.relative.units else None

    @property
    def context_size(self) -> int:
        return self.visible

    def split(self, parameters: Tensor) -> list[Tensor]:
        """b_v and b_h in parameters (..., parameters)."""
        b_v, b_h, *around = super().split(parameters)
        return [b_v + around[0] if around else b_v, b_h]

    @property
    def noise(self) -> int:
        return 2  # all that the chain needs is made of them: see `chain`

    @property
    def structure(self) -> dict[str, Any]:
        return self.structure_of([self.hidden], self.gibbs_steps)

    def start(self, share: np.ndarray) -> None:
        for bias in (self.b_v, self.base):
            bias.assign(np.log(share / (1 - share)))

    def free_energy(self, v: Tensor, b_v: Tensor, b_h: Tensor) -> Tensor:
        """F(v) = −v·b_v − Σ softplus(v W + b_h), so that p(v) ∝ exp(−F(v)).

        Args:
            v: (..., visible) bits.
            b_v: (..., visible).
            b_h: (..., hidden).

        Returns:
            (...), in nats.
        """
        return -ops.sum(v * b_v, axis=-1) - ops.sum(ops.softplus(ops.matmul(v, self.W) + b_h), axis=-1)

    def gibbs_step(
        self,
        v: Tensor,
        b_v: Tensor,
        b_h: Tensor,
        uniform_h: Tensor,
        uniform_v: Tensor,
        temperature: Tensor | float = 1.0,
        W_T: Tensor | None = None,
        share: Tensor | None = None,
    ) -> Tensor:
        """One Gibbs step v → h → v′, with the uniform noise given.

        Args:
            v: (..., visible) bits.
            b_v: (..., visible).
            b_h: (..., hidden).
            uniform_h: (..., hidden) in [0, 1), draws h.
            uniform_v: (..., visible) in [0, 1), draws v′.
            temperature: divides the energy.
            W_T: (hidden, visible) W turned over. A chain does that once: inside a compiled loop it would be done, or
                make the product slow, at every step.
            share: β, of the machine that lies so far on the way from `base` alone, 0, to this one, 1; None is 1.

        Returns:
            v′ (..., visible).
        """
        W_T = ops.transpose(self.W) if W_T is None else W_T
        of_h = ops.matmul(v, self.W) + b_h
        h = bernoulli(uniform_h, of_h if share is None else share * of_h, temperature)
        of_v = ops.matmul(h, W_T) + b_v
        of_v = of_v if share is None else share * of_v + (1 - share) * self.base
        return bernoulli(uniform_v, of_v, temperature)

    def gibbs(self, v: Tensor, b_v: Tensor, b_h: Tensor, steps: int) -> Tensor:
        """The end of a Gibbs chain of training.

        Args:
            v: (..., visible) where it starts.
            b_v: (..., visible).
            b_h: (..., hidden).
            steps: how many.

        Returns:
            (..., visible) bits.
        """
        shape = ops.shape(v)[:-1]
        for _ in range(steps):
            uniform_h = hashed.draw((*shape, self.hidden), self.seed_generator)
            uniform_v = hashed.draw((*shape, self.visible), self.seed_generator)
            v = self.gibbs_step(v, b_v, b_h, uniform_h, uniform_v)
        return v

    def contrast(self, v: Tensor, parameters: Tensor, gibbs_steps: int | None = None) -> tuple[Tensor, Tensor]:
        """What contrastive divergence contrasts.

        Args:
            v: (..., visible) bits.
            parameters: (..., parameters).
            gibbs_steps: k; by default that of the machine.

        Returns:
            F(v) − F(v*) of each frame (...), and v* (..., visible), the end of a chain of k steps from v.
        """
        b_v, b_h = self.split(parameters)
        v_star = ops.stop_gradient(self.gibbs(v, b_v, b_h, gibbs_steps or self.gibbs_steps))
        return self.free_energy(v, b_v, b_h) - self.free_energy(v_star, b_v, b_h), v_star

    def loss(
        self, targets: Tensor, parameters: Tensor, training: bool = False, gibbs_steps: int | None = None
    ) -> Tensor:
        return self.contrast(ops.cast(targets, "float32"), parameters, gibbs_steps)[0]

    def chain(
        self,
        v: Tensor,
        parameters: Tensor,
        noise: Tensor,
        temperature: Tensor,
        log_weight: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """The end of a Gibbs chain of `sample_steps` steps.

        Where `chain_start` is "annealed" the chain does not start from v: it follows the machines that lie between the
        base, independent units, and this one, and takes its last fifth with this one. So it comes near to draws of
        the model as annealed importance sampling does (Neal 2001), where a chain from the frame before sticks to it.

        Args:
            v: (batch, visible) where it starts.
            parameters: (batch, parameters).
            noise: (batch, 2) in [0, 1); the two numbers decide all draws, by hashing.
            temperature: (batch, 1), divides the energy.
            log_weight: of v, (batch, visible) → (batch, 1); the chain then converges to p(v) times the weight, made
                to sum to one. A Gibbs step is reversible, so it is a proposal whose acceptance needs the weights only.

        Returns:
            (batch, visible) bits.
        """
        b_v, b_h = self.split(parameters)
        W_T, keys = ops.transpose(self.W), hashed.keys(noise, self.sample_steps)
        of_h, of_v, of_choice = hashed.places((), self.hidden, self.visible, 1)

        def step(index: Tensor, v: Tensor) -> Tensor:
            key = ops.take(keys, index, axis=1)[:, None]
            noise_h, noise_v = hashed.uniform(of_h, key), hashed.uniform(of_v, key)
            share = None
            if self.chain_start == "annealed":
                share = ops.minimum(ops.cast(index + 1, "float32") / (ANNEALED * self.sample_steps), 1.0)
            proposed = self.gibbs_step(v, b_v, b_h, noise_h, noise_v, temperature, W_T, share)
            if log_weight is None:
                return proposed
            better = log_weight(proposed) - log_weight(v)
            return ops.where(ops.log(hashed.uniform(of_choice, key)) < better, proposed, v)

        return ops.fori_loop(0, self.sample_steps, step, v)

    def draw(self, before: Tensor, parameters: Tensor, uniform: Tensor, temperature: Tensor) -> Tensor:
        start = before if self.chain_start == "previous" else ops.zeros_like(before)  # "annealed" leaves it at once
        return self.chain(start, parameters, uniform, temperature)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {"hidden": self.hidden, "gibbs_steps": self.gibbs_steps}
        config |= {"sample_steps": self.sample_steps, "chain_start": self.chain_start}
        return {**super().get_config(), **config, "relative": tuple(self.relative), "weight_scale": self.weight_scale}
