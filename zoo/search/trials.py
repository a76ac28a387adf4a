"""Trials of a search, and the file that keeps them, by which a search goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo._errors import UserError
from zoo._files import read_json, write_json
from zoo.experiments import records

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"


@dataclass(frozen=True)
class Trial:
    """A setting, and how it did.

    Args:
        setting: hyperparameters by name, as a search draws them; of the preset `tuned` none.
        state: finished, stopped early for being poor, or failed.
        objective: mean over the corpora of validation nats per beat ÷ those of `tuned`; of a stopped one, as far as it
            came; None of a failed one.
        nats: best validation nats per beat, by the name of the corpus.
        epochs: trained in all.
        seconds: of training in all.
        error: why it failed.
    """

    setting: dict[str, object] = field(default_factory=dict)
    state: str = FAILED
    objective: float | None = None
    nats: dict[str, float] = field(default_factory=dict)
    epochs: int | None = None
    seconds: float | None = None
    error: str = ""


def read_trials(path: Path) -> list[Trial]:
    """The trials in a file, none where there is no file."""
    if not path.exists():
        return []
    found: Any = read_json(path)
    if not isinstance(found, list):
        raise UserError(f"{path} holds no trials; delete it, and the search begins anew.")
    return [records.read(Trial, trial) for trial in found]


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Write all trials, whole or not at all."""
    write_json(path, [records.to_json(trial) for trial in trials])


def best(trials: Sequence[Trial]) -> Trial:
    """The finished trial with the least objective; of several, the first."""
    return min((trial for trial in trials if trial.state == FINISHED), key=lambda trial: trial.objective or 1.0)


def judged(trial: Trial, tuned: dict[str, float]) -> Trial:
    """The trial with its objective: `tuned` are the nats per beat of the preset."""
    return replace(trial, objective=mean_ratio(trial.nats, tuned))


def mean_ratio(nats: dict[str, float], tuned: dict[str, float]) -> float:
    """Mean over corpora of nats per beat ÷ those of `tuned`, of as many corpora as there are."""
    return sum(value / tuned[name] for name, value in nats.items()) / len(nats)
