"""Symbols by what they are made of: chords that share a note share what is learnt of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo._errors import UserError
from zoo.layers.symbols import SymbolClock
from zoo.layers.tensors import Shape, Tensor

LARGEST_TABLE = 10**8  # symbols × parts: 400 MB


class Contents(keras.layers.Layer):
    """A vector for each known symbol: Σ over its parts of a vector for each part, and a small one of its own.

    With one-hot symbols every chord is a stranger to every other; here C-E-G and C-E-A are known to have two notes in
    common. It is the idea of sub-word embeddings (Bojanowski et al., "Enriching word vectors with subword information",
    TACL 2017) for chords.

    Args:
        parts: for each symbol the numbers of its parts.
        width: of the vectors.
    """

    def __init__(self, parts: Sequence[Sequence[int]], width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parts, self.width = [list(map(int, row)) for row in parts], width
        numbers = 1 + max((max(row, default=-1) for row in self.parts), default=-1)
        if len(self.parts) * numbers > LARGEST_TABLE:
            raise UserError(f"{len(self.parts)} symbols of {numbers} parts are too many for `content`; leave it out.")
        self.table = np.zeros((len(self.parts), numbers), np.float32)
        for symbol, row in enumerate(self.parts):
            self.table[symbol, row] = 1
        self.supports_masking = True

    @property
    def size(self) -> int:
        """Known symbols."""
        return len(self.parts)

    def add_vectors(self, others: int = 0) -> None:
        """The weights; `others` are symbols without parts."""
        small = keras.initializers.RandomNormal(stddev=0.1)
        self.of_part = self.add_weight(shape=(self.table.shape[1], self.width), initializer=small, name="of_part")
        self.own = self.add_weight(shape=(self.size + others, self.width), initializer="zeros", name="own")

    def vectors(self) -> Tensor:
        """(symbols, width)."""
        shared = ops.matmul(ops.convert_to_tensor(self.table), self.of_part)
        return ops.pad(shared, ((0, self.own.shape[0] - self.size), (0, 0))) + self.own

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "parts": self.parts, "width": self.width}


@keras.saving.register_keras_serializable("zoo")
class ContentInput(Contents):
    """Turns ids (`zoo.layers.symbols`) into vectors of their symbols' parts.

    Args:
        parts: see `Contents`; the unknown and the start symbol have a vector of their own only.
        width: of the vectors.
        clock: grid steps in a bar; above 1 the place in the bar follows as a one-hot.

    Call arguments:
        ids: int32 (..., time).

    Returns:
        float32 (..., time, width + clock).
    """

    def __init__(self, parts: Sequence[Sequence[int]], width: int, clock: int = 1, **kwargs: Any) -> None:
        super().__init__(parts, width, **kwargs)
        self.clock, self.packing = clock, SymbolClock(self.size, clock)

    @property
    def detail(self) -> str:
        """For the picture of the network."""
        clock = f" + clock {self.clock}" if self.clock > 1 else ""
        return f"{self.size} symbols of {self.table.shape[1]} parts, embedding {self.width}{clock}"

    def build(self, shape: Shape) -> None:
        self.add_vectors(others=2)

    def call(self, ids: Tensor) -> Tensor:
        return self.packing.with_place(ops.take(self.vectors(), self.packing.symbols_of(ids), axis=0), ids)

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (*shape, self.width + self.packing.places)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "clock": self.clock}


@keras.saving.register_keras_serializable("zoo")
class ContentLogits(Contents):
    """Logits of all known symbols: the product of a question, linear in the input, and each symbol's vector.

    Call arguments:
        x: (..., units).

    Returns:
        (..., size).
    """

    @property
    def detail(self) -> str:
        """For the picture of the network."""
        return f"{self.size} symbols of {self.table.shape[1]} parts, width {self.width}"

    def build(self, shape: Shape) -> None:
        self.add_vectors()
        self.W = self.add_weight(shape=(shape[-1], self.width), name="W")
        self.c = self.add_weight(shape=(self.width,), initializer="zeros", name="c")
        self.b = self.add_weight(shape=(self.size,), initializer="zeros", name="b")

    def call(self, x: Tensor) -> Tensor:
        return ops.matmul(ops.matmul(x, self.W) + self.c, ops.transpose(self.vectors())) + self.b

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (*shape[:-1], self.size)
