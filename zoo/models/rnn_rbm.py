"""Frames of a piano roll, each drawn from a restricted Boltzmann machine whose biases a recurrent network sets.

The music is cut into frames; a frame says of every pitch whether it sounds (and, in the blog's form and ours,
whether it is struck), so any number of voices fits. In the blog's form one frame holds five time steps.

A restricted Boltzmann machine (RBM) gives a probability to every possible frame: it knows which notes go together. A
recurrent network reads the frames so far and moves the machine's biases, so that the chord it favours fits what came
before. The biases of a frame come from the frames before it only; the published code let them see the frame itself.

To draw a frame, hidden and visible units are drawn in turn (Gibbs sampling), twenty-five times in the published form
and two hundred times in ours, and what is visible then is the next frame. The likelihood is an estimate by annealed
importance sampling.

Sources: Boulanger-Lewandowski, Bengio, Vincent, ICML 2012, and the first author's Theano tutorial; D. Shiebler's
Music_RNN_RBM (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.evaluation.estimators import AnnealedRBM
from zoo.layers.rbm import RBM
from zoo.models._frames import PAPER_ROLL
from zoo.models._rbm import RBMModel


@dataclass(kw_only=True)
class RNNRBM(RBMModel):
    """RNN-RBM over piano rolls."""

    presets: ClassVar = {
        "smoke": dict(
            hidden=12, units=(12,), gibbs_steps=2, sample_steps=5, epochs=2, updates=200, chunk=32, steps_per_beat=2,
            pretrain_epochs=1,
        ),
        "blog": dict(
            steps_per_frame=5, epochs=100, optimizer="sgd", learning_rate=0.01, clip_value=10.0, pretrain_epochs=100,
            batch=1, anneal_frames=0, anneal_steps=500,
        ),
        "tutorial": dict(
            low=21, high=108, struck=False, hidden=150, units=(100,), epochs=200, optimizer="sgd", learning_rate=0.001,
            batch=1, chain_start="zeros",
        ),
        "tuned": dict(
            hidden=96, units=(128,), steps_per_beat="auto", low="auto", high="auto", cell="lstm", dropout=0.1,
            relative=16, gibbs_steps=10, sample_steps=200, quick_frames=800, epochs=100_000, updates=5220, patience=20,
            batch=3, chunk=144, learning_rate=5e-3, schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            hidden=128, units=(160,), steps_per_beat="auto", low=21, high=108, cell="lstm", dropout=0.3,
            transpose=5, gibbs_steps=10, sample_steps=1000, epochs=100_000, updates=12_000, patience=60, batch=8,
            chunk=48, learning_rate=5e-3, schedule="cosine", clip_norm=1.0, anneal_steps=400,
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

    def make_distribution(self) -> RBM:
        return RBM(self.hidden, **self.machine_options(), name="rbm")

    def first_machine(self) -> RBM:
        return self.distribution

    def kind(self) -> str:
        return AnnealedRBM.kind

    def estimator(self, thorough: bool) -> AnnealedRBM:
        return AnnealedRBM(rbm=self.distribution, **self.annealing(thorough))
