"""Music in voices: what a piano roll leaves out of it, and what can be counted of each voice alone.

The unit is a *voice-step*: one voice in one step of the grid, where it sounds a pitch or rests. A piece of V voices and
T steps has V × T of them. A roll of what sounds says of a step which pitches there are, not which voice has which; what
that costs is charged by a model of its own, counted on training music, so that figures over rolls stand beside those of
models that write every voice.

Source of the unit and of the figures beside it: Huang et al. 2018 (Music Transformer), table 2.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from zoo.codecs.grid import to_steps, to_ticks
from zoo.codecs.melody import REST
from zoo.song import Song

MOST_VOICES = 6  # of more, there are too many ways to deal pitches out
ADDED = 0.1  # to every count
STEPS_PER_BEAT = 4  # sixteenths

Way = tuple[int, ...]  # of each voice the rank of its pitch among those that sound
Context = Callable[[np.ndarray, int], tuple[int, ...]]  # of a voice and a step of it: what is known before


def voices_of(song: Song, steps_per_beat: int) -> np.ndarray | None:
    """What each voice sounds at each step.

    Args:
        song: a track a voice.
        steps_per_beat: of the grid.

    Returns:
        (steps, voices) int64, a MIDI pitch or REST; None where a track sounds two notes at once, or is off the grid.
    """
    steps = int(to_steps(song.length, steps_per_beat))
    found = np.full((steps, len(song.programs)), REST, np.int64)
    start, end = to_steps(song.start, steps_per_beat), to_steps(song.end, steps_per_beat)
    if (to_ticks(start, steps_per_beat) != song.start).any() or (to_ticks(end, steps_per_beat) != song.end).any():
        return None
    for first, stop, pitch, track in zip(start, end, song.pitch, song.track, strict=True):
        if (found[first:stop, track] != REST).any():
            return None
        found[first:stop, track] = pitch
    return found


def in_voices(songs: Sequence[Song], steps_per_beat: int) -> list[np.ndarray] | None:
    """The voices of all songs; None unless all have the same number of them, from two to MOST_VOICES.

    Args:
        songs: a track a voice.
        steps_per_beat: of the grid.
    """
    found: list[np.ndarray] = []
    for song in songs:
        voices = voices_of(song, steps_per_beat)
        if (
            voices is None
            or not 2 <= voices.shape[1] <= MOST_VOICES
            or (found and voices.shape[1] != found[0].shape[1])
        ):
            return None
        found.append(voices)
    return found or None


def dealt(step: np.ndarray) -> Way:
    """How the pitches of one step are dealt out: of each voice the rank of its pitch from the highest, −1 is a rest.

    >>> dealt(np.array([67, 64, 64, REST]))
    (0, 1, 1, -1)
    """
    pitches = sorted({int(pitch) for pitch in step if pitch != REST}, reverse=True)
    return tuple(-1 if pitch == REST else pitches.index(pitch) for pitch in step)


def ways(pitches: int, voices: int) -> int:
    """In how many ways so many pitches can be dealt out, each to a voice at least; voices may rest.

    >>> ways(2, 2), ways(1, 2), ways(0, 2)
    (2, 3, 1)
    """
    return sum(set(way) - {-1} == set(range(pitches)) for way in itertools.product(range(-1, pitches), repeat=voices))


@dataclass(frozen=True)
class CountedVoices:
    """What is counted of the music of one split.

    Args:
        voices: of every piece.
        steps: sixteenths of all pieces.
        lines: nats per voice-step of each voice on its own, by name in LINES.
        dealing: nats per voice-step of how the pitches of a roll are dealt out to voices.
    """

    voices: int
    steps: int
    lines: Mapping[str, float]
    dealing: float


@dataclass
class Dealing:
    """Which voice has which of the pitches that sound: a distribution given the roll, counted on training music.

    Where the same pitches sound as in the step before, they are dealt out as they were with a probability of its own;
    else, and in all other steps, by how often each way was counted after the way before, among so many pitches; that is
    smoothed by how often it was counted after any.

    Args:
        voices: how many there are.
        counts: by number of pitches, how often each way was counted where pitches are new.
        after: the same by number of pitches and the way before.
        stays: steps with the pitches of the step before: those dealt out as before, and all.
    """

    voices: int
    counts: dict[int, Counter[Way]] = field(default_factory=lambda: defaultdict(Counter))
    after: dict[tuple[int, Way], Counter[Way]] = field(default_factory=lambda: defaultdict(Counter))
    stays: tuple[int, int] = (0, 0)

    @classmethod
    def fit(cls, music: Sequence[np.ndarray]) -> Self:
        """Counted on music, (steps, voices) each."""
        model, same, all_ = cls(music[0].shape[1]), 0, 0
        for before, now, repeated in _steps(music):
            if repeated:
                all_ += 1
                same += before == now
            else:
                model.counts[_pitches(now)][now] += 1
                model.after[_pitches(now), before][now] += 1
        model.stays = same, all_
        return model

    def nats(self, music: Sequence[np.ndarray]) -> float:
        """Σ −log p of how the pitches of all steps are dealt out, given which pitches these are."""
        same, all_ = self.stays
        stay, total = (same + 1) / (all_ + 2), 0.0
        known = {count: ways(count, self.voices) for count in range(self.voices + 1)}
        for before, now, repeated in _steps(music):
            count = _pitches(now)
            counts, after = self.counts[count], self.after[count, before]
            share = (counts[now] + ADDED) / (counts.total() + ADDED * known[count])
            share = (after[now] + share) / (after.total() + 1)
            if repeated:
                share = stay * (before == now) + (1 - stay) * share
            total -= math.log(share)
        return total


def _steps(music: Sequence[np.ndarray]) -> Iterator[tuple[Way, Way, bool]]:
    """Of every step: how pitches were dealt out before, how they are now, and whether they are the same pitches."""
    for voices in music:
        before: tuple[Way, frozenset[int]] | None = None
        for step in voices:
            now = dealt(step), frozenset(step.tolist()) - {REST}
            yield before[0] if before else (), now[0], before is not None and before[1] == now[1]
            before = now


def _pitches(way: Way) -> int:
    return max(way) + 1


# What a counted line knows before each step of a voice.
LINES: dict[str, Context] = {
    "unigram": lambda line, step: (),
    "bigram": lambda line, step: (_last(line, step),),
    "bigram and place in the beat": lambda line, step: (_last(line, step), step % STEPS_PER_BEAT),
}


def _last(line: np.ndarray, step: int) -> int:
    return int(line[step - 1]) if step else -1


def counted_lines(train: Sequence[np.ndarray], scored: Sequence[np.ndarray]) -> dict[str, float]:
    """Nats per voice-step of voices that are read each on its own, by what a step of them knows.

    Every voice (soprano, alto, …) has counts of its own; ADDED to each, over all classes of the training music.

    Args:
        train: (steps, voices) of each piece, which are counted.
        scored: likewise; of a class that was never counted the figure is infinite.

    Returns:
        By name in LINES.
    """
    classes = np.unique(np.concatenate([voices.ravel() for voices in train]))
    found = {}
    for name, context in LINES.items():
        counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for voice, line, step in _voice_steps(train):
            counts[(voice, *context(line, step))][int(line[step])] += 1
        nats, steps = 0.0, 0
        for voice, line, step in _voice_steps(scored):
            there = counts[(voice, *context(line, step))]
            known = np.searchsorted(classes, line[step]) < len(classes) and line[step] in classes
            share = (there[int(line[step])] + ADDED) / (there.total() + ADDED * len(classes)) if known else 0.0
            nats, steps = nats - (math.log(share) if share else -math.inf), steps + 1
        found[name] = nats / steps
    return found


def _voice_steps(music: Sequence[np.ndarray]) -> Iterator[tuple[int, np.ndarray, int]]:
    """Every voice-step: the number of the voice, its line, the step."""
    for voices in music:
        for voice, line in enumerate(voices.T):
            for step in range(len(line)):
                yield voice, line, step


def count_voices(train: Sequence[Song], valid: Sequence[Song], test: Sequence[Song]) -> dict[str, CountedVoices] | None:
    """What is counted of the held-out music of a corpus in voices, on sixteenths; None of any other corpus.

    Args:
        train: songs that are counted.
        valid: songs that are measured; likewise
        test: those that are held out.

    Returns:
        By "valid" and "test".
    """
    music = in_voices([*train, *valid, *test], STEPS_PER_BEAT)
    if music is None:
        return None
    learnt, first, found = music[: len(train)], len(train) + len(valid), {}
    dealing = Dealing.fit(learnt)
    for split, part in (("valid", music[len(train) : first]), ("test", music[first:])):
        voices, steps = part[0].shape[1], sum(map(len, part))
        found[split] = CountedVoices(voices, steps, counted_lines(learnt, part), dealing.nats(part) / (voices * steps))
    return found
