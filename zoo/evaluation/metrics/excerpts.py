"""What a classifier sees of a piece: a few views of it, the same for every transposition but for the mean pitch.

Some views have a row for each excerpt of four bars: means over its notes, onsets, melody and beats, and its extremes.
Others have one row, for they ask how the whole piece hangs together: lower notes beside upper ones, bars beside their
neighbours, bars in their phrase, bar lines beside other beats. Bars are counted from the beginning, four beats each,
whatever the time signature says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.codecs.grid import Grid
from zoo.evaluation.metrics.features import STEPS_PER_BEAT, merged, pitch_classes, polyphony
from zoo.evaluation.metrics.scalars import MAJOR_SCALE, best_key
from zoo.song import Song

BAR = 4 * STEPS_PER_BEAT  # steps
EXCERPT, HOP = 4 * BAR, 2 * BAR
LENGTHS = np.array([3, 4, 6, 8, 9, 12, 18, 24, 36, 48, 96])  # steps; a bin ends before each
LEAPS = np.array([-2, 0, 1, 3])  # semitones; a bin ends before each: leap down, step down, the same, step up, leap up
JUMPS = np.array([1, 3, 5, 8])  # semitones either way; a bin ends before each
LARGEST_INTERVAL = 12
MOST_VOICES = 6
LAGS = (1, 2, 3, 4, 8)  # bars
ALIKE = 0.02  # added to a deviation of cosines: bars that are all alike tell nothing
SCALES = np.array([np.roll(MAJOR_SCALE, tonic) for tonic in range(12)])
EXCERPTS = ("notes", "onsets", "melody")  # views with a row for each excerpt
VIEWS = (*EXCERPTS, "voices", "bars", "phrases", "lines", "splices")

Table = tuple[np.ndarray, np.ndarray]  # steps in order, and a row for each


def views(song: Song) -> dict[str, np.ndarray]:
    """Every view of a piece: `VIEWS`, each (rows, columns) float; a mean of nothing is 0."""
    grid, key = merged(song), best_key(song)[0]
    roll = _roll(grid)
    begins = np.arange(0, max(grid.steps - EXCERPT, 0) + 1, HOP)
    highest, lowest = grid.pitch == _top(roll[grid.start]), grid.pitch == roll[grid.start].argmax(1)
    melody, bass = ((grid.start[of], grid.pitch[of]) for of in (highest, lowest))
    notes, onsets = (_spread(_means(*table, begins)) for table in (_notes(grid, key), _onsets(grid, roll)))
    whole = {
        "voices": _voices(grid, highest, lowest),
        "bars": _bars(grid),
        "phrases": _phrases(grid, bass, key),
        "lines": _lines(grid, melody, bass),
        "splices": _splices(grid, melody, bass),
    }
    return {
        "notes": np.column_stack([notes, _means(*_beats(grid), begins), _extremes(grid, begins)]),
        "onsets": onsets,
        "melody": _means(*_tune(*melody), begins),
        **{name: row[None] for name, row in whole.items()},
    }


def _means(at: np.ndarray, table: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Means of the rows of `table` that lie in each excerpt, `at` their steps in order."""
    sums = np.concatenate([np.zeros((1, table.shape[1])), np.cumsum(table, axis=0)])
    first, last = np.searchsorted(at, begins), np.searchsorted(at, begins + EXCERPT)
    return (sums[last] - sums[first]) / np.maximum(last - first, 1)[:, None]


def _spread(means: np.ndarray) -> np.ndarray:
    """The third and fourth column are means of the squares of the first two: to deviations."""
    means[:, 2:4] = np.sqrt(np.maximum(means[:, 2:4] - means[:, :2] ** 2, 0))
    return means


def _notes(grid: Grid, key: int) -> Table:
    length = np.log2(grid.end - grid.start)
    held = _one_hot(np.searchsorted(LENGTHS, grid.end - grid.start, side="right"), len(LENGTHS) + 1)
    of_key, place = _one_hot((grid.pitch - key) % 12, 12), _one_hot(grid.start % STEPS_PER_BEAT, STEPS_PER_BEAT)
    columns = [grid.pitch, length, grid.pitch.astype(float) ** 2, length**2]
    return grid.start, np.column_stack([*columns, held, of_key, place])


def _onsets(grid: Grid, roll: np.ndarray) -> Table:
    """How long until the next, how many notes, and the pitch classes above the lowest and below the highest."""
    onsets, count = np.unique(grid.start, return_counts=True)
    wait = np.diff(onsets, append=onsets[-1:] + STEPS_PER_BEAT)
    turn = np.sign(np.diff(wait, prepend=wait[:1])).astype(int) + 1
    chords = np.zeros((len(onsets), 128), bool)
    chords[np.repeat(np.arange(len(onsets)), count), grid.pitch] = True
    again = np.zeros(len(onsets))
    again[1:] = (chords[1:] == chords[:-1]).all(1)
    sounding = pitch_classes(grid)[onsets]
    low, high = roll[onsets].argmax(1), _top(roll[onsets])
    classes, row = np.arange(12), np.arange(len(onsets))[:, None]
    above, below = (sounding[row, (end[:, None] + way * classes) % 12] for end, way in ((low, 1), (high, -1)))
    clash = [(sounding & np.roll(sounding, size, 1)).any(1) for size in (1, 2, 6)]
    sizes = _one_hot(np.minimum(count, MOST_VOICES), MOST_VOICES + 1)
    waits = _one_hot(np.searchsorted(LENGTHS, wait, side="right"), len(LENGTHS) + 1)
    columns = [np.log2(wait), count, np.log2(wait) ** 2, count.astype(float) ** 2, again, *clash]
    return onsets, np.column_stack([*columns, waits, _one_hot(turn, 3), sizes, above[:, 1:], below[:, 1:]])


def _tune(at: np.ndarray, pitch: np.ndarray) -> Table:
    """Intervals of the melody, and pairs of them."""
    interval = np.diff(pitch)
    move = np.searchsorted(LEAPS, interval, side="right")
    pairs = np.zeros((len(interval), 25))
    pairs[1:] = _one_hot(5 * move[:-1] + move[1:], 25)
    sizes = _one_hot(np.clip(interval, -LARGEST_INTERVAL, LARGEST_INTERVAL) + LARGEST_INTERVAL, 25)
    return at[1:], np.column_stack([interval, np.abs(interval), sizes, pairs])


def _beats(grid: Grid) -> Table:
    """How many notes start and sound, interval classes that sound together, how far a scale fits the beats around."""
    beats = -(-grid.steps // STEPS_PER_BEAT)
    sounding, voices = pitch_classes(grid), polyphony(grid)
    together = np.column_stack([(sounding & np.roll(sounding, size, 1)).sum(1) for size in range(1, 7)])
    together = together / np.maximum(together.sum(1, keepdims=True), 1)
    steps = np.column_stack([_one_hot(np.minimum(voices, MOST_VOICES), MOST_VOICES + 1), together])
    chroma = _by(sounding, STEPS_PER_BEAT, beats)
    padded = np.pad(chroma, ((2, 1), (0, 0)))
    near = np.sum([padded[shift : shift + beats] for shift in range(4)], axis=0)  # two beats before to one after
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


def _voices(grid: Grid, highest: np.ndarray, lowest: np.ndarray) -> np.ndarray:
    """How pitch classes of some notes, moved by 0–6 semitones up or down, resemble those of the others: Pearson's."""
    length = grid.end - grid.start
    upper = grid.pitch > np.median(grid.pitch) if len(grid.pitch) else highest
    likeness: list[float] = []
    for some in (highest, lowest, upper):
        one, other = (np.bincount(grid.pitch[of] % 12, weights=length[of], minlength=12) for of in (some, ~some))
        moved = [_pearson(one, np.roll(other, shift)) for shift in range(12)]
        likeness += [(moved[shift] + moved[-shift]) / 2 for shift in range(7)]
    return np.array(likeness)


def _figures(grid: Grid) -> np.ndarray:
    """Of each whole bar mean pitch, mean length, highest, lowest, notes and pitch classes, (bars, 6)."""
    bars = max(grid.steps // BAR, 1)
    inside = grid.start < bars * BAR
    bar, pitch, length = grid.start[inside] // BAR, grid.pitch[inside], np.log2(grid.end - grid.start)[inside]
    count = np.bincount(bar, minlength=bars)
    means = [np.bincount(bar, weights=of, minlength=bars) / np.maximum(count, 1) for of in (pitch, length)]
    high, low = np.zeros(bars), np.full(bars, 127.0)
    np.maximum.at(high, bar, pitch)
    np.minimum.at(low, bar, pitch)
    figures = np.column_stack([*means, high, low])
    figures[count == 0] = figures[count > 0].mean(0) if count.any() else 0
    return np.column_stack([figures, count, (_by(pitch_classes(grid), BAR, bars) > 0).sum(1)])


def _bars(grid: Grid) -> np.ndarray:
    """Bars beside their neighbours.

    Von Neumann's ratio of each figure of a bar (1 where their order is chance), how much more alike bars at each lag
    are than any two, and by which interval the next bar resembles the one before.

    Source of the ratio: von Neumann 1941 (Distribution of the ratio of the mean square successive difference).
    """
    figures = _figures(grid)
    bars, inside = len(figures), grid.start < len(figures) * BAR
    ratios = [_von_neumann(column) for column in figures.T]
    bar, place, pitch = grid.start[inside] // BAR, grid.start[inside] % BAR, grid.pitch[inside]
    rhythm, struck, chroma = np.zeros((bars, BAR)), np.zeros((bars, 8 * 128)), _by(pitch_classes(grid), BAR, bars)
    rhythm[bar, place] = 1
    struck[bar, place // 6 * 128 + pitch] = 1
    likeness = [figure for table in (chroma, rhythm, struck) for figure in _lags(table)]
    moved = np.array([np.sum(chroma[1:] * np.roll(chroma[:-1], shift, 1)) for shift in range(12)])
    return np.array([*ratios, *likeness, *(moved / max(moved.sum(), 1e-9))])


def _phrases(grid: Grid, bass: Table, key: int) -> np.ndarray:
    """Bars in a phrase of four or a pair, the first and the last bar, and how the bass moves from bar to bar."""
    figures = _figures(grid)
    bars = len(figures)
    scaled = (figures - figures.mean(0)) / (figures.std(0) + 1e-3)
    chroma = _by(pitch_classes(grid), BAR, bars)
    triad = np.isin((np.arange(12) - key) % 12, (0, 3 + (key < 12), 7))
    home = chroma @ triad / np.maximum(chroma.sum(1), 1e-9)
    scaled = np.column_stack([scaled, home - home.mean()])
    places = [scaled[first::step] for first, step in ((0, 4), (3, 4), (1, 2))]
    means = [place.mean(0) if len(place) else np.zeros(scaled.shape[1]) for place in places]
    first = np.searchsorted(bass[0], np.arange(bars) * BAR)
    first = first[first < len(bass[0])]
    moves = np.bincount(np.diff(bass[1][first]) % 12, minlength=12) / max(bars - 1, 1)
    return np.concatenate([*means, scaled[0], scaled[-1], moves])


def _lags(table: np.ndarray) -> Sequence[float]:
    """Cosines of rows: the mean of all pairs, and by how many deviations that at each lag is higher."""
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    alike = unit @ unit.T
    pairs = alike[np.triu_indices(len(table), 1)]
    if not len(pairs):
        return [0.0] * (1 + len(LAGS))
    near = [np.diagonal(alike, lag).mean() - pairs.mean() if lag < len(table) else 0.0 for lag in LAGS]
    return [pairs.mean(), *(np.array(near) / (pairs.std() + ALIKE))]


def _von_neumann(column: np.ndarray) -> float:
    variance = column.var()
    return float(np.mean(np.diff(column) ** 2) / (2 * variance)) if variance > 1e-9 else 1.0


def _lines(grid: Grid, melody: Table, bass: Table) -> np.ndarray:
    """By how much what passes at bar lines differs from other beats: harmony kept, leaps, notes held or struck."""
    beats = grid.steps // STEPS_PER_BEAT
    at = np.arange(1, beats)
    lines = at * STEPS_PER_BEAT
    sounding = pitch_classes(grid)
    chroma = _by(sounding, STEPS_PER_BEAT, beats)
    unit = chroma / np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)
    alike = (unit[1:] * unit[:-1]).sum(1) if beats else np.zeros(0)
    columns = [alike]
    for start, pitch in (melody, bass):
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
    ended = np.bincount(grid.end, minlength=grid.steps + 1)[lines]
    columns += [crossing / np.maximum(crossing + struck, 1), crossing > 0, struck, struck > 0, ended, ended > struck]
    columns += [(sounding[lines] & np.roll(sounding[lines], size, 1)).any(1) for size in (1, 2, 6)]
    table = np.column_stack(columns)
    bar = at % 4 == 0
    return table[bar].mean(0) - table[~bar].mean(0) if bar.any() else np.zeros(table.shape[1])


def _splices(grid: Grid, melody: Table, bass: Table) -> np.ndarray:
    """How well the end of a bar fits the beginning of the next, beside that of any other bar, in deviations.

    In a piece whose bars were shuffled these are 0 but for chance, whatever the music.
    """
    bars = max(grid.steps // BAR, 1)
    begins = np.arange(bars) * BAR
    fits: list[float] = []
    for start, pitch in (melody, bass):
        if not len(start):
            fits += [0.0] * 3
            continue
        last = pitch[np.maximum(np.searchsorted(start, begins + BAR) - 1, 0)]
        first = pitch[np.minimum(np.searchsorted(start, begins), len(start) - 1)]
        interval = first - last[:, None]
        apart = np.abs(interval)
        fits += [_adjacent(fit.astype(float), 0.1) for fit in (-np.minimum(apart, 12), apart <= 2, apart == 0)]
    for beats in (1, 2):
        chroma = _by(pitch_classes(grid), beats * STEPS_PER_BEAT, bars * 4 // beats).reshape(bars, 4 // beats, 12)
        unit = chroma / np.maximum(np.linalg.norm(chroma, axis=2, keepdims=True), 1e-9)
        fits.append(_adjacent(unit[:, -1] @ unit[:, 0].T, ALIKE))
    beat = grid.start // STEPS_PER_BEAT
    notes = np.bincount(beat[beat < 4 * bars], minlength=4 * bars).reshape(bars, 4)
    fits.append(_adjacent(-np.abs(notes[:, -1:] - notes[:, 0]).astype(float), 0.1))
    return np.array(fits)


def _adjacent(fit: np.ndarray, least: float) -> float:
    """Mean of `fit` of each with the next less that of all with others, in deviations, to which `least` is added."""
    others = fit[~np.eye(len(fit), dtype=bool)]
    return (np.diagonal(fit, 1).mean() - others.mean()) / (others.std() + least) if len(others) else 0.0


def _top(roll: np.ndarray) -> np.ndarray:
    """The highest pitch of each row of a piano roll."""
    return 127 - roll[:, ::-1].argmax(1)


def _roll(grid: Grid) -> np.ndarray:
    """Whether each pitch sounds in each step, (steps, 128) bool."""
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
