"""Music in: MIDI files into Songs, windows, and what a note costs on its way through."""

from __future__ import annotations

import itertools
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np

import zoo
from bench.measure import Row, line, process, quickly_trained, rates
from zoo.codecs import Line

FILES, NAIVE_FILES = 10_000, 60
NOTES = 420  # of a file, which is then 3.5 KB
MANY_NOTES = 2500  # of a larger one, 20 KB
WINDOWS, NAIVE_WINDOWS = 1_000_000, 10_000
COST_NOTES = (100_000, 1_000_000, 10_000_000)

# One process for each amount; what is the same for all (imports, compilation) falls out of their differences.
COST = """
import pathlib, sys, time
import zoo
at = [time.perf_counter()]
corpus = zoo.load_corpus(sys.argv[1])
at.append(time.perf_counter())
model = zoo.create("melody_lstm", "smoke", epochs=1, batch=256, voice="skyline")
model.fit(corpus.train, corpus.valid[:3])
at.append(time.perf_counter())
# Of this process alone: ru_maxrss would count what the one that began it held then.
highest = 1024 * int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(sum(map(len, corpus.train + corpus.valid + corpus.test)), highest, at[1] - at[0], at[2] - at[1])
"""


def write_files(folder: Path, count: int, notes: int = NOTES) -> None:
    """MIDI files of three tracks."""
    folder.mkdir()
    for number in range(count):
        rng = np.random.default_rng(number)
        start = np.sort(rng.integers(0, 512 * notes // NOTES, notes)) * 120
        columns = rng.integers((1, 40, 50, 0), (8, 80, 100, 3), (notes, 4)).T
        duration, pitch, velocity, track = columns
        length = int((start + 120 * duration).max())
        song = zoo.Song(start, 120 * duration, pitch, velocity, track, length, programs=(0, 1, 2))
        zoo.write_midi(song, folder / f"{number:05d}.mid")


@line("reading")
def reading(runs: int):
    """A folder into Songs, duplicates sought and split, in one process."""
    import pretty_midi
    import symusic

    for notes in (NOTES, MANY_NOTES):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "music"
            write_files(folder, FILES, notes)
            paths = sorted(map(str, folder.iterdir()))
            ours = rates(lambda folder=folder: zoo.load_corpus(folder), FILES, runs)
            some = paths[:NAIVE_FILES]
            naive = rates(lambda some=some: [pretty_midi.PrettyMIDI(path) for path in some], NAIVE_FILES, runs)
            library = rates(lambda paths=paths: [symusic.Score(path) for path in paths], FILES, runs)
            size = Path(paths[0]).stat().st_size
        what = f"reading a folder of {FILES:,} files of {size / 1000:.1f} KB"
        note = "both in one process"
        yield Row(f"{what} | pretty_midi", "files/s", ours, naive, ("ratio >= 50", "ours >= 3000"), note)
        yield Row(f"{what} | symusic, which only parses", "files/s", ours, library, ("ratio >= 0.6",))


@line("windows")
def windows(runs: int):
    """Memory of the training data at the moment a batch is taken."""
    model = quickly_trained("melody_lstm", "blog")
    size, rng = model.codec.size, np.random.default_rng(0)
    lines = [Line(codes, 4, 1.0, 1) for codes in rng.integers(0, size, (WINDOWS // 1000, 1000)).astype(np.int32)]

    def megabytes(make, count: int) -> float:
        tracemalloc.start()
        kept = make()
        found = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        del kept
        return found / 1e6 * WINDOWS / count

    def ours():
        batches = model.batches(lines, rng)
        return batches, next(iter(batches))

    def naive():
        codes = np.concatenate([line.codes for line in lines])[: NAIVE_WINDOWS + model.window]
        x = np.zeros((NAIVE_WINDOWS, model.window, size))
        for row in range(NAIVE_WINDOWS):
            x[row, np.arange(model.window), codes[row : row + model.window]] = 1
        return x

    given = sum(line.codes.nbytes for line in lines) / 1e6
    yield Row(
        "training data of a million windows | float one-hot windows",
        "MB",
        [given + megabytes(ours, WINDOWS)],
        [megabytes(naive, NAIVE_WINDOWS)],
        ("ours <= 20",),
        f"{given:.0f} MB of them are the codes themselves",
    )


@line("cost")
def cost(runs: int):
    """What a note costs to read, encode and train on once, and how many bytes it takes."""
    found = []
    for notes in COST_NOTES:
        with tempfile.TemporaryDirectory() as place:
            write_files(Path(place) / "music", notes // NOTES)
            told = [process("-c", COST, f"{place}/music").split() for _ in range(min(runs, 3))]
            found.append([[float(word) for word in words] for words in told])
    for less, more in itertools.pairwise(np.array(found)):
        notes, memory, reading, training = (more - less).T
        reading, training = 1e6 * reading / notes, 1e6 * training / notes
        note = f"reading {np.median(reading):.1f}, encoding and an epoch {np.median(training):.1f} us"
        span = f"from {less[0, 0]:,.0f} to {more[0, 0]:,.0f} notes"
        yield Row(f"cost of a note, {span}", "us", list(reading + training), [], (), note)
        yield Row(f"memory of a note, {span}", "bytes", list(memory / notes), [], ("ours <= 40",))
