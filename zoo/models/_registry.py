"""The models there are, by name: made untrained, or loaded from the folder of a run.

A model is a module that defines one subclass of MusicModel; the last part of the module's name is the model's only
name. It lies in `zoo/models`, or outside: in an installed package that names it as an entry point of the group
`zoo.models`, or in a module or .py file that `register` or the environment variable ZOO_MODELS names. The variable
holds one or several, joined as in PATH; processes that this one starts know them, too.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import pkgutil
import reprlib
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoo import pretrained
from zoo._errors import UserError
from zoo._quiet import quiet_start

if TYPE_CHECKING:
    from zoo.models._base import MusicModel

GROUP = "zoo.models"  # of entry points
VARIABLE = "ZOO_MODELS"
PACKAGE = "zoo.models."

_registered: list[str] = []


def names() -> list[str]:
    """The models of the zoo, those from outside included.

    Raises:
        UserError: when a model from outside has no file, or a name that is taken or cannot be a model's.
    """
    return sorted(_sources())


def register(source: Path | str) -> str:
    """Make a model from outside known to this process: `zoo.register("./my_model.py")`.

    Args:
        source: a .py file, or the dotted name of a module that can be imported; it defines one model.

    Returns:
        The model's name: the last part of the file's or module's name.

    Raises:
        UserError: when it has no file, or a name that is taken or cannot be a model's.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise UserError(f"a model is a .py file or the name of a module, not {reprlib.repr(source)}.")
    source = os.fspath(source)
    source = str(Path(source).resolve()) if source.endswith(".py") else source
    name = _add(_sources(), source)
    if source not in _registered:
        _registered.append(source)
    return name


def find(name: str) -> type[MusicModel]:
    """The class of the model called `name`: the one its file defines.

    Raises:
        UserError: naming the models there are, or when the file cannot be imported or does not define one.
    """
    sources = _sources()
    if name not in list(sources):
        near = difflib.get_close_matches(str(name)[:100], sources, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UserError(f"there is no model {reprlib.repr(name)}; the zoo has {', '.join(sorted(sources))}.{hint}")
    with quiet_start():
        from zoo.models._base import MusicModel

    source = sources[name]
    module = _imported(source)
    defined = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, MusicModel) and member.__module__ == module.__name__
    ]
    if len(defined) != 1:
        where = source.replace(".", "/") + ".py" if source.startswith(PACKAGE) else source
        defines = ", ".join(model.__name__ for model in defined) or "none"
        raise UserError(f"{where} must define one model, a subclass of MusicModel; it defines {defines}.")
    return defined[0]


def origin(model: type[MusicModel]) -> str | None:
    """The file's or module's name of a model from outside; None for one of `zoo/models`."""
    source = _sources().get(model.model_name(), PACKAGE)
    if source.startswith(PACKAGE):
        return None
    return Path(source).name if source.endswith(".py") else source


def create(name: str, preset: str = "tuned", seed: int = 0, **hyperparameters: object) -> MusicModel:
    """An untrained model with the hyperparameters of a preset and some set otherwise.

    Args:
        name: of the model; see `names`.
        preset: one of the model's `presets`, or a file *.json with one.
        seed: of all randomness of training, 0 to 2147483647.
        **hyperparameters: those set otherwise than the preset has them.

    Raises:
        UserError: when the name, the preset or a hyperparameter is unknown or out of bounds; it says what there is.
    """
    from zoo.training import preset_files
    from zoo.training.hyperparameters import options

    model = find(name)
    known = options(model)
    chosen = preset_files.find(name, model.presets, preset)
    settings = chosen.hyperparameters | hyperparameters
    for key in settings:
        if key not in known:
            raise UserError(f"{name} has no hyperparameter {key!r}; it has {', '.join(known)}.")
    return model(**settings, preset=chosen.name, seed=seed)


def load(folder: Path | str, epoch: int | None = None) -> MusicModel:
    """A trained model from the folder of a run.

    Args:
        folder: holds model.json and model.weights.h5; or, where there is none of that path, weights that ship with the
            package, as "bach-chorales/rnn_nade" (`zoo.pretrained.names`).
        epoch: of a kept checkpoint to take in place of the best weights.

    Raises:
        UserError: when the folder holds no model, a damaged one, one of a newer format, or one from outside that is
            not known here.
    """
    with quiet_start():
        from zoo.training import checkpoint
    from zoo.training.hyperparameters import options
    from zoo.training.names import WEIGHTS, checkpoint_of

    if epoch is not None and not isinstance(epoch, int):
        raise UserError(f"an epoch is a whole number, not {epoch!r}.")
    if isinstance(folder, str) and not os.path.exists(folder):  # false of what can be no path, too
        folder = pretrained.folder(folder) or folder
    weights = WEIGHTS if epoch is None else checkpoint_of(epoch)
    described, path = checkpoint.read(folder, weights)
    name: Any = described.get("model")
    source, stated = described.get("source"), described["hyperparameters"]
    if isinstance(source, str) and name not in names():
        source = reprlib.repr(source)[1:-1]
        raise UserError(
            f"{folder} holds a model from outside the zoo, {reprlib.repr(name)} of {source}: say where that is, with "
            f"{VARIABLE}=path/to/{source} before the command, or with zoo.register."
            if source.endswith(".py")
            else f"{folder} holds a model from outside the zoo, {reprlib.repr(name)}: install the package of {source}, "
            f"or write {VARIABLE}={source} before the command."
        )
    model = find(name)
    if set(stated) - set(options(model)):
        raise UserError(f"{folder}/model.json names hyperparameters that {model.model_name()} does not have.")
    loaded = model(**stated, preset=str(described.get("preset", "")), seed=described.get("seed", 0))
    loaded.restore(described, path)
    return loaded


def _sources() -> dict[str, str]:
    """Where each model comes from, by name: a module's dotted name, or the path of a .py file."""
    from zoo import models

    inside = (name for _, name, _ in pkgutil.iter_modules(models.__path__) if not name.startswith("_"))
    sources = {name: PACKAGE + name for name in inside}
    for source in (*_entry_points(), *_registered, *os.environ.get(VARIABLE, "").split(os.pathsep)):
        if source:
            _add(sources, str(Path(source).resolve()) if source.endswith(".py") else source)
    return sources


@functools.cache  # looking through all installed packages takes time
def _entry_points() -> tuple[str, ...]:
    return tuple(sorted({entry.module for entry in importlib.metadata.entry_points(group=GROUP)}))


def _add(sources: dict[str, str], source: str) -> str:
    """Add a model from outside to `sources`; returns its name."""
    is_file = source.endswith(".py")
    name = Path(source).stem if is_file else source.rpartition(".")[2]
    if not name.isidentifier() or name.startswith("_"):
        raise UserError(
            f"{source} cannot be a model: its name must be letters, digits and underscores, as in my_model.py."
        )
    if is_file and not Path(source).is_file():
        raise UserError(f"{source} does not exist; give the .py file of a model, or the name of a module.")
    if sources.setdefault(name, source) != source:
        raise UserError(f"{source} cannot be a model: {sources[name]} has the name {name} already; rename the file.")
    return name


def _imported(source: str) -> ModuleType:
    if source.startswith(PACKAGE):
        return importlib.import_module(source)
    try:
        return _imported_file(source) if source.endswith(".py") else importlib.import_module(source)
    except Exception as error:  # whatever a stranger's file may raise
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
        where = f", line {lines[-1]}" if lines else ""
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{source} cannot be imported{where}: {reason}") from error


def _imported_file(path: str) -> ModuleType:
    """The module of a .py file, imported as if it lay in `zoo/models`, where it could move unchanged."""
    name = PACKAGE + Path(path).stem
    module = sys.modules.get(name)
    if module is None or module.__file__ != path:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader  # of a .py file there always are
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:  # whatever ended it, an interrupt too: half a module must not stay
            del sys.modules[name]
            raise
    return module
