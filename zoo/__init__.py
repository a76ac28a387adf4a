"""Music RNN Zoo: ways of making music with recurrent networks, behind one interface, compared on one corpus.

    import zoo
    corpus = zoo.load_corpus("bach-chorales")
    model = zoo.create("melody_lstm", preset="tuned", seed=0)
    model.fit(corpus.train, corpus.valid)
    songs = model.sample(4, beats=64, seed=7)

Importing the zoo imports neither Keras nor music21; `create` and `load` do.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import logging
import os
import pkgutil
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.corpus import Corpus, load_corpus
from zoo.errors import UserError
from zoo.midi import read_midi, write_midi
from zoo.song import Song

if TYPE_CHECKING:
    from zoo.base import MusicModel

__all__ = ["Corpus", "Song", "UserError", "create", "find", "load", "load_corpus", "names", "read_midi", "write_midi"]

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up talk is not the user's business
# Nor is its advice on retracing: what is compiled once for every shape is counted as if it were compiled in vain.
logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())


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
    from zoo.base import MusicModel

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

    Raises:
        UserError: when the name, the preset or a hyperparameter is unknown or out of bounds; it says what there is.
    """
    from zoo import base

    return base.create(find(name), preset, seed, **hyperparameters)


def load(folder: Path | str, epoch: int | None = None) -> MusicModel:
    """A trained model from a run's folder; `epoch` takes a kept checkpoint in place of the best weights.

    Raises:
        UserError: when the folder holds no model or a damaged one.
    """
    from zoo import base

    if epoch is None:
        return base.load(folder, find)
    if not isinstance(epoch, int):
        raise UserError(f"an epoch is a whole number, not {epoch!r}.")
    return base.load(folder, find, f"checkpoints/epoch-{epoch:05d}.weights.h5")
