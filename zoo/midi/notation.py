"""Short music written by hand, as a primer on the command line."""

from __future__ import annotations

import re

from zoo._errors import UserError
from zoo.song import TICKS_PER_BEAT, Song

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ALTERED = {"": 0, "#": 1, "b": -1}
PITCH = r"[A-Ga-g][#b]?-?\d"
CHORD = re.compile(rf"(?P<pitches>{PITCH}(?:\+{PITCH})*|r)(?::(?P<beats>\d+(?:\.\d+)?))?")
MOST_BEATS = 1000
VELOCITY = 80


def is_notation(text: str) -> bool:
    """Whether a text begins as `parse_notation` wants it."""
    return bool(words := text.split()) and bool(CHORD.fullmatch(words[0]))


def parse_notation(text: str) -> Song:
    """Music from the names of its pitches.

    >>> song = parse_notation("C4 E4:0.5 r C4+G4:2")
    >>> song.pitch.tolist(), song.start.tolist(), song.beats
    ([60, 64, 60, 67], [0, 480, 1200, 1200], 4.5)

    Args:
        text: words, each a pitch (`C4` is middle C; `F#4`, `Bb3`), pitches that sound together (`C4+E4+G4`) or a rest
            (`r`); a number of beats may follow a colon, else it is one.

    Raises:
        UserError: when a word is none of these, or the text holds no pitch.
    """
    now, notes = 0.0, []
    for word in text.split():
        match = CHORD.fullmatch(word)
        beats = float(match["beats"] or 1) if match else 0.0
        if not match or not 0 < beats <= MOST_BEATS:
            raise UserError(
                f"{word!r} is no music: write pitches as in 'C4 F#4:0.5 C4+E4+G4:2 r', beats after a colon."
            )
        start, end = (round(beat * TICKS_PER_BEAT) for beat in (now, now + beats))
        for name in match["pitches"].split("+") if match["pitches"] != "r" else ():
            pitch = 12 * (int(name[1 + len(_sign(name)) :]) + 1) + STEPS[name[0].upper()] + ALTERED[_sign(name)]
            if not 0 <= pitch <= 127:
                raise UserError(f"{name} lies outside of MIDI, which goes from C-1 to G9.")
            notes.append((start, max(1, end - start), pitch, VELOCITY, 0))
        now += beats
    if not notes:
        raise UserError(f"{text!r} holds no pitch; write, for example, 'C4 E4 G4'.")
    return Song.from_notes(notes, round(now * TICKS_PER_BEAT), programs=(0,), name="primer")


def _sign(name: str) -> str:
    return name[1] if name[1] in "#b" else ""
