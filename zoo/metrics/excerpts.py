"""What a classifier sees of a piece: a row for each excerpt of four bars, the same for every transposition but for the
mean pitch.

Three kinds of columns: means over what an excerpt holds (notes, onsets, the melody, beats), its extremes, and, alike
in every row of a piece, how the piece hangs together: bar lines beside other beats, bars beside their neighbours, upper
beside lower notes. Bars are counted from the beginning, four beats each, whatever the time signature says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.codecs.base import Grid
from zoo.metrics.features import STEPS_PER_BEAT, melody, merged, pitch_classes, polyphony
from zoo.metrics.scalars import MAJOR_SCALE, best_key
from zoo.song import Song

BAR = 4 * STEPS_PER_BEAT  # steps
EXCERPT, HOP = 4 * BAR, 2 * BAR
LENGTHS = np.array([3, 4, 6, 8, 9, 12, 18, 24, 36, 48, 96])  # steps; a bin ends before each
LEAPS = np.array([-2, 0, 1, 3])  # semitones; a bin ends before each: leap down, step down, the same, step up, leap up
JUMPS = np.array([1, 3, 5, 8])  # semitones either way; a bin ends before each
LARGEST_INTERVAL = 12
MOST_VOICES = 6
LAGS = (1, 2, 3, 4, 8)  # bars
SCALES = np.array([np.roll(MAJOR_SCALE, tonic) for tonic in range(12)])


def excerpts(song: Song) -> np.ndarray:
    """The excerpts of a piece, one at least, (excerpts, columns) float; shares of nothing are 0."""
    grid = merged(song)
    begins = np.arange(0, max(grid.steps - EXCERPT, 0) + 1, HOP)
    parts = [_means(at, table, begins) for at, table in _tables(grid, best_key(song)[0])]
    for columns in parts[0], parts[1]:  # means and means of squares to deviations
        squares = columns[:, 2:4]
        squares[:] = np.sqrt(np.maximum(squares - columns[:, :2] ** 2, 0))
    rows = [*parts, _extremes(grid, begins)]
    whole = np.concatenate([_voices(grid), _bars(grid), _lines(grid)])
    return np.column_stack([*rows, np.broadcast_to(whole, (len(begins), len(whole)))])


def _means(at: np.ndarray, table: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Means of the rows of `table` that lie in each excerpt, `at` their steps in order."""
    sums = np.concatenate([np.zeros((1, table.shape[1])), np.cumsum(table, axis=0)])
    first, last = np.searchsorted(at, begins), np.searchsorted(at, begins + EXCERPT)
    return (sums[last] - sums[first]) / np.maximum(last - first, 1)[:, None]


def _tables(grid: Grid, key: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(steps, rows) of notes, onsets, the melody and beats."""
    length = np.log2(grid.end - grid.start)
    held = _one_hot(np.searchsorted(LENGTHS, grid.end - grid.start, side="right"), len(LENGTHS) + 1)
    of_key = _one_hot((grid.pitch - key) % 12, 12)
    place = _one_hot(grid.start % STEPS_PER_BEAT, STEPS_PER_BEAT)
    columns = [grid.pitch, length, grid.pitch.astype(float) ** 2, length**2]
    yield grid.start, np.column_stack([*columns, held, of_key, place])
    yield _onsets(grid)
    yield _tune(grid)
    yield _beats(grid)


def _onsets(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    onsets, first, count = np.unique(grid.start, return_index=True, return_counts=True)
    wait = np.diff(onsets, append=onsets[-1:] + STEPS_PER_BEAT)
    turn = np.sign(np.diff(wait, prepend=wait[:1])).astype(int) + 1
    chords = np.zeros((len(onsets), 128), bool)
    chords[np.repeat(np.arange(len(onsets)), count), grid.pitch] = True
    again = np.zeros(len(onsets))
    again[1:] = (chords[1:] == chords[:-1]).all(1)
    sounding = pitch_classes(grid)[onsets]
    roll = _roll(grid)[onsets]
    low, high = roll.argmax(1), 127 - roll[:, ::-1].argmax(1)
    classes, row = np.arange(12), np.arange(len(onsets))[:, None]
    above, below = (sounding[row, (end[:, None] + way * classes) % 12] for end, way in ((low, 1), (high, -1)))
    clash = [(sounding & np.roll(sounding, size, 1)).any(1) for size in (1, 2, 6)]
    sizes = _one_hot(np.minimum(count, MOST_VOICES), MOST_VOICES + 1)
    waits = _one_hot(np.searchsorted(LENGTHS, wait, side="right"), len(LENGTHS) + 1)
    columns = [np.log2(wait), count, np.log2(wait) ** 2, count.astype(float) ** 2, again, *clash]
    return onsets, np.column_stack([*columns, waits, _one_hot(turn, 3), sizes, above[:, 1:], below[:, 1:]])


def _tune(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    at, pitch = _melody(grid)
    interval = np.diff(pitch)
    move = np.searchsorted(LEAPS, interval, side="right")
    pairs = np.zeros((len(interval), 25))
    pairs[1:] = _one_hot(5 * move[:-1] + move[1:], 25)
    sizes = _one_hot(np.clip(interval, -LARGEST_INTERVAL, LARGEST_INTERVAL) + LARGEST_INTERVAL, 25)
    return at[1:], np.column_stack([interval, np.abs(interval), sizes, pairs])


def _beats(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    beats = -(-grid.steps // STEPS_PER_BEAT)
    sounding, voices = pitch_classes(grid), polyphony(grid)
    together = np.column_stack([(sounding & np.roll(sounding, size, 1)).sum(1) for size in range(1, 7)])
    together = together / np.maximum(together.sum(1, keepdims=True), 1)
    steps = np.column_stack([_one_hot(np.minimum(voices, MOST_VOICES), MOST_VOICES + 1), together])
    chroma = _by(sounding, STEPS_PER_BEAT, beats)
    near = np.apply_along_axis(np.convolve, 0, chroma, np.ones(4), "same") if beats else chroma
    total = np.maximum(near.sum(1), 1)
    in_scale = (near @ SCALES.T).max(1) / total
    density = np.bincount(grid.start // STEPS_PER_BEAT, minlength=beats)
    columns = [density, density.astype(float) ** 2, density == 0, in_scale, (near > 0).sum(1)]
    table = np.column_stack([*columns, _by(steps, STEPS_PER_BEAT, beats)])
    return np.arange(beats) * STEPS_PER_BEAT, table


def _extremes(grid: Grid, begins: np.ndarray) -> np.ndarray:
    rows = []
    for begin in begins:
        first, last = np.searchsorted(grid.start, (begin, begin + EXCERPT))
        pitch, length = grid.pitch[first:last], (grid.end - grid.start)[first:last]
        counts = np.bincount(pitch)
        classes = np.bincount(pitch % 12, minlength=12)
        most = counts.max(initial=0) / max(len(pitch), 1)
        in_scale = (SCALES @ classes).max() / max(len(pitch), 1)
        span = np.ptp(pitch) if len(pitch) else 0
        distinct = np.log2(1 + (counts > 0).sum())
        rows.append([np.log2(length.max(initial=1)), distinct, (classes > 0).sum(), most, span, in_scale])
    return np.array(rows)


def _voices(grid: Grid) -> np.ndarray:
    """How the pitch classes of upper notes, moved by 0–11 semitones, resemble those of lower notes: Pearson's."""
    length = grid.end - grid.start
    roll = _roll(grid)[grid.start]
    highest, lowest = grid.pitch >= 127 - roll[:, ::-1].argmax(1), grid.pitch <= roll.argmax(1)
    upper = grid.pitch > np.median(grid.pitch) if len(grid.pitch) else highest
    found = []
    for side in (highest, lowest, upper):
        one, other = (np.bincount(grid.pitch[of] % 12, weights=length[of], minlength=12) for of in (side, ~side))
        found += [_pearson(one, np.roll(other, shift)) for shift in range(12)]
    return np.array(found)


def _bars(grid: Grid) -> np.ndarray:
    """Bars beside their neighbours: von Neumann's ratio of each figure of a bar (1 where their order is chance), and
    by how much bars at each lag are more alike than all."""
    bars = max(grid.steps // BAR, 1)
    inside = grid.start < bars * BAR
    bar, pitch, start = grid.start[inside] // BAR, grid.pitch[inside], grid.start[inside]
    length = np.log2(grid.end - grid.start)[inside]
    count = np.bincount(bar, minlength=bars)
    means = [np.bincount(bar, weights=of, minlength=bars) / np.maximum(count, 1) for of in (pitch, length)]
    high, low = np.zeros(bars), np.full(bars, 127.0)
    np.maximum.at(high, bar, pitch)
    np.minimum.at(low, bar, pitch)
    figures = np.column_stack([*means, high, low])
    figures[count == 0] = figures[count > 0].mean(0) if count.any() else 0
    sounding = pitch_classes(grid)
    chroma = _by(sounding, BAR, bars) if grid.steps else np.zeros((1, 12))
    figures = np.column_stack([figures, count, (chroma > 0).sum(1)])
    found = [_von_neumann(column) for column in figures.T]
    rhythm, struck = np.zeros((bars, BAR)), np.zeros((bars, BAR // 6 * 128))
    rhythm[bar, start % BAR] = 1
    struck[bar, start % BAR // 6 * 128 + pitch] = 1
    for table in (chroma, rhythm, struck):
        found += _lags(table)
    turned = [np.mean(chroma[1:] * np.roll(chroma[:-1], shift, 1)) if bars > 1 else 0 for shift in range(12)]
    turned = np.array(turned) / max(np.sum(turned), 1e-9)
    edges = [count[0] - count.mean(), count[-1] - count.mean(), (count == 0).mean()]
    return np.array([*found, *turned, *edges])


def _lags(table: np.ndarray) -> list[float]:
    """Cosines of rows: the mean of all pairs, their deviation, and at each lag the mean, less that of all pairs."""
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    alike = unit @ unit.T
    pairs = alike[np.triu_indices(len(table), 1)]
    if not len(pairs):
        return [0.0] * (2 + 2 * len(LAGS))
    mean, spread = pairs.mean(), pairs.std()
    near = [np.diagonal(alike, lag).mean() - mean if lag < len(table) else 0.0 for lag in LAGS]
    return [mean, spread, *near, *(np.array(near) / (spread + 0.02))]


def _von_neumann(column: np.ndarray) -> float:
    variance = column.var()
    return float(np.mean(np.diff(column) ** 2) / (2 * variance)) if variance > 1e-9 else 1.0


def _lines(grid: Grid) -> np.ndarray:
    """What passes at bar lines, and by how much that differs from other beats."""
    beats = grid.steps // STEPS_PER_BEAT
    at = np.arange(1, beats)
    lines = at * STEPS_PER_BEAT
    sounding = pitch_classes(grid)
    chroma = _by(sounding, STEPS_PER_BEAT, beats)
    unit = chroma / np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)
    alike = (unit[1:] * unit[:-1]).sum(1) if beats else np.zeros(0)
    columns = [alike]
    for start, pitch in (_melody(grid), _bass(grid)):
        after = np.searchsorted(start, lines)
        usable = (after > 0) & (after < len(start))
        jump = np.zeros(len(lines), int)
        jump[usable] = np.abs(pitch[after[usable]] - pitch[after[usable] - 1])
        columns += [jump, *_one_hot(np.searchsorted(JUMPS, jump, side="right"), len(JUMPS) + 1).T]
    crossing = np.zeros(grid.steps + 1)
    np.add.at(crossing, grid.start + 1, 1)
    np.add.at(crossing, grid.end, -1)
    crossing = np.cumsum(crossing)[lines]
    struck = np.bincount(grid.start, minlength=grid.steps + 1)[lines]
    columns += [crossing / np.maximum(crossing + struck, 1), crossing > 0, struck, struck > 0]
    table = np.column_stack(columns)
    bar, half = at % 4 == 0, at % 4 == 2
    if not bar.any():
        return np.zeros(3 * table.shape[1])
    of_bar, of_half, rest = table[bar].mean(0), table[half].mean(0), table[~bar].mean(0)
    return np.concatenate([of_bar, of_bar - rest, of_bar - of_half])


def _melody(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    highest = 127 - _roll(grid)[grid.start][:, ::-1].argmax(1)
    top = grid.pitch == highest
    return grid.start[top], grid.pitch[top]


def _bass(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    low = grid.pitch == _roll(grid)[grid.start].argmax(1)
    return grid.start[low], grid.pitch[low]


def _roll(grid: Grid) -> np.ndarray:
    changes = np.zeros((grid.steps + 1, 128), np.int8)
    np.add.at(changes, (grid.start, grid.pitch), 1)
    np.add.at(changes, (grid.end, grid.pitch), -1)
    return np.cumsum(changes, axis=0, dtype=np.int8)[:-1] > 0


def _by(steps: np.ndarray, size: int, count: int) -> np.ndarray:
    """Means over `count` stretches of `size` steps, the last of which may be cut short."""
    table = np.zeros((count * size, steps.shape[1]))
    table[: len(steps)] = steps[: count * size]
    return table.reshape(count, size, steps.shape[1]).mean(1)


def _one_hot(values: np.ndarray, bins: int) -> np.ndarray:
    return (values[:, None] == np.arange(bins)).astype(float)


def _pearson(one: np.ndarray, other: np.ndarray) -> float:
    spread = one.std() * other.std()
    return float(np.mean((one - one.mean()) * (other - other.mean())) / spread) if spread > 0 else 0.0
