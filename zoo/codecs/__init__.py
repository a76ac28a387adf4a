"""Song ↔ integers, one file per representation, `encode` beside `decode`."""

from zoo.codecs._base import Codec, Line, SymbolCodec
from zoo.codecs.chord import ChordCodec
from zoo.codecs.event import EventCodec
from zoo.codecs.exact_chord import ExactChordCodec
from zoo.codecs.grid import AUTO
from zoo.codecs.melody import MelodyCodec
from zoo.codecs.note import NoteCodec
from zoo.codecs.performance import PerformanceCodec
from zoo.codecs.polyphony import PolyphonyCodec
from zoo.codecs.roll import RollCodec

__all__ = [
    "AUTO",
    "ChordCodec",
    "Codec",
    "EventCodec",
    "ExactChordCodec",
    "Line",
    "MelodyCodec",
    "NoteCodec",
    "PerformanceCodec",
    "PolyphonyCodec",
    "RollCodec",
    "SymbolCodec",
]
