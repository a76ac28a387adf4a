"""What the report says of a trained model, in parts: one that fails costs neither the training nor the others."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from zoo.codecs import Line
from zoo.corpora import SPLITS, Corpus
from zoo.evaluation import baselines, comparison
from zoo.evaluation.likelihood import encode_all
from zoo.midi import write_midi
from zoo.models._base import MusicModel
from zoo.song import TICKS_PER_BEAT, Song

SAMPLES, SAMPLE_BEATS, SAMPLE_SEED = 10, 64, 0
REAL = 10  # pieces of test music that are kept beside the samples, as the representation expresses them
COMPARED = 50  # samples that are measured against real music; the first SAMPLES of them are kept
BY_THE_CLOCK = "--minutes ends training by the clock: the same command may give other weights next time."


@dataclass(frozen=True)
class Measurement:
    """A trained model, the corpus it is measured on, and the folder that its samples are written to."""

    model: MusicModel
    corpus: Corpus
    folder: Path

    @cached_property
    def splits(self) -> dict[str, Sequence[Song]]:
        """Songs by split."""
        return {split: getattr(self.corpus, split) for split in SPLITS}

    @cached_property
    def lines(self) -> dict[str, list[Line]]:
        """Lines of the model's representation by split."""
        return {split: encode_all(self.model.codec, songs)[0] for split, songs in self.splits.items()}

    @cached_property
    def ngram(self) -> baselines.Baseline:
        """The n-gram of the same representation."""
        return self.baseline("ngram")

    def baseline(self, name: str) -> baselines.Baseline:
        """The baseline of that name in the same representation; see `zoo.evaluation.baselines`."""
        return baselines.fit(name, self.model.codec, self.lines["train"], self.lines["valid"])


def _sampling(measured: Measurement) -> dict:
    """Samples and real music beside them, written to the folder; how fast the model samples, and what is odd."""
    model, seconds = measured.model, []
    for _ in range(2):  # the first call compiles
        started = time.perf_counter()
        songs = model.sample(SAMPLES, beats=SAMPLE_BEATS, seed=SAMPLE_SEED)
        seconds.append(time.perf_counter() - started)
    for song in songs:
        write_midi(song, measured.folder / "samples" / f"{song.name}.mid")
    heard = comparison.heard(model.codec, measured.corpus.test, REAL, SAMPLE_BEATS)
    for number, song in enumerate(heard, 1):
        write_midi(song, measured.folder / "real" / f"real-{number}.mid")
    sampling = {
        "songs": SAMPLES,
        "beats": SAMPLE_BEATS,
        "seed": SAMPLE_SEED,
        "first_seconds": seconds[0],
        "seconds": seconds[1],
        "songs_per_second": SAMPLES / seconds[1],
    }
    warnings = [BY_THE_CLOCK] * bool(model.minutes) + sample_warnings(songs)
    return {"sampling": sampling, "real": [song.name for song in heard], "warnings": warnings}


def _scores(measured: Measurement) -> dict:
    """Likelihood of validation and test music."""
    scores = {}
    for split in ("valid", "test"):
        started = time.perf_counter()
        score = measured.model.score(measured.splits[split], thorough=split == "test")
        scores[split] = dataclasses.asdict(score) | {"seconds": time.perf_counter() - started}
    return {"scores": scores}


def _baselines(measured: Measurement) -> dict:
    """Nats per beat of each baseline of the same representation, and what was chosen for it."""
    lines, found = measured.lines, {}
    for name in baselines.NAMES:
        baseline = measured.ngram if name == "ngram" else measured.baseline(name)
        nats = {split: baseline.nats(lines[split]) for split in ("valid", "test")}
        beats = {split: sum(line.beats for line in lines[split]) for split in nats}
        found[name] = {split: nats[split] / beats[split] for split in nats} | baseline.describe()
    return found


def _comparison(measured: Measurement) -> dict:
    """The model's samples beside real music and beside as many samples of the n-gram."""
    model, codec = measured.model, measured.model.codec
    steps = round(SAMPLE_BEATS * codec.steps_per_beat)
    samples = model.sample(COMPARED, beats=SAMPLE_BEATS, seed=SAMPLE_SEED)
    ngram = [codec.decode(codes, steps) for codes in measured.ngram.generate(COMPARED, steps, SAMPLE_SEED)]
    return {"comparison": comparison.compare(codec, measured.splits, samples, ngram, SAMPLE_BEATS)}


# In order of what is missed most when measuring is cut off. Each gives keys of metrics.json.
PARTS: dict[str, Callable[[Measurement], dict]] = {
    "samples": _sampling,
    "likelihood": _scores,
    "baselines": _baselines,
    "comparison": _comparison,
}


def sample_warnings(songs: Sequence[Song]) -> list[str]:
    """Sentences about samples that no one would want: empty ones, and ones that repeat a single note."""
    silent = sum(len(song) == 0 for song in songs)
    stuck = sum(len(song) > 1 and len(np.unique(song.pitch)) == 1 for song in songs)
    gaps = sum(len(song) > 0 and _longest_silence(song) > 8 * TICKS_PER_BEAT for song in songs)
    found = (silent, "are empty"), (stuck, "repeat one pitch"), (gaps, "fall silent for more than eight beats")
    return [f"{count} of {len(songs)} samples {what}." for count, what in found if count]


def _longest_silence(song: Song) -> int:
    """Ticks of the longest time in which nothing sounds."""
    ends = np.append(0, np.maximum.accumulate(song.end))
    return int((np.append(song.start, song.length) - ends).max())
