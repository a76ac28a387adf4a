"""Frames of a piano roll, each drawn from a deep belief network whose biases a recurrent network sets.

The music is cut into frames as for the RNN-RBM: a frame says of every pitch whether it sounds and whether it is struck.

A deep belief network is two machines on top of each other: the upper one, a restricted Boltzmann machine, gives a
probability to patterns of hidden units, such as "this chord, that spacing"; the lower one turns a pattern into notes. A
recurrent network reads the frames so far and moves the biases of both.

It is trained layer by layer: first the lower machine alone, which is an RNN-RBM; then the upper one, which starts as
the lower one turned over, on the patterns that the lower one finds; then both together. To draw a frame, the upper
machine takes a chain of Gibbs sampling, and the pattern it ends in becomes notes. The likelihood is a lower
bound, which rests on an estimate by annealed importance sampling.

Sources: Hinton, Osindero, Teh, Neural Computation 2006; Goel, Vohra, Sahoo, ICANN 2014 (RNN-DBN); Vohra, Goel, Sahoo,
2015 (DBN-LSTM).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zoo.evaluation.estimators import BoundedDBN
from zoo.layers.dbn import DBN, LOWER, TOGETHER, UPPER
from zoo.layers.rbm import RBM
from zoo.models._frames import PAPER_ROLL
from zoo.models._rbm import RBMModel
from zoo.training.hyperparameters import option, trained


@dataclass(kw_only=True)
class RNNDBN(RBMModel):
    """RNN-DBN over piano rolls."""

    extra: int = option(0, "hidden units of the upper machine beyond as many as there are bits", low=0, high=65_536)
    lower_share: float = trained(0.6, "share of the training that trains the lower machine alone", low=0, high=1)
    upper_share: float = trained(0.1, "share of it after that, for the upper machine alone", low=0, high=1)

    presets: ClassVar = {
        "smoke": dict(
            hidden=12, units=(12,), gibbs_steps=2, sample_steps=5, epochs=3, updates=200, chunk=32, steps_per_beat=2,
            lower_share=0.33, upper_share=0.33, pretrain_epochs=1,
        ),
        "tuned": dict(
            hidden=96, units=(128,), steps_per_beat="auto", low="auto", high="auto", cell="lstm", dropout=0.1,
            gibbs_steps=10, sample_steps=200, epochs=100_000, updates=5220, batch=8, chunk=48,
            learning_rate=5e-3, schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            hidden=128, units=(160,), steps_per_beat="auto", low=21, high=108, cell="lstm", dropout=0.3,
            transpose=5, gibbs_steps=10, sample_steps=1000, epochs=100_000, updates=12_000, batch=8, chunk=48,
            learning_rate=5e-3, schedule="cosine", clip_norm=1.0, anneal_steps=400,
        ),
        "paper": PAPER_ROLL | dict(
            hidden=150, units=(100,), batch=16, epochs=100_000, updates=4000, learning_rate=1e-3, clip_norm=1.0,
            pretrain_epochs=20, anneal_frames=0, anneal_steps=500, anneal_twice=True,
        ),
        "best": PAPER_ROLL | dict(
            hidden=192, units=(256,), cell="lstm", dropout=0.4, relative=32, transpose=6, weight_scale=0.1,
            gibbs_steps=10, batch=16, epochs=100_000, updates=5000, learning_rate=1.5e-2, schedule="cosine",
            clip_norm=1.0, keep="last", anneal_frames=0, anneal_steps=500, anneal_chains=20, anneal_twice=True,
        ),
    }  # fmt: skip

    def make_distribution(self) -> DBN:
        return DBN(self.hidden, self.extra, **self.machine_options(), name="dbn")

    def first_machine(self) -> RBM:
        return self.distribution.lower

    def kind(self) -> str:
        return BoundedDBN.kind

    def stage(self, share: float) -> str:
        """What is trained when that share of the training is behind."""
        if share < self.lower_share:
            return LOWER
        return UPPER if share < self.lower_share + self.upper_share else TOGETHER

    def begin_epoch(self, share: float, earlier: float | None) -> None:
        stage = self.stage(share)
        if self.distribution.stage != stage:
            self.distribution.stage, self.conditioned.frozen = stage, stage == UPPER
            self.network.make_train_function(force=True)
        if earlier is not None and self.stage(earlier) != stage:  # what the optimizer remembers is of other gradients
            for variable in self.network.optimizer.variables:
                if variable is not self.network.optimizer._learning_rate:
                    variable.assign(np.zeros(variable.shape))

    def end_epoch(self) -> None:
        if self.distribution.stage == LOWER:  # the upper machine follows, so that the whole network is judged and kept
            self.distribution.unroll(self.conditioned.W_u)

    def estimator(self, thorough: bool) -> BoundedDBN:
        return BoundedDBN(dbn=self.distribution, **self.annealing(thorough))
