"""Arguments of the library as flags of the command line: `top_p` becomes --top-p, a hyperparameter an option."""

from __future__ import annotations

import argparse
import dataclasses
import re
import typing
from collections.abc import Mapping
from typing import Any

from zoo._errors import UserError, worded
from zoo._files import printable
from zoo.training import hyperparameters, preset_files

NAMES = {"begin": "from", "end": "to"}  # `from` is no name in Python
WORDS = {"None": "none", "True": "yes", "False": "no"}


def flag(name: str) -> str:
    """The flag of an argument: --learning-rate of learning_rate."""
    return "--" + NAMES.get(name, name).replace("_", "-")


def with_flags(text: str | UserError) -> str:
    """A sentence of the library, or an error's, on one printable line, its arguments as flags."""
    if isinstance(text, UserError):
        text = Exception.__str__(text)
    return printable(worded(text, _as_flag))


def _as_flag(argument: re.Match) -> str:
    name, value = argument.groups()
    if value == "False":  # as `pedal=False` is --no-pedal
        return flag(f"no_{name}")
    return flag(name) if value is None else f"{flag(name)} {value}"


def add_hyperparameters(parser: argparse.ArgumentParser, models: dict[str, type], preset: str) -> None:
    """Give a parser a flag for every hyperparameter of some models.

    Those of the same models stand together. One that is not given stays out of the parsed namespace.

    Args:
        parser: of a command.
        models: classes of models, by name.
        preset: whose values the help text has.
    """
    owners: dict[str, list[str]] = {}
    for name, model in models.items():
        for key in hyperparameters.options(model):
            owners.setdefault(key, []).append(name)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for key, names in owners.items():
        whose = "every model" if 1 < len(names) == len(models) else ", ".join(names)
        if whose not in groups:
            where = ", where all models have the same" if len(models) > 1 else ""
            description = None if groups else f"in brackets what preset {preset} has{where}"
            groups[whose] = parser.add_argument_group(f"hyperparameters of {whose}", description)
        _add_argument(groups[whose], key, [models[name] for name in names], preset)


def _add_argument(group: argparse._ArgumentGroup, name: str, models: list[type], preset: str) -> None:
    """The flag of a hyperparameter that all of `models` have."""
    fields: list[dataclasses.Field[Any]] = [hyperparameters.options(model)[name] for model in models]
    text = "; or ".join(dict.fromkeys(field.metadata["help"] for field in fields))
    values = {_of_preset(model, preset).get(name, field.default) for model, field in zip(models, fields, strict=True)}
    if len(values) == 1:
        (value,) = values
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else WORDS.get(str(value), value)
        text += f" [{shown}]"
    group.add_argument(
        flag(name),
        dest=name,
        default=argparse.SUPPRESS,
        metavar=_metavar(typing.get_type_hints(models[0])[name], fields[0].metadata),
        help=text.replace("%", "%%"),
    )


def _of_preset(model: type, preset: str) -> dict[str, Any]:
    """The hyperparameters of a preset, nothing where there is none."""
    try:
        found = preset_files.find(
            model.__module__.rpartition(".")[2], getattr(model, "presets", {}), preset
        ).hyperparameters
    except UserError:  # the command itself says so
        return {}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}


def _metavar(hint: Any, metadata: Mapping[str, Any]) -> str:
    if metadata["choices"]:
        return "{" + ",".join(map(str, metadata["choices"])) + "}"
    kind, _ = hyperparameters.plain_type(hint)
    word = {int: "N", float: "X", bool: "yes|no", tuple: "N,N,…", str: "NAME"}[kind]
    return "|".join([word, *metadata["words"]])
