"""Where a search looks: the ranges that hyperparameters declare beside their help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.training.hyperparameters import Among, Range, options

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SEARCHED = ("network", "training")  # nats of another representation could not be compared


def searched(model: type) -> dict[str, Range | Among]:
    """The hyperparameters of a model's class that a search tries, and where."""
    fields = options(model).items()
    ranges = {name: field.metadata["search"] for name, field in fields if field.metadata["part"] in SEARCHED}
    return {name: range for name, range in ranges.items() if range is not None}


def space(model: type) -> dict[str, BaseDistribution]:
    """The same as Optuna's distributions; several numbers are one word."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        name: CategoricalDistribution([as_word(value) for value in where])
        if isinstance(where, Among)
        else FloatDistribution(where.low, where.high, log=where.log)
        for name, where in searched(model).items()
    }


def as_word(value: Any) -> Any:
    """A value as a search draws it: several numbers joined by commas."""
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else value


def point(model: type, values: dict[str, object]) -> dict[str, object] | None:
    """Hyperparameters of a model as a point of its space; None when they lie outside."""
    found = {}
    for name, where in searched(model).items():
        value: Any = values.get(name, options(model)[name].default)
        if isinstance(where, Range):
            inside = value is not None and where.low <= value <= where.high
        else:
            inside = as_word(value) in map(as_word, where)
        if not inside:
            return None
        found[name] = as_word(value)
    return found
