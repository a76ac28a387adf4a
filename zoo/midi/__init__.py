"""Song ↔ MIDI file: the only room that knows symusic and pretty_midi objects."""

from zoo.midi.notation import is_notation, parse_notation
from zoo.midi.reading import Reading, UnreadableMidi, parse_all, parse_midi, read_midi
from zoo.midi.writing import program_of, to_pretty_midi, write_midi

__all__ = [
    "Reading",
    "UnreadableMidi",
    "is_notation",
    "parse_all",
    "parse_midi",
    "parse_notation",
    "program_of",
    "read_midi",
    "to_pretty_midi",
    "write_midi",
]
