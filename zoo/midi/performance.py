"""What a performance has and a score has not: the pedal, and time without a beat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.song import TICKS_PER_BEAT

# Onsets are on a beat when they gather at some fraction 1/k of it: |mean(exp(2 pi i k t))|, t in beats, is then near 1,
# and near 0 for onsets that know of no beat; k is 1, 2, 3, 4, 6, 8, 12. Of six public folders, music on a beat has 0.5
# and more, performances 0.2 and less.
ON_A_BEAT = 0.3
FEWEST_ONSETS = 32  # of fewer, chance alone gives as much
SECONDS_PER_BEAT = 0.5  # where there is no beat


def has_beat(start: np.ndarray, per_beat: int) -> bool:
    """Whether onsets gather at some fraction of a beat; too few to tell count as having one.

    Args:
        start: onsets in ticks, (notes,) int64.
        per_beat: ticks of a beat.
    """
    if not (12 * start % per_beat).any() or not (8 * start % per_beat).any():
        return True
    onsets = np.sort(start)
    onsets = onsets[np.diff(onsets, prepend=-1) > 0]
    if len(onsets) < FEWEST_ONSETS:
        return True
    if np.count_nonzero(12 * onsets % per_beat == 0) >= 0.7 * len(onsets):  # then it is 0.4 or more for 12
        return True
    circle = np.exp((onsets % per_beat) * (2j * np.pi / per_beat))
    return any(abs(power.mean()) >= ON_A_BEAT for power in _powers(circle))


def _powers(z: np.ndarray) -> Iterator[np.ndarray]:
    """The powers 1, 2, 3, 4, 6, 8 and 12 of z."""
    yield z
    yield (second := z * z)
    yield (third := second * z)
    yield (fourth := second * second)
    yield (sixth := third * third)
    yield fourth * fourth
    yield sixth * sixth


def in_seconds(ticks: np.ndarray, per_beat: int, tempos: np.ndarray) -> np.ndarray:
    """Ticks of a beat → ticks of half a second, 480 to each, halves rounded up.

    Of tempos at one tick the last holds, as does 120 beats per minute before the first; one of 0 is none.

    Args:
        ticks: of any shape, int64.
        per_beat: ticks of a beat.
        tempos: tick, microseconds of a beat; (tempos, 2) int64.
    """
    tempos = np.array([(0, 500_000), *(tempo for tempo in tempos if tempo[1] > 0)], np.int64)
    at, beat = tempos[np.argsort(tempos[:, 0], kind="stable")].T
    passed = np.concatenate([[0], np.cumsum(np.diff(at) * beat[:-1].astype(float))])  # microseconds times per_beat
    place = np.searchsorted(at, ticks, side="right") - 1
    microseconds = (passed[place] + (ticks - at[place]) * beat[place]) / per_beat
    return np.floor(microseconds * (TICKS_PER_BEAT / SECONDS_PER_BEAT / 1e6) + 0.5).astype(np.int64)


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
        pedals: (channel, tick, whether it is down) in rows, in order of time within a MIDI track.
    """
    last = max(int(end.max()), int(pedals[:, 1].max()))
    released = end.copy()
    for one in np.unique(pedals[:, 0]):
        own = pedals[pedals[:, 0] == one]
        _, tick, down = own[np.argsort(own[:, 1], kind="stable")].T
        up = np.minimum.accumulate(np.where(down, last, tick)[::-1])[::-1]  # the next one, of each movement
        here = np.flatnonzero(channel == one)
        before = np.searchsorted(tick, end[here], side="left") - 1  # a pedal pressed as the note ends holds it not
        holds = (before >= 0) & (down[before] == 1)
        released[here[holds]] = up[before[holds]]
    span = max(last, int(start.max())) + 1
    key = (channel * 128 + pitch) * span
    strikes = np.sort(key + start)
    place = np.searchsorted(strikes, key + np.minimum(end, span - 1), side="left")
    again = np.append(strikes, np.iinfo(np.int64).max)[place] - key
    return np.maximum(end, np.minimum(released, again))
