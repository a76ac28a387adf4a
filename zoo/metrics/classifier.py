"""How often a classifier tells the songs of one set from those of another; half the time means that it cannot.

Source: classifier two-sample tests, Lopez-Paz and Oquab 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.metrics.features import STEPS_PER_BEAT, features, merged, pitch_classes
from zoo.metrics.scalars import best_key, empty_beats, scale_consistency
from zoo.song import Song

RIDGE = 10.0  # of features with deviation 1 and weights that sum to the number of songs
FOLDS, REPEATS = 5, 5  # one dealing alone scatters more than the interval says
LENGTHS = np.array([3, 4, 6, 8, 9, 12, 18, 24, 36, 48]) / STEPS_PER_BEAT  # beats; a bin ends before each
LEAPS = np.array([-2, 0, 1, 3])  # semitones; a bin ends before each: leap down, step down, the same, step up, leap up
LARGEST_INTERVAL = 12
MOST_VOICES = 6


@dataclass(frozen=True)
class TwoSampleTest:
    """What the classifier reached.

    Attributes:
        accuracy: mean of the shares of songs recognised in either set, 0–1; 0.5 is chance.
        interval: 95 %.
    """

    accuracy: float
    interval: tuple[float, float]


def two_sample_test(songs: Sequence[Song], others: Sequence[Song], rng: np.random.Generator) -> TwoSampleTest:
    """Cross-validated logistic regression on `summary` of each song, both sets weighing the same whatever their size.

    Songs are dealt to five folds at random, equally from both sets, and all over again five times. Two songs of one
    summary, one in each set, are dealt together, so identical sets give one half: apart, each would be taken for the
    other. The interval joins Wilson's for the two shares (Newcombe 1998, method 10, for a mean). It takes songs as
    judged independently, which cross-validation does not quite do: with 10–77 songs of one source on either side it
    held one half in 85–98 of 100 trials.

    A set of fewer than two songs gives 0.5 in (0, 1): nothing can be learnt. Crop both sets to the same length first:
    shares over few notes scatter more than over many, and that too can be learnt.
    """
    if min(len(songs), len(others)) < 2:
        return TwoSampleTest(0.5, (0.0, 1.0))
    x = np.array([summary(song) for song in [*songs, *others]])
    y = np.repeat([0, 1], [len(songs), len(others)])
    right = np.zeros(len(y), int)
    for _ in range(REPEATS):
        fold = _folds(x, y, rng)
        for number in range(FOLDS):
            held = fold == number
            right[held] += _predict(x[~held], y[~held], x[held]) == y[held]
    shares = np.array([right[y == side].mean() / REPEATS for side in (0, 1)])
    low, high = np.transpose([_wilson(share, count) for share, count in zip(shares, np.bincount(y), strict=True)])
    accuracy = shares.mean()
    below, above = (np.sqrt(((shares - bound) ** 2).sum()) / 2 for bound in (low, high))
    return TwoSampleTest(float(accuracy), (float(accuracy - below), float(accuracy + above)))


def summary(song: Song) -> np.ndarray:
    """What the classifier sees of a song, the same for every transposition but for the mean pitch, (features,) float.

    Means and deviations, and shares of: pitch classes above the tonic of the best key, intervals of the melody and
    pairs of them, durations, times between onsets and how each compares with the one before, onset positions in the
    beat, pitches at once, interval classes that sound together. An empty song has shares of nothing, all 0.
    """
    grid, columns = merged(song), features(song)
    key, clarity = best_key(song)
    moves = np.searchsorted(LEAPS, columns["interval"], side="right")
    times = np.sign(np.diff(columns["inter_onset"])).astype(int) + 1
    sounding = pitch_classes(grid)
    together = np.array([(sounding & np.roll(sounding, size, 1)).sum() for size in range(1, 7)])
    together[5] //= 2  # a tritone is one from either end
    measured = [column for name, column in columns.items() if name != "pitch_class"]  # a circle has no mean
    spread = [(column.mean(), column.std()) if len(column) else (0.0, 0.0) for column in measured]
    return np.concatenate(
        [
            np.ravel(spread),
            [scale_consistency(song), clarity, empty_beats(song)],
            _shares((columns["pitch_class"] - key) % 12, 12),
            _shares(np.clip(columns["interval"], -LARGEST_INTERVAL, LARGEST_INTERVAL) + LARGEST_INTERVAL, 25),
            _shares(5 * moves[:-1] + moves[1:], 25),
            _shares(np.searchsorted(LENGTHS, columns["duration"], side="right"), len(LENGTHS) + 1),
            _shares(np.searchsorted(LENGTHS, columns["inter_onset"], side="right"), len(LENGTHS) + 1),
            _shares(times, 3),
            _shares(grid.start % STEPS_PER_BEAT, STEPS_PER_BEAT),
            _shares(np.minimum(columns["polyphony"], MOST_VOICES), MOST_VOICES + 1),
            together / max(together.sum(), 1),
        ]
    )


def _shares(values: np.ndarray, bins: int) -> np.ndarray:
    return np.bincount(values, minlength=bins) / max(len(values), 1)


def _folds(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fold of each song, (songs,) int."""
    _, same = np.unique(x, axis=0, return_inverse=True)
    copy = np.zeros(len(y), int)  # how many songs of this summary came before in the same set
    seen: dict[tuple[int, int], int] = {}
    for song, key in enumerate(zip(same.tolist(), y.tolist(), strict=True)):
        copy[song] = seen[key] = seen.get(key, -1) + 1
    _, unit = np.unique([same, copy], axis=1, return_inverse=True)
    sides = np.bincount(unit, weights=2 * y + 1)  # 1: in the first set, 3: in the second, 4: one in each
    order = np.lexsort((rng.random(len(sides)), sides))
    fold = np.zeros(len(sides), int)
    fold[order] = np.arange(len(sides)) % FOLDS
    return fold[unit]


def _predict(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Class of each of `new` by logistic regression with a ridge, features standardised over `x`."""
    from scipy.optimize import minimize  # takes as long to load as all else here, and a report needs only our names
    from scipy.special import expit

    scale = x.std(0)
    mean, scale = x.mean(0), np.where(scale > 0, scale, 1)
    x, new = (np.column_stack([(table - mean) / scale, np.ones(len(table))]) for table in (x, new))
    weight = len(y) / (2 * np.bincount(y, minlength=2)[y])
    ridge = np.append(np.full(x.shape[1] - 1, RIDGE), 0)

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ b
        nats = weight @ (np.logaddexp(0, z) - y * z) + (ridge * b) @ b / 2
        return nats, x.T @ (weight * (expit(z) - y)) + ridge * b

    best = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    return (new @ best > 0).astype(int)


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `count` (1927)."""
    z = 1.959964
    middle = share + z**2 / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - half) / (1 + z**2 / count), (middle + half) / (1 + z**2 / count)
