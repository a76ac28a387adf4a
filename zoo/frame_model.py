"""Models that read and draw one frame of a piano roll after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from zoo import training
from zoo.annealing import anneal
from zoo.base import MusicModel
from zoo.codecs import Line, RollCodec
from zoo.errors import UserError
from zoo.hyperparameters import option
from zoo.layers.recurrent_rbm import CELLS, FrameSampler, RecurrentRBM
from zoo.scoring import AIS, Evaluation, frame_accuracy

QUICK = (300, 5)  # temperatures, chains: for every epoch, of QUICK_FRAMES frames at even distances
QUICK_FRAMES = 256
THOROUGH = (500, 20)  # eight times the temperatures move the tuned model by 0.01 nats a frame; half of them by 0.16
READER_STEPS = 128
READER_BATCH = 16
SAMPLER_STEPS = 16
SONGS_AT_ONCE = 32
PRETRAINING_BATCH = 100
DIVERGED = 1e30  # a bias as large as that has no likelihood that float32 can hold


@dataclass(kw_only=True)
class FrameModel(MusicModel):
    """A sequence of distributions over frames, whose parameters come from a recurrent network."""

    low: int = option(24, "lowest MIDI pitch of the roll", low=0, high=127)
    high: int = option(101, "highest MIDI pitch of the roll", low=0, high=127)
    struck: bool = option(True, "a second bit for each pitch tells that it is struck, not held")
    steps_per_frame: int = option(1, "grid steps in one frame", low=1, high=1000)
    chunk: int = option(100, "frames of a song that are trained in one piece", low=2, high=100_000)
    hidden: int = option(50, "hidden units of each RBM", low=1, high=65_536)
    units: int = option(100, "recurrent units", low=1, high=65_536)
    cell: str = option("tanh", "the recurrent network", choices=tuple(CELLS))
    dropout: float = option(0.0, "share of the recurrent state dropped in training", low=0, high=0.99)
    gibbs_steps: int = option(15, "Gibbs steps in training (k of CD-k)", low=1, high=1000)
    sample_steps: int = option(25, "Gibbs steps for each frame drawn", low=1, high=10_000)
    chain_start: str = option("previous", "where the chain of a drawn frame starts", choices=("previous", "zeros"))
    pretrain_epochs: int = option(0, "epochs of CD-1 that train one RBM on single frames first", low=0, high=100_000)
    pretrain_rate: float = option(0.01, "learning rate of that", low=1e-9, high=1e3)

    def make_codec(self) -> RollCodec:
        return RollCodec(
            steps_per_beat=self.steps_per_beat,
            low=self.low,
            high=self.high,
            struck=self.struck,
            steps_per_frame=self.steps_per_frame,
        )

    def pitch_range(self) -> tuple[int, int]:
        return self.low, self.high

    # Training.

    def build(self) -> keras.Model:
        self._compiled = {}
        frames = keras.Input((None, self.codec.bits), name="frames")
        self.machine = RecurrentRBM(self.hidden, self.units, self.cell, self.dropout, self.gibbs_steps, name="rnn_rbm")
        return keras.Model(frames, self.machine(frames))

    def loss(self):
        return FrameLoss(self.machine.contrastive_loss)

    def prepare(self, lines: list[Line]) -> None:
        """Start the visible bias at the logit of each unit's share of ones, then pretrain one RBM on single frames."""
        frames = np.concatenate([line.codes for line in lines]).astype(np.float32)
        share = (frames.sum(0) + 0.5) / (len(frames) + 1)
        rbm = self.machine.rbm
        for bias in (rbm.base, rbm.b_v):
            bias.assign(np.log(share / (1 - share)))
        if not self.pretrain_epochs:
            return
        inputs = keras.Input((self.codec.bits,))
        single = keras.Model(inputs, rbm(inputs))
        single.compile(keras.optimizers.SGD(self.pretrain_rate), FrameLoss(rbm.contrastive_loss))
        steps, rbm.gibbs_steps = rbm.gibbs_steps, 1
        for epoch in range(self.pretrain_epochs):
            training.reseed(single, self.seed, epoch)
            order = np.random.default_rng([self.seed, epoch]).permutation(len(frames))
            for first in range(0, len(frames), PRETRAINING_BATCH):
                picked = frames[np.resize(order[first : first + PRETRAINING_BATCH], PRETRAINING_BATCH)]
                single.train_on_batch(picked, picked)
        rbm.gibbs_steps = steps

    def batches(self, lines: list[Line], rng: np.random.Generator) -> Sequence:
        return FrameBatches(self, lines, rng)

    # Likelihood.

    def biases(self, lines: list[Line]) -> tuple[np.ndarray, np.ndarray]:
        """Frames of all lines, one after another (frames, visible), and their biases (frames, visible + hidden)."""
        found = []
        for first in range(0, len(lines), READER_BATCH):
            found += self._carry([line.codes for line in lines[first : first + READER_BATCH]])[0]
        return np.concatenate([line.codes for line in lines]), np.concatenate(found)

    def evaluate(self, lines: list[Line], thorough: bool = True) -> Evaluation:
        frames, biases = self.biases(lines)
        total = len(frames)
        temperatures, chains = THOROUGH if thorough else QUICK
        if not thorough and total > QUICK_FRAMES:
            picked = np.linspace(0, total - 1, QUICK_FRAMES).astype(int)  # the same frames every time
            frames, biases = frames[picked], biases[picked]
        if not np.abs(biases).max() < DIVERGED:
            return Evaluation(nats=float("nan"), kind=AIS, loss=float("nan"))
        v, (b_v, b_h) = frames.astype(np.float32), np.split(biases, [self.codec.bits], axis=1)
        W, base = (np.asarray(weight) for weight in (self.machine.rbm.W, self.machine.rbm.base))
        annealed = anneal(W, b_v, b_h, base, temperatures, chains, self.seed)
        free_energy = _free_energy(v, W, b_v, b_h)
        log_p = -free_energy.astype(np.float64) - annealed.log_z
        paper, union = frame_accuracy(annealed.drawn, frames)
        scale = total / len(frames)
        return Evaluation(
            nats=float(-log_p.sum() * scale),
            kind=AIS,
            loss=float((free_energy - _free_energy(annealed.drawn, W, b_v, b_h).mean(0)).mean()),
            accuracy=float(paper.mean()),
            standard_error=float(np.sqrt(annealed.variance.sum()) * scale),
            details={
                "temperatures": temperatures,
                "chains": chains,
                "frames": len(frames),
                "nats_per_frame": float(-log_p.mean()),
                "accuracy_union": float(union.mean()),
            },
        )

    def _make(self, name: str, make, *key) -> keras.Model:
        """A compiled helper of the network, made once."""
        if (name, *key) not in self._compiled:
            self._compiled[(name, *key)] = make()
        return self._compiled[(name, *key)]

    def _carry(self, group: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Read whole frame sequences from u(0): the biases of every frame, and the final states (batch, units)."""
        reader = self._make("read", self._make_reader)
        steps = max(-(-len(codes) // READER_STEPS) for codes in group) * READER_STEPS
        batch = max(READER_BATCH, len(group))  # few shapes, few compilations
        frames = np.zeros((batch, steps, self.codec.bits), np.float32)
        mask = np.zeros((batch, steps), bool)
        for row, codes in enumerate(group):
            frames[row, : len(codes)], mask[row, : len(codes)] = codes, True
        states = [np.asarray(state) for state in self.machine.initial_states(batch)]
        found = []
        for begin in range(0, steps, READER_STEPS):
            piece = slice(begin, begin + READER_STEPS)
            biases, *states = reader.predict_on_batch([frames[:, piece], mask[:, piece], *states])
            found.append(np.asarray(biases))
        found = np.concatenate(found, axis=1)
        return [row[: len(codes)] for row, codes in zip(found, group, strict=False)], [
            state[: len(group)] for state in states
        ]

    def _make_reader(self) -> keras.Model:
        frames = keras.Input((READER_STEPS, self.codec.bits))
        mask = keras.Input((READER_STEPS,), dtype="bool")
        states = [keras.Input((self.units,)) for _ in self.machine.initial_states(1)]
        return keras.Model([frames, mask, *states], Reader(self.machine)([frames, mask, *states]))

    # Sampling.

    def check_request(self, count, beats, temperature, top_p, prime_beats, seed) -> None:
        super().check_request(count, beats, temperature, top_p, prime_beats, seed)
        if top_p < 1:
            raise UserError(f"--top-p is for models over symbols; {self.model_name()} draws frames: use --temperature.")

    def generate(self, count, steps, temperature, top_p, primers, seed) -> list[np.ndarray]:
        pieces = []
        for first in range(0, count, SONGS_AT_ONCE):
            rows = range(first, min(first + SONGS_AT_ONCE, count))
            group = [primers[row].codes for row in rows] if primers else None
            rngs = [np.random.default_rng([seed, row]) for row in rows]
            pieces += self._roll_out(rngs, -(-steps // self.steps_per_frame), temperature, group)
        return pieces

    def _roll_out(self, rngs, frames: int, temperature, primers) -> list[np.ndarray]:
        sampler = self._make("sample", self._make_sampler)
        width = self.sample_steps * (self.hidden + self.codec.bits)
        if primers:
            before = np.stack([codes[-1] for codes in primers]).astype(np.float32)
            memory = [before, *self._carry(primers)[1]]
        else:
            before = np.zeros((len(rngs), self.codec.bits), np.float32)
            memory = [before, *(np.asarray(state) for state in self.machine.initial_states(len(rngs)))]
        drawn = []
        for _ in range(0, frames, SAMPLER_STEPS):
            noise = np.empty((len(rngs), SAMPLER_STEPS, width + 1), np.float32)
            for row, rng in enumerate(rngs):
                noise[row, :, :width] = rng.random((SAMPLER_STEPS, width), np.float32)
            noise[..., width] = 1.0 if temperature is None else temperature
            v, *memory = sampler.predict_on_batch([noise, *memory])
            drawn.append(np.asarray(v).astype(np.uint8))
        return list(np.concatenate(drawn, axis=1)[:, :frames])

    def _make_sampler(self) -> keras.Model:
        cell = FrameSampler(self.machine, self.sample_steps, self.chain_start == "previous")
        noise = keras.Input((SAMPLER_STEPS, self.sample_steps * (self.hidden + self.codec.bits) + 1))
        memory = [keras.Input((size,)) for size in cell.state_size]
        roll_out = keras.layers.RNN(cell, return_sequences=True, return_state=True)
        sampler = keras.Model([noise, *memory], roll_out(noise, initial_state=memory))
        sampler.compile(jit_compile=True)
        return sampler


def _free_energy(v, W, b_v, b_h) -> np.ndarray:
    """F(v) as `RBM.free_energy` has it, of frames that are NumPy arrays."""
    v = v.astype(np.float32)
    return -(v * b_v).sum(-1) - np.logaddexp(0, v @ W + b_h).sum(-1)


class FrameLoss(keras.losses.Loss):
    """A layer's loss per frame, (frames, parameters) → (batch, time), averaged over the frames that weigh something."""

    def __init__(self, per_frame, **kwargs):
        super().__init__(reduction="mean_with_sample_weight", **kwargs)
        self.per_frame = per_frame

    def call(self, y_true, y_pred):
        return self.per_frame(y_true, y_pred)


class Reader(keras.layers.Layer):
    """Frames, mask and states → biases of each frame, and states after the last that the mask keeps."""

    def __init__(self, machine: RecurrentRBM, **kwargs):
        super().__init__(**kwargs)
        self.machine = machine

    def call(self, inputs):
        frames, mask, *states = inputs
        u, *after = self.machine.rnn(frames, initial_state=states, mask=mask, training=False)
        u = ops.concatenate([states[0][:, None], u[:, :-1]], axis=1)
        return self.machine.biases(u), *after


class FrameBatches:
    """Pieces of `chunk` frames; the last piece of a line is padded and weighs nothing there."""

    def __init__(self, model: FrameModel, lines: list[Line], rng: np.random.Generator):
        self.batch, self.chunk = model.batch, model.chunk
        self.frames = [line.codes for line in lines]
        pieces = [(row, at) for row, frames in enumerate(self.frames) for at in range(0, len(frames), self.chunk)]
        self.pieces = [pieces[index] for index in rng.permutation(len(pieces))]

    def __len__(self) -> int:
        return -(-len(self.pieces) // self.batch)

    def __iter__(self):
        for first in range(0, len(self.pieces), self.batch):
            x = np.zeros((self.batch, self.chunk, self.frames[0].shape[1]), np.float32)
            weight = np.zeros((self.batch, self.chunk), np.float32)
            for row, (line, at) in enumerate(self.pieces[first : first + self.batch]):
                found = self.frames[line][at : at + self.chunk]
                x[row, : len(found)], weight[row, : len(found)] = found, 1
            yield x, x, weight
