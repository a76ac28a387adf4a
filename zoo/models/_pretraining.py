"""Models whose recurrent network moves the biases of a machine, and may be trained without the machine first."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from zoo.codecs import Line
from zoo.layers.frames import FrameDistribution, bernoulli_nats
from zoo.layers.tensors import Tensor
from zoo.models._frames import FrameModel
from zoo.training import loop
from zoo.training.hyperparameters import trained


@dataclass(kw_only=True)
class BiasesModel(FrameModel):
    """Frames under a machine whose visible biases, the first of its parameters, a recurrent network moves."""

    pretrain_recurrent: int = trained(
        0, "epochs that first train the recurrent part alone, by the frames' cross-entropy", low=0, high=100_000
    )

    def prepare(self, lines: list[Line]) -> None:
        """Start the biases, then train the recurrent part without the machine: y(t) = sigmoid(b_v(t)) is frame t.

        Optimizer and learning rate are those of the training, the rate without its schedule.

        Reference:
            Boulanger-Lewandowski, Bengio, Vincent, ICML 2012, section 4.
        """
        super().prepare(lines)
        if not self.pretrain_recurrent:
            return
        alone = keras.Model(self.network.input, self.network.output)
        alone.compile(loop.make_optimizer(self), BiasesLoss(self.distribution))
        for epoch in range(self.pretrain_recurrent):
            loop.reseed(alone, self.seed, epoch)
            for read, _, weight in self.batches(lines, np.random.default_rng([self.seed, epoch])):
                alone.train_on_batch(read, read, weight)


class BiasesLoss(keras.losses.Loss):
    """−log p of each frame under independent units with the visible biases, in nats, averaged as in `FrameLoss`.

    Args:
        distribution: of one frame.
    """

    def __init__(self, distribution: FrameDistribution) -> None:
        super().__init__(reduction="mean_with_sample_weight")
        self.distribution = distribution

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        idle = sum(0.0 * ops.sum(weight) for weight in self.distribution.trainable_weights)  # each has a gradient
        return bernoulli_nats(ops.cast(y_true, "float32"), y_pred[..., : self.distribution.visible]) + idle
