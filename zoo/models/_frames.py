"""Models that read and draw one frame of a piano roll after another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import keras
import numpy as np

from zoo._cores import cores
from zoo._errors import UserError
from zoo.codecs import AUTO, Line, RollCodec
from zoo.codecs.given import Given
from zoo.codecs.roll import HIGH, LOW
from zoo.evaluation.estimators import Estimator, estimate
from zoo.evaluation.likelihood import Evaluation
from zoo.layers.conditioned import CELLS, Conditioned, FrameSampler, Reader
from zoo.layers.frames import FrameDistribution
from zoo.layers.relative import Relative
from zoo.layers.stepwise import make_sampler
from zoo.layers.tensors import Tensor
from zoo.models._base import MusicModel
from zoo.models._requests import Request
from zoo.training.hyperparameters import CHUNKS, DROPOUTS, WIDTHS, among, option, trained, written
from zoo.training.loop import Batch, Batches

READER_STEPS = 128
READER_BATCH = 16
SAMPLER_STEPS = 16
SONGS_AT_ONCE = 5  # by one core
SORTED_BATCHES = 8  # so many batches are sorted by length at a time
# Of Boulanger-Lewandowski et al. 2012: the keys of a piano, one frame a quarter note.
PAPER_ROLL = {"low": 21, "high": 108, "struck": False, "steps_per_beat": 1}
SIXTEENTHS_ROLL = PAPER_ROLL | {"steps_per_beat": 4}  # of Huang et al. 2018: what sounds at every sixteenth


@dataclass(kw_only=True)
class FrameModel(MusicModel[RollCodec]):
    """A sequence of distributions over frames, whose parameters come from a recurrent network."""

    low: int | str = written(
        LOW, "lowest MIDI pitch of the roll; auto takes the music's", low=0, high=127, words=(AUTO,)
    )
    high: int | str = written(
        HIGH, "highest MIDI pitch of the roll; auto takes the music's", low=0, high=127, words=(AUTO,)
    )
    struck: bool = written(True, "a second bit for each pitch marks its onsets: struck, not held")
    steps_per_frame: int = written(1, "grid steps in one frame", low=1, high=1000)
    chunk: int = trained(100, "frames of a song in one training sequence", low=2, high=100_000, search=CHUNKS)
    hidden: int = option(
        50, "hidden units of the distribution of one frame", low=1, high=65_536, search=among(48, 64, 96, 150)
    )
    units: tuple[int, ...] = option((100,), "recurrent units of each layer", low=1, high=65_536, search=WIDTHS)
    cell: str = option("tanh", "cell of the recurrent network", choices=tuple(CELLS))
    dropout: float = trained(0.0, "share of the recurrent state dropped in training", low=0, high=0.99, search=DROPOUTS)

    relative: int = option(
        0, "units at every pitch that read the others, in semitones from it; 0 is none", low=0, high=4096
    )
    reach: int = option(24, "semitones that those units read, up and down", low=1, high=127)
    memory: int = option(2, "frames before that those units read", low=1, high=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if AUTO not in (self.low, self.high) and int(self.low) > int(self.high):
            raise UserError(f"`low` must be at most `high`, which is {self.high}, not {self.low}.")

    # What a model says of itself.

    def make_distribution(self) -> FrameDistribution:
        """The distribution of one frame."""
        raise NotImplementedError

    def make_conditioned(self) -> Conditioned:
        """The network's only layer: it reads frames, and sets the parameters of the distribution of the next one."""
        distribution = self.make_distribution()
        return Conditioned(distribution, self.units, self.cell, self.dropout, name=self.model_name())

    @property
    def sequence(self) -> int:
        """Frames of a song in one training sequence."""
        return self.chunk

    def kind(self) -> str:
        """What its likelihood is: exact, an estimate or a bound."""
        raise NotImplementedError

    def estimator(self, thorough: bool) -> Estimator:
        """What measures frames under that distribution; not `thorough`, it may be cheaper, for every epoch."""
        raise NotImplementedError

    def at_every_pitch(self) -> Relative:
        """The units at every pitch, for `make_distribution`."""
        return Relative(self.relative, self.reach, self.memory, self.codec.pitches)

    # The representation.

    def make_codec(self) -> RollCodec:
        return RollCodec(
            steps_per_beat=self.steps_per_beat,
            low=self.low,
            high=self.high,
            struck=self.struck,
            steps_per_frame=self.steps_per_frame,
        )

    def pitch_range(self) -> tuple[int, int]:
        low, high = (self.low, self.high) if self._codec is None else (self._codec.low, self._codec.high)
        # Until the music has decided, all there are.
        return 0 if low == AUTO else int(low), 127 if high == AUTO else int(high)

    # Training.

    def build(self) -> keras.Model:
        frames = keras.Input((None, self.codec.bits), name="frames")
        return keras.Model(frames, self.make_conditioned()(frames))

    @property
    def conditioned(self) -> Conditioned:
        """The network's only layer."""
        return self.network.layers[-1]

    @property
    def distribution(self) -> FrameDistribution:
        """The distribution of one frame, inside the network."""
        return self.conditioned.distribution

    def loss(self) -> FrameLoss:
        return FrameLoss(self.distribution)

    def prepare(self, lines: list[Line]) -> None:
        """Start the biases at each unit's share of ones."""
        frames = np.concatenate([line.codes for line in lines])
        self.distribution.start((frames.sum(0) + 0.5) / (len(frames) + 1))

    def batches(self, lines: list[Line], rng: np.random.Generator) -> Batches:
        return FrameBatches(self, lines, rng)

    # Likelihood.

    def evaluate(self, lines: list[Line], thorough: bool = True) -> Evaluation:
        estimator, read = self.estimator(thorough), self.reader.windows
        evaluation = estimate(estimator, lines, read)
        checks = {name: estimate(other, lines, read).details for name, other in estimator.checks().items()}
        return dataclasses.replace(evaluation, details=evaluation.details | checks)

    @property
    def reader(self) -> FrameReader:
        """The network, compiled to read music."""
        return self._helper("read", FrameReader, self.conditioned)

    # Sampling.

    def check_request(self, request: Request) -> None:
        super().check_request(request)
        if request.beams:
            raise UserError(f"`beams` is for models over symbols; {self.model_name()} draws frames: leave it out.")
        if request.top_p < 1:
            raise UserError(f"`top_p` is for models over symbols; {self.model_name()} draws frames: use `temperature`.")

    def generate(
        self, count: int, steps: int, temperature: float | None, top_p: float, primers: list[Line] | None, seed: int
    ) -> list[np.ndarray]:
        return self._draw(count, -(-steps // self.steps_per_frame), temperature, primers, seed)

    def generate_given(self, count: int, given: Given, temperature: float | None, seed: int) -> list[np.ndarray]:
        bits = self.codec.given(given)
        return self._draw(count, len(bits), temperature, None, seed, bits)

    def _draw(
        self,
        count: int,
        frames: int,
        temperature: float | None,
        primers: list[Line] | None,
        seed: int,
        given: np.ndarray | None = None,
    ) -> list[np.ndarray]:
        """Frames (frames, bits) of new pieces; of each frame some bits may be given, (frames, bits)."""
        sampler = self._helper("sample", self._make_sampler, given is not None)
        sampler.make_predict_function()  # threads would make one each
        groups = [range(first, first + SONGS_AT_ONCE) for first in range(0, count, SONGS_AT_ONCE)]
        # The last group is filled up: one shape, one compilation, and no song depends on how many there are.
        starts = [
            self._start([primers[min(row, count - 1)].codes for row in rows] if primers else None) for rows in groups
        ]

        def roll_out(rows: range, memory: list[np.ndarray]) -> list[np.ndarray]:
            rngs = [np.random.default_rng([seed, row]) for row in rows]
            return self._roll_out(sampler, rngs, frames, temperature, memory, given)

        # Under JAX, Keras lends a network's weights to one call at a time.
        with ThreadPoolExecutor(cores() if keras.backend.backend() == "tensorflow" else 1) as pool:
            pieces = [piece for group in pool.map(roll_out, groups, starts) for piece in group]
        return pieces[:count]

    def _start(self, primers: list[np.ndarray] | None) -> list[np.ndarray]:
        """The sampler's memory before the first frame of SONGS_AT_ONCE songs: the frames it looks back at, states."""
        back = self.conditioned.memory
        past = np.zeros((SONGS_AT_ONCE, back, self.codec.bits), np.float32)
        for row, codes in enumerate(primers or []):
            past[row, max(back - len(codes), 0) :] = codes[-back:]
        if primers:
            states = self.reader.states(primers)
        else:
            states = [np.asarray(state) for state in self.conditioned.initial_states(SONGS_AT_ONCE)]
        return [past.reshape(SONGS_AT_ONCE, -1), *states]

    def _roll_out(
        self,
        sampler: keras.Model,
        rngs: list[np.random.Generator],
        frames: int,
        temperature: float | None,
        memory: list[np.ndarray],
        given: np.ndarray | None,
    ) -> list[np.ndarray]:
        distribution, drawn = self.distribution, []
        width = distribution.noise if given is None else distribution.noise_given
        for begin in range(0, frames, SAMPLER_STEPS):
            noise = np.zeros((len(rngs), *sampler.inputs[0].shape[1:]), np.float32)
            for row, rng in enumerate(rngs):
                noise[row, :, :width] = rng.random((SAMPLER_STEPS, width), np.float32)
            noise[..., width] = 1.0 if temperature is None else temperature
            if given is not None:
                piece = given[begin : begin + SAMPLER_STEPS]
                noise[:, : len(piece), width + 1 :] = piece
            v, *memory = sampler.predict_on_batch([noise, *memory])
            drawn.append(np.asarray(v).astype(np.uint8))
        return list(np.concatenate(drawn, axis=1)[:, :frames])

    def _make_sampler(self, with_given: bool) -> keras.Model:
        cell = FrameSampler(self.conditioned, with_given)
        return make_sampler(cell, SAMPLER_STEPS, cell.input_size)


class FrameReader:
    """Reads whole frame sequences, some steps at a time, compiled once.

    Args:
        conditioned: the network's layer, built.
        steps: frames at a time; the state is carried on.
    """

    def __init__(self, conditioned: Conditioned, steps: int = READER_STEPS) -> None:
        self.conditioned, self.steps, self.bits = conditioned, steps, conditioned.distribution.visible
        frames = keras.Input((steps, self.bits))
        past = keras.Input((conditioned.memory, self.bits))
        mask = keras.Input((steps,), dtype="bool")
        states = [keras.Input((size,)) for size in conditioned.state_sizes]
        inputs = [frames, past, mask, *states]
        self.network = keras.Model(inputs, Reader(conditioned)(inputs))

    def parameters(self, sequences: list[np.ndarray]) -> list[np.ndarray]:
        """The parameters of every frame, all in memory; `windows` gives them bit by bit.

        Args:
            sequences: (frames, bits) each.

        Returns:
            (frames, parameters) for each.
        """
        whole = np.concatenate([window for _, window in self.windows(sequences)], axis=1)
        return [row[: len(codes)] for row, codes in zip(whole, sequences, strict=True)]

    def windows(self, sequences: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
        """The parameters of every frame, some steps of all sequences at a time.

        Args:
            sequences: (frames, bits) each.

        Yields:
            The first frame of a window, and (sequences, steps, parameters); anything where a sequence has ended.
        """
        for begin, parameters, _ in self._read(sequences):
            yield begin, parameters

    def states(self, sequences: list[np.ndarray]) -> list[np.ndarray]:
        """The states after each sequence, from u(0) on.

        Args:
            sequences: (frames, bits) each.

        Returns:
            (sequences, units) each.
        """
        *_, (_, _, states) = self._read(sequences)
        return states

    def _read(self, sequences: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray, list[np.ndarray]]]:
        steps = max(-(-len(codes) // self.steps) for codes in sequences) * self.steps
        batch, count = max(READER_BATCH, len(sequences)), len(sequences)  # few shapes, few compilations
        memory = self.conditioned.memory
        frames = np.zeros((batch, memory + steps, self.bits), np.uint8)  # silence before the first
        mask = np.zeros((batch, steps), bool)
        for row, codes in enumerate(sequences):
            frames[row, memory : memory + len(codes)], mask[row, : len(codes)] = codes, True
        states = [np.asarray(state) for state in self.conditioned.initial_states(batch)]
        for begin in range(0, steps, self.steps):
            window = frames[:, begin : begin + memory + self.steps].astype(np.float32)
            inputs = [window[:, memory:], window[:, :memory], mask[:, begin : begin + self.steps], *states]
            parameters, *states = self.network.predict_on_batch(inputs)
            yield begin, np.asarray(parameters)[:count], [state[:count] for state in states]


class FrameLoss(keras.losses.Loss):
    """A distribution's loss per frame, averaged over the frames that weigh something.

    Args:
        distribution: of one frame.
        **settings: arguments of its `loss` that are its own.
    """

    def __init__(self, distribution: FrameDistribution, **settings: object) -> None:
        super().__init__(reduction="mean_with_sample_weight")
        self.distribution, self.settings = distribution, settings

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.distribution.loss(y_true, y_pred, training=True, **self.settings)


class FrameBatches:
    """Pieces of at most `sequence` frames, those of a batch about equally long.

    Shorter ones are padded, and weigh nothing there.
    """

    def __init__(self, model: FrameModel, lines: list[Line], rng: np.random.Generator) -> None:
        self.batch, self.chunk, self.bits = model.batch, model.sequence, model.codec.bits
        self.frames = [line.codes for line in lines]
        targets = model.distribution.targets(np.concatenate(self.frames))  # of all lines, so that shapes are the same
        self.targets = np.split(targets, np.cumsum([len(frames) for frames in self.frames])[:-1])
        self.silence = model.distribution.targets(np.zeros((1, self.bits), np.uint8))[0, :1]
        pieces = [(row, at) for row, frames in enumerate(self.frames) for at in range(0, len(frames), self.chunk)]
        pieces = [pieces[index] for index in rng.permutation(len(pieces))]
        pool, self.groups = SORTED_BATCHES * self.batch, []
        for first in range(0, len(pieces), pool):
            alike = sorted(pieces[first : first + pool], key=self._length)
            self.groups += [alike[begin : begin + self.batch] for begin in range(0, len(alike), self.batch)]
        self.groups = [self.groups[index] for index in rng.permutation(len(self.groups))]

    def _length(self, piece: tuple[int, int]) -> int:
        return min(len(self.frames[piece[0]]) - piece[1], self.chunk)

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[Batch]:
        half = -(-self.chunk // 2)  # few shapes: a compiled step is compiled for each
        for group in self.groups:
            longest = max(map(self._length, group))
            shape = (self.batch, half if longest <= half else self.chunk)
            x, weight = np.zeros((*shape, self.bits), np.float32), np.zeros(shape, np.float32)
            y = np.zeros((*shape, self.targets[0].shape[-1]), self.silence.dtype) + self.silence
            for row, (line, at) in enumerate(group):
                piece = slice(at, at + self.chunk)
                frames = self.frames[line][piece]
                x[row, : len(frames)], y[row, : len(frames)] = frames, self.targets[line][piece]
                weight[row, : len(frames)] = 1
            yield x, y, weight
