"""A network over symbols, one step at a time for several pieces at once, where what comes next is decided outside.

Plain sampling is compiled in one piece (`zoo.layers.symbols.SymbolSampler`). Where a step depends on more than noise,
on notes that are given or on how other pieces fare, it is slower and simpler: a call for every symbol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.codecs.given import PITCHES, Given

if TYPE_CHECKING:
    from zoo.models._symbols import SymbolModel

IMPOSSIBLE = -1e8  # log p of what the rules of a representation forbid is less


@dataclass(frozen=True)
class State:
    """Where some pieces are."""

    memory: list[np.ndarray]  # (pieces, size) each, as the step of the network wants it
    time: np.ndarray  # (pieces,) grid steps since the new music began
    used: np.ndarray  # (pieces,) symbols so far in this beat

    def rows(self, picked: np.ndarray) -> State:
        """Some of the pieces, one of them more than once if need be."""
        return State([part[picked] for part in self.memory], self.time[picked], self.used[picked])


class Stepper:
    """One step of a model's network, compiled.

    Args:
        model: trained.
    """

    def __init__(self, model: SymbolModel) -> None:
        self.codec, self.grid, self.bar = model.codec, model.grid, model.bar
        self.context = model.sequence_context
        step = self.context.step(model.network)
        memory = [keras.Input((size,)) for size in step.state_size]
        logits, carried = step(memory)
        self.network = keras.Model(memory, [logits, *carried])

    def logits(self, state: State) -> tuple[np.ndarray, list[np.ndarray]]:
        """Logits (pieces, size) of the next symbol, and what the network carries on."""
        outputs = self.network.predict_on_batch(state.memory)
        logits, *carried = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return np.asarray(logits), [np.asarray(part) for part in carried]

    def crowded(self, state: State) -> np.ndarray:
        """Whether only symbols that move time on may follow, (pieces,) bool."""
        return state.used >= self.codec.most_per_beat

    def push(self, state: State, carried: list[np.ndarray], codes: np.ndarray, offset: np.ndarray | int) -> State:
        """The state after one more symbol each.

        Args:
            state: before.
            carried: what `logits` gave.
            codes: (pieces,) known symbols.
            offset: (pieces,) grid steps of what was before the new music.
        """
        time = state.time + self.codec.advance[codes]
        same_beat = (time + offset) // self.grid == (state.time + offset) // self.grid
        place = ((time + offset) % self.bar).astype(np.int32)
        ids = self.context.packing.pack(self.codec.as_input[codes], place)[:, None].astype(np.float32)
        memory = self.context.push(state.memory, carried, codes, ids)
        return State([part.astype(np.float32) for part in memory], time, np.where(same_beat, state.used + 1, 0))


def draw_given(
    stepper: Stepper,
    state: State,
    given: Given,
    heat: Callable[[np.random.Generator], Any],
    rngs: list[np.random.Generator],
) -> list[np.ndarray]:
    """Codes of pieces around given notes, each symbol drawn from those that keep them.

    Args:
        stepper: of a model whose codec can be given notes.
        state: before the first symbol, of as many pieces as there are generators.
        given: the notes.
        heat: the temperature of a piece's next symbol; may draw it with the piece's generator.
        rngs: of each piece.

    Returns:
        (symbols,) int32 for each piece.
    """
    codec, steps = stepper.codec, len(given.sounds)
    rules, below = codec.rules, np.full(len(rngs), PITCHES)
    of_rules = np.repeat(rules.first[None], len(rngs), axis=0)
    drawn: list[np.ndarray] = []
    while (state.time < steps).any():
        logits, carried = stepper.logits(state)
        here = zip(np.minimum(state.time, steps - 1), below, stepper.crowded(state), strict=True)
        allowed = np.stack([codec.allowed(given, *each) for each in here]) & ~rules.forbidden(of_rules)
        exponential = np.stack([rng.standard_exponential(codec.size) for rng in rngs])
        gumbel = -np.log(np.maximum(exponential, np.finfo(np.float32).tiny))
        temperature = np.array([np.resize(heat(rng), 1) for rng in rngs])
        codes = np.where(allowed, logits + temperature * gumbel, -np.inf).argmax(axis=1)
        drawn.append(codes)
        of_rules = rules.after(of_rules, codes)
        below = codec.named(codes)
        state = stepper.push(state, carried, codes, 0)
    table = np.stack(drawn, axis=1).astype(np.int32)
    return [row[codec.times(row)[:-1] < steps] for row in table]


def search(stepper: Stepper, state: State, offset: int, steps: int, beams: int) -> list[np.ndarray]:
    """The most probable pieces that beam search finds, the best first.

    All are compared by the log probability of all their symbols, whatever their number; the music is of one length.

    Args:
        stepper: of the model.
        state: of one piece, before the first symbol.
        offset: grid steps of what was before.
        steps: length of the new music in grid steps; a piece is complete with the symbol that reaches it.
        beams: pieces that are followed at once.

    Returns:
        (symbols,) int32 for each piece, `beams` of them or all there are.
    """
    size, advance = stepper.codec.size, stepper.codec.advance
    pieces: list[tuple[float, list[int]]] = [(0.0, [])]  # log p and codes of each under way, a row of `state`
    complete: list[tuple[float, list[int]]] = []
    while pieces:
        padded = state.rows(np.resize(np.arange(len(pieces)), beams))  # one shape, one compilation
        logits, carried = stepper.logits(padded)
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        log_p[(stepper.crowded(padded)[:, None] & (advance == 0)) | (log_p < IMPOSSIBLE)] = -np.inf
        total = np.array([score for score, _ in pieces])[:, None] + log_p[: len(pieces)]
        best = np.argsort(-total, axis=None, kind="stable")[:beams]
        grown = [(float(total.flat[i]), *divmod(int(i), size)) for i in best if total.flat[i] > -np.inf]
        # Complete pieces stand as they are, and compete with those that are still under way.
        least = sorted([score for score, *_ in [*complete, *grown]], reverse=True)[:beams][-1]
        complete = [piece for piece in complete if piece[0] >= least]
        grown = [(score, row, code) for score, row, code in grown if score >= least]
        rows, codes = (np.array([entry[part] for entry in grown], int) for part in (1, 2))
        state = stepper.push(padded.rows(rows), [part[rows] for part in carried], codes, offset)
        longer = [(score, [*pieces[row][1], code]) for score, row, code in grown]
        under_way = state.time < steps
        complete += [piece for piece, more in zip(longer, under_way, strict=True) if not more]
        pieces = [piece for piece, more in zip(longer, under_way, strict=True) if more]
        state = state.rows(np.flatnonzero(under_way))
    ranked = sorted(complete, key=lambda piece: -piece[0])[:beams]
    return [np.array(codes, np.int32) for _, codes in ranked]
