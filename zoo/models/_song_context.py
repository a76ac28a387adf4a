"""The whole of a piece as what a network over symbols sees of it; see `zoo.models._contexts`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo._errors import UserError
from zoo.codecs import Line
from zoo.codecs.rules import Rules
from zoo.evaluation.likelihood import Read
from zoo.layers.rules import Allowed, WithState
from zoo.layers.stepwise import is_stepwise, state_sizes
from zoo.layers.symbols import CarriedStep
from zoo.layers.tensors import Tensor
from zoo.models._batches import SongBatches
from zoo.models._contexts import PICKED, Pick, SymbolContext, check_logits

READER_STEPS = 256  # symbols a compiled reader takes at a time; its state is carried on
READER_BATCH = 32


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
        check_logits(x, self.codec.size)
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

        picked = Pick(self.codec)([self._through(self.stack(network), [ids, *of_rules], call), targets])
        return keras.Model([ids, targets, mask, *of_rules, *states_in], [*picked, *states_out])

    def read(self, reader: keras.Model, lines: list[Line]) -> Iterator[Read]:
        order = sorted(range(len(lines)), key=lambda number: -len(lines[number].codes))
        for first in range(0, len(lines), READER_BATCH):
            numbers = order[first : first + READER_BATCH]
            pieces = self._carry(reader, [lines[n].codes for n in numbers], READER_BATCH)
            for piece, (picked, targets, mask, _) in enumerate(pieces):
                row, column = np.nonzero(mask)
                log_p, hit, log_music, log_any = (part[mask] for part in picked)
                place = piece * READER_STEPS + column
                yield Read(log_p, hit, targets[mask], np.array(numbers)[row], place, log_music, log_any)

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


class Unmasked(keras.layers.Layer):
    """Its input without the mask: the caller sorts out what is padding, and not every layer takes a mask."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        return ops.stop_gradient(x)  # another tensor, for a mask is kept on the tensor itself

    def compute_mask(self, x: Tensor, previous_mask: Tensor | None) -> None:
        return None
