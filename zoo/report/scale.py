"""All models on one scale: nats of the same test music, ranked, with intervals by a bootstrap over pieces.

`zoo.evaluation.canonical` says what is charged. Compared are the pieces that every representation takes without loss.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zoo.experiments.records import Interval
from zoo.experiments.results import Canonical
from zoo.report.groups import Group

ENOUGH = 0.9  # share of the pieces that a representation must take, lest the others be compared on a few
DRAWS = 1000  # of a bootstrap
NAMES = {"order0": "order 0", "ngram": "n-gram"}  # of baselines
LEVEL = (2.5, 97.5)  # percentiles of its 95 % interval


class Row(NamedTuple):
    """A model's place; all figures are nats per beat, but one.

    Args:
        group: the model.
        kind: "exact", "bound" or "AIS estimate".
        codes: of what its codes say.
        residual: of what they leave out.
        apart: of what they say besides the music, which is not in the total.
        per_note: nats for each note, of codes and residual.
        interval: of the total.
        behind: of the total minus that of the best, piece by piece; None of the best.
    """

    group: Group
    kind: str
    codes: float
    residual: float
    apart: float
    per_note: float
    interval: Interval
    behind: Interval | None = None

    @property
    def total(self) -> float:
        """Of codes and residual."""
        return self.codes + self.residual

    @property
    def mark(self) -> str:
        """What a table says beside the figure."""
        return "best" if self.behind is None else "within noise" if self.behind.low <= 0 <= self.behind.high else ""


class Scale(NamedTuple):
    """The ranking.

    Args:
        steps_per_beat: of the grid of the music.
        pieces: how many are compared.
        offered: how many there are in the test split.
        rows: the models, the best first.
        baselines: nats per beat of the simplest models over the same pieces, by name.
        left_out: names of models that are not compared, and why.
    """

    steps_per_beat: int
    pieces: int
    offered: int
    rows: list[Row]
    baselines: dict[str, float]
    left_out: list[tuple[str, str]]


class _Column(NamedTuple):
    """Nats of a model by piece, (pieces,) each, means over its runs."""

    codes: np.ndarray
    residual: np.ndarray
    apart: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Of codes and residual."""
        return self.codes + self.residual


def one_scale(groups: Sequence[Group]) -> Scale | None:
    """The ranking of the groups; None where nothing was measured."""
    left_out, compared, grid = [], [], 0
    for group in groups:
        measured = _measured(group)
        reason = next((run.results.canonical.left_out for run in group.runs if run.results.canonical.left_out), "")
        if measured and not grid:
            grid = int(measured[0].steps_per_beat or 0)
        if reason:
            left_out.append((group.name, reason))
        elif measured and measured[0].steps_per_beat != grid:
            left_out.append((group.name, "It was measured on music of another grid."))
        elif measured and (kept := _kept(measured)) < ENOUGH:
            text = f"Its representation takes {kept:.0%} of the pieces without loss, less than {ENOUGH:.0%}."
            left_out.append((group.name, text))
        elif measured:
            compared.append((group, measured))
    if not compared:
        return None
    common = sorted(set.intersection(*(set(one.pieces) for _, measured in compared for one in measured)))
    if not common:
        return None
    first = compared[0][1][0]
    beats, notes = (_picked(first, name, common) for name in ("beats", "notes"))
    columns = {group.name: _column(measured, common) for group, measured in compared}
    weights = np.random.default_rng(0).multinomial(len(common), np.full(len(common), 1 / len(common)), DRAWS)
    compared.sort(key=lambda pair: columns[pair[0].name].total.sum())
    best = columns[compared[0][0].name].total
    rows: list[Row] = []
    for group, measured in compared:
        column = columns[group.name]
        codes, residual, apart = (float(part.sum() / beats.sum()) for part in column)
        behind = _interval(column.total - best, beats, weights) if rows else None
        per_note = float(column.total.sum() / notes.sum())
        interval = _interval(column.total, beats, weights)
        rows.append(Row(group, measured[0].kind, codes, residual, apart, per_note, interval, behind))
    simplest = {NAMES.get(name, name): nats for name, nats in first.baselines.items() if len(nats) > common[-1]}
    baselines = {name: _per_beat(nats, common, beats) for name, nats in simplest.items()}
    return Scale(grid, len(common), int(first.offered or 0), rows, baselines, left_out)


def _measured(group: Group) -> list[Canonical]:
    return [run.results.canonical for run in group.runs if run.results.canonical.is_measured]


def _kept(measured: Sequence[Canonical]) -> float:
    return statistics.fmean(len(one.pieces) / (one.offered or 1) for one in measured)


def _picked(one: Canonical, name: str, pieces: Sequence[int]) -> np.ndarray:
    """A column of `one` at `pieces`, (pieces,)."""
    by_piece = dict(zip(one.pieces, getattr(one, name), strict=True))
    return np.array([by_piece[piece] for piece in pieces], float)


def _column(measured: Sequence[Canonical], pieces: Sequence[int]) -> _Column:
    return _Column(*(np.mean([_picked(one, name, pieces) for one in measured], axis=0) for name in _Column._fields))


def _per_beat(nats: Sequence[float], pieces: Sequence[int], beats: np.ndarray) -> float:
    return float(np.array(nats)[list(pieces)].sum() / beats.sum())


def _interval(nats: np.ndarray, beats: np.ndarray, weights: np.ndarray) -> Interval:
    """The 95 % percentile interval of Σ nats ÷ Σ beats, by a bootstrap over pieces.

    Not by `scipy.stats.bootstrap`, which takes seconds to load: all models have the same draws, as one matrix product.

    Args:
        nats: (pieces,).
        beats: (pieces,).
        weights: (draws, pieces), how often each piece is drawn.
    """
    low, high = np.percentile(weights @ nats / (weights @ beats), LEVEL)
    return Interval(float(low), float(high))
