"""How often a classifier tells the songs of one set from those of another; half the time means that it cannot.

Source: classifier two-sample tests, Lopez-Paz and Oquab 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from zoo.evaluation.metrics.excerpts import VIEWS, views
from zoo.song import Song

RIDGE = 10.0  # of features with deviation 1 and weights that sum to the songs of the smaller class, twice
RIDGE_OF_VIEWS = 1.0  # of what the views say, likewise
FOLDS, REPEATS = 5, 3  # one dealing alone scatters more than the interval says
INNER_FOLDS = 4
FARTHEST = 3.0  # deviations; beyond, a feature says no more
MOST_REFERENCE = 200  # songs

BLIND_SPOTS = (
    "The classifier misses up to three in ten pieces whose bars are in the wrong order, and up to a quarter with one "
    "voice moved against the others, most where pieces are of eight bars or where there are few songs to learn from; "
    "it sees neither loudness nor instruments, nor form beyond eight bars."
)

Piece = Song | dict[str, np.ndarray]  # a song or its views


@dataclass(frozen=True)
class TwoSampleTest:
    """What the classifier reached.

    Attributes:
        accuracy: mean of the shares of songs recognised in either set, 0–1; 0.5 is chance.
        interval: 95 %.
    """

    accuracy: float
    interval: tuple[float, float]


def two_sample_test(
    songs: Sequence[Piece], others: Sequence[Piece], rng: np.random.Generator, reference: Sequence[Piece] = ()
) -> TwoSampleTest:
    """Cross-validated logistic regression on `views` of each song, both classes weighing the same whatever their size.

    A regression of each view judges a song's excerpts, whose log-odds add up; another weighs what the views say, learnt
    on songs that those had not seen (stacking, Wolpert 1992): a fault that few features show is not lost among many.

    Songs are dealt to five folds at random, equally from both sets, and all over again three times; a song's excerpts
    stay together. Two songs alike, one in each set, are dealt together, so identical sets give one half: apart, each
    would be taken for the other. The interval joins Wilson's for the two shares (Newcombe 1998, method 10, for a mean).
    It takes songs as judged independently, which cross-validation does not quite do: in three corpora, 2–17 songs
    beside 6–11 of the same source, it held one half in 98–100 % of 60 dealings.

    Measured by tests/power.py on six folders, 3–20 test songs: real against real 48–52 %; one note repeated 98–100 %;
    notes held over ten beats, all or a third, 87–100 %; shuffled bars 72–99 %, least in pieces of eight bars and with
    three test songs; a voice moved by 1, 2 or 6 semitones 74–99 %, least with three test songs.

    A set of fewer than two songs gives 0.5 in (0, 1): nothing can be learnt. Crop all songs to the same length first:
    shares over few notes scatter more than over many, and that too can be learnt.

    Args:
        songs: compared with `others`. All songs may be given as their `views` instead, which saves time where a set is
            used again.
        others: real music.
        rng: deals the songs.
        reference: further music of the kind of `others`, to learn from, never judged: what makes the test sharp where
            there are few `others`. At most 200 songs are drawn from it. One that is just like a song to be judged is
            left out then.
    """
    if min(len(songs), len(others)) < 2:
        return TwoSampleTest(0.5, (0.0, 1.0))
    drawn = np.sort(rng.permutation(len(reference))[:MOST_REFERENCE])
    sets = [songs, others, [reference[number] for number in drawn]]
    pieces = Pieces([seen(song) for songs in sets for song in songs], np.repeat([0, 1, 2], [len(of) for of in sets]))
    judged = pieces.role < 2
    right = np.zeros(len(pieces.role))
    with threadpool_limits(1, "blas"):  # threads that wait for one another at small products take far longer
        for _ in range(REPEATS):
            fold = pieces.folds(judged, FOLDS, rng)
            for number in range(FOLDS):
                held = fold == number
                known = (fold < 0) & ~np.isin(pieces.same, pieces.same[held])
                right[held] += (_stacked(pieces, judged & ~held | known, held, rng) > 0) == pieces.y[held]
    shares = np.array([right[pieces.role == role].mean() / REPEATS for role in (0, 1)])
    low, high = np.transpose([_wilson(*pair) for pair in zip(shares, (len(songs), len(others)), strict=True)])
    accuracy = shares.mean()
    below, above = (np.sqrt(((shares - bound) ** 2).sum()) / 2 for bound in (low, high))
    return TwoSampleTest(float(accuracy), (float(accuracy - below), float(accuracy + above)))


def seen(song: Piece) -> dict[str, np.ndarray]:
    """The views of a song."""
    return views(song) if isinstance(song, Song) else song


class Pieces:
    """The views of all pieces.

    Attributes:
        role: 0, 1 and 2 for songs, others and reference, (pieces,) int.
        y: class, (pieces,) int.
        same: a number for all pieces that are alike in all views, (pieces,) int.
        rows: of each view those of all pieces, (rows, columns) float.
        piece: of each view to which piece each row belongs, (rows,) int.
    """

    def __init__(self, pieces: Sequence[dict[str, np.ndarray]], role: np.ndarray) -> None:
        self.role, self.y = role, np.minimum(role, 1)
        keys: dict[bytes, int] = {}
        self.same = np.array([keys.setdefault(_key(each), len(keys)) for each in pieces])
        self.rows = {view: np.concatenate([each[view] for each in pieces]) for view in VIEWS}
        self.piece = {view: np.repeat(np.arange(len(pieces)), [len(each[view]) for each in pieces]) for view in VIEWS}

    def folds(self, dealt: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Fold of each piece, −1 for those that `dealt` does not name, (pieces,) int.

        The first of several alike in each role are dealt together, so are the second, and so on.

        Args:
            dealt: which pieces are dealt, (pieces,) bool.
            count: of folds.
            rng: deals them.
        """
        names: list[tuple[int, int]] = []
        seen: dict[tuple[int, int], int] = {}
        for same, role in zip(self.same[dealt].tolist(), self.role[dealt].tolist(), strict=True):
            seen[same, role] = seen.get((same, role), -1) + 1
            names.append((same, seen[same, role]))
        _, unit = np.unique(names, axis=0, return_inverse=True)
        roles = np.bincount(unit, weights=4.0 ** self.role[dealt])  # which roles it holds
        order = np.lexsort((rng.random(len(roles)), roles))
        of_unit = np.zeros(len(roles), int)
        of_unit[order] = np.arange(len(roles)) % count
        fold = np.full(len(self.role), -1)
        fold[dealt] = of_unit[unit]
        return fold


def _key(piece: dict[str, np.ndarray]) -> bytes:
    return b"".join(piece[view].tobytes() for view in VIEWS)


def _stacked(pieces: Pieces, fit: np.ndarray, held: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Log-odds of the pieces `held` by what is learnt from the pieces `fit`, (held,) float."""
    fold = pieces.folds(fit, INNER_FOLDS, rng)
    log_odds = np.zeros((len(fit), len(VIEWS)))
    for number in range(INNER_FOLDS):
        unseen = fold == number
        log_odds[unseen] = _by_view(pieces, fit & ~unseen, unseen)
    of_held = _by_view(pieces, fit, held)
    return _regress(log_odds[fit], pieces.y[fit], _weights(pieces.y[fit]), of_held, RIDGE_OF_VIEWS)


def _by_view(pieces: Pieces, fit: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Log-odds of each piece `held` by each view, summed over its rows, (held, views) float."""
    weights = np.zeros(len(fit))
    weights[fit] = _weights(pieces.y[fit])
    log_odds = np.zeros((len(fit), len(VIEWS)))
    for column, view in enumerate(VIEWS):
        rows, piece = pieces.rows[view], pieces.piece[view]
        known, new = fit[piece], held[piece]
        each = (weights / np.bincount(piece))[piece[known]]
        odds = _regress(rows[known], pieces.y[piece[known]], each, rows[new], RIDGE)
        log_odds[:, column] = np.bincount(piece[new], weights=odds, minlength=len(fit))
    return log_odds[held]


def _weights(y: np.ndarray) -> np.ndarray:
    """Of songs so that both classes weigh as much as the smaller one has songs."""
    count = np.bincount(y, minlength=2)
    return count.min() / count[y]


def _regress(x: np.ndarray, y: np.ndarray, weight: np.ndarray, new: np.ndarray, ridge: float) -> np.ndarray:
    """Log-odds of `new` by logistic regression with a ridge, features standardised over `x`, (new,) float.

    Written here, since scikit-learn would be 35 MB more to install for these twenty lines.
    """
    from scipy.optimize import minimize  # takes as long to load as all else here, and a report needs only our names
    from scipy.special import expit

    if not weight.any():  # songs of one class only
        return np.zeros(len(new))
    mean = np.average(x, axis=0, weights=weight)
    scale = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    scale = np.where(scale > 1e-9, scale, 1)
    x, new = (np.clip((table - mean) / scale, -FARTHEST, FARTHEST) for table in (x, new))
    x, new = (np.column_stack([table, np.ones(len(table))]) for table in (x, new))
    sign, pull = 2 * y - 1, np.append(np.full(x.shape[1] - 1, ridge), 0)

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        z = sign * (x @ b)
        return weight @ np.logaddexp(0, -z) + (pull * b) @ b / 2, pull * b - x.T @ (weight * sign * expit(-z))

    return new @ minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 60}).x


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `count` (1927); SciPy takes counts, and a share over repeats is none."""
    z = 1.959964
    middle = share + z**2 / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - half) / (1 + z**2 / count), (middle + half) / (1 + z**2 / count)
