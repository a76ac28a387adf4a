"""Corpora: a folder of MIDI files as songs in three splits, and what fills the named ones."""

from zoo.corpora.corpus import Corpus, load_corpus
from zoo.corpora.splits import SPLITS

__all__ = ["SPLITS", "Corpus", "load_corpus"]
