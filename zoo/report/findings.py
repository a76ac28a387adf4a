"""What the numbers say, as sentences computed from them: best by each measure, what is within noise, what fails.

What counts as noise is defined in `zoo.report.standing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from zoo.experiments.records import Interval
from zoo.experiments.results import Results
from zoo.report.groups import Group, OwnRatio, alike, deviation
from zoo.report.ratings import Ratings, Share
from zoo.report.scale import Row, Scale
from zoo.report.standing import (
    EVIDENT,
    by_runs,
    by_samples,
    classifier_accuracy,
    classifier_interval,
    may_be_equal,
    nats_of_test,
)
from zoo.report.tables import SIGNS, nats, percent

LOOPS = 0.1  # of the samples beyond what real music has: worth a sentence
IDLE = 0.02  # of the time beyond what real music has
DENSITY = 0.2  # away from real music
KEY = 0.08  # of the notes that lie in the best scale, fewer than in real music
OWN_RATIO = (0.85, 1.15)  # of `OwnRatio`: beyond it a model draws what it does not expect
Z = 1.96  # standard errors of a 95 % interval


class Finding(NamedTuple):
    """A sentence, and whether it is about a failure."""

    text: str
    bad: bool = False


def findings(groups: Sequence[Group], scale: Scale | None = None) -> list[Finding]:
    """The sentences that open the report."""
    return [
        *(_on_one_scale(scale) if scale else []),
        *_skill(groups),
        *_inside_representations(groups),
        *_beaten(groups),
        *_classified(groups),
        *_closest(groups),
        *_degenerate(groups),
        *_faulty(groups),
        *_cost(groups),
    ]


def listened(rated: Ratings) -> list[Finding]:
    """The sentence on what people thought in the blind test; none when nobody listened."""
    judged = [(line, line.sample.composed) for line in rated.by_source() if line.sample]
    if not judged:
        return []
    (best, share), *rest = sorted(judged, key=lambda pair: pair[1].value, reverse=True)
    who = f"{rated.listeners} listener{'s' * (rated.listeners > 1)}"
    text = f"In the blind test ({who}) the samples of {best.source} were taken for composed by a person "
    text += f"{'most often, ' * bool(rest)}in {_share(share, ' of cases')}"
    text += f"; real music in its representation in {_share(best.real.composed)}." if best.real else "."
    near = [line.source for line, other in rest if may_be_equal(share, other)]
    text += f" Not clearly less often: {_listed(near)}." if near else ""
    return [Finding(text)]


def _on_one_scale(scale: Scale) -> list[Finding]:
    """Who codes the same music in fewest nats, who is not clearly worse, and whom the residual ranks."""
    best, *rest = scale.rows
    near, worse = (
        [f"{row.group.name} {_total(row)}" for row in rest if bool(row.mark) == alike] for alike in (True, False)
    )
    text = f"On one scale, all of the music in the same {scale.pieces} of {scale.offered} test pieces, "
    text += f"{best.group.name} needs {_total(best)} nats per beat{_within(best.interval)}{', the fewest' * bool(rest)}"
    text += f"; within noise of it by the paired interval {_listed(near)}" if near else ""
    text += f"; against {_listed(worse)}" if worse else ""
    sentences = [Finding(f"{text}.")]
    ngram = scale.baselines.get("n-gram")
    if beaten := [row for row in scale.rows if ngram is not None and row.total >= ngram]:
        names = _listed([f"{row.group.name} {_total(row)}" for row in beaten])
        text = f"On that scale an n-gram of the music itself, {nats(ngram)}, is as good as {names}."
        sentences.append(Finding(text, bad=True))
    if mostly := [row.group.name for row in scale.rows if row.residual > row.codes]:
        text = f"Of {_listed(mostly)} more is charged for what the representation leaves out than for what the model "
        sentences.append(Finding(f"{text}reads: on that scale the figure says little of the model.", bad=True))
    return sentences


def _within(interval: Interval) -> str:
    return f" (95% interval {nats(interval.low)} to {nats(interval.high)})"


def _total(row: Row) -> str:
    return SIGNS.get(row.kind, "") + nats(row.total)


def _skill(groups: Sequence[Group]) -> list[Finding]:
    standing = by_runs(groups, lambda group: group.skills("order0"))
    if len(standing.ranked) < 2:
        return []
    best = standing.ranked[0]
    text = (
        f"{best.name} removes the largest share of the surprise of its representation: a skill of "
        f"{percent(best.skill('order0'))}{_plus_minus(deviation(best.skills('order0')))}."
    )
    if standing.near:
        text += f" Not clearly less, by Welch's t test over seeds: {_listed([group.name for group in standing.near])}."
    elif not standing.known:
        text += " With one seed nobody knows how much of the distance to the next is chance."
    return [Finding(text)]


def _inside_representations(groups: Sequence[Group]) -> list[Finding]:
    sentences = []
    for members in alike(groups):
        standing = by_runs(members, lambda group: group.values(nats_of_test), lowest=True)
        if len(standing.ranked) < 2:
            continue
        best, *rest = standing.ranked
        worse, same = (
            [f"{group.name} {_figure(group)}" for group in rest if (group in standing.near) == near]
            for near in (False, True)
        )
        text = f"Of those that write music down alike, {best.name} predicts the test music best, "
        text += f"{_figure(best)} nats per beat"
        text += f", against {_listed(worse)}" if worse else ""
        text += f"; not clearly better, by Welch's t test over seeds, than {_listed(same)}" if same else ""
        sentences.append(Finding(text + "."))
    return sentences


def _figure(group: Group) -> str:
    sign = SIGNS.get(group.runs[0].results.scores.test.kind, "")
    return sign + nats(nats_of_test(group.mean)) + _plus_minus(deviation(group.values(nats_of_test)), nats)


def _beaten(groups: Sequence[Group]) -> list[Finding]:
    ranked = _ranked(groups, lambda group: _negative(group.skill("ngram")))
    beaten = [
        (group.name, f"{nats(nats_of_test(group.mean))} against {nats(group.mean.ngram.test)}")
        for group in ranked
        if group.beaten()
    ]
    if len(beaten) == 1:
        ((name, against),) = beaten
        text = f"{name} does not beat the n-gram of its own representation: {against} nats per beat of test music."
        return [Finding(text, bad=True)]
    if beaten:
        text = (
            f"{len(beaten)} of {len(ranked)} variants do not beat the n-gram of their own representation in nats per "
        )
        text += f"beat of test music; the worst first: {_listed([f'{name} {against}' for name, against in beaten])}."
        return [Finding(text, bad=True)]
    if not ranked:
        return []
    least = ranked[0]
    text = f"Every model beats the n-gram of its own representation; {least.name} by the least, "
    return [Finding(f"{text}{percent(least.skill('ngram'))} of the n-gram's surprise.")]


def _classified(groups: Sequence[Group]) -> list[Finding]:
    ranked, near, _ = by_samples(groups, classifier_accuracy, classifier_interval, lowest=True)
    if not ranked or (accuracy := classifier_accuracy(ranked[0])) is None:
        return []
    best = ranked[0]
    sets = best.mean.comparison.sets
    if accuracy < EVIDENT:
        text = (
            f"Hardest to tell from real music are the samples of {best.name}: a classifier is right in "
            f"{percent(accuracy)} of cases{_between(classifier_interval(best))}, 50% being chance; real music it tells "
            f"from real music in {percent(sets.real.classifier.accuracy)}, the n-gram's samples in "
            f"{percent(sets.ngram.classifier.accuracy)}."
        )
        text += f" Not clearly worse: {_listed([group.name for group in near])}." if near else ""
    else:
        text = f"No model passes for real: a classifier is right about its samples in {percent(accuracy)} of "
        text += "cases or more." if len(ranked) > 1 else "cases."
    blind = [group.name for group in ranked if any(run.results.comparison.blind for run in group.runs)]
    sentences = [Finding(text)]
    if blind:
        text = f"The classifier is blind to the music of {_listed(blind)}: it cannot tell even the n-gram's samples."
        sentences.append(Finding(text, bad=True))
    return sentences


def _closest(groups: Sequence[Group]) -> list[Finding]:
    ranked = _ranked(groups, lambda group: group.mean.comparison.sets.samples.overlap)
    if not ranked:
        return []
    best = ranked[0]
    sets = best.mean.comparison.sets
    return [
        Finding(
            f"In pitches, intervals, durations and density together {best.name} is nearest to real music: on average "
            f"its samples share {percent(sets.samples.overlap)} of the distributions' area; real music shares "
            f"{percent(sets.real.overlap)} with real music, the n-gram {percent(sets.ngram.overlap)}."
        )
    ]


def _degenerate(groups: Sequence[Group]) -> list[Finding]:
    """Samples that are empty, that loop, or that copy, where real music of the same representation does so less."""
    failures = {
        "empty": "are empty",
        "loops": "fall into a loop",
        "copies": "copy half of their eight-grams from the training music",
    }
    sentences = []
    for key, what in failures.items():
        compared = [(group.name, group.mean.comparison) for group in groups]
        shares = [(name, getattr(music.sets.samples, key), getattr(music.test, key)) for name, music in compared]
        margin = LOOPS if key != "empty" else 0
        worse = [row for row in shares if row[1] is not None and row[1] > (row[2] or 0) + margin]
        if worse:
            worst_first = sorted(worse, key=lambda row: row[1], reverse=True)
            sentences.append(Finding(_shares(what, worst_first), bad=True))
    return sentences


def _faulty(groups: Sequence[Group]) -> list[Finding]:
    """A sentence for each model whose samples are clearly unlike real music in a way that anyone hears."""
    sentences = []
    for group in groups:
        if faults := faults_of(group.mean, group.own_ratio):
            sentences.append(Finding(f"{group.name} is faulty: its samples {_listed(faults)}.", bad=True))
    return sentences


def faults_of(results: Results, ratio: OwnRatio | None) -> list[str]:
    """What is wrong with a model's samples beside the training music of its representation, each as "hold notes …".

    A few test songs may well be denser than all others, so samples are not judged by them. The ratio needs music
    that the model has not seen; it counts only where its 95 % interval lies outside of what is right.

    Args:
        results: what was measured. Earlier results tell nothing of the training music; then test music serves.
        ratio: of its samples' nats under itself to those of test music.
    """
    music, faults = results.comparison, []
    made = music.sets.samples.scalars
    real, whose = (music.train, "the training music") if music.train else (music.test.scalars, "the test music")
    longest = music.sets.samples.longest_note
    if longest is not None and music.longest_note and longest > music.longest_note:
        faults.append(f"hold notes for {longest:.3g} beats (the training music: {music.longest_note:.3g})")
    idle, idle_real = made.get("idle_share"), real.get("idle_share")
    if idle is not None and idle_real is not None and idle > idle_real + IDLE:
        faults.append(
            f"start no note for four beats or more in {percent(idle)} of the time ({whose}: {percent(idle_real)})"
        )
    for key, what in (("notes_per_beat", "notes a beat"), ("notes_at_once", "notes at once")):
        mine, theirs = made.get(key), real.get(key)
        if mine is not None and theirs and abs(mine / theirs - 1) > DENSITY:
            faults.append(f"have {mine:.3g} {what} ({whose}: {theirs:.3g})")
    mine, theirs = made.get("scale_consistency"), real.get("scale_consistency")
    if mine is not None and theirs is not None and mine < theirs - KEY:
        faults.append(f"leave their key: {percent(mine)} of the notes are of one scale ({whose}: {percent(theirs)})")
    if ratio is not None and max(OWN_RATIO[0] - ratio.value, ratio.value - OWN_RATIO[1]) > Z * ratio.error:
        faults.append(f"surprise the model itself {ratio.value:.2f} times as much as test music does")
    return faults


def _shares(what: str, worse: Sequence[tuple[str, float, float | None]]) -> str:
    """Of rows (name, share of the samples, share of real music), the worst first."""
    if len(worse) == 1:
        ((name, share, real),) = worse
        return f"{percent(share)} of the samples of {name} {what} (real music: {percent(real)})."
    reals = [f" (real music: {percent(real)})" for _, _, real in worse]
    once = reals[0] if len(set(reals)) == 1 else ""
    samples = [
        f"{name} {percent(share)}{'' if once else real}" for (name, share, _), real in zip(worse, reals, strict=True)
    ]
    return f"Samples that {what}{once}, the worst first: {_listed(samples)}."


def _cost(groups: Sequence[Group]) -> list[Finding]:
    ranked = _ranked(groups, lambda group: _negative(group.mean.seconds))
    if len(ranked) < 2:
        return []
    first, last = ranked[0], ranked[-1]
    return [
        Finding(
            f"Training took from {first.mean.seconds:,.0f} seconds ({first.name}) to {last.mean.seconds:,.0f} "
            f"({last.name})."
        )
    ]


def _share(share: Share, noun: str = "") -> str:
    return f"{percent(share.value)}{noun}{_between(Interval(share.low, share.high))}"


def _ranked(groups: Sequence[Group], measure: Callable[[Group], float | None]) -> list[Group]:
    """Groups that have the figure, the largest first."""
    measured = [(value, group) for group in groups if (value := measure(group)) is not None]
    return [group for _, group in sorted(measured, key=lambda pair: pair[0], reverse=True)]


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _plus_minus(deviation: float | None, form: Callable[[float], str] = percent) -> str:
    return "" if deviation is None else f" ± {form(deviation)}"


def _between(interval: Interval | None) -> str:
    return "" if interval is None else f" (95% interval {percent(interval[0])} to {percent(interval[1])})"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
