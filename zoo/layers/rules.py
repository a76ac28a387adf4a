"""The rules of a representation inside a network: what it reads of their state, and what they forbid."""

from __future__ import annotations

from typing import Any, Protocol

import keras
import numpy as np
from keras import ops

from zoo.layers.tensors import Shape, Tensor

FORBIDDEN = 1e9  # taken from the logit of a symbol that may not follow


class Rules(Protocol):
    """What a representation says of the symbols that may follow, as arrays; see `zoo.codecs.rules`."""

    @property
    def bits(self) -> int:
        """Bits of a state."""

    @property
    def set(self) -> np.ndarray:
        """(size, bits), the bits that each symbol sets."""

    @property
    def keep(self) -> np.ndarray:
        """(size, bits), the bits that it leaves."""

    @property
    def source(self) -> np.ndarray:
        """(bits,), where a bit comes from when the state moves."""

    @property
    def moves(self) -> np.ndarray:
        """(size,), which symbols move it."""

    @property
    def forbid(self) -> np.ndarray:
        """(bits, size), what each bit says against a symbol."""

    @property
    def base(self) -> np.ndarray:
        """(size,), what is said against a symbol in any state."""

    @property
    def seen(self) -> np.ndarray:
        """(seen,), the bits that a network reads."""


class WithState(keras.layers.Layer):
    """Features followed by the bits of the state that a network reads.

    Call arguments:
        inputs: features (..., features) and states (..., bits).
    """

    def __init__(self, rules: Rules, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rules = rules

    def call(self, inputs: list[Tensor]) -> Tensor:
        features, states = inputs
        seen = ops.take(ops.cast(states, "float32"), ops.convert_to_tensor(self.rules.seen), axis=-1)
        return ops.concatenate([features, seen], axis=-1)

    def compute_output_shape(self, shapes: list[Shape]) -> Shape:
        return (*shapes[0][:-1], shapes[0][-1] + len(self.rules.seen))


class Allowed(keras.layers.Layer):
    """Logits with those of forbidden symbols taken away, so that a softmax gives all to what may follow.

    Call arguments:
        inputs: logits (..., size) and states (..., bits).
    """

    def __init__(self, rules: Rules, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rules = rules

    def call(self, inputs: list[Tensor]) -> Tensor:
        logits, states = inputs
        forbid = ops.convert_to_tensor(self.rules.forbid.astype(np.float32))
        against = ops.matmul(ops.cast(states, "float32"), forbid) + self.rules.base.astype(np.float32)
        return logits - FORBIDDEN * ops.cast(against > 0, "float32")

    def compute_output_shape(self, shapes: list[Shape]) -> Shape:
        return shapes[0]


def after(rules: Rules, states: Tensor, codes: Tensor) -> Tensor:
    """`Rules.after` of tensors.

    Args:
        rules: of the representation.
        states: (batch, bits) float32.
        codes: (batch,).

    Returns:
        (batch, bits) float32.
    """
    moved = ops.take(ops.pad(states, ((0, 0), (0, 1))), ops.convert_to_tensor(rules.source), axis=1)
    moves = ops.take(ops.convert_to_tensor(rules.moves.astype(np.float32)), codes)[:, None]
    states = moves * moved + (1 - moves) * states
    with_set = ops.maximum(states, ops.take(ops.convert_to_tensor(rules.set.astype(np.float32)), codes, axis=0))
    return with_set * ops.take(ops.convert_to_tensor(rules.keep.astype(np.float32)), codes, axis=0)
