"""Which group is best by a measure, and which are not clearly worse.

A difference counts only outside the noise. For figures of runs Welch's t test decides, over seeds, two-sided, at the
level of 5 %: B. L. Welch, "The generalization of 'Student's' problem when several different population variances are
involved", Biometrika 34, 1947. Each group is tested against the best alone, without correction for how many there are;
with one seed nobody knows. For figures of samples it is the 95 % interval that stands beside them: two differ when
their intervals do not meet.
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
TOLD = 0.9  # of its cases a classifier has right when nobody would be deceived


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
    """The standing by the mean of a figure that each run has."""
    means = {group.name: statistics.fmean(values(group)) for group in groups if values(group)}

    def same(best: Group, group: Group) -> bool:
        probability = welch(values(best), values(group))
        return probability is not None and probability >= LEVEL

    measured = [group for group in groups if group.name in means]
    known = all(len(values(group)) > 1 for group in measured)
    return _standing(measured, lambda group: means[group.name], lowest, same, known)


def by_samples(
    groups: Sequence[Group],
    value: Callable[[Group], float | None],
    interval: Callable[[Group], Interval | None],
    lowest: bool = False,
) -> Standing:
    """The standing by a figure of the samples that has an interval."""

    def same(best: Group, group: Group) -> bool:
        one, other = interval(best), interval(group)
        return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]

    measured = [group for group in groups if value(group) is not None]
    return _standing(measured, value, lowest, same, all(interval(group) for group in measured))


def welch(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Welch's t test, which takes neither equal variances nor equally many values for granted.

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


def nats_of_test(results: Results) -> float | None:
    """Nats per beat of test music."""
    return results.scores.test.nats_per_beat


def told_apart(group: Group) -> float | None:
    """How often a classifier tells its samples from test music, the mean over seeds."""
    return group.mean.comparison.sets.samples.classifier.accuracy


def told_apart_interval(group: Group) -> Interval | None:
    """The mean over seeds of the ends of its interval."""
    return group.mean.comparison.sets.samples.classifier.interval


def _standing(groups, value, lowest, same, known) -> Standing:
    ranked = sorted(groups, key=value, reverse=not lowest)
    return Standing(ranked, [group for group in ranked[1:] if same(ranked[0], group)], known)


def marks(groups: Sequence[Group]) -> dict[str, dict[str, str]]:
    """What the table of the groups says beside their figures: column → name of the group → mark. Where a baseline is as
    good, nothing is called best, or near to it."""
    columns = {
        "skill": by_runs(groups, lambda group: group.skills("order0")),
        "beyond": by_runs(groups, lambda group: group.skills("ngram")),
        "classifier": by_samples(
            [group for group in groups if (told_apart(group) or 1) < TOLD],
            told_apart,
            told_apart_interval,
            lowest=True,
        ),
        "seconds": by_runs(groups, lambda group: group.values(lambda results: results.seconds), lowest=True),
    }
    found = {column: {group.name: standing.mark(group) for group in groups} for column, standing in columns.items()}
    found["nats"] = {}
    for members in alike(groups):
        standing = by_runs(members, lambda group: group.values(nats_of_test), lowest=True)
        found["nats"] |= {group.name: standing.mark(group) for group in members}
    for group in groups:
        for column, baseline in (("skill", "order0"), ("beyond", "ngram"), ("nats", "ngram")):
            if group.beaten(baseline):
                found[column][group.name] = ""
    return found
