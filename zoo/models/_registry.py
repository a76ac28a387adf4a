"""The models there are, by name: made untrained, or loaded from the folder of a run."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING

from zoo._errors import UserError

if TYPE_CHECKING:
    from zoo.models._base import MusicModel


def names() -> list[str]:
    """The models of the zoo: the files in `zoo/models`."""
    from zoo import models

    return sorted(name for _, name, _ in pkgutil.iter_modules(models.__path__) if not name.startswith("_"))


def find(name: str) -> type[MusicModel]:
    """The class of the model called `name`: the one its file defines.

    Raises:
        UserError: naming the models there are, or when the file does not define one.
    """
    if name not in names():
        near = difflib.get_close_matches(str(name)[:100], names(), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UserError(f"there is no model {reprlib.repr(name)}; the zoo has {', '.join(names())}.{hint}")
    from zoo.models._base import MusicModel

    module = importlib.import_module(f"zoo.models.{name}")
    found = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, MusicModel) and member.__module__ == module.__name__
    ]
    if len(found) != 1:
        named = ", ".join(member.__name__ for member in found) or "none"
        raise UserError(f"zoo/models/{name}.py must define one model, a subclass of MusicModel; it defines {named}.")
    return found[0]


def create(name: str, preset: str = "tuned", seed: int = 0, **hyperparameters: object) -> MusicModel:
    """An untrained model with the hyperparameters of a preset and some set otherwise.

    Args:
        name: of the model; see `names`.
        preset: one of the model's `presets`.
        seed: of all randomness of training, 0 to 2147483647.
        **hyperparameters: those set otherwise than the preset has them.

    Raises:
        UserError: when the name, the preset or a hyperparameter is unknown or out of bounds; it says what there is.
    """
    from zoo.training.hyperparameters import options

    model = find(name)
    known = options(model)
    if preset not in list(model.presets):
        raise UserError(f"{name} has no preset {preset!r}; it has {', '.join(model.presets)}.")
    for key in hyperparameters:
        if key not in known:
            raise UserError(f"{name} has no hyperparameter {key!r}; it has {', '.join(known)}.")
    return model(**{**model.presets[preset], **hyperparameters}, preset=preset, seed=seed)


def load(folder: Path | str, epoch: int | None = None) -> MusicModel:
    """A trained model from the folder of a run.

    Args:
        folder: holds model.json and model.weights.h5.
        epoch: of a kept checkpoint to take in place of the best weights.

    Raises:
        UserError: when the folder holds no model, a damaged one, or one of a newer format.
    """
    from zoo.training import checkpoint, names
    from zoo.training.hyperparameters import options

    if epoch is not None and not isinstance(epoch, int):
        raise UserError(f"an epoch is a whole number, not {epoch!r}.")
    weights = names.WEIGHTS if epoch is None else names.checkpoint_of(epoch)
    described, path = checkpoint.read(folder, weights)
    model, stated = find(described.get("model")), described["hyperparameters"]
    if set(stated) - set(options(model)):
        raise UserError(f"{folder}/model.json names hyperparameters that {model.model_name()} does not have.")
    loaded = model(**stated, preset=str(described.get("preset", "")), seed=described.get("seed", 0))
    loaded.restore(described, path)
    return loaded
