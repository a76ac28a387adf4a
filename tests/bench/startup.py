"""How long the commands take to begin that need no Keras."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import zoo
from bench.measure import Row, line, process, seconds


@line("start")
def start(runs: int):
    """Whole processes; `report` as far as its imports."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(10):
            rng = np.random.default_rng(number)
            notes = [(i * 240, 240, 60 + int(rng.integers(12)), 80, 0) for i in range(64)]
            zoo.write_midi(zoo.Song.from_notes(notes), Path(folder) / f"{number}.mid")
        for what, words, goal in (
            ("python, nothing", ("-c", ""), ()),
            ("import zoo", ("-c", "import zoo"), ("ours <= 0.3",)),
            ("zoo --help", ("-m", "zoo", "--help"), ("ours <= 1",)),
            ("zoo corpus, ten small files", ("-m", "zoo", "corpus", f"{folder}/"), ("ours <= 1",)),
            ("zoo report, its imports", ("-c", "import zoo.cli, zoo.report"), ("ours <= 1",)),
        ):
            yield Row(f"start: {what}", "s", seconds(lambda words=words: process(*words), max(3, runs)), [], goal)
