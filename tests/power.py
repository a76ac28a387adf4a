"""What the classifier two-sample test can tell from real music: how often it recognises pieces with a planted fault.

    PYTHONPATH=. python tests/power.py FOLDER ...

For each corpus a row: real against real, corpus re-dealt at random into sides of its own sizes, then each fault. Faulty
pieces are made from the validation split, topped up from the training split, whose other songs are the reference.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from zoo.corpora import SPLITS, Corpus, load_corpus
from zoo.evaluation.comparison import common_length, crop
from zoo.evaluation.metrics import TwoSampleTest, two_sample_test, views
from zoo.song import TICKS_PER_BEAT, Song

BAR = 4 * TICKS_PER_BEAT
BEATS, PIECES = 64, 50  # of a model's samples
DEALINGS, DRAWS = 60, 5
HELD = 10  # beats
Fault = Callable[[Song, np.random.Generator], Song]


def repeated(song: Song, rng: np.random.Generator) -> Song:
    """Every onset's pitches replaced by one or two pitches of the song, the same throughout."""
    pitches = rng.permutation(np.unique(song.pitch))[: rng.integers(1, 3)]
    return song.replace(pitch=rng.choice(pitches, len(song)))


def held(song: Song, rng: np.random.Generator, share: float = 1.0) -> Song:
    """A share of the notes held for ten beats or more."""
    length = np.where(rng.random(len(song)) < share, rng.integers(HELD, 2 * HELD, len(song)) * TICKS_PER_BEAT, 0)
    return song.replace(duration=np.minimum(np.maximum(song.duration, length), song.length - song.start))


def shuffled(song: Song, rng: np.random.Generator) -> Song:
    """Whole bars in another order; notes go where their bar goes, and sound on over its end as they did."""
    bars = round(song.length / TICKS_PER_BEAT) * TICKS_PER_BEAT // BAR
    order, bar, length = np.append(rng.permutation(bars), bars), song.start // BAR, max(song.length, bars * BAR)
    start = song.start + (order[np.minimum(bar, bars)] - np.minimum(bar, bars)) * BAR
    return song.replace(start=start, duration=np.minimum(song.duration, length - start), length=length)


def transposed(song: Song, rng: np.random.Generator, semitones: int) -> Song:
    """One voice against the others: a track, else the highest notes; of one voice alone half the bars."""
    tracks, counts = np.unique(song.track, return_counts=True)
    tracks = tracks[counts >= len(song) / 10]
    voice = song.track == rng.choice(tracks) if len(tracks) > 1 else skyline(song)
    if voice.mean() > 0.95:
        bars = song.length // BAR + 1
        voice = (rng.permutation(bars) < bars / 2)[song.start // BAR]
    way = rng.choice((-1, 1)) * semitones
    pitch = song.pitch + way * voice
    return song.replace(
        pitch=pitch if pitch.min(initial=0) >= 0 and pitch.max(initial=0) < 128 else song.pitch - way * voice
    )


def skyline(song: Song) -> np.ndarray:
    """Which notes start with nothing higher sounding or starting, (notes,) bool."""
    slack = TICKS_PER_BEAT // 12
    together = (song.start <= song.start[:, None] + slack) & (song.end > song.start[:, None] + slack)
    return ~(together & (song.pitch > song.pitch[:, None])).any(1)


FAULTS: dict[str, Fault] = {
    "none": lambda song, rng: song,
    "repeated": repeated,
    "held": held,
    "held, a third": lambda song, rng: held(song, rng, 1 / 3),
    "shuffled": shuffled,
    "voice by 1": lambda song, rng: transposed(song, rng, 1),
    "voice by 2": lambda song, rng: transposed(song, rng, 2),
    "voice by 6": lambda song, rng: transposed(song, rng, 6),
}


def cropped(corpus: Corpus) -> dict[str, list[Song]]:
    """The corpus's sides, songs cropped as `zoo.evaluation.comparison` does."""
    length = common_length(corpus.test, BEATS)
    return {side: [crop(song, length) for song in getattr(corpus, side)] for side in SPLITS}


def topped_up(sides: dict[str, list], rng: np.random.Generator) -> tuple[list, list]:
    """The validation music with up to half of the training music, fifty pieces at most, and the rest for reference."""
    order, missing = rng.permutation(len(sides["train"])), max(PIECES - len(sides["valid"]), 0)
    count = min(missing, len(order) // 2)
    train = [sides["train"][number] for number in order]
    return sides["valid"][:PIECES] + train[:count], train[count:]


def dealt(sides: dict[str, list], rng: np.random.Generator) -> dict[str, list]:
    """All songs in sides of the same sizes, at random."""
    songs = [song for side in sides.values() for song in side]
    parts = np.split(rng.permutation(len(songs)), np.cumsum([len(side) for side in sides.values()])[:-1])
    return {side: [songs[number] for number in part] for side, part in zip(sides, parts, strict=True)}


def real_beside_real(sides: dict[str, list[dict]], dealings: int, seed: int) -> list[TwoSampleTest]:
    """Validation against test songs, the training songs for reference, all dealt anew each time."""
    found = []
    for dealing in range(dealings):
        rng = np.random.default_rng([seed, dealing])
        new = dealt(sides, rng)
        found.append(two_sample_test(new["valid"], new["test"], rng, new["train"]))
    return found


def planted(
    sides: dict[str, list[Song]], known: dict[str, list[dict]], fault: Fault, draws: int, seed: int
) -> list[TwoSampleTest]:
    """Pieces with a fault against test songs, with other pieces each time; `known` are the views of `sides`."""
    found = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        numbers = {side: [(side, number) for number in range(len(songs))] for side, songs in sides.items()}
        chosen, rest = topped_up(numbers, rng)
        songs = [fault(sides[side][number], rng) for side, number in chosen]
        found.append(two_sample_test(songs, known["test"], rng, [known[side][number] for side, number in rest]))
    return found


def row(folder: str, dealings: int, draws: int, seed: int) -> str:
    """A corpus's line of the table: mean accuracies in per cent, and twice the standard error for real beside real."""
    corpus = load_corpus(Path(folder))
    sides = cropped(corpus)
    songs, reference = topped_up(sides, np.random.default_rng(seed))
    known = {side: [views(song) for song in songs] for side, songs in sides.items()}
    real = [test.accuracy for test in real_beside_real(known, dealings, seed)]
    cells = [corpus.name, f"{len(songs)}, {len(sides['test'])}, {len(reference)}"]
    cells.append(f"{100 * np.mean(real):.0f} ± {200 * np.std(real) / np.sqrt(dealings):.0f}")
    for fault in FAULTS.values():
        cells.append(f"{100 * np.mean([test.accuracy for test in planted(sides, known, fault, draws, seed)]):.0f}")
    return f"| {' | '.join(cells)} |"


def main(words: Sequence[str] | None = None) -> None:
    """Print the table, a row as soon as it is measured."""
    parser = argparse.ArgumentParser(description="How often the classifier recognises planted faults, in per cent.")
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="a corpus: a folder of MIDI files")
    parser.add_argument("--dealings", type=int, default=DEALINGS, help="of real against real (default %(default)s)")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of each fault (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    head = ["corpus", "faulty, test, reference", "real", *FAULTS]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for folder in options.folders:
        print(row(folder, options.dealings, options.draws, options.seed), flush=True)


if __name__ == "__main__":
    main()
