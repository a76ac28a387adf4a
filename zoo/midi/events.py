"""The events in the tracks of Standard MIDI Files, of many files at once, as columns.

Nearly all events of music have two data bytes, which are below 128, as is the last byte of the wait before them. Each
such event takes three bytes below 128, then; where the first stands, all others of a run are known, and NumPy reads the
run at once. What ends a run (a program change, a tempo, a text, a fault) is read byte by byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Tempo (3 bytes) and time signature (of 4, the first two), by kind of meta event.
NEEDED = {0x51: 3, 0x58: 2}
SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes by status
# Behind the tracks of a file: what a cut event takes for its own, so that it ends behind its track.
MARGIN = bytes(16)


class Damaged(ValueError):
    """The bytes are no Standard MIDI File; the text says why, without a full stop."""


class Bytes:
    """The bytes of all files, and where events with two data bytes may stand.

    Args:
        files: the tracks of each.
    """

    def __init__(self, files: Sequence[Sequence[bytes]]) -> None:
        self.data = b"".join([part for bodies in files for part in (*bodies, MARGIN)])
        self.bytes = code = np.frombuffer(self.data, np.uint8)
        below = code < 0x80
        self.low = low = below.nonzero()[0]
        two = (code < 0xC0) | ((code & 0xF0) == 0xE0)  # as a status, or as a data byte in running status
        # Whether the event whose wait ends at a byte is well formed and has two data bytes.
        fine = two[1:-2] & below[2:-1] & (below[1:-2] | below[3:])
        fine[4:] &= below[3:-4] | below[2:-5] | below[1:-6] | below[:-7]  # else its wait has more than four bytes
        runs = np.zeros(len(low) // 3 * 3 + 3, bool)
        runs[: len(low) - 3] = fine[low[:-3]]
        sizes = [len(part) for bodies in files for part in (*bodies, MARGIN)]
        runs[low.searchsorted(np.array(sizes[:-1]).cumsum())] = False  # no run goes on into the next track
        # Of an event whose wait ends at low[j], runs[j % 3][j // 3]: a run is a run in there.
        self.runs = list(np.ascontiguousarray(runs.reshape(-1, 3).T))


class Walk:
    """Where the events of one file stand: runs of those with two data bytes, and single ones.

    Args:
        source: of the bytes.
        at: where the file's tracks begin in there.
        event: number of its first event.
        bodies: its tracks.

    Raises:
        Damaged: when an event is cut, or lacks its status or its value.
    """

    def __init__(self, source: Bytes, at: int, event: int, bodies: Sequence[bytes]) -> None:
        self.source = source
        self.runs: list[tuple[int, int, int]] = []  # place in `low`, wait of the first event, number of events
        self.singles: list[tuple[int, int, int, int]] = []  # event, status or 0, two data bytes
        self.tracks: list[tuple[int, int]] = []  # event that begins each, ticks from its last event to its end
        self.stop = event
        # The event before, -1 where there is none in the track; ticks since then; and what is said.
        self.tempos: list[tuple[int, int, int]] = []  # microseconds
        self.time_signatures: list[tuple[int, int, int, int]] = []  # numerator, denominator
        self.markers: list[tuple[int, int, str]] = []  # text
        sound = True
        for body in bodies:
            sound &= self._track(at, at + len(body))
            at += len(body)
        if not sound:
            raise Damaged("data without a status")

    def _track(self, at: int, stop: int) -> bool:
        """Read the track in these bytes; whether it has no data before any status."""
        data, low = self.source.data, self.source.low
        event = begun = self.stop
        two, known, sound = True, False, True  # two: whether events without a status of their own have two data bytes
        wait = 0  # since the last event of a channel
        while at < stop:
            if data[at] < 0x80:
                wait, at = wait + data[at], at + 1
            else:
                more, at = _number(data, at)
                wait += more
            status = data[at]
            if status >= 0xF0:
                at = self._system(at, stop, event - 1 if event > begun else -1, wait)
                continue
            own = status >= 0x80
            if own:
                two, known = status < 0xC0 or status >= 0xE0, True
            elif not known:
                sound = False
            if two and data[at - 1] < 0x80:
                place = int(low.searchsorted(at - 1))
                count = int(self.source.runs[place % 3][place // 3 :].argmin())
                if count:
                    self.runs.append((place, wait, count))
                    at = low.item(place + 3 * count - 1) + 1
                    event, wait = event + count, 0
                    continue
            at += own
            self.runs.append((0, wait, 1))
            second = min(data[at + 1], 127) if two else 0
            self.singles.append((event, status if own else 0, min(data[at], 127), second))
            at += 1 + two
            event, wait = event + 1, 0
        if at > stop:
            raise Damaged("a track ends inside an event")
        self.tracks.append((begun, wait))
        self.stop = event
        return sound

    def _system(self, at: int, stop: int, event: int, wait: int) -> int:
        """Read the meta event or system message at `at`; where the next event begins."""
        data, status = self.source.data, self.source.data[at]
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
            self.tempos.append((event, wait, int.from_bytes(data[begin : begin + 3])))
        elif kind == 0x58 and data[begin + 1] < 7:
            self.time_signatures.append((event, wait, data[begin], 1 << data[begin + 1]))
        elif kind == 0x06:
            self.markers.append((event, wait, data[begin:end].decode("utf-8", "replace")))
        return end


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number of variable length, of at most four bytes, at `at`; and where it ends."""
    value = 0
    for at in range(at, at + 4):  # noqa: B020
        value = value << 7 | data[at] & 0x7F
        if data[at] < 0x80:
            break
    return value, at + 1


@dataclass
class Columns:
    """The events of channels in many files, in order.

    Args:
        tick: of each event, (events,) int64; likewise uint8
        status: which holds,
        first: data byte, and
        second: data byte, 0 where there is one.
        tracks: event that begins each track, and how many there are; (tracks + 1,) int64.
        lasts: tick where each track ends, (tracks,) int64.
    """

    tick: np.ndarray
    status: np.ndarray
    first: np.ndarray
    second: np.ndarray
    tracks: np.ndarray
    lasts: np.ndarray


def columns(source: Bytes, walks: Sequence[Walk]) -> Columns:
    """What the events say that were found."""
    runs = [run for walk in walks for run in walk.runs]
    low, code = source.low, source.bytes
    end = np.concatenate([low[:0], *[low[place : place + 3 * count : 3] for place, _, count in runs]])
    last = np.concatenate([low[:0], *[low[place + 2 : place + 3 * count : 3] for place, _, count in runs]])
    _, waits, counts = np.array(runs, np.int64).reshape(-1, 3).T
    begun = counts.cumsum() - counts
    wait, size = code[end].astype(np.int64), np.empty_like(end)
    size[1:] = end[1:] - last[:-1]
    size[begun] = 1
    for more in (1, 2, 3):
        longer = (size > more).nonzero()[0]
        if not len(longer):
            break
        wait[longer] |= (code[end[longer] - more] & np.int64(0x7F)) << 7 * more
    wait[begun] = waits

    status, first, second = code[end + 1], code[last - 1], code[last]
    single, *values = np.array([one for walk in walks for one in walk.singles], np.int64).reshape(-1, 4).T
    status[single], first[single], second[single] = values
    given = (status >= 0x80).nonzero()[0]
    if len(given) < len(status):
        status = np.repeat(status[given], np.diff(given, append=len(status)))

    tracks = np.array([track for walk in walks for track in walk.tracks] + [(len(wait), 0)], np.int64)
    tracks, lasts = tracks[:, 0], tracks[:-1, 1]
    filled = (tracks[1:] > tracks[:-1]).nonzero()[0]
    if len(filled):
        starts = tracks[filled]
        passed = np.add.reduceat(wait, starts)
        lasts[filled] += passed
        wait[starts[1:]] -= passed[:-1]  # so that a sum over all begins anew with each track
    return Columns(wait.cumsum(), status, first, second, tracks, lasts)
