"""A reader of MIDI tracks that takes one byte after the other: slow, and plain enough to be the truth."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

from zoo.midi.events import NEEDED
from zoo.midi.smf import DRUMS, MAX_NOTES, MAX_PEDALS, PEDAL, Damaged, TooMuch

DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2, 0xF1: 1, 0xF2: 2, 0xF3: 1}  # by status


@dataclass
class Events:
    """What a file says, in its own ticks and in order of its tracks.

    Args:
        notes: (start, end, pitch, velocity, (track, channel, program)) of all notes but drums.
        strikes: how many of them were struck so far.
        drums: how many notes of drums there are.
        unended: how many of `notes` have no note-off: they end where their pitch is struck again, or with the track.
        pedals: (channel, tick, whether it is down).
        tempos: (tick, microseconds of a beat).
        time_signatures: (tick, numerator, denominator).
        markers: (tick, text).
    """

    notes: list[tuple] = field(default_factory=list)
    strikes: int = 0
    drums: int = 0
    unended: int = 0
    pedals: list[tuple[int, int, bool]] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    time_signatures: list[tuple[int, int, int]] = field(default_factory=list)
    markers: list[tuple[int, bytes]] = field(default_factory=list)


def read(bodies: list[bytes]) -> Events:
    """Read tracks event by event. Running status goes on after meta events and system messages, a program holds for
    its channel, also in tracks that have none.

    Raises:
        Damaged: when an event is cut, or lacks its status or its value.
        TooMuch: when there are too many notes or movements of the pedal.
    """
    found, programs, strikes = Events(), [], []
    for number, body in enumerate(bodies):
        own, struck = {}, {}
        try:
            last = _walk(body, found, own, struck)
        except IndexError:
            raise Damaged("a track ends inside an event") from None
        programs.append(own)
        strikes.append((number, struck, last))
    others = _by_channel(programs)
    for number, struck, last in strikes:
        for key, events in struck.items():
            ended, unended = _paired(events, last)
            found.unended += unended
            channel, pitch = key >> 7, key & 0x7F
            for start, end, velocity, program in ended:
                if program is None:
                    program = _program(others.get(channel, []), start)
                found.notes.append((start, end, pitch, velocity, (number, channel, program)))
    return found


def _walk(body: bytes, found: Events, own: dict, struck: dict) -> int:
    """Read one track: program changes into `own`, strikes and ends of each channel and pitch into `struck`, the rest
    into `found`; the tick where it ends."""
    at = tick = status = 0
    size, current, sounding = len(body), {}, Counter()
    while at < size:
        step, at = _number(body, at)
        tick += step
        first = body[at]
        if first >= 0xF0:
            at = _system(body, at, tick, found)
            continue
        if first >= 0x80:
            status, at = first, at + 1
        if not status:
            raise Damaged("data without a status")
        kind, channel = status & 0xF0, status & 0x0F
        data, at = min(body[at], 127), at + 1
        value = 0
        if DATA_BYTES[kind] == 2:
            value, at = min(body[at], 127), at + 1
        if kind == 0x90 and value and channel == DRUMS:
            found.drums += 1
        elif kind == 0x90 and value:
            found.strikes += 1
            if found.strikes > MAX_NOTES:
                raise TooMuch(f"it holds more than {MAX_NOTES:,} notes")
            sounding[channel << 7 | data] += 1
            struck.setdefault(channel << 7 | data, []).append((tick, value, current.get(channel)))
        elif kind <= 0x90:
            if sounding[channel << 7 | data]:
                sounding[channel << 7 | data] -= 1
                struck[channel << 7 | data].append((tick, 0, None))
        elif kind == 0xC0:
            current[channel] = data
            own.setdefault(channel, []).append((tick, data))
        elif kind == 0xB0 and data == PEDAL:
            found.pedals.append((channel, tick, value >= 64))
            if len(found.pedals) > MAX_PEDALS:
                raise TooMuch(f"it moves the pedal more than {MAX_PEDALS:,} times")
    return tick


def _system(body: bytes, at: int, tick: int, found: Events) -> int:
    """Read the meta event or system message at `at`; where the next event is."""
    status = body[at]
    if status not in (0xF0, 0xF7, 0xFF):
        return at + 1 + DATA_BYTES.get(status, 0)
    kind = body[at + 1] if status == 0xFF else None
    size, begin = _number(body, at + 1 + (status == 0xFF))
    end = begin + size
    if kind == 0x2F:
        return len(body)
    if size < NEEDED.get(kind, 0):
        raise Damaged("a tempo or time signature without its value")
    if end > len(body):
        raise IndexError
    if kind == 0x51:
        found.tempos.append((tick, int.from_bytes(body[begin : begin + 3])))
    elif kind == 0x58 and body[begin + 1] < 7:
        found.time_signatures.append((tick, body[begin], 1 << body[begin + 1]))
    elif kind == 0x06:
        found.markers.append((tick, body[begin:end]))
    return end


def _number(track: bytes, at: int) -> tuple[int, int]:
    """The number of variable length, of at most four bytes, at `at`; and where it ends."""
    value = 0
    for at in range(at, at + 4):  # noqa: B020
        value = value << 7 | track[at] & 0x7F
        if track[at] < 0x80:
            break
    return value, at + 1


def _paired(events: list[tuple], last: int) -> tuple[list[tuple], int]:
    """Strikes of one pitch with their ends, (start, end, velocity, program), and how many have none.

    The first to start is the first to end; where ends are missing, a strike also ends the note before it.
    """
    notes, open_at = [], 0
    for tick, velocity, program in events:
        if velocity:
            notes.append([tick, None, velocity, program])
        elif open_at < len(notes):
            notes[open_at][1], open_at = tick, open_at + 1
    if open_at == len(notes):
        return notes, 0
    notes, unended, sounding = [], 0, False
    for tick, velocity, program in events:
        if sounding:
            notes[-1][1], unended = tick, unended + (velocity > 0)
        sounding = velocity > 0
        if sounding:
            notes.append([tick, last, velocity, program])
    return notes, unended + sounding


def _by_channel(programs: list[dict]) -> dict[int, list[tuple[int, int]]]:
    """(tick, program) of each channel through all tracks, in order of tick."""
    found = {}
    for own in programs:
        for channel, changes in own.items():
            found.setdefault(channel, []).extend(changes)
    return {channel: sorted(changes, key=lambda change: change[0]) for channel, changes in found.items()}


def _program(changes: list[tuple[int, int]], tick: int) -> int:
    place = bisect_right(changes, tick, key=lambda change: change[0])
    return changes[place - 1][1] if place else 0
