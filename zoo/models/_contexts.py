"""What of a piece a network over symbols sees: all of it so far, its state carried along, or the last symbols only.

A context builds the network from its layers, cuts training music into batches, reads music for its likelihood, and says
what a sampler remembers. It holds no state: what is compiled of the network is given to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo._errors import UserError
from zoo.codecs import Line, SymbolCodec
from zoo.evaluation.likelihood import Read
from zoo.layers.symbols import CarriedStep, SymbolClock, WindowStep
from zoo.layers.tensors import Tensor
from zoo.training.loop import Batches

PICKED = 4  # outputs of `Pick`


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
        """The step's `push` outside of a compiled network; see `zoo.layers.symbols.CarriedStep.push`."""
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


def check_logits(x: Tensor, size: int) -> None:
    """Raise a UserError when the last layer gives anything but a logit for each of `size` symbols."""
    if x.shape[-1] != size:
        raise UserError(f"the last of the layers gives {x.shape[-1]} numbers for {size} symbols; make it Dense(size).")


class Pick(keras.layers.Layer):
    """logits (…, size), targets (…) → four of each target.

    They are its log p, whether it was the most probable symbol, log p of all symbols that say the same of the music,
    and log p of all symbols that say anything of it.

    Args:
        codec: which knows what symbols say.
    """

    def __init__(self, codec: SymbolCodec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alike, self.silent = codec.alike, codec.silent

    def call(self, inputs: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        logits, targets = inputs
        size = logits.shape[-1]
        known = ops.minimum(targets, size - 1)  # an unknown target is sorted out by the caller
        log_all = ops.log_softmax(logits, axis=-1)
        log_p = log_music = ops.sum(log_all * ops.one_hot(known, size), axis=-1)
        if (self.alike != np.arange(size)).any():
            same = ops.expand_dims(ops.take(self.alike, known), -1) == self.alike
            log_music = ops.logsumexp(ops.where(same, log_all, -np.inf), axis=-1)
        log_any = ops.zeros_like(log_p)
        if self.silent.any():
            log_any = ops.logsumexp(ops.where(self.silent, -np.inf, log_all), axis=-1)
        return log_p, ops.cast(ops.argmax(logits, axis=-1), "int32") == targets, log_music, log_any

    def compute_output_spec(self, inputs: list[Tensor]) -> tuple[keras.KerasTensor, ...]:
        shape = inputs[1].shape
        return tuple(keras.KerasTensor(shape, kind) for kind in ("float32", "bool", "float32", "float32"))
