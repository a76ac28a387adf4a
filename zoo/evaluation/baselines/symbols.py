"""Baselines over symbols: the share of each, and n-grams.

Source: Teh 2006, "A hierarchical Bayesian language model based on Pitman-Yor processes", with one table for each kind
of symbol, and with plain counts at every order. Written here, since NLTK smooths token by token in Python dicts, some
hundred times slower, and knows neither a concentration nor symbols that are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from zoo.codecs import Line, SymbolCodec

LONGEST = 16
DISCOUNTS = (0.0, 0.5, 0.75, 0.9)
CONCENTRATIONS = (0.1, 1.0, 10.0, 100.0)


class Places(NamedTuple):
    """The known symbols of lines, and where to look for what came before.

    Contexts read what networks read: start symbols before the first code, singletons as unknown, so that what follows
    an unknown symbol is learnt.
    """

    symbol: np.ndarray  # (places,) known ones
    inputs: np.ndarray  # all lines in one column, a start symbol before each
    at: np.ndarray  # (places,) of the symbol in that column
    first: np.ndarray  # (places,) of its line's start symbol

    @classmethod
    def of(cls, codec: SymbolCodec, lines: Sequence[Line]) -> Places:
        """The places in `lines`."""
        column = np.concatenate([np.append(codec.start, line.codes) for line in lines])
        lengths = np.array([len(line.codes) + 1 for line in lines])
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        at = np.flatnonzero(column < codec.size)
        return cls(column[at].astype(np.int64), codec.as_input[column], at, first[at])

    def before(self, back: int) -> np.ndarray:
        """What is read `back` codes before each symbol, (places,)."""
        return self.inputs[np.maximum(self.at - back, self.first)]


class Order(NamedTuple):
    """What followed each context of one length, contexts numbered in order of their key.

    Keys are integers, so that all are sorted, and found, at once. A context's is (number of the context without its
    oldest code) × (size + 2) + its oldest code; a pair's is (number of the context) × size + the symbol behind it.
    """

    contexts: np.ndarray  # (contexts,) keys, rising
    totals: np.ndarray  # (contexts,) symbols behind each
    types: np.ndarray  # (contexts,) different ones
    pairs: np.ndarray  # (pairs,) keys, rising
    counts: np.ndarray  # (pairs,)


class Counts(NamedTuple):
    """What an order knows of places, (places,) each; of an unseen context nothing."""

    counts: np.ndarray  # of the symbol behind its context
    totals: np.ndarray
    types: np.ndarray

    def interpolate(self, shorter: np.ndarray, discount: float, concentration: float) -> np.ndarray:
        """Probability of each symbol, (places,) float.

        Args:
            shorter: those given the context without its oldest code, (places,) float, or () for all.
            discount: taken from each count, 0–1.
            concentration: how much the shorter context weighs, in counts.
        """
        kept = np.maximum(self.counts - discount, 0)
        return (kept + (concentration + discount * self.types) * shorter) / (self.totals + concentration)


def _count(codec: SymbolCodec, lines: Sequence[Line], longest: int) -> list[Order]:
    """The orders of contexts of no code, of one … of `longest` − 1."""
    places, orders = Places.of(codec, lines), []
    contexts, context = np.zeros(1, np.int64), np.zeros(len(places.symbol), np.int64)
    for n in range(1, longest + 1):
        if n > 1:
            contexts, context = np.unique(context * (codec.size + 2) + places.before(n - 1), return_inverse=True)
        pairs, counts = np.unique(context * codec.size + places.symbol, return_counts=True)
        types = np.bincount(pairs // codec.size, minlength=len(contexts))
        orders.append(Order(contexts, np.bincount(context, minlength=len(contexts)), types, pairs, counts))
    return orders


def _find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each of `wanted` stands among rising `keys`, −1 where it does not."""
    at = np.searchsorted(keys, wanted)
    return np.where(keys.take(at, mode="clip") == wanted, at, -1)


def _look_up(codec: SymbolCodec, orders: Iterable[Order], lines: Sequence[Line]) -> Iterator[Counts]:
    """What each of `orders` knows of the known symbols in `lines`."""
    places = Places.of(codec, lines)
    context = np.zeros(len(places.symbol), np.int64)
    for n, order in enumerate(orders, 1):
        if n > 1:  # keys of what extends −1, an unseen context, are below zero: unseen stays unseen
            context = _find(order.contexts, context * (codec.size + 2) + places.before(n - 1))
        pair = _find(order.pairs, context * codec.size + places.symbol)
        counts, totals, types = (np.append(column, 0) for column in (order.counts, order.totals, order.types))
        yield Counts(counts[pair], totals[context], types[context])


@dataclass
class SymbolNGram:
    """p_n(s | h) = (max(c(hs) − d, 0) + (θ + d · types after h) p_{n−1}(s | h′)) ÷ (c(h) + θ), p_0 = 1 ÷ size.

    h′ is h without its oldest code; an unseen context leaves p_{n−1}. c counts known symbols in the training lines.

    Args:
        orders: of contexts of no code, of one … of n − 1.
        discount: d, 0 ≤ d < 1; at 0 the smoothing is Dirichlet's.
        concentration: θ > 0.
    """

    codec: SymbolCodec
    orders: list[Order]
    discount: float
    concentration: float

    def describe(self) -> dict[str, float]:
        """n, discount and concentration."""
        return {"n": len(self.orders), "discount": self.discount, "concentration": self.concentration}

    def nats(self, lines: Sequence[Line]) -> float:
        codec, p = self.codec, np.array(1 / self.codec.size)
        for counts in _look_up(codec, self.orders, lines):
            p = counts.interpolate(p, self.discount, self.concentration)
        nats = -np.log(p).sum() - len(p) * np.log1p(-codec.epsilon)
        unknown = sum(len(line.codes) for line in lines) - len(p)
        if unknown:
            nats += sum(line.unknown_nats.sum() for line in lines if line.unknown_nats is not None) - unknown * np.log(
                codec.epsilon
            )
        return float(nats)

    def probabilities(self, codes: Sequence[int]) -> np.ndarray:
        """The p of every known symbol behind `codes`, the line so far, (size,)."""
        codec, context = self.codec, 0
        p = np.full(codec.size, 1 / codec.size)
        for n, order in enumerate(self.orders, 1):
            if n > 1:
                oldest = codes[1 - n] if n <= len(codes) + 1 else codec.start
                key = context * (codec.size + 2) + int(codec.as_input[oldest])
                context = int(_find(order.contexts, np.array(key)))
                if context < 0:
                    break
            pairs = slice(*np.searchsorted(order.pairs, [context * codec.size, (context + 1) * codec.size]))
            p *= self.concentration + self.discount * order.types[context]
            p[order.pairs[pairs] % codec.size] += order.counts[pairs] - self.discount
            p /= order.totals[context] + self.concentration
        return p

    def generate(self, count: int, steps: int, seed: int) -> list[np.ndarray]:
        if not self.codec.advance.any():
            raise ValueError("no known symbol takes time, so no piece would end")
        return [self._piece(steps, np.random.default_rng([seed, row])) for row in range(count)]

    def _piece(self, steps: int, rng: np.random.Generator) -> np.ndarray:
        codec, grid, time, in_beat = self.codec, int(self.codec.steps_per_beat), 0, 0
        codes: list[int] = []
        while time < steps:
            p = self.probabilities(codes)
            if in_beat >= codec.most_per_beat:  # as in training, time must go on
                p[codec.advance == 0] = 0
            below = np.cumsum(p)
            codes.append(int(np.searchsorted(below / below[-1], rng.random(), side="right")))  # never one of p = 0
            after = time + int(codec.advance[codes[-1]])
            in_beat = in_beat + 1 if after // grid == time // grid else 0
            time = after
        return np.array(codes, np.int32)


class Shares(SymbolNGram):
    """The n-gram of n = 1 that adds one to each count."""

    def describe(self) -> dict[str, float]:
        """Nothing is chosen."""
        return {}


def order0(codec: SymbolCodec, train: Sequence[Line], valid: Sequence[Line]) -> Shares:
    """Add-one shares.

    Args:
        codec: the representation of the lines.
        train: lines that are counted.
        valid: not used.
    """
    return Shares(codec, _count(codec, train, 1), 0.0, float(codec.size))


def ngram(codec: SymbolCodec, train: Sequence[Line], valid: Sequence[Line]) -> SymbolNGram:
    """The n-gram whose n, discount and concentration predict validation best.

    Args:
        codec: the representation of the lines.
        train: lines that are counted.
        valid: lines by which the three are chosen.
    """
    orders, choices = _count(codec, train, LONGEST), []
    looked_up = list(_look_up(codec, orders, valid))
    for discount, concentration in product(DISCOUNTS, CONCENTRATIONS):
        p = np.array(1 / codec.size)
        for n, counts in enumerate(looked_up, 1):
            p = counts.interpolate(p, discount, concentration)
            choices.append((-np.log(p).sum(), n, discount, concentration))
    _, n, discount, concentration = min(choices)
    return SymbolNGram(codec, orders[:n], discount, concentration)
