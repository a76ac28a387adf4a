"""How near the voices that models add to a given melody come to those that stood there.

    PYTHONPATH=. python tests/added_voices.py [CORPUS [MODEL ...]]

Of every test piece the highest voice is given, each model writes the others once, by seed 0, and what sounds in every
step of the grid is compared with the piece's own lower voices. Beside the models stand the lower voices of another
piece and the n-gram with the same bits given, which are chance. Models are runs' folders or weights that ship.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np

import zoo
from zoo import pretrained
from zoo.codecs import RollCodec
from zoo.codecs.given import HIGHEST, given_notes, voice_of
from zoo.codecs.grid import Grid, on_grid
from zoo.evaluation import baselines
from zoo.evaluation.baselines.frames import NoteNGram

STEPS = 4  # a beat
HEAD = "| lower voices by | pitch classes, F1 | pitches, F1 | bass | seconds | notes at once | pieces that keep all |"
Rolls = tuple[np.ndarray, np.ndarray]  # what is added, what is given: (steps, 128) bool each


def sounding(grid: Grid) -> np.ndarray:
    """Whether each pitch sounds in each step, (steps, 128) bool."""
    roll = np.zeros((grid.steps, 128), bool)
    for start, end, pitch in zip(grid.start, grid.end, grid.pitch, strict=True):
        roll[start:end, pitch] = True
    return roll


def parted(song: zoo.Song) -> Rolls:
    """The lower voices and the highest one."""
    given = sounding(voice_of(song, HIGHEST, STEPS))
    return sounding(on_grid(song, STEPS)) & ~given, given


def classes(roll: np.ndarray) -> np.ndarray:
    """Pitch classes that sound, (steps, 12) bool."""
    padded = np.pad(roll, ((0, 0), (0, 4)))
    return padded.reshape(len(roll), 11, 12).any(axis=1)


def clamped(ngram: NoteNGram, song: zoo.Song) -> np.ndarray:
    """What the n-gram draws where nothing is given, (steps, 128) bool."""
    codec = ngram.codec
    given = codec.given(given_notes(voice_of(song, HIGHEST, STEPS), HIGHEST, False))
    rng, history, bit = np.random.default_rng(0), np.zeros(codec.bits, np.int32), np.arange(codec.bits)
    drawn = np.zeros((len(given), 128), bool)
    for step, row in enumerate(given):
        bits = np.where(row == 0, rng.random(codec.bits) < ngram.p[1, history * codec.bits + bit], row > 0)
        history = (history << 1 | bits) & ((1 << (ngram.n - 1)) - 1)
        drawn[step, codec.low : codec.high + 1] = bits[: codec.pitches]
    return drawn


def row(name: str, songs: list[zoo.Song], added: Callable[[int], np.ndarray]) -> str:
    """A line of the table; `added` gives all that sounds in a piece, by its number, (steps, 128) bool."""
    right, there, drawn = np.zeros((3, 2))
    bass, seconds, at_once, steps, kept = [], 0, 0, 0, 0
    for number, song in enumerate(songs):
        own, given = parted(song)
        whole = np.zeros_like(own)
        new = added(number)[: len(own)]
        whole[: len(new)] = new
        kept += bool(whole[given].all())
        new = whole & ~given
        for column, (ours, theirs) in enumerate([(classes(new), classes(own)), (new, own)]):
            right[column] += (ours & theirs).sum()
            there[column] += theirs.sum()
            drawn[column] += ours.sum()
        both = own.any(axis=1)
        bass.append(new[both].any(axis=1) & ((new[both].argmax(axis=1) - own[both].argmax(axis=1)) % 12 == 0))
        heard = classes(new | given)
        seconds += (heard & np.roll(heard, 1, axis=1)).any(axis=1).sum()
        at_once += new.sum()
        steps += len(own)
    f1 = 2 * right / (there + drawn)
    figures = f"{f1[0]:.3f} | {f1[1]:.3f} | {np.concatenate(bass).mean():.0%} | {seconds / steps:.0%}"
    return f"| {name} | {figures} | {at_once / steps:.2f} | {kept} of {len(songs)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default="bach-chorales")
    parser.add_argument("models", nargs="*")
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # of notes that move to the grid
    corpus = zoo.load_corpus(options.corpus)
    songs = list(corpus.test)
    rolls = [sounding(on_grid(song, STEPS)) for song in songs]

    def of_another(number: int) -> np.ndarray:
        lower, _ = parted(songs[number - 1])
        return np.resize(lower, rolls[number].shape) | parted(songs[number])[1]

    print(HEAD, "|---" * 7 + "|", row("the piece itself", songs, rolls.__getitem__), sep="\n")
    print(row("another piece", songs, of_another))
    codec = RollCodec(steps_per_beat=STEPS).fit(corpus.train)
    lines = [[line for song in part for line in codec.encode(song)] for part in (corpus.train, corpus.valid)]
    ngram = baselines.fit("ngram", codec, *lines)
    print(row("the n-gram", songs, lambda number: clamped(ngram, songs[number])))
    for name in options.models or pretrained.names():
        model = zoo.load(name)
        try:
            model.harmonize(songs[0])
        except zoo.UserError as reason:
            print(f"{name}: {reason}")
            continue
        print(row(name, songs, lambda number, model=model: sounding(on_grid(model.harmonize(songs[number])[0], STEPS))))


if __name__ == "__main__":
    main()
