"""Standard MIDI Files: chunks, and the events in them, as columns.

Nearly all events of music have two data bytes, which are below 128, as is the last byte of the wait before them. Each
such event takes three bytes below 128, then; where the first stands, all others of a run are known, and NumPy reads the
run at once. What ends a run (a program change, a tempo, a text, a fault) is read byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRUMS = 9  # the channel
PEDAL = 64  # the controller; values from 64 on are down
MAX_NOTES = 100_000  # but drums
MAX_TRACKS = 1000
MAX_PEDALS = 1_000_000
MAX_BEATS = 6 * 60 * 120  # six hours at 120 beats per minute
# Tempo (3 bytes) and time signature (of 4, the first two), by kind of meta event.
NEEDED = {0x51: 3, 0x58: 2}
SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes by status
END = b"\xff\x2f\0"
# Behind the tracks: what a cut event takes for its own, so that it ends behind its track instead of behind the memory.
MARGIN = bytes(16)
# By status, or the data byte that stands there in running status: whether two data bytes belong to it.
TWO_DATA = np.array([status < 0xC0 or 0xE0 <= status < 0xF0 for status in range(256)])
# Events are numbered within these bits: a file of 8 MiB has fewer.
EVENT_BITS = 23
EVENT_MASK = (1 << EVENT_BITS) - 1


class Damaged(ValueError):
    """The bytes are no Standard MIDI File; the text says why, without a full stop."""


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
        pedals: channel, tick, whether it is down; (movements, 3) int64, in order of tick within a track.
        tempos: tick, microseconds of a beat; (tempos, 2) int64, in order of tick within a track.
        time_signatures: (tick, numerator, denominator).
        markers: (tick, text).
    """

    notes: np.ndarray
    parts: list[tuple[int, int, int]]
    drums: int
    unended: int
    pedals: np.ndarray
    tempos: np.ndarray
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


def read(bodies: list[bytes]) -> Events:
    """Read tracks.

    Running status goes on after meta events and system messages, a program holds for its channel, also in tracks that
    have none; data bytes above 127 count as 127.

    Raises:
        Damaged: when an event is cut, or lacks its status or its value.
        TooMuch: when there are too many notes or movements of the pedal.
    """
    walk = _Walk(bodies)
    at = 0
    for body in bodies:
        walk.track(at, at + len(body))
        at += len(body)
    track, tick, status, first, second = walk.columns()
    kind, channel = status & 0xF0, status & 0x0F

    down = (kind == 0x90) & (second > 0)
    drums = int(np.count_nonzero(down & (channel == DRUMS)))
    strokes = np.flatnonzero((down | (kind == 0x80) | (kind == 0x90)) & (channel != DRUMS))
    if np.count_nonzero(down) - drums > MAX_NOTES:
        raise TooMuch(f"it holds more than {MAX_NOTES:,} notes")
    moved = np.flatnonzero((kind == 0xB0) & (first == PEDAL))
    if len(moved) > MAX_PEDALS:
        raise TooMuch(f"it moves the pedal more than {MAX_PEDALS:,} times")

    lasts = np.append(0, tick)[walk.begun[1:]] * (np.diff(walk.begun) > 0)
    begin, end, unended = _paired(strokes, track << 11 | channel << 7 | first, down, tick, lasts)
    program = _programs(np.flatnonzero(kind == 0xC0), begin, track, channel, tick, first)
    part = (track[begin] << 4 | channel[begin]) << 7 | program
    cuts = np.flatnonzero(np.diff(part, prepend=-1))  # parts change seldom: notes are in order of track and channel
    parts, place = np.unique(part[cuts], return_inverse=True)
    part = np.repeat(place, np.diff(cuts, append=len(part)))
    return Events(
        np.array([tick[begin], end, first[begin], second[begin], part]),
        [(part >> 11, part >> 7 & 0x0F, part & 0x7F) for part in parts.tolist()],
        drums,
        unended,
        np.array([channel[moved], tick[moved], second[moved] >= 64]).T,
        np.array([(tick[at], value) for at, value in walk.tempos], np.int64).reshape(-1, 2),
        [(int(tick[at]), *value) for at, value in walk.time_signatures],
        [(int(tick[at]), text) for at, text in walk.markers],
    )


class _Walk:
    """Where the events of all tracks stand: runs of those with two data bytes, read at once, and single ones."""

    def __init__(self, bodies: list[bytes]) -> None:
        self.data = b"".join([*bodies, MARGIN])
        self.bytes = np.frombuffer(self.data, np.uint8)
        self.low = low = np.flatnonzero(self.bytes < 0x80)[:-1]
        self.after = self.bytes[low + 1]
        # An event whose wait ends at low[j] is well formed and has two data bytes unless ends[j % 3][j // 3].
        apart = np.diff(low)
        ends = ~TWO_DATA[self.after]
        ends[:-1] |= apart > 2
        ends[:-2] |= apart[1:] > 1
        ends[1:] |= apart > 4
        ends[-3:] = True
        self.ends = [np.ascontiguousarray(ends[phase::3]) for phase in range(3)]
        self.runs: list[tuple[int, int, int]] = []  # place in `low`, byte, number of events
        self.singles: list[tuple[int, int, int, int, int]] = []  # event; wait, status or 0, two data bytes
        self.begun = [0]  # event that begins each track, and how many there are
        self.tempos: list[tuple[int, int]] = []  # event, microseconds
        self.time_signatures: list[tuple[int, tuple[int, int]]] = []
        self.markers: list[tuple[int, str]] = []

    def track(self, at: int, stop: int) -> None:
        """Find the events of the track that lies in these bytes."""
        event, two = self.begun[-1], True  # whether events without a status of their own have two data bytes
        border = int(self.low.searchsorted(stop))
        self.ends[border % 3][border // 3] = True  # no run goes on into the next track
        while at < stop:
            place = int(self.low.searchsorted(at))
            count = 0
            if self.low.item(place) - at < 4 and (two or self.after.item(place) >= 0x80):
                count = int(self.ends[place % 3][place // 3 :].argmax())
            if count:
                self.runs.append((place, at, count))
                at, two = self.low.item(place + 3 * count - 1) + 1, True
                event += count
            else:
                self.runs.append((place, at, 1))
                at, two = self._single(at, stop, event, two)
                event += 1
        if at > stop:
            raise Damaged("a track ends inside an event")
        self.begun.append(event)

    def _single(self, at: int, stop: int, event: int, two: bool) -> tuple[int, bool]:
        """Read one event; where the next begins, and whether that has two data bytes if it has no status."""
        data = self.data
        wait, at = _number(data, at)
        status = data[at]
        if status >= 0xF0:
            self.singles.append((event, wait, status, 0, 0))
            return self._system(at, stop, event), two
        if status >= 0x80:
            two, at = bool(TWO_DATA[status]), at + 1
        else:
            status = 0
        self.singles.append((event, wait, status, min(data[at], 127), min(data[at + 1], 127) if two else 0))
        return at + 1 + two, two

    def _system(self, at: int, stop: int, event: int) -> int:
        """Read the meta event or system message at `at`; where the next event begins."""
        data, status = self.data, self.data[at]
        if status not in (0xF0, 0xF7, 0xFF):
            return at + 1 + SYSTEM_DATA.get(status, 0)
        kind = data[at + 1] if status == 0xFF else -1
        size, begin = _number(data, at + 1 + (status == 0xFF))
        end = begin + size
        if kind == 0x2F:
            return max(stop, begin)
        if size < NEEDED.get(kind, 0):
            raise Damaged("a tempo or time signature without its value")
        if end > stop:
            raise Damaged("a track ends inside an event")
        if kind == 0x51:
            self.tempos.append((event, int.from_bytes(data[begin : begin + 3])))
        elif kind == 0x58 and data[begin + 1] < 7:
            self.time_signatures.append((event, (data[begin], 1 << data[begin + 1])))
        elif kind == 0x06:
            self.markers.append((event, data[begin:end].decode("utf-8", "replace")))
        return end

    def columns(self) -> tuple[np.ndarray, ...]:
        """Track, tick, status and two data bytes of all events, int64; the second is 0 where there is one.

        Raises:
            Damaged: when a channel's event comes before any status.
        """
        places, ats, counts = np.array(self.runs, np.int64).reshape(-1, 3).T
        first = counts.cumsum() - counts
        events = np.arange(self.begun[-1])
        place = np.repeat(places - 3 * first, counts) + 3 * events
        end, begin = self.low[place], self.low[place - 1] + 1
        begin[first] = ats
        wait, size = self.bytes[end].astype(np.int64), end - begin
        for more in (1, 2, 3):
            longer = np.flatnonzero(size >= more)
            if not len(longer):
                break
            wait[longer] |= (self.bytes[end[longer] - more] & np.int64(0x7F)) << 7 * more
        status = self.after[place].astype(np.int64)
        own = status >= 0x80
        status *= own
        at = end + own + 1
        one, two = self.bytes[at].astype(np.int64), self.bytes[at + 1].astype(np.int64)
        single, *values = np.array(self.singles, np.int64).reshape(-1, 5).T
        wait[single], status[single], one[single], two[single] = values

        begun = np.array(self.begun)
        track = np.repeat(np.arange(len(begun) - 1), np.diff(begun))
        passed = np.append(0, wait.cumsum())
        tick = passed[1:] - passed[begun[track]]
        given = (status >= 0x80) & (status < 0xF0)
        source = np.maximum.accumulate(np.where(given, events, -1))
        running = status < 0x80
        if (running & (source < begun[track])).any():
            raise Damaged("data without a status")
        return track, tick, np.where(running, status[source], status), one, two


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number of variable length, of at most four bytes, at `at`; and where it ends."""
    value = 0
    for at in range(at, at + 4):  # noqa: B020
        value = value << 7 | data[at] & 0x7F
        if data[at] < 0x80:
            break
    return value, at + 1


def _paired(
    events: np.ndarray, key: np.ndarray, down: np.ndarray, tick: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Events that begin a note, the ticks where these end, and how many have no end.

    Args:
        events: that begin or end notes.
        key: of every event, its track, channel and pitch in bits 11 on, 7 to 10, and 0 to 6.
        down: whether an event begins a note.
        tick: of every event.
        last: tick where each track ends.
    """
    packed = np.sort(key[events] << EVENT_BITS | events)
    key, events = packed >> EVENT_BITS, packed & EVENT_MASK
    opens = down[events]
    if not len(events) % 2 and opens[::2].all() and not opens[1::2].any() and (key[::2] == key[1::2]).all():
        return events[::2], tick[events[1::2]], 0
    changes = np.append(np.flatnonzero(np.diff(key)) + 1, len(key))
    sizes = np.diff(changes, prepend=0)
    group = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(key)) - np.repeat(changes - sizes, sizes)
    odd = sizes % 2 == 1
    odd[group[opens != (place % 2 == 0)]] = True  # not one down, one up, and so on
    plain = events[~odd[group]]
    begin, end, unended = [plain[::2]], [tick[plain[1::2]]], 0
    for stop, size in zip(changes[odd].tolist(), sizes[odd].tolist(), strict=True):
        own = events[stop - size : stop]
        strokes = list(zip(own.tolist(), tick[own].tolist(), opens[stop - size : stop].tolist(), strict=True))
        notes, missing = _matched(strokes, int(last[key[stop - 1] >> 11]))
        pairs = np.array(notes, np.int64).reshape(-1, 2)
        begin.append(pairs[:, 0])
        end.append(pairs[:, 1])
        unended += missing
    return np.concatenate(begin), np.concatenate(end), unended


def _matched(strokes: list[tuple[int, int, bool]], last: int) -> tuple[list[list[int]], int]:
    """(event, tick of its end) of the notes of one pitch, and how many have none.

    The first to start is the first to end; where ends are missing, a strike also ends the note before it.

    Args:
        strokes: event, tick, whether it begins a note.
        last: tick where the track ends.
    """
    notes, ended = [], 0
    for event, tick, opens in strokes:
        if opens:
            notes.append([event, last])
        elif ended < len(notes):
            notes[ended][1], ended = tick, ended + 1
    if ended == len(notes):
        return notes, 0
    notes, unended, sounding = [], 0, False
    for event, tick, opens in strokes:
        if sounding:
            notes[-1][1], unended = tick, unended + opens
        sounding = opens
        if opens:
            notes.append([event, last])
    return notes, unended + sounding


def _programs(
    changes: np.ndarray, notes: np.ndarray, track: np.ndarray, channel: np.ndarray, tick: np.ndarray, value: np.ndarray
) -> np.ndarray:
    """Program of each note: the last of its track and channel, else of its channel in any track, else 0.

    Args:
        changes: events that change a program.
        notes: events that begin a note.
        track: of every event; likewise
        channel: its channel,
        tick: when it falls,
        value: and its first data byte.
    """
    program = np.zeros(len(notes), np.int64)
    if not len(changes) or not len(notes):
        return program
    key = track << 4 | channel
    own = np.sort(key[changes] << EVENT_BITS | changes)
    place = own.searchsorted(key[notes] << EVENT_BITS | notes) - 1
    before = own[place] & EVENT_MASK
    known = (place >= 0) & (key[before] == key[notes])
    program[known] = value[before[known]]
    if not known.all():
        lacking = notes[~known]
        changes = changes[np.lexsort((tick[changes], channel[changes]))]
        at = np.searchsorted(_when(channel, tick, changes), _when(channel, tick, lacking), side="right") - 1
        before = changes[at]
        program[~known] = np.where((at >= 0) & (channel[before] == channel[lacking]), value[before], 0)
    return program


def _when(channel: np.ndarray, tick: np.ndarray, events: np.ndarray) -> np.ndarray:
    """A number that orders events by channel, then by tick."""
    return channel[events] << 56 | tick[events]
