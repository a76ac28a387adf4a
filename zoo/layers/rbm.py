"""Restricted Boltzmann machines whose biases may differ from example to example."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class RBM(keras.layers.Layer):
    """A restricted Boltzmann machine over binary visible units v and hidden units h, p(v, h) ∝ exp(v·b_v + h·b_h + v W
    h).

    All methods take the biases as arguments, of any leading shape, so that a sequence of machines can share W.

    Args:
        hidden: number of hidden units.
        gibbs_steps: k of contrastive divergence, CD-k.

    Call arguments:
        frames: (..., visible) bits.

    Returns:
        Its own biases [b_v, b_h] for each frame, (..., visible + hidden).

    Reference:
        Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
    """

    def __init__(self, hidden: int, gibbs_steps: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.gibbs_steps = hidden, gibbs_steps
        self.seed_generator = keras.random.SeedGenerator(0)  # set from (seed, epoch) by the training loop

    def build(self, shape):
        self.visible = shape[-1]
        self.W = self.add_weight(
            shape=(self.visible, self.hidden), initializer=keras.initializers.RandomNormal(stddev=0.01), name="W"
        )
        self.b_v = self.add_weight(shape=(self.visible,), initializer="zeros", name="b_v")
        self.b_h = self.add_weight(shape=(self.hidden,), initializer="zeros", name="b_h")
        # Logit of each unit's share of ones in the training music: where b_v starts, and where annealed
        # importance sampling (`zoo.annealing`) starts.
        self.base = self.add_weight(shape=(self.visible,), initializer="zeros", trainable=False, name="base")

    def call(self, frames):
        own = ops.concatenate([self.b_v, self.b_h])
        return ops.zeros_like(frames[..., :1]) + own

    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + self.hidden)

    def free_energy(self, v, b_v, b_h):
        """F(v) = −v·b_v − Σ softplus(v W + b_h), so that p(v) ∝ exp(−F(v)); (..., visible) → (...)."""
        return -ops.sum(v * b_v, axis=-1) - ops.sum(ops.softplus(ops.matmul(v, self.W) + b_h), axis=-1)

    def gibbs_step(self, v, b_v, b_h, uniform_h, uniform_v, temperature=1.0):
        """v → h → v′, with the uniform noise given; the energy is divided by `temperature`."""
        h = ops.cast(uniform_h < ops.sigmoid((ops.matmul(v, self.W) + b_h) / temperature), v.dtype)
        p = ops.sigmoid((ops.matmul(h, ops.transpose(self.W)) + b_v) / temperature)
        return ops.cast(uniform_v < p, v.dtype)

    def gibbs(self, v, b_v, b_h, steps: int):
        """The end of a Gibbs chain of `steps` steps that starts at v (..., visible)."""
        shape = ops.shape(v)[:-1]
        for _ in range(steps):
            uniform_h = keras.random.uniform((*shape, self.hidden), seed=self.seed_generator)
            uniform_v = keras.random.uniform((*shape, self.visible), seed=self.seed_generator)
            v = self.gibbs_step(v, b_v, b_h, uniform_h, uniform_v)
        return v

    def contrastive_loss(self, frames, biases):
        """F(v) − F(v*) for each frame, (...), with the gradient of CD-k; v* ends a Gibbs chain from v, a constant."""
        b_v, b_h = biases[..., : self.visible], biases[..., self.visible :]
        v = ops.cast(frames, biases.dtype)
        v_star = ops.stop_gradient(self.gibbs(v, b_v, b_h, self.gibbs_steps))
        return self.free_energy(v, b_v, b_h) - self.free_energy(v_star, b_v, b_h)

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden, "gibbs_steps": self.gibbs_steps}
