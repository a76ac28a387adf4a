"""Music RNN Zoo: ways of making music with recurrent networks, behind one interface, compared on one corpus.

    import zoo
    corpus = zoo.load_corpus("bach-chorales")
    model = zoo.create("melody_lstm", preset="tuned", seed=0)
    model.fit(corpus.train, corpus.valid)
    songs = model.sample(4, beats=64, seed=7)

Importing the zoo imports neither Keras nor music21; `create` and `load` do, and so does what AUTHORS names. The backend
is that of the user's Keras: of KERAS_BACKEND or ~/.keras/keras.json, else TensorFlow.
"""

from __future__ import annotations

import importlib
import logging
import os
from typing import Any

from zoo._errors import UserError
from zoo._quiet import quiet_start
from zoo._version import VERSION as __version__
from zoo.corpora import Corpus, load_corpus
from zoo.midi import read_midi, write_midi
from zoo.models import create, find, load, names, register
from zoo.song import Song

# What the author of a model needs, and where it is; imported on first use.
AUTHORS = {
    "MusicModel": "zoo.models._base",
    "SymbolModel": "zoo.models._symbols",
    "FrameModel": "zoo.models._frames",
    "ChordCodec": "zoo.codecs",
    "EventCodec": "zoo.codecs",
    "ExactChordCodec": "zoo.codecs",
    "MelodyCodec": "zoo.codecs",
    "NoteCodec": "zoo.codecs",
    "PerformanceCodec": "zoo.codecs",
    "PolyphonyCodec": "zoo.codecs",
    "RollCodec": "zoo.codecs",
    "CanonicalMusic": "zoo.evaluation.canonical",
    "canonical_score": "zoo.evaluation.canonical",
    "SymbolInput": "zoo.layers.symbols",
    "option": "zoo.training.hyperparameters",
    "trained": "zoo.training.hyperparameters",
    "written": "zoo.training.hyperparameters",
    "measured": "zoo.training.hyperparameters",
}

__all__ = ["Corpus", "Song", "UserError", "create", "find", "load", "load_corpus", "names", "read_midi", "register"]
__all__ += ["__version__", "write_midi", *AUTHORS]

# TensorFlow's messages at start-up help nobody who makes music. They are only a default, and Keras is left as the user
# has configured it. Nor does its advice on retracing: what is compiled once for every shape is counted as in vain.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())


def __getattr__(name: str) -> Any:
    if name not in AUTHORS:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    with quiet_start():
        module = importlib.import_module(AUTHORS[name])
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *AUTHORS])
