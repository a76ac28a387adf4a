"""Frames of a piano roll, each drawn bit by bit from a NADE whose biases a recurrent network sets.

The music is cut into frames as for the RNN-RBM: a frame says of every pitch whether it sounds and whether it is struck.

A neural autoregressive distribution estimator (NADE) goes through the bits of a frame from the lowest pitch to the
highest and gives each a probability that depends on those before it: with a C and an E in the bass, a G above is
likely. A recurrent network reads the frames so far and moves the biases, so that the chord fits what came before.

In our tuned form every pitch has a few hidden units of its own besides, which read the last frames and the bits before
theirs in semitones from that pitch, and which all pitches share: that a fifth above a held bass is likely is then
learnt once, not in every key anew.

To draw a frame, the bits are drawn in that order, once; nothing has to settle. The likelihood is the product of the
bits' probabilities, exactly.

Sources: Boulanger-Lewandowski, Bengio, Vincent, ICML 2012, section 5 (RNN-NADE); Larochelle and Murray, AISTATS 2011;
Johnson, EvoMUSART 2017 (weights that all pitches share).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.evaluation.estimators import CompiledBits, ExactBits
from zoo.layers.nade import NADE
from zoo.models._frames import PAPER_ROLL, SIXTEENTHS_ROLL
from zoo.models._pretraining import BiasesModel


@dataclass(kw_only=True)
class RNNNADE(BiasesModel):
    """RNN-NADE over piano rolls."""

    compiled: ClassVar = False
    presets: ClassVar = {
        "smoke": dict(hidden=12, units=(12,), epochs=2, updates=200, chunk=32, steps_per_beat=2),
        "tuned": dict(
            hidden=64, units=(96,), steps_per_beat="auto", low="auto", high="auto", cell="lstm", dropout=0.2,
            relative=16, epochs=100_000, updates=2810, patience=20, batch=3, chunk=144, learning_rate=8e-3,
            schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            hidden=96, units=(160,), steps_per_beat="auto", low=21, high=108, cell="lstm", dropout=0.35, relative=24,
            transpose=5, epochs=100_000, updates=5000, patience=60, batch=8, chunk=48, learning_rate=6e-3,
            schedule="cosine", clip_norm=1.0,
        ),
        "paper": PAPER_ROLL | dict(
            hidden=150, units=(100,), batch=16, epochs=100_000, updates=4000, learning_rate=1e-3, clip_norm=1.0,
        ),
        "best": PAPER_ROLL | dict(
            hidden=128, units=(256,), cell="lstm", dropout=0.35, relative=48, transpose=6, batch=16, epochs=100_000,
            updates=5000, learning_rate=6e-3, schedule="cosine", clip_norm=1.0,
        ),
        "sixteenths": SIXTEENTHS_ROLL | dict(
            hidden=96, units=(192,), cell="lstm", dropout=0.35, relative=48, transpose=5, batch=4, chunk=96,
            epochs=100_000, updates=8000, learning_rate=6e-3, schedule="cosine", clip_norm=1.0,
        ),
    }  # fmt: skip

    def make_distribution(self) -> NADE:
        return NADE(self.hidden, self.dropout, self.at_every_pitch(), name="nade")

    def kind(self) -> str:
        return ExactBits.kind

    def estimator(self, thorough: bool) -> ExactBits:
        compiled = self._helper("nade", CompiledBits, self.distribution)
        return ExactBits(compiled, self.seed) if thorough else ExactBits(compiled, self.seed, draws=1)
