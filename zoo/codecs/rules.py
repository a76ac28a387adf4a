"""Which symbols may follow which, so that a piece has one encoding and nothing impossible is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Rules:
    """A state of bits that every symbol moves on, and that forbids symbols.

    state′ = (moved(state) or set[symbol]) and keep[symbol], bit by bit, where moved(state) = state[source] after a
    symbol that `moves` and the state itself after any other; a symbol is forbidden where state · forbid[:, symbol] +
    base[symbol] > 0. Arrays rather than a function, so that NumPy and a compiled network follow the same rules.

    Args:
        first: (bits,) uint8, the state before the first symbol.
        set: (size, bits) uint8, the bits that each symbol sets.
        keep: (size, bits) uint8, the bits that it leaves.
        source: (bits,) int32, where a bit comes from when a symbol moves the state; `bits` is a bit that is cleared.
        moves: (size,) bool.
        forbid: (bits, size) int8.
        base: (size,) int8.
        seen: (seen,) int32, the bits that a network reads.
    """

    first: np.ndarray
    set: np.ndarray
    keep: np.ndarray
    source: np.ndarray
    moves: np.ndarray
    forbid: np.ndarray
    base: np.ndarray
    seen: np.ndarray

    @classmethod
    def empty(cls, size: int, bits: int, seen: np.ndarray) -> Rules:
        """Rules that forbid nothing and change nothing, to be filled in.

        Args:
            size: symbols.
            bits: of a state.
            seen: numbers of the bits that a network reads.
        """
        return cls(
            first=np.zeros(bits, np.uint8),
            set=np.zeros((size, bits), np.uint8),
            keep=np.ones((size, bits), np.uint8),
            source=np.full(bits, bits, np.int32),
            moves=np.zeros(size, bool),
            forbid=np.zeros((bits, size), np.int8),
            base=np.zeros(size, np.int8),
            seen=np.asarray(seen, np.int32),
        )

    @property
    def bits(self) -> int:
        """Bits of a state."""
        return len(self.first)

    def after(self, states: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """The states after one more symbol.

        Args:
            states: (rows, bits) uint8.
            codes: (rows,) known symbols.

        Returns:
            (rows, bits) uint8.
        """
        moves = self.moves[codes]
        if moves.any():
            cleared = np.zeros((len(states), 1), np.uint8)
            moved = np.concatenate([states, cleared], axis=1)[:, self.source]
            states = np.where(moves[:, None], moved, states)
        return (states | self.set[codes]) & self.keep[codes]

    def states(self, codes: np.ndarray, first: np.ndarray | None = None) -> np.ndarray:
        """The state before each symbol and after the last, of several sequences at once.

        Args:
            codes: (rows, steps) known symbols.
            first: (rows, bits), the states before the first ones; by default those of a piece's beginning.

        Returns:
            (rows, steps + 1, bits) uint8.
        """
        rows, steps = codes.shape
        states = np.empty((rows, steps + 1, self.bits), np.uint8)
        states[:, 0] = self.first if first is None else first
        for step in range(steps):
            states[:, step + 1] = self.after(states[:, step], codes[:, step])
        return states

    def forbidden(self, states: np.ndarray) -> np.ndarray:
        """Whether each symbol is forbidden in states (..., bits): (..., size) bool."""
        return states.astype(np.float32) @ self.forbid.astype(np.float32) + self.base > 0
