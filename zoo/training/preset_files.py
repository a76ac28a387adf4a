"""Presets: named hyperparameters, a model's own or those of a JSON file, as `zoo search` writes them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from zoo._errors import UserError
from zoo._files import printable, read_json, write_json

SUFFIX = ".json"
NAMED = 64  # characters of a file's name in a preset's


class Preset(NamedTuple):
    """Hyperparameters, as far as they are not the defaults, under the name that runs have.

    Args:
        model: whose they are.
        name: of a file its own, and four hexadecimal digits of what it holds.
        hyperparameters: by name.
    """

    model: str
    name: str
    hyperparameters: dict[str, Any]


def is_file(preset: str) -> bool:
    """Whether it is a file rather than a name."""
    return preset.endswith(SUFFIX)


def read(path: Path | str) -> Preset:
    """The preset in a file.

    Raises:
        UserError: when it is missing or holds none.
    """
    path, content = Path(path), read_json(path)
    model, settings = (content.get(key) if isinstance(content, dict) else None for key in ("model", "hyperparameters"))
    if not isinstance(model, str) or not isinstance(settings, dict):
        raise UserError(f"{path} holds no preset: an object with `model` and `hyperparameters`, as zoo search writes.")
    name = f"{printable(path.stem)[:NAMED]}-{hashlib.sha256(path.read_bytes()).hexdigest()[:4]}"
    return Preset(model, name, settings)


def write(path: Path, model: str, hyperparameters: dict[str, Any]) -> None:
    """Write a preset that `read` reads.

    Args:
        path: `.json`.
        model: its name.
        hyperparameters: those that are set otherwise than by default.
    """
    write_json(path, {"model": model, "hyperparameters": hyperparameters})


def find(model: str, own: dict[str, dict[str, Any]], preset: str) -> Preset:
    """The preset of a model by that name, or in that file.

    Args:
        model: its name.
        own: its presets, by name.
        preset: one of them, or a file.

    Raises:
        UserError: when there is none, or the file's is another model's.
    """
    if preset in list(own):
        return Preset(model, preset, own[preset])
    if not (isinstance(preset, str) and is_file(preset)):
        raise UserError(f"{model} has no preset {preset!r}, only {', '.join(own)}.")
    found = read(preset)
    if found.model != model:
        raise UserError(f"{preset} is a preset of {printable(found.model)}, not of {model}.")
    return found


def name_of(preset: str) -> str:
    """The name that runs of a preset have."""
    return read(preset).name if is_file(preset) else preset
