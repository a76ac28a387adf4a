"""Note-on and note-off → notes, and the parts that they belong to, of many files at once."""

from __future__ import annotations

import itertools

import numpy as np

from zoo.midi.events import Columns

# Events are numbered within these bits: a file of 8 MiB has fewer.
EVENT_BITS = 23
EVENT_MASK = (1 << EVENT_BITS) - 1
TICK_BITS = 50  # likewise


def paired(strokes: np.ndarray, events: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Notes, in order of track, channel and pitch.

    Args:
        strokes: events that begin or end notes.
        events: all of them.

    Returns:
        The key of each note, which is its track, channel and pitch in bits 11 on, 7 to 10, and 0 to 6; the event that
        begins it; the tick where it ends; and, for each track, how many notes have no end.
    """
    status, second = events.status[strokes], events.second[strokes]
    stops = (second == 0) | (status < 0x90)
    places = strokes.searchsorted(events.tracks)
    track = np.repeat(np.arange(len(events.lasts)) << 11, places[1:] - places[:-1])
    packed = track | (status & np.int64(0x0F)) << 7 | events.first[strokes]
    packed = (packed << EVENT_BITS | strokes) << 1 | stops
    packed.sort()
    stops, event, key = (packed & 1).astype(bool), packed >> 1 & EVENT_MASK, packed >> EVENT_BITS + 1
    unended = np.zeros(len(events.lasts), np.int64)
    if not len(key) % 2 and stops[1::2].all() and not stops[::2].any() and (key[::2] == key[1::2]).all():
        return key[::2], event[::2], events.tick[event[1::2]], unended

    # The first to start is the first to end, where as many end as start and none ends before it starts.
    sounding = np.cumsum(1 - 2 * (packed & 1))
    cuts = np.append((key[1:] != key[:-1]).nonzero()[0] + 1, len(key))
    begun = np.append(0, cuts[:-1])
    before = np.append(0, sounding[cuts[:-1] - 1])
    odd = (np.minimum.reduceat(sounding, begun) < before) | (sounding[cuts - 1] != before)
    plain = np.repeat(~odd, cuts - begun)
    starts, ends = (plain & ~stops).nonzero()[0], (plain & stops).nonzero()[0]
    begin, end = event[starts], events.tick[event[ends]]
    if odd.any():
        strokes = (~plain).nonzero()[0]
        opens, ticks, tracks = ~stops[strokes], events.tick[event[strokes]].tolist(), key[begun[odd]] >> 11
        borders = np.append(0, (cuts - begun)[odd].cumsum()).tolist()
        late, strikes = [], opens.tolist()
        for (first, stop), track in zip(itertools.pairwise(borders), tracks.tolist(), strict=True):
            found, missing = _ends(ticks[first:stop], strikes[first:stop], events.lasts.item(track))
            unended[track] += missing
            late += found
        starts = np.concatenate([starts, strokes[opens]])
        order = starts.argsort()
        starts, begin = starts[order], event[starts[order]]
        end = np.concatenate([end, np.array(late, np.int64)])[order]
    return key[starts], begin, end, unended


def _ends(ticks: list[int], opens: list[bool], last: int) -> tuple[list[int], int]:
    """Ticks where the notes of one pitch end, and how many of them have no end.

    The first to start is the first to end; where ends are missing, a strike also ends the note before it.

    Args:
        ticks: of its strokes; likewise
        opens: whether it begins a note.
        last: tick where the track ends.
    """
    ends: list[int] = []
    begun = 0
    for tick, open in zip(ticks, opens, strict=True):
        if open:
            begun += 1
        elif len(ends) < begun:
            ends.append(tick)
    if len(ends) == begun:
        return ends, 0
    ends, unended, sounding = [], 0, False
    for tick, open in zip(ticks, opens, strict=True):
        if sounding:
            ends.append(tick)
            unended += open
        sounding = open
    return ends + [last] * sounding, unended + sounding


def parts(events: Columns, key: np.ndarray, begin: np.ndarray, files: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which track, channel and program sound together.

    The program of a note is the last of its track and channel, else of its channel in any track of its file, else 0.

    Args:
        events: all of them.
        key: of each note, in order; see `paired`.
        begin: event that begins each note.
        files: track that begins each file, and how many there are; (files + 1,) int64.

    Returns:
        Track, channel and program of each part in bits 11 on, 7 to 10, and 0 to 6, in order; and the part of each note.
    """
    if not len(key):
        return key, key
    part = key >> 7
    cuts = np.append(0, (part[1:] != part[:-1]).nonzero()[0] + 1)
    sizes = np.append(cuts[1:], len(key)) - cuts
    changes = ((events.status & 0xF0) == 0xC0).nonzero()[0]
    if not len(changes):
        return part[cuts] << 7, np.repeat(np.arange(len(cuts)), sizes)
    value = events.first[changes].astype(np.int64)
    track, channel = events.tracks.searchsorted(changes, side="right") - 1, events.status[changes] & 0x0F
    numbers = (track << 4 | channel) << EVENT_BITS | changes
    order = numbers.argsort()
    numbers, own = numbers[order], value[order]
    low, high = numbers.searchsorted([part[cuts] << EVENT_BITS, part[cuts] + 1 << EVENT_BITS])
    program = np.where(high > low, own[high - 1], 0)
    settled = (high > low) & ((numbers[high - 1] & EVENT_MASK) < np.minimum.reduceat(begin, cuts))
    if not settled.all():
        changed = files.searchsorted(track, side="right") << 4 | channel
        where, here = np.sort(changed), files.searchsorted(part[cuts] >> 4, side="right") << 4 | part[cuts] & 0x0F
        settled |= (high == low) & (where.searchsorted(here) == where.searchsorted(here, side="right"))
    if settled.all():  # nearly always: each has one program from before its first note, or there is none
        return part[cuts] << 7 | program, np.repeat(np.arange(len(cuts)), sizes)

    times = changed << TICK_BITS | events.tick[changes]
    order = times.argsort(kind="stable")
    times, elsewhere = times[order], value[order]
    program = np.repeat(program, sizes)
    rest = np.repeat(~settled, sizes).nonzero()[0]
    other, begin = part[rest], begin[rest]
    place = numbers.searchsorted(other << EVENT_BITS | begin) - 1
    where = files.searchsorted(other >> 4, side="right") << 4 | other & 0x0F
    late = times.searchsorted(where << TICK_BITS | events.tick[begin], side="right") - 1
    known = (place >= 0) & (numbers[place] >> EVENT_BITS == other)
    heard = (late >= 0) & (times[late] >> TICK_BITS == where)
    program[rest] = np.where(known, own[place], np.where(heard, elsewhere[late], 0))
    part = part << 7 | program
    cuts = np.append(0, (part[1:] != part[:-1]).nonzero()[0] + 1)
    found, place = np.unique(part[cuts], return_inverse=True)
    return found, np.repeat(place, np.append(cuts[1:], len(key)) - cuts)
