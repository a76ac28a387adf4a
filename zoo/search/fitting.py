"""What a worker does for one trial: train a model on one corpus after another, and say after each epoch how it stands.

Knows no Keras until it trains, so that threads and backend are set before.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from zoo._cores import limited
from zoo._errors import UserError
from zoo._files import Parcel, write_parcel
from zoo.experiments import records
from zoo.experiments.worker import own_folder
from zoo.search.trials import FINISHED, Trial, mean_ratio

if TYPE_CHECKING:
    from zoo.models._base import MusicModel
    from zoo.training.loop import Callback

WHOLE = 100  # parts of a trial's training, by which trials are compared


class Standing(NamedTuple):
    """How a trial stands.

    Args:
        part: of the whole training, 0 to WHOLE.
        trial: with the best validation figures so far, of the corpora that were begun.
    """

    part: int
    trial: Trial


class Work(NamedTuple):
    """What all trials of a search have in common.

    Args:
        model: its name.
        seed: of training.
        corpora: files of each, by its name.
        pedal: see `load_corpus`.
        files: of models from outside.
        environment: variables that training depends on.
    """

    model: str
    seed: int
    corpora: dict[str, Parcel]
    pedal: bool
    files: Parcel
    environment: dict[str, str]


def fit(work: Work, setting: dict[str, object], report: Callable[[Standing], None]) -> Trial:
    """Train the preset `tuned` with `setting` on each corpus.

    Args:
        work: what to train on what.
        setting: hyperparameters set otherwise than the preset has them.
        report: called after every epoch, and in the end.
    """
    os.environ.update(limited(os.environ | work.environment, 1))
    from zoo.corpora import load_corpus
    from zoo.models import _registry

    course = _Course(setting, len(work.corpora), report)
    with own_folder() as place, contextlib.chdir(place):
        write_parcel(work.files, place)  # models from outside, which are named from here
        for name, files in work.corpora.items():
            write_parcel(files, place / name)
            corpus = load_corpus(place / name, pedal=work.pedal)
            model = _registry.create(work.model, "tuned", work.seed, **setting)
            model.fit(corpus.train, corpus.valid, callback=course.on(name, model))
    course.tell(1.0)
    return course.trial


def try_setting(setting: dict[str, object], work: Work, tuned: dict[str, float]) -> None:
    """A trial, as Ray Tune runs it.

    Args:
        setting: hyperparameters.
        work: what is trained on what.
        tuned: nats per beat of the preset `tuned`, by corpus.
    """
    from ray import tune

    def report(standing: Standing) -> None:
        objective = mean_ratio(standing.trial.nats, tuned)
        if not math.isfinite(objective):
            raise UserError("its validation figure is no number.")
        trial = replace(standing.trial, objective=objective)
        tune.report({"part": standing.part, "objective": objective, "trial": records.to_json(trial)})

    fit(work, setting, report)


def say_nothing(standing: Standing) -> None:
    """Of a trial that runs alone."""


class _Course:
    """A trial's course over several corpora."""

    def __init__(self, setting: dict[str, object], corpora: int, report: Callable[[Standing], None]) -> None:
        self.corpora, self.report = corpora, report
        self.begun = 0  # corpora
        self.trial = Trial(setting, FINISHED, epochs=0, seconds=0.0)

    def on(self, name: str, model: MusicModel) -> Callback:
        """A callback for the training on the next corpus, of that name."""
        from zoo.training.loop import Callback

        self.begun += 1
        before, course = self.trial, self

        class Reporter(Callback):
            def epoch(self, history: list[dict[str, float]], network: object) -> None:
                row = history[-1]
                course.trial = replace(
                    before,
                    nats=before.nats | {name: min(row["val_nats_per_beat"] for row in history)},
                    epochs=(before.epochs or 0) + int(row["epoch"]),
                    seconds=(before.seconds or 0.0) + row["seconds"],
                )
                updates = row["updates"] / model.updates if model.updates else 0.0
                part = min(max(row["epoch"] / model.epochs, updates), 1.0)
                course.tell((course.begun - 1 + part) / course.corpora * (1 - 1 / WHOLE))

        return Reporter()

    def tell(self, part: float) -> None:
        """Report; the whole is told once, in the end."""
        self.report(Standing(int(WHOLE * part), self.trial))
