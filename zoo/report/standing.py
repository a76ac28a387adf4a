"""Which group is best by a measure, and which are not clearly worse.

A difference counts only outside the noise. For figures of runs Welch's t test decides, over seeds, two-sided, at the
level of 5 %: B. L. Welch, "The generalization of 'Student's' problem when several different population variances are
involved", Biometrika 34, 1947. Each group is tested against the best alone, without correction for how many there are;
with one seed nobody knows. For shares, of samples or of answers, it is the 95 % interval of their difference, by method
10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
methods", Statistics in Medicine 17, 1998. Models are held against the same real music, so that their shares move
together, and the interval is rather too wide. Nats of the same music are compared piece by piece, by a paired
bootstrap, in `zoo.report.scale`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from zoo.experiments.records import Interval
from zoo.experiments.results import Results
from zoo.report.groups import Group, alike

LEVEL = 0.05  # of the test over seeds
EVIDENT = 0.9  # accuracy of a classifier of music by which nobody would be deceived


class Standing(NamedTuple):
    """Groups that have a figure, by what it says.

    Args:
        ranked: all of them, the best first.
        near: those whose difference to the best lies within the noise.
        known: whether the noise of all of them is known.
    """

    ranked: list[Group]
    near: list[Group]
    known: bool

    def mark(self, group: Group) -> str:
        """What a table says beside the figure of a group."""
        if len(self.ranked) < 2:
            return ""
        return "best" if group is self.ranked[0] else "within noise" if group in self.near else ""


def by_runs(groups: Sequence[Group], values: Callable[[Group], list[float]], lowest: bool = False) -> Standing:
    """The standing by the mean of a figure that each run has.

    Args:
        groups: those to compare; a group without the figure is left out.
        values: the figure of each run of a group, empty when not measured.
        lowest: whether the lowest mean is the best.
    """
    means = {group.name: statistics.fmean(values(group)) for group in groups if values(group)}

    def same(best: Group, group: Group) -> bool:
        probability = welch(values(best), values(group))
        return probability is not None and probability >= LEVEL

    measured = [group for group in groups if group.name in means]
    known = all(len(values(group)) > 1 for group in measured)
    return _standing(measured, means, lowest, same, known)


def by_samples(
    groups: Sequence[Group],
    value: Callable[[Group], float | None],
    interval: Callable[[Group], Interval | None],
    lowest: bool = False,
) -> Standing:
    """The standing by a share of the samples that has an interval.

    Args:
        groups: those to compare; a group without the figure is left out.
        value: the share of a group.
        interval: its 95 % interval; None when not known.
        lowest: whether the lowest share is the best.
    """

    def same(best: Group, group: Group) -> bool:
        one, other = interval(best), interval(group)
        return (
            one is not None
            and other is not None
            and may_be_equal((figures[best.name], *one), (figures[group.name], *other))
        )

    figures = {group.name: figure for group in groups if (figure := value(group)) is not None}
    measured = [group for group in groups if group.name in figures]
    return _standing(measured, figures, lowest, same, all(interval(group) for group in measured))


def welch(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Welch's t test, which takes neither equal variances nor equally many values for granted.

    Written here, since `scipy.stats` takes three times as long to load as the one function that is needed.

    Returns:
        How probable a difference of the means is that is at least as large, by chance alone; None where one of them
        has fewer than two values, for then nothing is known of the noise.
    """
    if min(len(one), len(other)) < 2:
        return None
    from scipy import special  # takes a quarter of a second to load

    errors = [statistics.variance(values) / len(values) for values in (one, other)]  # of the means, squared
    difference = abs(statistics.fmean(one) - statistics.fmean(other))
    if not sum(errors):
        return float(difference == 0)
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(values) - 1) for error, values in zip(errors, (one, other), strict=True)
    )
    return 2 * float(special.stdtr(freedom, -difference / math.sqrt(sum(errors))))


def may_be_equal(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    """Whether the 95 % interval of the difference of two independent shares holds 0; see `difference`."""
    low, high = difference(one, other)
    return low <= 0 <= high


def difference(one: tuple[float, float, float], other: tuple[float, float, float]) -> Interval:
    """The interval of one share minus another, by Newcombe's method 10 where theirs are Wilson's.

    Args:
        one: a share and the ends of its interval.
        other: likewise, of the same confidence.
    """
    (p, p_low, p_high), (q, q_low, q_high) = one, other
    return Interval(p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low))


def nats_of_test(results: Results) -> float | None:
    """Nats per beat of test music."""
    return results.scores.test.nats_per_beat


def classifier_accuracy(group: Group) -> float | None:
    """How often a classifier tells its samples from test music, the mean over seeds."""
    return group.mean.comparison.sets.samples.classifier.accuracy


def classifier_interval(group: Group) -> Interval | None:
    """The mean over seeds of the ends of the interval of `classifier_accuracy`."""
    return group.mean.comparison.sets.samples.classifier.interval


def _standing(
    groups: Sequence[Group], values: dict[str, float], lowest: bool, same: Callable[[Group, Group], bool], known: bool
) -> Standing:
    ranked = sorted(groups, key=lambda group: values[group.name], reverse=not lowest)
    return Standing(ranked, [group for group in ranked[1:] if same(ranked[0], group)], known)


def marks(groups: Sequence[Group]) -> dict[str, dict[str, str]]:
    """What the table of the groups says beside their figures: column → name of the group → mark.

    Where a baseline is as good, nothing is called best, or near to it.
    """
    columns = {
        "skill": by_runs(groups, lambda group: group.skills("order0")),
        "beyond": by_runs(groups, lambda group: group.skills("ngram")),
        "classifier": by_samples(
            [group for group in groups if (classifier_accuracy(group) or 1) < EVIDENT],
            classifier_accuracy,
            classifier_interval,
            lowest=True,
        ),
        "seconds": by_runs(groups, lambda group: group.values(lambda results: results.seconds), lowest=True),
    }
    by_column = {column: {group.name: standing.mark(group) for group in groups} for column, standing in columns.items()}
    by_column["nats"] = {}
    for members in alike(groups):
        standing = by_runs(members, lambda group: group.values(nats_of_test), lowest=True)
        by_column["nats"] |= {group.name: standing.mark(group) for group in members}
    for group in groups:
        for column, baseline in (("skill", "order0"), ("beyond", "ngram"), ("nats", "ngram")):
            if group.beaten(baseline):
                by_column[column][group.name] = ""
    return by_column
