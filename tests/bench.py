"""What is fast, against what the originals do, in one run: `make bench`.

Ratios of medians over a few runs; a naive side is measured on a small part of the work and scaled.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import zoo
from zoo import Song

SONGS, STEPS = 10, 1000


def median(work: Callable[[], None], runs: int) -> float:
    """Median seconds of `work`, after one call that is not counted."""
    work()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def tune(seed: int, beats: int = 64) -> Song:
    """A melody of eighth notes."""
    rng = np.random.default_rng(seed)
    return Song.from_notes([(i * 240, 240, 60 + int(rng.integers(0, 12)), 80, 0) for i in range(2 * beats)])


def sampling(runs: int) -> tuple[str, float, float]:
    """Steps per second of melody_lstm at the original's size, window sliding: compiled, and `predict` on every step."""
    songs = [tune(seed) for seed in range(6)]
    model = zoo.create("melody_lstm", "blog", epochs=1, batch=512)
    model.fit(songs[:4], songs[4:])
    beats = STEPS / model.codec.steps_per_beat
    ours = SONGS * STEPS / median(lambda: model.sample(SONGS, beats=beats), runs)
    window = np.full((1, model.window), model.codec.start, np.int32)
    naive = 20 / median(lambda: [model.network.predict(window, verbose=0) for _ in range(20)], runs)
    return "sampling melody_lstm, steps/s: window sliding | predict per step", ours, naive


def reading(runs: int) -> tuple[str, float, float]:
    """MIDI files read per second: ours, and pretty_midi."""
    import pretty_midi

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{seed}.mid" for seed in range(40)]
        for seed, path in enumerate(paths):
            zoo.write_midi(tune(seed, 256), path)
        ours = len(paths) / median(lambda: [zoo.read_midi(path) for path in paths], runs)
        naive = 10 / median(lambda: [pretty_midi.PrettyMIDI(str(path)) for path in paths[:10]], runs)
    return "reading MIDI, files/s: read_midi | pretty_midi", ours, naive


def main() -> int:
    """Print a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each side [3]")
    options = parser.parse_args()
    for measure in (reading, sampling):
        what, ours, naive = measure(options.runs)
        print(f"{what:70} {ours:12,.0f} {naive:10,.0f}   {ours / naive:8,.0f}x", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
