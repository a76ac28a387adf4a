"""Runs that differ only by seed, taken together: means, and how far seeds are apart."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from zoo.report.runs import Run, items, look_up, number, text

# Between two presets, as the messages of `compare-presets` call them.
FIRST_STEP, SECOND_STEP = "with the training of", "on the representation of"
STEP = re.compile(rf"(\w+) ({FIRST_STEP}|{SECOND_STEP}) (\w+)")


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
    def message(self) -> str:
        """What was said of the first run when it was trained."""
        return text(look_up(self.runs[0].settings, "message"))

    @property
    def representation(self) -> str:
        """The codec that the runs share, as text; music is written down alike where it is the same."""
        return json.dumps(look_up(self.runs[0].settings, "codec"), sort_keys=True)

    @property
    def grid(self) -> float | None:
        """Steps per beat of the representation, chosen by the music or given."""
        return number(look_up(self.runs[0].settings, "codec", "steps_per_beat"))

    def values(self, *keys: str) -> list[float]:
        """The number under these keys of `metrics.json`, of every run that has it."""
        found = [run.number(*keys) for run in self.runs]
        return [value for value in found if value is not None]

    def mean(self, *keys: str) -> float | None:
        """Mean over seeds; None when no run has the number."""
        values = self.values(*keys)
        return statistics.fmean(values) if values else None

    def spread(self, *keys: str) -> float | None:
        """Standard deviation over seeds; None with fewer than two."""
        values = self.values(*keys)
        return statistics.stdev(values) if len(values) > 1 else None

    def skills(self, floor: str) -> list[float]:
        """Share of the floor's test surprise that each run removes, negative where it adds to it; `floor` is "order0"
        or "ngram"."""
        pairs = [(run.number("scores", "test", "nats_per_beat"), run.number(floor, "test")) for run in self.runs]
        return [1 - nats / surprise for nats, surprise in pairs if nats is not None and surprise]

    def skill(self, floor: str) -> float | None:
        """Mean of `skills`."""
        found = self.skills(floor)
        return statistics.fmean(found) if found else None

    def beaten(self, floor: str = "ngram") -> bool:
        """Whether that floor of the same representation predicts the test music as well as the mean of the runs."""
        skill = self.skill(floor)
        return skill is not None and skill <= 0

    def of_set(self, name: str, *keys: str) -> float | None:
        """Mean over seeds of a figure of `zoo.evaluation.comparison`: name is "samples", "ngram" or "real"."""
        return self.mean("comparison", "sets", name, *keys)

    def interval(self, name: str, *keys: str) -> tuple[float, float] | None:
        """Mean over seeds of the borders of an interval there."""
        borders = [items(look_up(run.metrics, "comparison", "sets", name, *keys)) for run in self.runs]
        borders = [pair for pair in borders if len(pair) == 2 and None not in map(number, pair)]
        return tuple(statistics.fmean(side) for side in zip(*borders, strict=True)) if borders else None

    def overlap(self, name: str) -> float | None:
        """Overlapped area with the test music, the mean over all features."""
        features = look_up(self.runs[0].metrics, "comparison", "sets", name, "distances")
        features = features if isinstance(features, dict) else {}
        found = [self.of_set(name, "distances", feature, "overlap") for feature in features]
        return statistics.fmean(found) if found and None not in found else None


def grouped(runs: list[Run]) -> list[Group]:
    """The measured runs by model and variant, in their order."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.measured:
            found.setdefault((run.model, run.variant), []).append(run)
    groups = [Group(model, variant, variant, tuple(members)) for (model, variant), members in found.items()]
    told = Counter((group.model, group.message) for group in groups)
    return [
        replace(group, title=group.message)
        if STEP.fullmatch(group.message) and told[group.model, group.message] == 1
        else group
        for group in groups
    ]


def alike(groups: Sequence[Group]) -> list[list[Group]]:
    """The groups by representation: inside one, nats per beat can be compared."""
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(group.representation, []).append(group)
    return list(found.values())


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
            f"{self.one} {FIRST_STEP} {self.other}",
            f"{self.other} {SECOND_STEP} {self.one}",
            self.other,
        ]


def ways(groups: list[Group]) -> list[Way]:
    """The ways of which every step was trained."""
    found = []
    for group in groups:
        told = STEP.fullmatch(group.message)
        if not told or told[2] != FIRST_STEP:
            continue
        way = Way(group.model, told[1], told[3], ())
        mine = [other for other in groups if other.model == group.model]
        messages = {other.message: other for other in mine}
        named = {other.variant: other for other in mine}  # a preset as it is may have been trained for itself
        members = [named.get(step) or messages.get(step) for step in way.steps]
        if None not in members:
            found.append(way._replace(groups=tuple(members)))
    return found
