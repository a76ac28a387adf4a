"""Runs that differ only by seed, taken together: means, and how far seeds are apart."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from zoo.experiments import records
from zoo.experiments.description import Description
from zoo.experiments.results import Results
from zoo.report.runs import Run


@dataclass(frozen=True)
class Group:
    """Finished runs of one model and one variant, one for each seed.

    Args:
        model: name of the model.
        variant: the runs' name without the seed.
        title: the variant; shorter for a step between two presets, such as "blog with the training of tuned".
        runs: at least one.
    """

    model: str
    variant: str
    title: str
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """Model and title."""
        return f"{self.model} {self.title}"

    @property
    def description(self) -> Description:
        """What the first run is; the others differ by their seed."""
        return self.runs[0].description

    @property
    def step(self) -> str:
        """Which step between two presets it is, in words; empty where it is none."""
        preset, comparison = self.description.preset, self.description.comparison
        if comparison and comparison.training_of:
            return with_training(preset, comparison.training_of)
        if comparison and comparison.representation_of:
            return on_representation(preset, comparison.representation_of)
        return ""

    @property
    def representation(self) -> str:
        """The codec that the runs share, as text; music is written down alike where it is the same."""
        return json.dumps(self.description.codec, sort_keys=True)

    @cached_property
    def mean(self) -> Results:
        """Means over seeds, of the runs that have the figure."""
        return records.combine(statistics.fmean, [run.results for run in self.runs])

    @cached_property
    def spread(self) -> Results:
        """Standard deviations over seeds; None with fewer than two."""
        return records.combine(deviation, [run.results for run in self.runs])

    def values(self, figure: Callable[[Results], float | None]) -> list[float]:
        """A figure of every run that has it."""
        return [value for run in self.runs if (value := figure(run.results)) is not None]

    def skills(self, baseline: str) -> list[float]:
        """Share of the baseline's test surprise that each run removes, negative where it adds to it.

        Args:
            baseline: "order0" or "ngram".
        """
        return self.values(lambda results: results.skill(baseline))

    def skill(self, baseline: str) -> float | None:
        """Mean of `skills`."""
        skills = self.skills(baseline)
        return statistics.fmean(skills) if skills else None

    @property
    def own_ratio(self) -> OwnRatio | None:
        """The mean over the runs, which share the test music: so is its error."""
        ratios = [ratio for run in self.runs if (ratio := own_ratio(run.results))]
        return OwnRatio(*map(statistics.fmean, zip(*ratios, strict=True))) if ratios else None

    def beaten(self, baseline: str = "ngram") -> bool:
        """Whether that baseline of the same representation predicts the test music as well as the mean of the runs."""
        skill = self.skill(baseline)
        return skill is not None and skill <= 0


class OwnRatio(NamedTuple):
    """Nats per beat of a model's own samples under itself ÷ those of test music: near 1 if it draws what it expects.

    Attributes:
        value: the ratio.
        error: its standard error, since samples and test pieces are few; 0 where nobody knows it.
    """

    value: float
    error: float


def own_ratio(results: Results) -> OwnRatio | None:
    """The ratio of a run; None where it was not measured. Relative errors of two independent means add as squares."""
    music, test = results.comparison, results.scores.test
    if music.own_nats_per_beat is None or not test.nats_per_beat:
        return None
    ratio = music.own_nats_per_beat / test.nats_per_beat
    of_own = (music.own_sampling_error or 0.0) / test.nats_per_beat
    of_test = (test.sampling_error or 0.0) / test.nats_per_beat * ratio
    return OwnRatio(ratio, math.hypot(of_own, of_test))


def with_training(preset: str, other: str) -> str:
    """What a preset is called that is trained as another is."""
    return f"{preset} with the training of {other}"


def on_representation(preset: str, other: str) -> str:
    """What a preset is called that writes music down as another does."""
    return f"{preset} on the representation of {other}"


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation; None with fewer than two values."""
    return statistics.stdev(values) if len(values) > 1 else None


def grouped(runs: list[Run]) -> list[Group]:
    """The measured runs by model and variant, in their order."""
    by_variant: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.measured:
            by_variant.setdefault((run.model, run.variant), []).append(run)
    groups = [Group(model, variant, variant, tuple(members)) for (model, variant), members in by_variant.items()]
    steps = Counter((group.model, group.step) for group in groups)
    return [
        replace(group, title=group.step) if group.step and steps[group.model, group.step] == 1 else group
        for group in groups
    ]


def alike(groups: Sequence[Group]) -> list[list[Group]]:
    """The groups by representation: inside one, nats per beat can be compared."""
    by_representation: dict[str, list[Group]] = {}
    for group in groups:
        by_representation.setdefault(group.representation, []).append(group)
    return list(by_representation.values())


class Way(NamedTuple):
    """The way from one preset of a model to another, part by part, as `compare-presets` trains it.

    Args:
        model: name of the model.
        one, other: where the way begins and ends.
        groups: `one`; `one` with the training of `other`; `other` on the representation of `one`; `other`.
    """

    model: str
    one: str
    other: str
    groups: tuple[Group, ...]

    @property
    def steps(self) -> list[str]:
        """What each group is."""
        return [
            self.one,
            with_training(self.one, self.other),
            on_representation(self.other, self.one),
            self.other,
        ]


def ways(groups: list[Group]) -> list[Way]:
    """The ways of which every step was trained."""
    complete = []
    for group in groups:
        comparison = group.description.comparison
        if not comparison or not comparison.training_of:
            continue
        way = Way(group.model, group.description.preset, comparison.training_of, ())
        of_model = [other for other in groups if other.model == group.model]
        # The variant of a preset as it is is its name.
        steps = {other.step or other.variant: other for other in of_model}
        if all(step in steps for step in way.steps):
            complete.append(way._replace(groups=tuple(steps[step] for step in way.steps)))
    return complete
