"""Models that read and draw one symbol after another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import keras
import numpy as np

from zoo._errors import UserError
from zoo.codecs import Line, SymbolCodec
from zoo.codecs.given import Given
from zoo.codecs.rules import Rules
from zoo.evaluation.likelihood import Evaluation, of_symbols
from zoo.layers.dropout import Dropout
from zoo.layers.recurrent import LSTM
from zoo.layers.stepwise import make_sampler
from zoo.layers.symbols import SymbolClock, SymbolSampler
from zoo.models._base import MusicModel
from zoo.models._contexts import SymbolContext
from zoo.models._song_context import SongContext
from zoo.models._stepping import State, Stepper, draw_given, search
from zoo.models._window_context import WindowContext
from zoo.training.hyperparameters import CHUNKS, option, trained
from zoo.training.loop import Batches

SymbolCodecT = TypeVar("SymbolCodecT", bound=SymbolCodec)
CONTEXTS = ("song", "window")
SAMPLER_STEPS = 128
SONGS_AT_ONCE = 64


def lstms(units: Sequence[int], dropout: float) -> list[keras.Layer]:
    """LSTM layers on top of each other, each with dropout behind it.

    Args:
        units: of each, from bottom to top.
        dropout: share of the outputs dropped in training.
    """
    return [layer for size in units for layer in (LSTM(size, return_sequences=True), Dropout(dropout))]


@dataclass(kw_only=True)
class SymbolModel(MusicModel[SymbolCodecT]):
    """A recurrent network over symbols. A subclass gives the codec and `layers`, from ids (batch, time) to logits."""

    context: str = trained("song", "train every position of a song, or windows → the next symbol", choices=CONTEXTS)
    window: int = trained(20, "symbols in a window", low=1, high=10_000)
    chunk: int = trained(128, "symbols of a song in one training sequence", low=1, high=100_000, search=CHUNKS)
    clock_beats: int = option(
        0, "beats of the clock that the network reads, to know its place in the bar; 0 is no clock", low=0, high=64
    )

    def layers(self, size: int) -> list[keras.Layer]:
        """The network: layers from ids (batch, time) to logits (batch, time, size); recurrent ones return sequences."""
        raise NotImplementedError

    @property
    def clock(self) -> int:
        """Grid steps of the clock; 1 is none."""
        return max(1, self.clock_beats * self.grid)

    @property
    def sequence_context(self) -> SymbolContext:
        """What of a piece the network sees."""
        clock = SymbolClock(self.codec.size, self.clock)
        if self.context == "song":
            return SongContext(self.codec, clock, self.chunk, self.rules)
        return WindowContext(self.codec, clock, self.window)

    @property
    def rules(self) -> Rules | None:
        """The representation's rules of what may follow what, if the network follows them; a window knows no state."""
        return self.codec.rules if self.context == "song" else None

    # Training.

    def build(self) -> keras.Model:
        if not self.codec.advance.any():
            raise UserError(
                "the training music takes no time: every note is shorter than a grid step; raise `steps_per_beat`."
            )
        return self.sequence_context.build(self.layers(self.codec.size))

    def check_network(self) -> None:
        self.sequence_context.check(self.network)

    def loss(self) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def metrics(self) -> list:
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def batches(self, lines: list[Line], rng: np.random.Generator) -> Batches:
        return self.sequence_context.batches(lines, self.batch, rng)

    # Likelihood.

    def log_probabilities(self, codes: np.ndarray) -> np.ndarray:
        """The log p of every known symbol at every step, given the codes before it.

        Args:
            codes: (steps,).

        Returns:
            (steps, size).
        """
        return self.sequence_context.log_probabilities(self.network, codes)

    @property
    def reader(self) -> keras.Model:
        """The network, compiled to read music."""
        return self._helper("read", self.sequence_context.make_reader, self.network)

    def evaluate(self, lines: list[Line], thorough: bool = True) -> Evaluation:
        return of_symbols(self.codec, lines, self.sequence_context.read(self.reader, lines))

    # Sampling.

    def temperatures(self, rng: np.random.Generator, steps: int) -> np.ndarray | float:
        """The model's own temperature at each of `steps` steps, when no other is set."""
        return 1.0

    def generate(
        self, count: int, steps: int, temperature: float | None, top_p: float, primers: list[Line] | None, seed: int
    ) -> list[np.ndarray]:
        pieces = []
        for first in range(0, count, SONGS_AT_ONCE):
            rows = range(first, min(first + SONGS_AT_ONCE, count))
            primer_codes = [primers[row].codes for row in rows] if primers else None
            rngs = [np.random.default_rng([seed, row]) for row in rows]  # the first of many songs are the few
            pieces += self._roll_out(rngs, steps, temperature, top_p, primer_codes)
        return pieces

    def _roll_out(
        self,
        rngs: list[np.random.Generator],
        steps: int,
        temperature: float | None,
        top_p: float,
        primer_codes: list[np.ndarray] | None,
    ) -> list[np.ndarray]:
        """Codes of one new piece for each generator, going on from the codes of a primer each, if there are."""
        sampler, size = self._helper("sample", self._make_sampler, top_p), self.codec.size
        time, used = np.zeros((2, len(rngs), 1), np.float32)
        if primer_codes:
            time[:, 0] = [self.codec.times(codes)[-1] % self.bar for codes in primer_codes]
        memory = [*self._memory(len(rngs), primer_codes), time, used]
        codes = np.zeros((len(rngs), 0), np.int32)
        most = (steps // self.grid + 2) * (self.codec.most_per_beat + 1) + SAMPLER_STEPS
        while codes.shape[1] < most:
            noise = np.empty((len(rngs), SAMPLER_STEPS, size + 1), np.float32)
            for row, rng in enumerate(rngs):
                exponential = rng.standard_exponential((SAMPLER_STEPS, size), np.float32)  # zero now and then
                gumbel = -np.log(np.maximum(exponential, np.finfo(np.float32).tiny))
                own = self.temperatures(rng, SAMPLER_STEPS)
                noise[row, :, size] = own if temperature is None else temperature
                noise[row, :, :size] = gumbel * noise[row, :, size:]
            drawn, *memory = sampler.predict_on_batch([noise, *memory])
            codes = np.concatenate([codes, np.asarray(drawn)[..., 0].astype(np.int32)], axis=1)
            begins = np.stack([self.codec.times(row) for row in codes])
            if (begins[:, -1] >= steps).all():
                return [row[begin[:-1] < steps] for row, begin in zip(codes, begins, strict=True)]
        raise UserError(f"{self.model_name()} gives no probabilities: its weights are too large; train it anew.")

    def _memory(self, count: int, primer_codes: list[np.ndarray] | None) -> list[np.ndarray]:
        """What a step of the network remembers before the first new symbol of so many pieces."""
        if primer_codes:
            return self.sequence_context.memory(self.reader, primer_codes)
        return self.sequence_context.empty_memory(self.network, count)

    def _state(self, count: int, primer_codes: list[np.ndarray] | None = None) -> State:
        return State(self._memory(count, primer_codes), *np.zeros((2, count), np.int64))

    @property
    def stepper(self) -> Stepper:
        """One step of the network, compiled."""
        return self._helper("step", lambda: Stepper(self))

    def search(self, count: int, steps: int, beams: int, primers: list[Line] | None) -> list[np.ndarray]:
        ranked: dict[int, Iterator[np.ndarray]] = {}  # of each primer; pieces that go on from one take them in turn
        pieces = []
        lines: list[Line | None] = [*primers] if primers else [None] * count
        for line in lines:
            if id(line) not in ranked:
                primer = [line.codes] if line else None
                offset = self.codec.end(line.codes) if line else 0
                found = search(self.stepper, self._state(1, primer), offset, steps, beams)
                ranked[id(line)] = itertools.cycle(found)
            pieces.append(next(ranked[id(line)]))
        return pieces

    def generate_given(self, count: int, given: Given, temperature: float | None, seed: int) -> list[np.ndarray]:
        def heat(rng: np.random.Generator) -> np.ndarray | float:
            return self.temperatures(rng, 1) if temperature is None else temperature

        pieces = []
        for first in range(0, count, SONGS_AT_ONCE):
            rngs = [np.random.default_rng([seed, row]) for row in range(first, min(first + SONGS_AT_ONCE, count))]
            pieces += draw_given(self.stepper, self._state(len(rngs)), given, heat, rngs)
        return pieces

    @property
    def bar(self) -> int:
        """Grid steps after which a sampler's time begins anew: those of the clock, or of a beat."""
        return self.clock if self.clock > 1 else self.grid

    def _make_sampler(self, top_p: float) -> keras.Model:
        """Noise (batch, SAMPLER_STEPS, size + 1) and memory → codes (batch, SAMPLER_STEPS, 1) and memory."""
        codec = self.codec
        cell = SymbolSampler(
            self.sequence_context.step(self.network),
            codec.advance,
            codec.as_input[: codec.size],
            self.grid,
            codec.most_per_beat,
            self.clock,
            top_p,
        )
        return make_sampler(cell, SAMPLER_STEPS, codec.size + 1)
