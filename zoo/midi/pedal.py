"""The sustain pedal: notes that sound on until it goes up."""

from __future__ import annotations

import numpy as np

NOTE_BITS = 20  # notes are numbered within these


def sustained(
    start: np.ndarray, end: np.ndarray, pitch: np.ndarray, channel: np.ndarray, pedals: np.ndarray
) -> np.ndarray:
    """Ends of notes that the pedal of their channel holds, (notes,) int64.

    A note is held until the pedal goes up or its pitch is struck again on the channel, and never after the last end of
    a note or movement of a pedal.

    Args:
        start: onset of each note in ticks, (notes,) int64; likewise
        end: where it ends without the pedal,
        pitch: and
        channel: of the note.
        pedals: channel, tick, whether it is down; (3, movements) int64, in order of time within a MIDI track.
    """
    last = max(int(end.max()), int(pedals[1].max()))
    released = end.copy()
    for one in np.bincount(pedals[0]).nonzero()[0]:
        own = (pedals[0] == one).nonzero()[0]
        own = own[pedals[1, own].argsort(kind="stable")]
        own = own[np.diff(pedals[2, own], prepend=0).nonzero()[0]]  # down, up, down, and so on
        if len(own):
            tick = pedals[1, own]
            here = (channel == one).nonzero()[0]
            packed = np.sort(end[here] << NOTE_BITS | here)
            ended, here = packed >> NOTE_BITS, packed & (1 << NOTE_BITS) - 1
            # A pedal pressed as the note ends holds it not.
            places = ended.searchsorted(tick, side="right")
            until = np.append(tick[1:], last)
            until[1::2] = 0
            released[here[places[0] :]] = np.repeat(until, np.diff(places, append=len(here)))
    held = (released > end).nonzero()[0]
    key = (channel * 128 + pitch) * (last + 1)
    strikes = np.append(np.sort(key + start), np.iinfo(np.int64).max)
    key = key[held]
    again = strikes[strikes.searchsorted(key + end[held])] - key
    sustained = end.copy()
    sustained[held] = np.minimum(released[held], again)
    return sustained
