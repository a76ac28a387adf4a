"""Music RNN Zoo: ways of making music with recurrent networks, behind one interface, compared on one corpus.

    import zoo
    corpus = zoo.load_corpus("bach-chorales")
    model = zoo.create("melody_lstm", preset="tuned", seed=0)
    model.fit(corpus.train, corpus.valid)
    songs = model.sample(4, beats=64, seed=7)

Importing the zoo imports neither Keras nor music21; `create` and `load` do.
"""

from __future__ import annotations

import logging
import os

from zoo._errors import UserError
from zoo.corpora import Corpus, load_corpus
from zoo.midi import read_midi, write_midi
from zoo.models import create, find, load, names
from zoo.song import Song

__all__ = ["Corpus", "Song", "UserError", "create", "find", "load", "load_corpus", "names", "read_midi", "write_midi"]

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up talk is not the user's business
# Nor is its advice on retracing: what is compiled once for every shape is counted as if it were compiled in vain.
logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())
