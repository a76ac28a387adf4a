"""How the codes of a representation stand to the music: what they leave out, and whether a piece has only one.

Music is here a set of (onset, pitch, duration) on a grid whose length is known, a pitch sounding once at a time.
`zoo.evaluation.residual` charges for what codes leave out.
"""

from __future__ import annotations

from typing import NamedTuple

STRIKES = "strikes"  # whether a pitch that sounds on is struck anew
DURATIONS = "durations"  # when the notes end
OCTAVES = "octaves"  # which pitches of the pitch classes of a chord
ONSETS = "onsets"  # when the chords start, and how many there are
END = "end"  # how long it is silent behind the last note
LINES = "lines"  # how many lines there are


class Coding(NamedTuple):
    """What codes say of the music.

    Args:
        left_out: what they do not say, of the names above; a residual can say it.
        unique: whether a piece has exactly one sequence of codes, and every sequence that the representation's rules
            allow is that of a piece: the probabilities of all pieces then add up to one.
        lost: why no residual can make up for what they leave out, as the end of a sentence; empty where one can.
    """

    left_out: tuple[str, ...] = ()
    unique: bool = False
    lost: str = ""
