"""Models that read and draw one symbol after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from zoo._errors import UserError
from zoo.codecs import Line
from zoo.evaluation.likelihood import EXACT, Evaluation
from zoo.layers.symbols import CarriedStep, SymbolSampler, WindowStep, state_sizes
from zoo.models._base import MusicModel
from zoo.training.hyperparameters import option, trained

CONTEXTS = ("song", "window")
READER_STEPS = 256  # symbols a compiled reader takes at a time; its state is carried on
READER_BATCH = 32
WINDOWS_AT_ONCE = 1024
SAMPLER_STEPS = 128
SONGS_AT_ONCE = 64


@dataclass(kw_only=True)
class SymbolModel(MusicModel):
    """A recurrent network over symbols. A subclass gives the codec and `layers`, from ids (batch, time) to logits."""

    context: str = trained("song", "train every position of a song, or windows → the next symbol", choices=CONTEXTS)
    window: int = trained(20, "symbols in a window", low=1, high=10_000)
    chunk: int = trained(128, "symbols of a song that are trained in one piece", low=1, high=100_000)
    clock_beats: int = option(
        0, "beats of the clock that the network reads, to know its place in the bar; 0 is no clock", low=0, high=64
    )

    def layers(self, size: int) -> list[keras.Layer]:
        """The network: layers from ids (batch, time) to logits (batch, time, size); recurrent ones return sequences."""
        raise NotImplementedError

    @property
    def clock(self) -> int:
        """Grid steps of the clock; 1 is none."""
        return max(1, self.clock_beats * self.codec.steps_per_beat)

    # Training.

    def build(self) -> keras.Model:
        if not self.codec.advance.any():
            raise UserError(
                "the training music takes no time: every note is shorter than a grid step; raise `steps_per_beat`."
            )
        self._samplers, self._reader = {}, None
        self.stack = self.layers(self.codec.size)
        last = max(index for index, layer in enumerate(self.stack) if state_sizes(layer))
        x = inputs = keras.Input((None if self.context == "song" else self.window,), dtype="int32", name="ids")
        for index, layer in enumerate(self.stack):
            x = layer(x)
            if self.context == "window" and index == last:
                x = keras.layers.Cropping1D((self.window - 1, 0), name="last_step")(x)
        if self.context == "window":
            x = keras.layers.Reshape((self.codec.size,), name="last_logits")(x)
        return keras.Model(inputs, x)

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def metrics(self) -> list:
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def ids(self, codes: np.ndarray) -> np.ndarray:
        """What the network reads before each code, (steps,) int32: the code before, and the time at which it falls."""
        before = np.append(self.codec.start, self.codec.as_input[codes[:-1]]).astype(np.int32)
        if self.clock > 1:
            before += (self.codec.size + 2) * (self.codec.times(codes)[:-1] % self.clock).astype(np.int32)
        return before

    def batches(self, lines: list[Line], rng: np.random.Generator) -> Sequence:
        return (SongBatches if self.context == "song" else WindowBatches)(self, lines, rng)

    def windows(self, lines: list[Line]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All windows of all lines: where each begins (windows,) int32; ids and targets (padded steps,), of which a
        window that begins at s has those of the ids from s on and the target at s + window − 1."""
        pad = np.full(self.window - 1, self.codec.start, np.int32)
        ids = np.concatenate([part for line in lines for part in (pad, self.ids(line.codes))])
        targets = np.concatenate([part for line in lines for part in (pad, line.codes)])
        starts, at = [], 0
        for line in lines:
            starts.append(np.arange(at, at + len(line.codes), dtype=np.int32))
            at += len(line.codes) + len(pad)
        return np.concatenate(starts), ids, targets

    # Likelihood.

    def log_probabilities(self, codes: np.ndarray) -> np.ndarray:
        """log p of every known symbol at every step given the codes before it, (steps, size)."""
        if self.context == "song":
            logits = self.network.predict_on_batch(self.ids(codes)[None])[0]
        else:
            starts, ids, _ = self.windows([Line(codes, 0, 0, 0)])
            views = np.lib.stride_tricks.sliding_window_view(ids, self.window)
            logits = self.network.predict_on_batch(views[starts])
        return np.asarray(keras.ops.log_softmax(logits, axis=-1))

    def evaluate(self, lines: list[Line], thorough: bool = True) -> Evaluation:
        known_nats = unknown_nats = 0.0
        known = right = unknown = 0
        read = self._read_songs if self.context == "song" else self._read_windows
        for log_p, hit, targets in read(lines):
            is_known = targets < self.codec.size
            known_nats -= float(log_p[is_known].sum(dtype=np.float64))
            right += int(hit[is_known].sum())
            known += int(is_known.sum())
            unknown += int((~is_known).sum())
        unknown_nats = sum(float(line.unknown_nats.sum()) for line in lines)
        nats = known_nats - known * np.log1p(-self.codec.epsilon)
        if unknown:
            nats += unknown_nats - unknown * np.log(self.codec.epsilon)
        return Evaluation(
            nats=float(nats),
            kind=EXACT,
            loss=known_nats / max(known, 1),
            accuracy=right / (known + unknown),
            details={"unknown_share": unknown / (known + unknown)},
        )

    def _read_songs(self, lines: list[Line]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(log p of the target, whether it was the most probable symbol, target) of all codes, in pieces."""
        lines = sorted(lines, key=lambda line: -len(line.codes))
        for first in range(0, len(lines), READER_BATCH):
            group = [line.codes for line in lines[first : first + READER_BATCH]]
            for log_p, hit, targets, mask, _ in self._carry(group, READER_BATCH):
                yield log_p[mask], hit[mask], targets[mask]

    def _carry(self, group: list[np.ndarray], batch: int):
        """Read code sequences from the zero state, READER_STEPS at a time; the last yield holds the final states."""
        reader = self._make_reader()
        steps = max(-(-len(codes) // READER_STEPS) for codes in group) * READER_STEPS
        ids, targets = np.zeros((2, batch, steps), np.int32)
        mask = np.zeros((batch, steps), bool)
        for row, codes in enumerate(group):
            ids[row, : len(codes)], targets[row, : len(codes)], mask[row, : len(codes)] = self.ids(codes), codes, True
        states = [np.zeros((batch, size), np.float32) for layer in self.stack for size in state_sizes(layer)]
        for begin in range(0, steps, READER_STEPS):
            piece = slice(begin, begin + READER_STEPS)
            log_p, hit, *states = reader.predict_on_batch([ids[:, piece], targets[:, piece], mask[:, piece], *states])
            yield np.asarray(log_p), np.asarray(hit), targets[:, piece], mask[:, piece], states

    def _make_reader(self) -> keras.Model:
        """ids, targets, mask (batch, READER_STEPS), states → log p of the targets, hits, states."""
        if self._reader is None:
            ids = keras.Input((READER_STEPS,), dtype="int32")
            targets = keras.Input((READER_STEPS,), dtype="int32")
            mask = keras.Input((READER_STEPS,), dtype="bool")
            states_in, states_out, x = [], [], ids
            for layer in self.stack:
                sizes = state_sizes(layer)
                if sizes:
                    initial = [keras.Input((size,)) for size in sizes]
                    carried = keras.layers.RNN(layer.cell, return_sequences=True, return_state=True)
                    x, *final = carried(x, initial_state=initial, mask=mask)
                    states_in, states_out = states_in + initial, states_out + final
                else:
                    x = layer(x)
            log_p, hit = Pick()([x, targets])
            self._reader = keras.Model([ids, targets, mask, *states_in], [log_p, hit, *states_out])
        return self._reader

    def _read_windows(self, lines: list[Line]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        starts, ids, targets = self.windows(lines)
        views = np.lib.stride_tricks.sliding_window_view(ids, self.window)
        if self._reader is None:
            wanted = keras.Input((), dtype="int32")
            self._reader = keras.Model([self.network.inputs[0], wanted], Pick()([self.network.outputs[0], wanted]))
        for begin in range(0, len(starts), WINDOWS_AT_ONCE):
            some = starts[begin : begin + WINDOWS_AT_ONCE]
            padded = np.resize(some, WINDOWS_AT_ONCE)  # one shape, one compilation
            following = targets[padded + self.window - 1]
            log_p, hit = (np.asarray(found) for found in self._reader.predict_on_batch([views[padded], following]))
            yield log_p[: len(some)], hit[: len(some)], following[: len(some)]

    # Sampling.

    def temperatures(self, rng: np.random.Generator, steps: int) -> np.ndarray | float:
        """The model's own temperature at each of `steps` steps, when nobody asks for another."""
        return 1.0

    def generate(self, count, steps, temperature, top_p, primers, seed) -> list[np.ndarray]:
        pieces = []
        for first in range(0, count, SONGS_AT_ONCE):
            rows = range(first, min(first + SONGS_AT_ONCE, count))
            group = [primers[row].codes for row in rows] if primers else None
            rngs = [np.random.default_rng([seed, row]) for row in rows]  # the first of many songs are the few
            pieces += self._roll_out(rngs, steps, temperature, top_p, group)
        return pieces

    def _roll_out(self, rngs, steps, temperature, top_p, primers) -> list[np.ndarray]:
        sampler, size = self._make_sampler(top_p), self.codec.size
        memory = self._start(primers, len(rngs))
        codes = np.zeros((len(rngs), 0), np.int32)
        most = (steps // self.codec.steps_per_beat + 2) * (self.codec.most_per_beat + 1) + SAMPLER_STEPS
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

    def _start(self, primers: list[np.ndarray] | None, count: int) -> list[np.ndarray]:
        """The sampler's memory before the first new symbol."""
        codec, steps = self.codec, self._step()
        column = lambda values: np.array(values, np.float32).reshape(count, 1)  # noqa: E731
        if primers is None:
            ids = np.full((count, steps.state_size[0]), codec.start, np.float32)
            states = [np.zeros((count, size), np.float32) for size in steps.state_size[1:]]
            return [ids, *states, column([0] * count), column([0] * count)]
        bar = self.clock if self.clock > 1 else codec.steps_per_beat
        times = [int(codec.times(codes)[-1]) % bar for codes in primers]
        last = [codec.as_input[codes[-1]] for codes in primers]
        ids = [
            code + (codec.size + 2) * time if self.clock > 1 else code for code, time in zip(last, times, strict=True)
        ]
        if self.context == "song":
            *_, (*_, states) = self._carry(primers, max(count, READER_BATCH))
            memory = [column(ids), *(np.asarray(state)[:count] for state in states)]
        else:
            history = [np.append(self.ids(codes), id_)[-self.window :] for codes, id_ in zip(primers, ids, strict=True)]
            pad = [np.full(self.window - len(row), codec.start) for row in history]
            memory = [np.stack([np.concatenate(pair) for pair in zip(pad, history, strict=True)]).astype(np.float32)]
        return [*memory, column(times), column([0] * count)]

    def _step(self):
        if self.context == "song":
            return CarriedStep(self.stack)
        return WindowStep(self.network, self.window)

    def _make_sampler(self, top_p: float) -> keras.Model:
        """Noise (batch, SAMPLER_STEPS, size + 1) and memory → codes (batch, SAMPLER_STEPS, 1) and memory."""
        if top_p not in self._samplers:
            codec = self.codec
            cell = SymbolSampler(
                self._step(),
                codec.advance,
                codec.as_input[: codec.size],
                codec.steps_per_beat,
                codec.most_per_beat,
                self.clock,
                top_p,
            )
            noise = keras.Input((SAMPLER_STEPS, codec.size + 1))
            memory = [keras.Input((size,)) for size in cell.state_size]
            roll_out = keras.layers.RNN(cell, return_sequences=True, return_state=True)
            sampler = keras.Model([noise, *memory], roll_out(noise, initial_state=memory))
            sampler.compile(jit_compile=True)
            self._samplers[top_p] = sampler
        return self._samplers[top_p]


class Pick(keras.layers.Layer):
    """logits (…, size), targets (…) → log p of the targets, and whether each was the most probable symbol."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True  # the caller sorts out what is padding

    def call(self, inputs):
        logits, targets = inputs
        size = logits.shape[-1]
        wanted = ops.one_hot(ops.minimum(targets, size - 1), size)  # an unknown target is sorted out by the caller
        log_p = ops.sum(ops.log_softmax(logits, axis=-1) * wanted, axis=-1)
        return log_p, ops.cast(ops.argmax(logits, axis=-1), "int32") == targets

    def compute_output_spec(self, inputs):
        shape = inputs[1].shape
        return keras.KerasTensor(shape, "float32"), keras.KerasTensor(shape, "bool")


class SongBatches:
    """Pieces of `chunk` symbols, every position a target; the last piece of a line is padded and weighs nothing
    there."""

    def __init__(self, model: SymbolModel, lines: list[Line], rng: np.random.Generator):
        self.model = model
        self.ids = [model.ids(line.codes) for line in lines]
        self.codes = [line.codes for line in lines]
        pieces = [(row, at) for row, codes in enumerate(self.codes) for at in range(0, len(codes), model.chunk)]
        self.pieces = [pieces[index] for index in rng.permutation(len(pieces))]

    def __len__(self) -> int:
        return -(-len(self.pieces) // self.model.batch)

    def __iter__(self):
        batch, chunk, size = self.model.batch, self.model.chunk, self.model.codec.size
        for first in range(0, len(self.pieces), batch):
            x, y = np.zeros((2, batch, chunk), np.int32)
            weight = np.zeros((batch, chunk), np.float32)
            for row, (line, at) in enumerate(self.pieces[first : first + batch]):
                ids, codes = self.ids[line][at : at + chunk], self.codes[line][at : at + chunk]
                x[row, : len(ids)], y[row, : len(ids)] = ids, np.minimum(codes, size - 1)
                weight[row, : len(ids)] = codes < size
            yield x, y, weight


class WindowBatches:
    """Windows and the symbol after each, as views of one column of ids."""

    def __init__(self, model: SymbolModel, lines: list[Line], rng: np.random.Generator):
        self.batch, self.size, self.last = model.batch, model.codec.size, model.window - 1
        self.starts, ids, self.targets = model.windows(lines)
        self.views = np.lib.stride_tricks.sliding_window_view(ids, model.window)
        rng.shuffle(self.starts)

    def __len__(self) -> int:
        return -(-len(self.starts) // self.batch)

    def __iter__(self):
        for first in range(0, len(self.starts), self.batch):
            found = self.starts[first : first + self.batch]
            picked = np.resize(found, self.batch)
            following = self.targets[picked + self.last]
            weight = (following < self.size).astype(np.float32)
            weight[len(found) :] = 0
            yield self.views[picked], np.minimum(following, self.size - 1), weight
