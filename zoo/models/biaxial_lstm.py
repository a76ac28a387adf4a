"""Frames of a piano roll by one network that stands at every pitch: along time, then along pitch.

The music is cut into frames as for the RNN-RBM: a frame says of every pitch whether it sounds and whether it is struck.

At every pitch stands the same network, with the same weights. Along time, an LSTM reads what sounded there and around
it, in semitones from that pitch and as pitch classes, and the place in the bar. Along pitch, another LSTM goes from the
lowest pitch to the highest, reads what the first one says of each, and what has been decided below, and says whether
this pitch sounds. What is learnt in one key holds in all, and all pitches together are one large matrix product.

To draw a frame, the pitches are decided in that order, once. The likelihood is the product of the bits' probabilities,
exactly.

Sources: Johnson, "Composing music with recurrent neural networks", 2015; Johnson, "Generating polyphonic music using
tied parallel networks", EvoMUSART 2017 (BALSTM).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from zoo.evaluation.estimators import CompiledBits, ExactBits
from zoo.layers.biaxial import Biaxial
from zoo.layers.conditioned import Conditioned
from zoo.layers.mixture import Ensemble
from zoo.layers.pitch_axis import PitchAxis
from zoo.models._frames import PAPER_ROLL, SIXTEENTHS_ROLL, FrameModel, FrameReader
from zoo.training.hyperparameters import among, option, trained

READER_STEPS = 32  # at a time: a frame is a row for every pitch, and padding costs as much as music


@dataclass(kw_only=True)
class BiaxialLSTM(FrameModel):
    """A biaxial LSTM over piano rolls."""

    hidden: int = option(
        48, "units at every pitch that read what is decided below it", low=1, high=65_536, search=among(32, 48, 64)
    )
    units: tuple[int, ...] = option(
        (48,), "units of each layer along time, at every pitch", low=1, high=65_536, search=among((32,), (48,), (64,))
    )
    cell: str = option("lstm", "cell of the layers along time", choices=("tanh", "lstm", "gru"))
    relative: int = option(48, "units at every pitch that read the last frames", low=1, high=4096)
    pitch_units: tuple[int, ...] = option((32,), "units of each LSTM along pitch", low=1, high=65_536)
    clock_beats: int = option(
        4, "beats of the clock that the network reads, to know its place in the bar; 0 is no clock", low=0, high=64
    )

    input_dropout: float = trained(
        0.0, "share of the bits of the last frames that are dropped in training before they are read", low=0, high=0.99
    )
    members: int = option(
        1, "networks whose mean is taken frame by frame, every second one from the highest pitch down", low=1, high=32
    )

    presets: ClassVar = {
        "smoke": dict(
            hidden=8, units=(12,), relative=8, pitch_units=(6,), reach=12, epochs=2, updates=100, chunk=32,
            steps_per_beat=2,
        ),
        "tuned": dict(
            steps_per_beat="auto", low="auto", high="auto", dropout=0.2, epochs=100_000, updates=1300, patience=20,
            batch=4, chunk=48, learning_rate=8e-3, schedule="cosine", clip_norm=1.0,
        ),
        "studio": dict(
            relative=64, reach=36, units=(128,), hidden=64, pitch_units=(64,), steps_per_beat="auto", low=21, high=108,
            dropout=0.3, transpose=5, epochs=100_000, updates=4000, patience=60, batch=4, chunk=48, learning_rate=6e-3,
            schedule="cosine", clip_norm=1.0,
        ),
        "blog": dict(
            relative=80, reach=12, memory=1, units=(300, 300), hidden=100, pitch_units=(100, 50), dropout=0.5,
            optimizer="adadelta", learning_rate=1.0, batch=10, chunk=128, epochs=100_000, updates=10_000,
        ),
        "paper": PAPER_ROLL | dict(
            relative=80, reach=12, memory=1, units=(300, 300), hidden=100, pitch_units=(100, 50), dropout=0.5,
            batch=8, chunk=64, epochs=100_000, updates=400, learning_rate=2e-3, clip_norm=1.0,
        ),
        "best": PAPER_ROLL | dict(
            relative=64, reach=36, units=(128,), hidden=96, pitch_units=(64,), members=2, clock_beats=8, dropout=0.3,
            transpose=5, batch=4, chunk=64, epochs=19, updates=4500, learning_rate=6e-3, schedule="cosine",
            clip_norm=1.0,
        ),
        "sixteenths": SIXTEENTHS_ROLL | dict(
            relative=64, reach=36, units=(128,), hidden=64, pitch_units=(64,), dropout=0.35, transpose=5, batch=4,
            chunk=64, epochs=100_000, updates=6000, learning_rate=6e-3, schedule="cosine", clip_norm=1.0,
        ),
    }  # fmt: skip

    def make_distribution(self) -> PitchAxis:
        return PitchAxis(
            self.units[-1], self.hidden, self.pitch_units, self.dropout, self.at_every_pitch(), name="pitch_axis"
        )

    def make_conditioned(self) -> Conditioned:
        def one(name: str) -> Biaxial:
            return Biaxial(
                self.make_distribution(),
                self.units,
                self.cell,
                self.dropout,
                self.places,
                self.input_dropout,
                name=name,
            )

        name = self.model_name()
        if self.members == 1:
            return one(name)
        return Ensemble([one(f"{name}_{index}") for index in range(self.members)], name=name)

    @property
    def places(self) -> int:
        """Frames after which the place in the bar begins anew; 0 without a clock."""
        steps = self.clock_beats * self.grid
        return steps // math.gcd(steps, self.steps_per_frame)

    @property
    def sequence(self) -> int:
        whole = max(self.places, 1)  # a training sequence begins with the clock
        return max(self.chunk // whole, 1) * whole

    @property
    def reader(self) -> FrameReader:
        return self._helper("read", FrameReader, self.conditioned, READER_STEPS)

    def kind(self) -> str:
        return ExactBits.kind

    def estimator(self, thorough: bool) -> ExactBits:
        compiled = self._helper("pitch_axis", CompiledBits, self.distribution)
        return ExactBits(compiled, self.seed) if thorough else ExactBits(compiled, self.seed, draws=1)
