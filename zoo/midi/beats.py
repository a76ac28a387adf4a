"""Music on a beat, and time where there is none: half a second takes the place of a beat."""

from __future__ import annotations

from operator import itemgetter

import numpy as np

from zoo.song import TICKS_PER_BEAT

# Onsets are on a beat when they gather at some fraction 1/k of it: |mean(exp(2 pi i k t))|, t in beats, is then near 1,
# and near 0 for onsets that know of no beat. Of six public folders, music on a beat has 0.5 and more, performances 0.2
# and less.
FRACTIONS = (1, 2, 3, 4, 6, 8, 12)
ON_A_BEAT = 0.3
FEWEST_ONSETS = 32  # of fewer, chance alone gives as much
SECONDS_PER_BEAT = 0.5  # where there is no beat


def has_beat(start: np.ndarray, per_beat: int) -> bool:
    """Whether onsets gather at some fraction of a beat; too few to tell count as having one.

    Args:
        start: onsets in ticks, (notes,) int64.
        per_beat: ticks of a beat.
    """
    grid = int(np.gcd.reduce(start))
    if not 12 * grid % per_beat or not 8 * grid % per_beat:
        return True
    onsets = np.sort(start)
    places = np.append(onsets[:1], onsets[1:][(onsets[1:] > onsets[:-1]).nonzero()[0]]) % per_beat
    if len(places) < FEWEST_ONSETS:
        return True
    counts = np.bincount(places, minlength=per_beat)
    moments = np.abs(np.fft.fft(counts))[[k % per_beat for k in FRACTIONS]]
    return bool((moments >= ON_A_BEAT * len(places)).any())


def in_seconds(ticks: np.ndarray, per_beat: int, tempos: list[tuple[int, int]]) -> np.ndarray:
    """Ticks of a beat → ticks of half a second, 480 to each, halves rounded up.

    Of tempos at one tick the last holds, as does 120 beats per minute before the first; one of 0 is none.

    Args:
        ticks: of any shape, int64.
        per_beat: ticks of a beat.
        tempos: (tick, microseconds of a beat) of each.
    """
    tempos = [(0, 500_000), *sorted([tempo for tempo in tempos if tempo[1] > 0], key=itemgetter(0))]
    at, beat = np.array(tempos, np.int64).T
    passed = np.concatenate([[0], np.cumsum(np.diff(at) * beat[:-1].astype(float))])  # microseconds times per_beat
    place = at.searchsorted(ticks, side="right") - 1
    microseconds = (passed[place] + (ticks - at[place]) * beat[place]) / per_beat
    return np.floor(microseconds * (TICKS_PER_BEAT / SECONDS_PER_BEAT / 1e6) + 0.5).astype(np.int64)
