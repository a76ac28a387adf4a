"""Frames of a piano roll, each drawn bit by bit from a NADE whose biases a recurrent network sets.

The music is cut into frames as for the RNN-RBM: a frame says of every pitch whether it sounds and whether it is struck.

A neural autoregressive distribution estimator (NADE) goes through the bits of a frame from the lowest pitch to the
highest and gives each a probability that depends on those before it: with a C and an E in the bass, a G above is
likely. A recurrent network reads the frames so far and moves the biases, so that the chord fits what came before.

In our tuned form every pitch has a few hidden units of its own besides, which hear the last frames and the bits before
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

import keras
import numpy as np

from zoo.evaluation.likelihood import EXACT
from zoo.layers.frames import Method
from zoo.layers.nade import NADE
from zoo.models._frames import PAPER_ROLL, FrameModel, Measured

DRAWS = 5  # of each frame, for the expected accuracy
AT_ONCE = 1024  # frames


@dataclass(kw_only=True)
class RNNNADE(FrameModel):
    """RNN-NADE over piano rolls."""

    presets: ClassVar = {
        "smoke": dict(hidden=12, units=(12,), epochs=2, updates=200, chunk=32, steps_per_beat=2),
        "tuned": dict(
            hidden=64, units=(96,), steps_per_beat="auto", low="auto", high="auto", cell="lstm", dropout=0.2,
            relative=16, epochs=100_000, updates=2810, patience=20, batch=8, chunk=48, learning_rate=8e-3,
            schedule="cosine", clip_norm=1.0,
        ),
        "paper": PAPER_ROLL | dict(
            hidden=150, units=(100,), batch=16, epochs=100_000, updates=4000, learning_rate=1e-3, clip_norm=1.0,
        ),
        "best": PAPER_ROLL | dict(
            hidden=128, units=(256,), cell="lstm", dropout=0.35, relative=48, transpose=6, batch=16, epochs=100_000,
            updates=5000, learning_rate=6e-3, schedule="cosine", clip_norm=1.0,
        ),
    }  # fmt: skip

    def make_distribution(self) -> NADE:
        return NADE(self.hidden, self.dropout, self.at_every_pitch(), name="nade")

    def kind(self) -> str:
        return EXACT

    def measure(self, frames, parameters, thorough) -> Measured:
        targets, draws = self.distribution.targets(frames), DRAWS if thorough else 1
        score = self._helper("score", self._make_method, "loss", targets.shape[-1])
        draw = self._helper("draw", self._make_method, "draw", None)
        log_p, drawn = np.empty(len(frames)), np.empty((draws, *frames.shape), np.uint8)
        rng, silence = np.random.default_rng(self.seed), np.zeros((AT_ONCE, self.codec.bits), np.float32)
        for first in range(0, len(frames), AT_ONCE):
            rows = np.arange(first, first + AT_ONCE) % len(frames)  # one shape, one compilation
            kept = rows[: len(frames) - first]
            log_p[kept] = -np.asarray(score.predict_on_batch([targets[rows], parameters[rows]]))[: len(kept)]
            for index in range(draws):
                uniform = rng.random(silence.shape, np.float32)
                found = draw.predict_on_batch([silence, parameters[rows], uniform, np.ones((AT_ONCE, 1), np.float32)])
                drawn[index, kept] = np.asarray(found)[: len(kept)]
        return Measured(log_p, float(-log_p.mean()), drawn)

    def _make_method(self, method: str, on: int | None) -> keras.Model:
        """`loss` of frames with at most `on` bits, or `draw`, compiled."""
        bits, parameters = self.codec.bits, keras.Input((sum(self.distribution.sizes),))
        if method == "loss":
            inputs = [keras.Input((on,), dtype="int32"), parameters]
        else:
            inputs = [keras.Input((bits,)), parameters, keras.Input((bits,)), keras.Input((1,))]
        compiled = keras.Model(inputs, Method(self.distribution, method)(inputs))
        compiled.compile(jit_compile=True)
        return compiled
