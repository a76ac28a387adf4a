"""Corpora: a folder of MIDI files as songs in three splits, and what fills the named ones."""

from zoo.corpora.corpus import SPLITS, Corpus, load_corpus

__all__ = ["SPLITS", "Corpus", "load_corpus"]
