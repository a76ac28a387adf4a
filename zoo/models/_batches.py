"""Batches of symbols, made as they are needed from one column of integers a piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.codecs.rules import Rules
from zoo.training.loop import Batch

STATES_AT_ONCE = 64  # sequences


class SongBatches:
    """Pieces of `chunk` symbols, every position a target.

    The last piece of a line is padded, and weighs nothing there.

    Args:
        codes: (codes,) of each line.
        ids: (codes,) what the network reads before each.
        size: known symbols.
        rules: of which the network reads the states, if it does.
        chunk: symbols of a piece.
        batch: pieces in a batch.
        rng: of the order.
    """

    def __init__(
        self,
        codes: list[np.ndarray],
        ids: list[np.ndarray],
        size: int,
        rules: Rules | None,
        chunk: int,
        batch: int,
        rng: np.random.Generator,
    ) -> None:
        self.codes, self.ids, self.size, self.rules, self.chunk, self.batch = codes, ids, size, rules, chunk, batch
        self.before = _states_at(self.rules, self.codes, self.chunk) if self.rules else []  # each chunk
        pieces = [(row, at) for row, codes in enumerate(self.codes) for at in range(0, len(codes), self.chunk)]
        self.pieces = [pieces[index] for index in rng.permutation(len(pieces))]

    def __len__(self) -> int:
        return -(-len(self.pieces) // self.batch)

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, len(self.pieces), self.batch):
            x, y = np.zeros((2, self.batch, self.chunk), np.int32)
            weight = np.zeros((self.batch, self.chunk), np.float32)
            pieces = self.pieces[first : first + self.batch]
            for row, (line, at) in enumerate(pieces):
                ids, codes = self.ids[line][at : at + self.chunk], self.codes[line][at : at + self.chunk]
                x[row, : len(ids)], y[row, : len(ids)] = ids, np.minimum(codes, self.size - 1)
                weight[row, : len(ids)] = codes < self.size
            if self.rules:
                before = np.zeros((self.batch, self.rules.bits), np.uint8)
                before[: len(pieces)] = [self.before[line][at // self.chunk] for line, at in pieces]
                yield [x, self.rules.states(y, before)[:, :-1]], y, weight
            else:
                yield x, y, weight


def _states_at(rules: Rules, sequences: list[np.ndarray], chunk: int) -> list[np.ndarray]:
    """The state of the rules before each chunk of each sequence, (chunks, bits) uint8."""
    found: list[np.ndarray] = []
    for first in range(0, len(sequences), STATES_AT_ONCE):
        group = sequences[first : first + STATES_AT_ONCE]
        codes = np.zeros((len(group), max(map(len, group))), np.int32)
        for row, sequence in enumerate(group):
            codes[row, : len(sequence)] = sequence
        at, kept = None, []
        for begin in range(0, codes.shape[1], chunk):
            states = rules.states(codes[:, begin : begin + chunk], at)
            kept.append(states[:, 0])
            at = states[:, -1]
        found += list(np.stack(kept, axis=1))
    return found


class WindowBatches:
    """Windows and the symbol after each, as views of one column of ids.

    Args:
        windows: see `WindowContext.windows`.
        size: known symbols.
        batch: windows in a batch.
        rng: of the order.
    """

    def __init__(
        self, windows: tuple[np.ndarray, np.ndarray, np.ndarray], size: int, batch: int, rng: np.random.Generator
    ) -> None:
        self.starts, self.views, self.targets = windows
        self.batch, self.size, self.last = batch, size, self.views.shape[1] - 1
        rng.shuffle(self.starts)

    def __len__(self) -> int:
        return -(-len(self.starts) // self.batch)

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, len(self.starts), self.batch):
            starts = self.starts[first : first + self.batch]
            padded = np.resize(starts, self.batch)
            following = self.targets[padded + self.last]
            weight = (following < self.size).astype(np.float32)
            weight[len(starts) :] = 0
            yield self.views[padded], np.minimum(following, self.size - 1), weight
