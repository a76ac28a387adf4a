"""How far two sets of songs are apart, feature by feature.

All values of a feature in a set make one distribution, so a long song weighs more than a short one.

Songs are counted once, and drawn as rows of one matrix product; `scipy.stats.bootstrap` would count them at every draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.evaluation.metrics.features import UNITS, features
from zoo.song import Song


@dataclass(frozen=True)
class Distance:
    """Two figures of how far two distributions are apart, each with its bootstrap interval.

    Attributes:
        overlap: area under both densities, 0–1: Σ min(p, q) over the values of either; 1 for equal distributions.
        overlap_interval: 95 %.
        wasserstein: mean way, in `unit`, that values must be moved to make one distribution the other, ≥ 0; None when
            only one set has any value.
        wasserstein_interval: 95 %, or None.
        unit: of the feature.
    """

    overlap: float
    overlap_interval: tuple[float, float]
    wasserstein: float | None
    wasserstein_interval: tuple[float, float] | None
    unit: str


def compare(
    songs: Sequence[Song], others: Sequence[Song], rng: np.random.Generator, resamples: int = 1000
) -> dict[str, Distance]:
    """The distance of two sets in every feature of `features`.

    A feature's values lie on a grid, twelfths of a beat or whole numbers, and both densities are histograms on that one
    grid. Pitch classes lie on a circle: B is one semitone from C.

    Songs, not notes, are drawn with replacement, `resamples` times from each set. Draws are farther apart than the sets
    they come from, as these are farther apart than the music they come from; so the quantiles of the draws are moved by
    what their mean differs from the figure itself. The interval then says where the figure would lie for other sets of
    these sizes from the same two sources; in simulations with chorales and folk tunes it held the mean figure of such
    sets in 91–100 % of cases. Two sets of real music are not at distance 0 either: compare with their figure.

    Args:
        songs: one set.
        others: the other.
        rng: draws the songs.
        resamples: how often.

    Returns:
        By name of the feature.
    """
    tables = [[features(song) for song in of_set] for of_set in (songs, others)]
    draws = [_draws(len(of_set), rng, resamples) for of_set in (songs, others)]
    return {name: _distance(name, [[table[name] for table in of_set] for of_set in tables], draws) for name in UNITS}


def histograms(sets: dict[str, Sequence[Song]]) -> dict[str, dict[str, list[float]]]:
    """Of each feature the distributions that `compare` compares.

    Returns:
        For each feature its `values`, in order, in the feature's unit, and for each set, by its name, their shares, to
        five digits; zeros for a set without any.
    """
    tables = {label: [features(song) for song in songs] for label, songs in sets.items()}
    distributions = {}
    for name in UNITS:
        columns = {label: [table[name] for table in songs] for label, songs in tables.items()}
        values = _values(name, columns.values())
        counts = {label: _counts(of_set, values).sum(0) for label, of_set in columns.items()}
        shares = {label: (count / max(count.sum(), 1)).round(5).tolist() for label, count in counts.items()}
        distributions[name] = {"values": values.tolist(), **shares}
    return distributions


def _draws(songs: int, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """How often each song is taken, (1 + resamples, songs); in the first row once."""
    places = max(songs, 1)  # NumPy draws from no empty set, not even nothing
    drawn = rng.multinomial(songs, np.full(places, 1 / places), size=resamples)[:, :songs]
    return np.concatenate([np.ones((1, songs)), drawn])


def _distance(name: str, sets: list[list[np.ndarray]], draws: list[np.ndarray]) -> Distance:
    values = _values(name, sets)
    totals = [draw @ _counts(of_set, values) for draw, of_set in zip(draws, sets, strict=True)]
    present = [bool(total[0].any()) for total in totals]
    if not all(present):
        same = float(not any(present))
        none = 0.0 if same else None
        return Distance(same, (same, same), none, (0.0, 0.0) if same else None, UNITS[name])
    drawn = totals[0].any(1) & totals[1].any(1)  # a draw of nothing but songs without values says nothing
    p, q = (total[drawn] / total[drawn].sum(1, keepdims=True) for total in totals)
    overlap = 1 - np.abs(p - q).sum(1) / 2
    if name == "pitch_class":
        # On a circle the best place to cut it open is the median (Rabin, Delon and Gousseau 2011, equation 9).
        ahead = np.cumsum(p - q, 1)
        way = np.abs(ahead - np.median(ahead, 1, keepdims=True)).sum(1)
    else:
        way = np.abs(np.cumsum(p - q, 1)[:, :-1]) @ np.diff(values)
    return Distance(float(overlap[0]), _interval(overlap, 1.0), float(way[0]), _interval(way, np.inf), UNITS[name])


def _values(name: str, sets: Iterable[list[np.ndarray]]) -> np.ndarray:
    """All values of a feature that occur in any set, in order."""
    if name == "pitch_class":
        return np.arange(12)  # on a circle the gaps count too
    return np.unique(np.concatenate([np.zeros(0), *(column for of_set in sets for column in of_set)]))


def _counts(columns: list[np.ndarray], values: np.ndarray) -> np.ndarray:
    """How often each song has each value, (songs, values)."""
    places = (np.searchsorted(values, column) for column in columns)
    counts = [np.bincount(place, minlength=len(values)) for place in places]
    return np.array(counts, float).reshape(len(columns), len(values))  # float: whole numbers are multiplied slowly


def _interval(figures: np.ndarray, highest: float) -> tuple[float, float]:
    """95 % around the first figure, from those of the draws, which follow."""
    spread = np.quantile(figures[1:], [0.025, 0.975]) - figures[1:].mean()
    low, high = np.clip(figures[0] + spread, 0, highest)
    return float(low), float(high)
