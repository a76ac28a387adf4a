"""Hyperparameters: written once, as typed fields of a dataclass; JSON, checks, tables and flags are made from them."""

from __future__ import annotations

import dataclasses
import functools
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

from zoo._errors import UserError

PARTS = ("representation", "network", "training", "measuring")
MOST_NUMBERS = 32  # in a tuple
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


class Range(NamedTuple):
    """Numbers among which a search looks, both ends included; `log` has it look at each order of magnitude as much."""

    low: float
    high: float
    log: bool = False


class Among(tuple[Any, ...]):
    """Values among which a search looks."""


def among(*values: Any) -> Among:
    """So many values to search among."""
    return Among(values)


CHUNKS = among(32, 48, 64, 96, 128, 144)  # symbols or frames of one training sequence
DROPOUTS = Range(0.0, 0.6)
WIDTHS = among((64,), (96,), (128,), (160,), (256,), (128, 128))  # of recurrent layers


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    words: tuple[str, ...] = (),
    part: str = "network",
    search: Range | Among | None = None,
) -> Any:
    """A dataclass field that is a hyperparameter.

    Args:
        default: its value when nobody says otherwise.
        help: one line for `--help` and the report.
        low: the least number, or the least of each number of a tuple.
        high: the largest.
        choices: the values allowed.
        words: values allowed beside numbers, as "auto".
        part: what it belongs to, one of PARTS: how music is written down, what the network is, how it is trained, how
            its likelihood is estimated.
        search: where `zoo search` looks for better values; None leaves it as it is.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "words": words, "part": part}
    return dataclasses.field(default=default, metadata=metadata | {"search": search})


# Of the other parts, in short.
trained = functools.partial(option, part="training")
written = functools.partial(option, part="representation")
measured = functools.partial(option, part="measuring")


def options(model: type) -> dict[str, dataclasses.Field]:
    """The hyperparameters of a model's class, by name, in the order they were written."""
    return {field.name: field for field in dataclasses.fields(model) if "help" in field.metadata}


def of_part(model: type, part: str) -> list[str]:
    """Names of the hyperparameters of a model's class that belong to a part."""
    return [name for name, field in options(model).items() if field.metadata["part"] == part]


def completed(model: type, values: dict[str, object]) -> dict[str, object]:
    """`values`, hyperparameters of a model's class by name, and the defaults of those that are newer."""
    defaults = {name: field.default for name, field in options(model).items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()} | values


def as_trained(model: type, values: dict[str, object]) -> dict[str, object]:
    """Those of `values`, hyperparameters of a model's class by name, on which its weights depend."""
    measuring = of_part(model, "measuring")
    return {name: value for name, value in values.items() if name not in measuring}


def values(model: object) -> dict[str, object]:
    """The hyperparameters of a model and their values, as JSON."""
    pairs = ((name, getattr(model, name)) for name in options(type(model)))
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


def check(model: object) -> None:
    """Bring every hyperparameter of `model` to its type.

    Raises:
        UserError: when a value has the wrong type, is out of bounds or not among the choices.
    """
    hints = typing.get_type_hints(type(model))
    for name, field in options(type(model)).items():
        object.__setattr__(model, name, _checked(name, getattr(model, name), hints[name], field.metadata))


def plain_type(hint: Any) -> tuple[type, bool]:
    """The plain type behind an annotation, and whether None is allowed."""
    if isinstance(hint, types.UnionType):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        return inner[0], types.NoneType in typing.get_args(hint)
    return (tuple, False) if typing.get_origin(hint) is tuple else (hint, False)


def _checked(name: str, value: Any, hint: Any, metadata: Mapping[str, Any]) -> Any:
    kind, optional = plain_type(hint)
    if optional and (value is None or value == "none"):
        return None
    if isinstance(value, str) and value in metadata["words"]:
        return value
    try:
        value = _converted(value, kind)
    except (TypeError, ValueError, OverflowError):
        wanted = {
            int: "a whole number",
            float: "a number",
            bool: "yes or no",
            tuple: f"one to {MOST_NUMBERS} whole numbers joined by commas",
        }
        others = "".join(f" or {word}" for word in (*["none"] * optional, *metadata["words"]))
        raise UserError(f"`{name}` takes {wanted.get(kind, 'a word')}{others}, not {reprlib.repr(value)}.") from None
    choices, low, high = metadata["choices"], metadata["low"], metadata["high"]
    if choices and value not in choices:
        raise UserError(f"`{name}` takes one of {', '.join(map(str, choices))}, not {reprlib.repr(value)}.")
    for number in value if isinstance(value, tuple) else (value,):
        if (low is not None and number < low) or (high is not None and number > high):
            span = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low} to {high}"
            raise UserError(f"`{name}` must be {span}, not {reprlib.repr(number)}.")
    return value


def _converted(value: Any, kind: type) -> Any:
    if kind is bool:
        word = str(value).lower()
        if word not in YES + NO:
            raise ValueError
        return word in YES
    if kind is tuple:
        parts = [part for part in (value.split(",") if isinstance(value, str) else value) if part != ""]
        if not 0 < len(parts) <= MOST_NUMBERS:
            raise ValueError
        return tuple(_converted(part, int) for part in parts)
    if kind is str:
        if not isinstance(value, str):
            raise TypeError
        return value
    if isinstance(value, bool):
        raise TypeError
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError
    number = kind(value)
    if not math.isfinite(number):
        raise ValueError
    return number
