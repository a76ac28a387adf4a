"""What of a piece a network over symbols sees: all of it so far, its state carried along, or the last symbols only.

A context builds the network from its layers, cuts training music into batches, reads music for its likelihood, and says
what a sampler remembers. It holds no state: what is compiled of the network is given to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo._errors import UserError
from zoo.codecs import Line, SymbolCodec
from zoo.codecs.rules import Rules
from zoo.evaluation.likelihood import Read
from zoo.layers.contents import ContentLogits
from zoo.layers.rules import Allowed, WithState
from zoo.layers.stepwise import is_stepwise, state_sizes
from zoo.layers.symbols import CarriedStep, SymbolClock, WindowStep
from zoo.layers.tensors import Tensor
from zoo.models._batches import SongBatches, WindowBatches
from zoo.training.loop import Batches

READER_STEPS = 256  # symbols a compiled reader takes at a time; its state is carried on
READER_BATCH = 32
WINDOWS_AT_ONCE = 1024
PICKED = 3  # outputs of `Pick`
# Layers that treat every step alike: after the others a window's last step is all that counts.
OF_ONE_STEP = (
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    ContentLogits,
)
LAST_STEP, LAST_LOGITS = "last_step", "last_logits"  # layers that a window adds


@dataclass(frozen=True)
class SymbolContext:
    """What both contexts have in common.

    Args:
        codec: fitted.
        packing: how symbols and times become ids.
    """

    codec: SymbolCodec
    packing: SymbolClock

    def ids(self, codes: np.ndarray) -> np.ndarray:
        """What the network reads before each code and before the one that is still to come.

        Args:
            codes: (codes,).

        Returns:
            (codes + 1,) int32: the start symbol, then code after code, each with the time at which the next one falls.
        """
        symbols = np.append(self.codec.start, self.codec.as_input[codes])
        return self.packing.pack(symbols, self.codec.times(codes)).astype(np.int32)

    def build(self, layers: list[keras.Layer]) -> keras.Model:
        """The network of `layers`, which go from ids (batch, time) to logits (batch, time, size)."""
        raise NotImplementedError

    def check(self, network: keras.Model) -> None:
        """Raise a UserError when the sampler cannot do what the network does."""

    def stack(self, network: keras.Model) -> list[keras.Layer]:
        """The layers that `build` made the network of."""
        raise NotImplementedError

    def batches(self, lines: list[Line], batch: int, rng: np.random.Generator) -> Batches:
        """The batches of one epoch of training, shuffled by `rng`.

        Args:
            lines: the training music.
            batch: sequences in a batch.
            rng: of the order.
        """
        raise NotImplementedError

    def log_probabilities(self, network: keras.Model, codes: np.ndarray) -> np.ndarray:
        """The log p of every known symbol at every step, given the codes before it.

        Args:
            network: with the weights to use.
            codes: (steps,).

        Returns:
            (steps, size).
        """
        raise NotImplementedError

    def make_reader(self, network: keras.Model) -> keras.Model:
        """The network as `read` and `memory` want it."""
        raise NotImplementedError

    def read(self, reader: keras.Model, lines: list[Line]) -> Iterator[Read]:
        """The probabilities of all codes of `lines`, in pieces, in any order."""
        raise NotImplementedError

    def step(self, network: keras.Model) -> CarriedStep | WindowStep:
        """One step of the network, for `zoo.layers.symbols.SymbolSampler`."""
        raise NotImplementedError

    def empty_memory(self, network: keras.Model, count: int) -> list[np.ndarray]:
        """What that step remembers before the first codes of so many pieces."""
        size, *others = self.step(network).state_size
        states = [np.zeros((count, size), np.float32) for size in others]
        return [np.full((count, size), self.codec.start, np.float32), *states]

    def push(
        self, memory: list[np.ndarray], carried: list[np.ndarray], codes: np.ndarray, ids: np.ndarray
    ) -> list[np.ndarray]:
        """The step's `push` outside of a compiled network: memory after `codes` (batch,), read as ids (batch, 1)."""
        raise NotImplementedError

    def memory(self, reader: keras.Model, pieces: list[np.ndarray]) -> list[np.ndarray]:
        """What that step remembers after the codes of each piece.

        Args:
            reader: see `make_reader`.
            pieces: (codes,) each.

        Returns:
            (pieces, units) for each part of the memory.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class SongContext(SymbolContext):
    """The whole piece: a target at every position, states carried from step to step.

    Args:
        chunk: symbols of a song that are trained in one piece.
        rules: of the representation, where the network reads their state and gives nothing to what they forbid.
    """

    chunk: int
    rules: Rules | None = None

    def build(self, layers: list[keras.Layer]) -> keras.Model:
        inputs = [keras.Input((None,), dtype="int32", name="ids")]
        if self.rules:
            inputs.append(keras.Input((None, self.rules.bits), dtype="uint8", name="state"))
        logits = self._through(layers, inputs, lambda layer, x: layer(x))
        return keras.Model(inputs if self.rules else inputs[0], logits)

    def _through(
        self, layers: list[keras.Layer], inputs: list[Tensor], call: Callable[[keras.Layer, Tensor], Tensor]
    ) -> Tensor:
        """What `layers` make of [ids] or [ids, states of the rules], each called by `call`: logits."""
        x, *states = inputs
        for index, layer in enumerate(layers):
            x = call(layer, x)
            if self.rules and not index:
                x = WithState(self.rules)([x, *states])
        _check_logits(x, self.codec.size)
        return Allowed(self.rules)([x, *states]) if self.rules else x

    def stack(self, network: keras.Model) -> list[keras.Layer]:
        added = (keras.layers.InputLayer, WithState, Allowed)
        return [layer for layer in network.layers if not isinstance(layer, added)]

    def states(self, codes: np.ndarray) -> list[np.ndarray]:
        """The states of the rules before each code and after the last, [(1, codes + 1, bits)]; [] without rules."""
        return [self.rules.states(codes[None])] if self.rules else []

    def check(self, network: keras.Model) -> None:
        for layer in self.stack(network):
            if not is_stepwise(layer):
                raise UserError(
                    f"the layer {layer.name} ({type(layer).__name__}) cannot be carried along step by step, as context "
                    "song needs it: take context window, or recurrent layers that read forwards and return sequences, "
                    "and beside them layers that treat every step on its own."
                )

    def batches(self, lines: list[Line], batch: int, rng: np.random.Generator) -> SongBatches:
        codes = [line.codes for line in lines]
        ids = [self.ids(sequence)[:-1] for sequence in codes]
        return SongBatches(codes, ids, self.codec.size, self.rules, self.chunk, batch, rng)

    def log_probabilities(self, network: keras.Model, codes: np.ndarray) -> np.ndarray:
        inputs = [self.ids(codes)[None, :-1], *(states[:, :-1] for states in self.states(codes))]
        logits = network.predict_on_batch(inputs if self.rules else inputs[0])[0]
        return np.asarray(ops.log_softmax(logits, axis=-1))

    def make_reader(self, network: keras.Model) -> keras.Model:
        """ids, targets, mask (batch, READER_STEPS), those of the rules, states → what `Pick` gives, states."""
        ids = keras.Input((READER_STEPS,), dtype="int32")
        targets = keras.Input((READER_STEPS,), dtype="int32")
        mask = keras.Input((READER_STEPS,), dtype="bool")
        states_in: list[Tensor] = []
        states_out: list[Tensor] = []
        of_rules = [keras.Input((READER_STEPS, self.rules.bits), dtype="uint8")] if self.rules else []

        def call(layer: keras.Layer, x: Tensor) -> Tensor:
            sizes = state_sizes(layer)
            if not sizes:
                return layer(x)
            initial = [keras.Input((size,)) for size in sizes]
            carried = keras.layers.RNN(layer.cell, return_sequences=True, return_state=True)
            x, *final = carried(x, initial_state=initial, mask=mask)
            states_in.extend(initial)
            states_out.extend(final)
            return Unmasked()(x)

        picked = Pick(self.codec.alike)([self._through(self.stack(network), [ids, *of_rules], call), targets])
        return keras.Model([ids, targets, mask, *of_rules, *states_in], [*picked, *states_out])

    def read(self, reader: keras.Model, lines: list[Line]) -> Iterator[Read]:
        order = sorted(range(len(lines)), key=lambda number: -len(lines[number].codes))
        for first in range(0, len(lines), READER_BATCH):
            numbers = order[first : first + READER_BATCH]
            for picked, targets, mask, _ in self._carry(reader, [lines[n].codes for n in numbers], READER_BATCH):
                log_p, hit, log_music = (part[mask] for part in picked)
                yield Read(log_p, hit, targets[mask], np.array(numbers)[np.nonzero(mask)[0]], log_music)

    def step(self, network: keras.Model) -> CarriedStep:
        return CarriedStep(self.stack(network), self.rules)

    def push(
        self, memory: list[np.ndarray], carried: list[np.ndarray], codes: np.ndarray, ids: np.ndarray
    ) -> list[np.ndarray]:
        of_rules = [self.rules.after(memory[1].astype(np.uint8), codes)] if self.rules else []
        return [ids, *of_rules, *carried]

    def empty_memory(self, network: keras.Model, count: int) -> list[np.ndarray]:
        ids, *states = super().empty_memory(network, count)
        if self.rules:
            states[0] = np.repeat(self.rules.first[None], count, axis=0).astype(np.float32)
        return [ids, *states]

    def memory(self, reader: keras.Model, pieces: list[np.ndarray]) -> list[np.ndarray]:
        last = np.array([[self.ids(codes)[-1]] for codes in pieces], np.float32)
        if self.rules:
            of_rules = [np.concatenate([self.rules.states(codes[None])[:, -1] for codes in pieces]).astype(np.float32)]
        else:
            of_rules = []
        *_, (*_, states) = self._carry(reader, pieces, max(len(pieces), READER_BATCH))
        return [last, *of_rules, *(np.asarray(state)[: len(pieces)] for state in states)]

    def _carry(
        self, reader: keras.Model, pieces: list[np.ndarray], batch: int
    ) -> Iterator[tuple[list[np.ndarray], np.ndarray, np.ndarray, list[np.ndarray]]]:
        """Read codes from the zero state, READER_STEPS at a time: what `Pick` gives, targets, mask, states then."""
        steps = max(-(-len(codes) // READER_STEPS) for codes in pieces) * READER_STEPS
        ids, targets = np.zeros((2, batch, steps), np.int32)
        mask = np.zeros((batch, steps), bool)
        for row, codes in enumerate(pieces):
            ids[row, : len(codes)], targets[row, : len(codes)] = self.ids(codes)[:-1], codes
            mask[row, : len(codes)] = True
        states = [np.zeros((batch, *state.shape[1:]), np.float32) for state in reader.outputs[PICKED:]]
        before = None  # the rules' state at the end of the piece before
        for begin in range(0, steps, READER_STEPS):
            piece = slice(begin, begin + READER_STEPS)
            given = [ids[:, piece], targets[:, piece], mask[:, piece]]
            if self.rules:
                of_rules = self.rules.states(targets[:, piece], before)
                given, before = [*given, of_rules[:, :-1]], of_rules[:, -1]
            outputs = reader.predict_on_batch([*given, *states])
            picked, states = outputs[:PICKED], outputs[PICKED:]
            yield list(map(np.asarray, picked)), targets[:, piece], mask[:, piece], states


@dataclass(frozen=True)
class WindowContext(SymbolContext):
    """The last symbols, read from a zero state for every next one, as the originals do.

    Left of a piece stand start symbols.

    Args:
        window: how many.
    """

    window: int

    def build(self, layers: list[keras.Layer]) -> keras.Model:
        last = max((index for index, layer in enumerate(layers) if not isinstance(layer, OF_ONE_STEP)), default=0)
        x = inputs = keras.Input((self.window,), dtype="int32", name="ids")
        for index, layer in enumerate(layers):
            x = layer(x)
            if index == last:
                x = keras.layers.Cropping1D((self.window - 1, 0), name=LAST_STEP)(x)
        _check_logits(x, self.codec.size)
        return keras.Model(inputs, keras.layers.Reshape((self.codec.size,), name=LAST_LOGITS)(x))

    def stack(self, network: keras.Model) -> list[keras.Layer]:
        added = ("ids", LAST_STEP, LAST_LOGITS)
        return [layer for layer in network.layers if layer.name not in added]

    def batches(self, lines: list[Line], batch: int, rng: np.random.Generator) -> WindowBatches:
        return WindowBatches(self.windows(lines), self.codec.size, batch, rng)

    def windows(self, lines: list[Line]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All windows of all lines.

        Returns:
            Where each begins (windows,) int32; all windows as views of one column of ids (starts, window), and the
            column of targets: the window that begins at s is views[s], its target targets[s + window − 1].
        """
        pad = np.full(self.window - 1, self.codec.start, np.int32)
        ids = np.concatenate([part for line in lines for part in (pad, self.ids(line.codes)[:-1])])
        targets = np.concatenate([part for line in lines for part in (pad, line.codes)])
        starts, at = [], 0
        for line in lines:
            starts.append(np.arange(at, at + len(line.codes), dtype=np.int32))
            at += len(line.codes) + len(pad)
        return np.concatenate(starts), np.lib.stride_tricks.sliding_window_view(ids, self.window), targets

    def log_probabilities(self, network: keras.Model, codes: np.ndarray) -> np.ndarray:
        starts, views, _ = self.windows([Line(codes, 0, 0, 0)])
        return np.asarray(ops.log_softmax(network.predict_on_batch(views[starts]), axis=-1))

    def make_reader(self, network: keras.Model) -> keras.Model:
        """Windows (batch, window) and targets (batch,) → what `Pick` gives."""
        targets = keras.Input((), dtype="int32")
        return keras.Model([network.inputs[0], targets], Pick(self.codec.alike)([network.outputs[0], targets]))

    def read(self, reader: keras.Model, lines: list[Line]) -> Iterator[Read]:
        starts, views, targets = self.windows(lines)
        numbers = np.repeat(np.arange(len(lines)), [len(line.codes) for line in lines])
        for begin in range(0, len(starts), WINDOWS_AT_ONCE):
            piece = starts[begin : begin + WINDOWS_AT_ONCE]
            padded = np.resize(piece, WINDOWS_AT_ONCE)  # one shape, one compilation
            following = targets[padded + self.window - 1]
            picked = reader.predict_on_batch([views[padded], following])
            log_p, hit, log_music = (np.asarray(part)[: len(piece)] for part in picked)
            yield Read(log_p, hit, following[: len(piece)], numbers[begin : begin + len(piece)], log_music)

    def step(self, network: keras.Model) -> WindowStep:
        return WindowStep(network, self.window)

    def push(
        self, memory: list[np.ndarray], carried: list[np.ndarray], codes: np.ndarray, ids: np.ndarray
    ) -> list[np.ndarray]:
        return [np.concatenate([memory[0][:, 1:], ids], axis=1)]

    def memory(self, reader: keras.Model, pieces: list[np.ndarray]) -> list[np.ndarray]:
        histories = [self.ids(codes)[-self.window :] for codes in pieces]
        pads = [np.full(self.window - len(history), self.codec.start) for history in histories]
        return [np.stack(list(map(np.concatenate, zip(pads, histories, strict=True)))).astype(np.float32)]


def _check_logits(x: Tensor, size: int) -> None:
    if x.shape[-1] != size:
        raise UserError(f"the last of the layers gives {x.shape[-1]} numbers for {size} symbols; make it Dense(size).")


class Unmasked(keras.layers.Layer):
    """Its input without the mask: the caller sorts out what is padding, and not every layer takes a mask."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        return ops.stop_gradient(x)  # another tensor, for a mask is kept on the tensor itself

    def compute_mask(self, x: Tensor, previous_mask: Tensor | None) -> None:
        return None


class Pick(keras.layers.Layer):
    """logits (…, size), targets (…) → three of each target.

    They are its log p, whether it was the most probable symbol, and log p of all symbols that are `alike`.

    Args:
        alike: for each symbol the first of those that say the same of the music, (size,).
    """

    def __init__(self, alike: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alike = alike

    def call(self, inputs: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        logits, targets = inputs
        size = logits.shape[-1]
        known = ops.minimum(targets, size - 1)  # an unknown target is sorted out by the caller
        log_all = ops.log_softmax(logits, axis=-1)
        log_p = log_music = ops.sum(log_all * ops.one_hot(known, size), axis=-1)
        if (self.alike != np.arange(size)).any():
            same = ops.expand_dims(ops.take(self.alike, known), -1) == self.alike
            log_music = ops.logsumexp(ops.where(same, log_all, -np.inf), axis=-1)
        return log_p, ops.cast(ops.argmax(logits, axis=-1), "int32") == targets, log_music

    def compute_output_spec(self, inputs: list[Tensor]) -> tuple[keras.KerasTensor, ...]:
        shape = inputs[1].shape
        return tuple(keras.KerasTensor(shape, kind) for kind in ("float32", "bool", "float32"))
