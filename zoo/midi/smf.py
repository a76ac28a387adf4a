"""Standard MIDI Files: chunks, and what the events in them say.

Read here, with NumPy, since libraries do not tell what they mend in an odd file, nor why they refuse one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.midi.events import MARGIN, Bytes, Columns, Damaged, Walk, columns
from zoo.midi.notes import paired, parts

DRUMS = 9  # the channel
PEDAL = 64  # the controller; values from 64 on are down
MAX_NOTES = 100_000  # but drums
MAX_TRACKS = 1000
MAX_PEDALS = 1_000_000
MAX_BEATS = 6 * 60 * 120  # six hours at 120 beats per minute
MAX_FILES = 256  # that are read at once
SILENT = 0xFF  # status of no note
END = b"\xff\x2f\0"


class TooMuch(ValueError):
    """There is more than anyone's music holds; the text says of what, without a full stop."""


@dataclass
class Events:
    """What the tracks of a file say, in its own ticks.

    Args:
        notes: start, end, pitch, velocity and part of all notes but drums; (5, notes) int64, in no set order.
        parts: (track, channel, program) of each part.
        drums: how many notes of drums there are.
        unended: how many of `notes` have no note-off: they end where their pitch is struck again, or with the track.
        pedals: channel, tick, whether it is down; (3, movements) int64, in order of tick within a track.
        tempos: (tick, microseconds of a beat), in order of tick within a track.
        time_signatures: (tick, numerator, denominator).
        markers: (tick, text).
    """

    notes: np.ndarray
    parts: list[tuple[int, int, int]]
    drums: int
    unended: int
    pedals: np.ndarray
    tempos: list[tuple[int, int]]
    time_signatures: list[tuple[int, int, int]]
    markers: list[tuple[int, str]]


def is_midi(beginning: bytes) -> bool:
    """Whether a file that begins like this, with twelve bytes or more, is MIDI, wrapped in RIFF or not."""
    return beginning[:4] == b"MThd" or (beginning[:4] == b"RIFF" and beginning[8:12] == b"RMID")


def tracks(data: bytes) -> tuple[int, int, list[bytes]]:
    """Type, division and tracks, of whatever number; other chunks and what follows the last chunk are left out.

    Raises:
        Damaged: when the header or a track is cut.
    """
    if data[:4] == b"RIFF":
        data = _unwrapped(data)
    size = int.from_bytes(data[4:8])
    if size < 6 or len(data) < 8 + size:
        raise Damaged("its header is cut")
    bodies, place, stop = [], 8 + size, len(data)
    while place + 8 <= stop:
        kind, begin = data[place : place + 4], place + 8
        end = begin + int.from_bytes(data[place + 4 : begin])
        if kind == b"MTrk":
            if end > stop and not (
                data.endswith(END) and data.find(b"MTrk", begin) < 0
            ):  # else only its length is wrong
                raise Damaged("a track is cut")
            bodies.append(data[begin:end])
        elif not (kind.isascii() and kind.isalnum()) or end > stop:  # no chunk: another may stand behind it
            end = data.find(b"MTrk", place + 1)
            if end < 0:
                break
        place = end
    if 0 < stop - place < 8 and data[place:].startswith(b"MTrk"):
        raise Damaged("a track is cut")
    return int.from_bytes(data[8:10]), int.from_bytes(data[12:14]), bodies


def _unwrapped(data: bytes) -> bytes:
    """The MIDI file in the `data` chunk of a RIFF file, or to its end where the size is wrong."""
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"data":
            inside = data[place + 8 : place + 8 + size]
            return inside if len(inside) >= 14 else data[place + 8 :]
        place += 8 + size + size % 2
    raise Damaged("it is RIFF without MIDI inside")


def read(files: Sequence[Sequence[bytes]]) -> list[Events | Damaged | TooMuch]:
    """Read the tracks of files, all at once: for small ones that takes a fraction of the time.

    Running status goes on after meta events and system messages, a program holds for its channel, also in tracks that
    have none; data bytes above 127 count as 127.

    Args:
        files: the tracks of each; `MAX_FILES` files at most.

    Returns:
        What each says; or Damaged, when an event is cut or lacks its status or its value; or TooMuch, when there are
        too many notes or movements of the pedal.
    """
    source = Bytes(files)
    found: list[Walk | Damaged | TooMuch] = []
    at = event = 0
    for bodies in files:
        try:
            walk = Walk(source, at, event, bodies)
            event = walk.stop
            found.append(walk)
        except Damaged as error:
            found.append(error)
        at += sum(map(len, bodies)) + len(MARGIN)
    walks = [walk for walk in found if isinstance(walk, Walk)]
    said = _said(columns(source, walks), walks)
    return [next(said) if isinstance(one, Walk) else one for one in found]


def _said(events: Columns, walks: list[Walk]) -> Iterator[Events | TooMuch]:
    """What the events of each file say."""
    tick, status, first, second = events.tick, events.status, events.first, events.second
    tracks = np.array([0, *[len(walk.tracks) for walk in walks]]).cumsum()  # first of each file, and how many
    borders = events.tracks[tracks]  # likewise of events

    down, drums = ((status & 0xF0) == 0x90) & (second > 0), (status & 0x0F) == DRUMS
    dropped = (down & drums).nonzero()[0]
    many = np.zeros(len(walks), bool)
    if len(status) > MAX_NOTES:
        many = np.diff((down & ~drums).nonzero()[0].searchsorted(borders)) > MAX_NOTES
        for file in many.nonzero()[0]:
            status[borders[file] : borders[file + 1]] = SILENT
    moved = (((status & 0xF0) == 0xB0) & (first == PEDAL)).nonzero()[0]
    pedals = np.array([status[moved] & 0x0F, tick[moved], second[moved] >= 64], np.int64)
    strokes = (((status & 0xE0) == 0x80) & ~drums).nonzero()[0]
    key, begin, end, missing = paired(strokes, events)
    numbers, place = parts(events, key, begin, tracks)
    names = [(number >> 11, number >> 7 & 0x0F, number & 0x7F) for number in numbers.tolist()]
    notes = np.array([tick[begin], end, first[begin], second[begin], place])

    # Where each file begins among notes, parts, movements, drums, notes without an end, and tracks; and where it ends.
    begun = [key.searchsorted(tracks << 11), numbers.searchsorted(tracks << 11), moved.searchsorted(borders)]
    begun += [dropped.searchsorted(borders), np.append(0, missing.cumsum())[tracks], tracks]
    places = list(zip(*[column.tolist() for column in begun], strict=True))
    for walk, much, begins, ends in zip(walks, many.tolist(), places[:-1], places[1:], strict=True):
        note, part, movement, drum, unended, track = begins
        if much:
            yield TooMuch(f"it holds more than {MAX_NOTES:,} notes")
        elif ends[2] - movement > MAX_PEDALS:
            yield TooMuch(f"it moves the pedal more than {MAX_PEDALS:,} times")
        else:
            own = notes[:, note : ends[0]]
            own[4] -= part
            yield Events(
                own,
                [(number - track, *rest) for number, *rest in names[part : ends[1]]],
                ends[3] - drum,
                ends[4] - unended,
                pedals[:, movement : ends[2]],
                *[
                    [(wait + (tick.item(event) if event >= 0 else 0), *what) for event, wait, *what in said]
                    for said in (walk.tempos, walk.time_signatures, walk.markers)
                ],
            )
