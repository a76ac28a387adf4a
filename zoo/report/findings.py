"""What the numbers say, as sentences computed from them: best by each measure, what is within noise, what fails.

A difference counts only outside the noise. For figures of runs that is the spread over seeds: two means differ when
they are farther apart than both standard deviations together; with one seed nobody knows, and the sentence says so.
For figures of samples it is the interval that stands beside them: two differ when their intervals do not meet.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from zoo.report.groups import Group
from zoo.report.runs import look_up
from zoo.report.tables import nats, percent

LOOPS = 0.1  # of the samples beyond what real music has: worth a sentence
TOLD = 0.9  # of its cases a classifier has right when nobody would be deceived
TEST = ("scores", "test", "nats_per_beat")


class Finding(NamedTuple):
    """A sentence, and whether it tells of a failure."""

    text: str
    bad: bool = False


def findings(groups: Sequence[Group]) -> list[Finding]:
    """The sentences that open the report."""
    return [
        *_skill(groups),
        *_inside_representations(groups),
        *_beaten(groups),
        *_told_apart(groups),
        *_closest(groups),
        *_degenerate(groups),
        *_cost(groups),
    ]


def _skill(groups: Sequence[Group]) -> list[Finding]:
    ranked = _ranked(groups, lambda group: group.skill("order0"))
    if len(ranked) < 2:
        return []
    best, rest = ranked[0], ranked[1:]
    spreads = {group.name: _deviation(group.skills("order0")) for group in ranked}
    text = (
        f"{best.name} removes the largest share of the surprise of its representation: a skill of "
        f"{percent(best.skill('order0'))}{_plus_minus(spreads[best.name])}."
    )
    near = [
        group.name
        for group in rest
        if None not in (spreads[best.name], spreads[group.name])
        and best.skill("order0") - group.skill("order0") <= spreads[best.name] + spreads[group.name]
    ]
    if near:
        text += f" Within the spread of the seeds lie {_listed(near)}."
    elif None in spreads.values():
        text += " With one seed nobody knows how much of the distance to the next is chance."
    return [Finding(text)]


def _inside_representations(groups: Sequence[Group]) -> list[Finding]:
    """Nats per beat can be compared where music is written down alike."""
    alike: dict[str, list[Group]] = {}
    for group in groups:
        if group.mean(*TEST) is not None:
            alike.setdefault(group.representation, []).append(group)
    found = []
    for members in alike.values():
        if len(members) < 2:
            continue
        best, *rest = sorted(members, key=lambda group: group.mean(*TEST))
        told, same = [], []
        for group in rest:
            noise = [_deviation(member.values(*TEST)) for member in (best, group)]
            within = None not in noise and group.mean(*TEST) - best.mean(*TEST) <= sum(noise)
            (same if within else told).append(f"{group.name} {_figure(group)}")
        text = f"Of those that write music down alike, {best.name} predicts the test music best, "
        text += f"{_figure(best)} nats per beat"
        text += f", against {_listed(told)}" if told else ""
        text += f"; no difference beyond the spread of the seeds to {_listed(same)}" if same else ""
        found.append(Finding(text + "."))
    return found


def _figure(group: Group) -> str:
    kinds = {"AIS estimate": "~", "bound": "≤"}
    sign = kinds.get(group.runs[0].text("scores", "test", "kind"), "")
    return sign + nats(group.mean(*TEST)) + _plus_minus(_deviation(group.values(*TEST)), nats)


def _beaten(groups: Sequence[Group]) -> list[Finding]:
    measured = [group for group in groups if group.skill("ngram") is not None]
    found = [
        Finding(
            f"{group.name} does not beat the n-gram of its own representation: {nats(group.mean(*TEST))} against "
            f"{nats(group.mean('ngram', 'test'))} nats per beat of test music.",
            bad=True,
        )
        for group in measured
        if group.beaten
    ]
    if measured and not found:
        least = min(measured, key=lambda group: group.skill("ngram"))
        text = f"Every model beats the n-gram of its own representation; {least.name} by the least, "
        found = [Finding(f"{text}{percent(least.skill('ngram'))} of the n-gram's surprise.")]
    return found


def _told_apart(groups: Sequence[Group]) -> list[Finding]:
    keys = ("classifier", "accuracy")
    ranked = _ranked(groups, lambda group: _negative(group.of_set("samples", *keys)))
    if not ranked:
        return []
    best = ranked[0]
    interval = best.interval("samples", "classifier", "interval")
    easy = best.of_set("samples", *keys) >= TOLD
    text = (
        f"{'No model passes for real; hardest' if easy else 'Hardest'} to tell from real music are the samples of "
        f"{best.name}: a classifier is right in "
        f"{percent(best.of_set('samples', *keys))} of cases{_between(interval)}, 50% being chance; real music it tells "
        f"from real music in {percent(best.of_set('real', *keys))}, the n-gram's samples in "
        f"{percent(best.of_set('ngram', *keys))}."
    )
    near = [group.name for group in ranked[1:] if _meet(interval, group.interval("samples", "classifier", "interval"))]
    text += f" Not clearly worse: {_listed(near)}." if near else ""
    blind = [group.name for group in ranked if any(look_up(run.metrics, "comparison", "blind") for run in group.runs)]
    found = [Finding(text)]
    if blind:
        text = f"The classifier is blind to the music of {_listed(blind)}: it cannot tell even the n-gram's samples."
        found.append(Finding(text, bad=True))
    return found


def _closest(groups: Sequence[Group]) -> list[Finding]:
    ranked = _ranked(groups, lambda group: group.overlap("samples"))
    if not ranked:
        return []
    best = ranked[0]
    return [
        Finding(
            f"In pitches, intervals, durations and density together {best.name} is nearest to real music: on average "
            f"its samples share {percent(best.overlap('samples'))} of the distributions' area; real music shares "
            f"{percent(best.overlap('real'))} with real music, the n-gram {percent(best.overlap('ngram'))}."
        )
    ]


def _degenerate(groups: Sequence[Group]) -> list[Finding]:
    """Samples that are empty, that loop, or that copy, where real music of the same representation does so less."""
    told = {
        "empty": "of the samples of {} are empty",
        "loops": "of the samples of {} fall into a loop",
        "copies": "of the samples of {} copy half of their eight-grams from the training music",
    }
    found = []
    for key, sentence in told.items():
        for group in groups:
            share, real = group.of_set("samples", key), group.mean("comparison", "test", key)
            if share is not None and share > (real or 0) + (LOOPS if key != "empty" else 0):
                text = f"{percent(share)} {sentence.format(group.name)} (real music: {percent(real)})."
                found.append(Finding(text, bad=True))
    return found


def _cost(groups: Sequence[Group]) -> list[Finding]:
    ranked = _ranked(groups, lambda group: _negative(group.mean("seconds")))
    if len(ranked) < 2:
        return []
    first, last = ranked[0], ranked[-1]
    return [
        Finding(
            f"Training took from {first.mean('seconds'):,.0f} seconds ({first.name}) to {last.mean('seconds'):,.0f} "
            f"({last.name})."
        )
    ]


def _ranked(groups: Sequence[Group], measure: Callable[[Group], float | None]) -> list[Group]:
    """Groups that have the figure, the largest first."""
    return sorted((group for group in groups if measure(group) is not None), key=measure, reverse=True)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _deviation(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def _plus_minus(deviation: float | None, form: Callable[[float], str] = percent) -> str:
    return "" if deviation is None else f" ± {form(deviation)}"


def _between(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" (95% interval {percent(interval[0])} to {percent(interval[1])})"


def _meet(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
