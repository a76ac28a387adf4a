"""Baselines: what the simplest models say, and make, of the same music in the same representation.

"order0" knows the share of each code, whatever came before; "ngram" the last few codes, how many and how smoothed as
validation has it. Neither sees the clock or the length of a piece. Lines are those of the codec, at least one a split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from zoo.codecs import Codec, Line, RollCodec, SymbolCodec
from zoo.evaluation.baselines import frames, symbols

NAMES = ("order0", "ngram")


class Baseline(Protocol):
    """A fitted baseline."""

    def nats(self, lines: Sequence[Line]) -> float:
        """Σ −log p of all codes of `lines`, the first of each included; an unknown symbol as `SymbolCodec` says."""

    def generate(self, count: int, steps: int, seed: int) -> list[np.ndarray]:
        """New pieces. The same seed gives the same ones, and the first of many are the few; no symbol is unknown.

        Args:
            count: how many.
            steps: least length in grid steps.
            seed: of all randomness.

        Returns:
            Codes of each piece, as `Codec.decode` takes them.

        Raises:
            ValueError: when no known symbol takes time.
        """

    def describe(self) -> dict[str, float]:
        """What was chosen on validation."""


def fit(name: str, codec: Codec, train: Sequence[Line], valid: Sequence[Line]) -> Baseline:
    """A baseline, fitted.

    Args:
        name: one of NAMES.
        codec: the representation of the lines.
        train: lines that are counted.
        valid: lines by which order and smoothing are chosen.

    Raises:
        KeyError: for a name not in NAMES.
        TypeError: for a representation of another kind.
    """
    for kind, family in ((SymbolCodec, symbols), (RollCodec, frames)):
        if isinstance(codec, kind):
            return {"order0": family.order0, "ngram": family.ngram}[name](codec, train, valid)
    raise TypeError(f"no baseline is known for {type(codec).__name__}")
