"""Models whose frames are drawn by Gibbs chains of restricted Boltzmann machines."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from zoo._errors import UserError
from zoo.codecs import Line
from zoo.evaluation.annealing import CHAINS
from zoo.layers.rbm import RBM
from zoo.models._frames import FrameLoss
from zoo.models._pretraining import BiasesModel
from zoo.training import loop
from zoo.training.hyperparameters import measured, option, trained

QUICK = (50, 5)  # temperatures, chains: for every epoch
PRETRAINING_BATCH = 100


@dataclass(kw_only=True)
class RBMModel(BiasesModel):
    """Frames by Gibbs chains; likelihood by annealed importance sampling."""

    gibbs_steps: int = trained(15, "Gibbs steps in training (k of CD-k)", low=1, high=1000)
    sample_steps: int = option(25, "Gibbs steps for each frame drawn", low=1, high=10_000)
    chain_start: str = option(
        "previous", "where the chain of a drawn frame starts", choices=("previous", "zeros", "annealed")
    )
    weight_scale: float = trained(0.01, "standard deviation of the initial weights of a machine", low=0, high=10)
    anneal_steps: int = measured(
        75, "temperatures of annealed importance sampling; too few overestimate likelihood", low=2, high=1_000_000
    )
    anneal_chains: int = measured(10, "chains of annealed importance sampling, a multiple of five", low=5, high=10_000)
    anneal_twice: bool = measured(False, "measure once more with twice the temperatures, to see if they are enough")
    anneal_frames: int = measured(
        20_000,
        "frames at most, at even distances, that stand for all where music is scored; 0 is all",
        low=0,
        high=10**9,
    )
    quick_frames: int = option(80, "frames of validation music by which every epoch is judged", low=1, high=10**9)
    pretrain_epochs: int = trained(0, "epochs of CD-1 that train one RBM on single frames first", low=0, high=100_000)
    pretrain_rate: float = trained(0.01, "learning rate of pretraining", low=1e-9, high=1e3)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.anneal_chains % CHAINS:
            raise UserError(f"`anneal_chains` must be a multiple of {CHAINS}, not {self.anneal_chains}.")

    def first_machine(self) -> RBM:
        """The machine that single frames train first."""
        raise NotImplementedError

    def machine_options(self) -> dict:
        """Arguments of an RBM."""
        return {
            "gibbs_steps": self.gibbs_steps,
            "sample_steps": self.sample_steps,
            "chain_start": self.chain_start,
            "relative": self.at_every_pitch(),
            "weight_scale": self.weight_scale,
        }

    def prepare(self, lines: list[Line]) -> None:
        """Start the biases at each unit's share of ones, then pretrain one RBM on single frames."""
        super().prepare(lines)
        if not self.pretrain_epochs:
            return
        rbm, inputs = self.first_machine(), keras.Input((self.codec.bits,))
        single = keras.Model(inputs, rbm(inputs))
        single.compile(keras.optimizers.SGD(self.pretrain_rate), FrameLoss(rbm, gibbs_steps=1))
        frames = np.concatenate([line.codes for line in lines]).astype(np.float32)
        for epoch in range(self.pretrain_epochs):
            loop.reseed(single, self.seed, epoch)
            order = np.random.default_rng([self.seed, epoch]).permutation(len(frames))
            for first in range(0, len(frames), PRETRAINING_BATCH):
                picked = frames[np.resize(order[first : first + PRETRAINING_BATCH], PRETRAINING_BATCH)]
                single.train_on_batch(picked, picked)

    def annealing(self, thorough: bool) -> dict:
        """Arguments of an estimator that anneals."""
        temperatures, chains = (self.anneal_steps, self.anneal_chains) if thorough else QUICK
        return {
            "temperatures": temperatures,
            "chains": chains,
            "seed": self.seed,
            "most": (self.anneal_frames or None) if thorough else self.quick_frames,
            "twice": thorough and self.anneal_twice,
        }
