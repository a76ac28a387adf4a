"""Standard MIDI File bytes: chunks, and, where symusic would stumble or not tell enough, every event."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

DRUMS = 9  # the channel
PEDAL = 64  # the controller; values from 64 on are down
MAX_NOTES = 100_000  # but drums
MAX_TRACKS = 1000
MAX_PEDALS = 1_000_000
MAX_BEATS = 6 * 60 * 120  # six hours at 120 beats per minute
# Tempo (3 bytes) and time signature (of 4, the first two), by kind of meta event.
NEEDED = {0x51: 3, 0x58: 2}
DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2, 0xF1: 1, 0xF2: 2, 0xF3: 1}  # by status
END = b"\xff\x2f\0"
# All that follows may stand in deltas and texts, too: what matches is read event by event, which is right but slow.
ODD_META = re.compile(rb"\xff(?:\x51[^\x03]|\x58(?:[^\x04]|\x04.[^\0-\6]))", re.DOTALL)
# Running status that goes on after a system exclusive message; one of those that ends without F7, or is long; and
# system messages that have no place in a file.
RESUMED = re.compile(rb"\xf7[\x80-\xff]{0,3}[\0-\x7f]{2}", re.DOTALL)
SIZED = b"|".join(b"%b.{%d}[^\xf7]" % (re.escape(bytes([size])), size - 1) for size in range(1, 128))
UNFINISHED = re.compile(b"\xf0(?:[\0\x80-\xff]|" + SIZED + b")", re.DOTALL)
SYSTEM = re.compile(rb"(?<!\xff\x51\x03)(?<!\xff\x51\x03.)[\0-\x7f][\xf1-\xf6\xf8-\xfe]", re.DOTALL)
PRESSED = re.compile(rb"\x40[\x40-\x7f]")  # in running status, too
SYSTEM_BYTES = [status for status in range(0xF1, 0xFF) if status != 0xF7]  # sought one by one: far quicker
# A note-on and a program change of each channel behind a delta; the status first, as it is sought quickly.
STRUCK, CHANGED = (
    [re.compile(rb"\x%02x(?<=[\0-\x7f].)[\0-\x7f]{%d}" % (kind | channel, size), re.DOTALL) for channel in range(16)]
    for kind, size in ((0x90, 2), (0xC0, 1))
)
# For each channel, note-offs of all pitches; and the longest wait, which a text of no length ends.
ALL_OFF = [bytes([0, 0x80 | channel]) + b"\0".join(bytes([pitch, 0]) for pitch in range(128)) for channel in range(16)]
LONGEST_WAIT = 2**28 - 1


class Damaged(ValueError):
    """The bytes are no Standard MIDI File; the text says why, without a full stop."""


class TooMuch(ValueError):
    """There is more than anyone's music holds; the text says of what, without a full stop."""


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
    found, place, stop = [], 8 + size, len(data)
    while place + 8 <= stop:
        kind, begin = data[place : place + 4], place + 8
        end = begin + int.from_bytes(data[place + 4 : begin])
        if kind == b"MTrk":
            if end > stop and not (
                data.endswith(END) and data.find(b"MTrk", begin) < 0
            ):  # else only its length is wrong
                raise Damaged("a track is cut")
            found.append(data[begin:end])
        elif not (kind.isascii() and kind.isalnum()) or end > stop:  # no chunk: another may stand behind it
            end = data.find(b"MTrk", place + 1)
            if end < 0:
                break
        place = end
    if 0 < stop - place < 8 and data[place:].startswith(b"MTrk"):
        raise Damaged("a track is cut")
    return int.from_bytes(data[8:10]), int.from_bytes(data[12:14]), found


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


def needs_care(bodies: list[bytes]) -> bool:
    """Whether symusic may read these tracks wrongly, by quick tests that find more than there is."""
    for body in bodies:
        if ODD_META.search(body) or RESUMED.search(body) or UNFINISHED.search(body):
            return True
        if any(status in body for status in SYSTEM_BYTES) and SYSTEM.search(body):
            return True
    return len(bodies) > 1 and _lacks_programs(bodies)


def _lacks_programs(bodies: list[bytes]) -> bool:
    """Whether a track may have notes before any program of their channel, which another track holds."""
    for channel in range(16):
        if channel == DRUMS or not any(0xC0 | channel in body for body in bodies):
            continue
        for number, body in enumerate(bodies):
            first = body.find(0x90 | channel)
            if first < 0 or 0 <= body.find(0xC0 | channel) < first or not STRUCK[channel].search(body):
                continue
            others = bodies[:number] + bodies[number + 1 :]
            if any(0xC0 | channel in other and CHANGED[channel].search(other) for other in others):
                return True
    return False


def hides_pedals(bodies: list[bytes]) -> bool:
    """Whether a pedal may go down where symusic, which keeps controllers with the notes of the same track, channel and
    program, drops it: in a track without notes of its channel, or before another program."""
    for body in bodies:
        for channel in range(16):
            first = body.find(0xB0 | channel)
            if first < 0:
                continue
            last = len(body) if 0x90 | channel not in body else body.rfind(0xC0 | channel)
            if PRESSED.search(body, first, max(first, last)):
                return True
    return False


def with_ends(division: int, bodies: list[bytes]) -> bytes:
    """A MIDI file of these tracks in which notes that never end do so later than any music is let last."""
    wait, parts = MAX_BEATS * division + 1, [b"MThd\0\0\0\6\0\1", len(bodies).to_bytes(2), division.to_bytes(2)]
    late = b"\xff\xff\xff\x7f\xff\1\0" * (wait // LONGEST_WAIT) + _written(wait % LONGEST_WAIT) + b"\xff\1\0"
    for body in bodies:
        if body.endswith(END) and body[-4:-3] < b"\x80":  # else its end is not there, or not an end
            offs = [ALL_OFF[channel] for channel in range(16) if 0x90 | channel in body]
            body = b"".join([body[:-3], b"\xff\1\0", late, *offs, b"\0", END]) if offs else body
        parts += [b"MTrk", len(body).to_bytes(4), body]
    return b"".join(parts)


def _written(value: int) -> bytes:
    """A number of variable length, in four bytes."""
    return bytes([0x80 | value >> 21, 0x80 | value >> 14 & 0x7F, 0x80 | value >> 7 & 0x7F, value & 0x7F])


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
