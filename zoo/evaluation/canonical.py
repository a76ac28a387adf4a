"""One scale for all models: what the same music costs, whatever representation a model reads it in.

Canonical music is a finite set of (onset, pitch, duration) on one grid, tracks merged, a pitch sounding once at a time,
velocities left out, the length known. A model codes a piece in its own representation, and is charged −log p of the
codes; what these leave out is charged by one residual model, the same for all (`zoo.evaluation.residual`). Together
they are nats of the same music, so they can be compared:

- *exact* where a piece has one encoding and all probability lies on encodings;
- a *bound* where codes say more than the music, or some probability lies on codes that are no piece: the true figure
  is at most that;
- an *AIS estimate* where the likelihood of the codes is one.

What codes say besides is told apart: velocities (all notes have the same one, and given velocities the notes are
charged alone) and, of lines, in which order they are written, for lines are read each on its own.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np

from zoo._errors import UserError
from zoo.codecs import Codec, Line, NoteCodec
from zoo.codecs.grid import FINEST, VELOCITY, Grid, coarsest_grid, from_grid, on_grid, to_steps, to_ticks
from zoo.codecs.rules import Rules
from zoo.evaluation import baselines
from zoo.evaluation.likelihood import BOUND, EXACT, Evaluation
from zoo.evaluation.residual import Residual, without
from zoo.song import Song

AT_ONCE = 128  # sequences, and their codes, whose rules are followed together


class Scorer(Protocol):
    """A trained model, as far as it is needed here."""

    @property
    def codec(self) -> Codec:
        """Its representation."""

    @property
    def rules(self) -> Rules | None:
        """The rules of the representation, if it gives no probability to what they forbid."""

    def evaluate(self, lines: list[Line]) -> Evaluation:
        """Likelihood of lines."""


@dataclass(frozen=True)
class CanonicalMusic:
    """A grid, one velocity for all notes, and what representations leave out, all taken from training music.

    Args:
        steps_per_beat: of the grid.
        velocity: the commonest one.
        residual: the distributions of what codes may leave out.
    """

    steps_per_beat: int
    velocity: int
    residual: Residual

    @classmethod
    def fit(cls, train: Sequence[Song], steps_per_beat: int | None = None) -> Self:
        """Fitted on training music.

        Args:
            train: songs; without any, all that is possible has some probability.
            steps_per_beat: None is the coarsest grid that fits `train`, see `zoo.codecs.grid.coarsest_grid`.
        """
        steps_per_beat = coarsest_grid(train) if steps_per_beat is None else steps_per_beat
        counts = np.bincount(np.concatenate([song.velocity for song in train])) if train else np.empty(0)
        sounding = [song for song in train if len(song)]
        grids = [on_grid(song, steps_per_beat) for song in sounding]
        lines = [[on_grid(track, steps_per_beat) for track in _tracks(song)] for song in sounding]
        velocity = int(counts.argmax()) if len(counts) else VELOCITY
        return cls(steps_per_beat, velocity, Residual.fit(grids, lines, steps_per_beat))

    def canonical(self, song: Song) -> Song:
        """`song` as canonical music, in one track."""
        grid = on_grid(song, self.steps_per_beat)
        start, end, pitch = grid.start, grid.end, grid.pitch
        merged = from_grid(start, end, pitch, grid.steps, self.steps_per_beat, self.velocity)
        return merged.replace(name=song.name)

    def voiced(self, song: Song) -> Song:
        """`song` on the grid with its tracks, for representations by lines; merged it is the canonical music."""
        start = to_steps(song.start, self.steps_per_beat)
        end = np.maximum(to_steps(song.end, self.steps_per_beat), start + 1)
        steps = max(int(to_steps(song.length, self.steps_per_beat)), int(end.max(initial=0)))
        start, end = to_ticks(start, self.steps_per_beat), to_ticks(end, self.steps_per_beat)
        return song.replace(
            start=start,
            duration=end - start,
            velocity=np.full(len(song), self.velocity),
            length=int(to_ticks(steps, self.steps_per_beat)),
            time_signatures=(),
            primed=0,
        )


@dataclass(frozen=True)
class CanonicalScore:
    """What canonical music costs a model, by piece.

    Attributes:
        kind: "exact", "bound" or "AIS estimate".
        steps_per_beat: of the grid.
        offered: pieces that there were.
        pieces: numbers of those that codes and residual together express without loss; all columns are (pieces,).
        beats: their lengths in quarter notes.
        notes: how many notes they have.
        codes: nats of the codes, as far as they say music.
        residual: nats of what the codes leave out.
        apart: nats of what codes say besides: velocities, the order of lines; not in the total.
    """

    kind: str
    steps_per_beat: int
    offered: int
    pieces: np.ndarray
    beats: np.ndarray
    notes: np.ndarray
    codes: np.ndarray
    residual: np.ndarray
    apart: np.ndarray

    @property
    def nats(self) -> float:
        """Σ nats of codes and residual."""
        return float(self.codes.sum() + self.residual.sum())

    @property
    def nats_per_beat(self) -> float:
        """Of codes and residual; lower is better."""
        return self.nats / float(self.beats.sum())

    @property
    def nats_per_note(self) -> float:
        """The same for each note."""
        return self.nats / float(self.notes.sum())

    @property
    def kept(self) -> float:
        """Share of the pieces, 0–1, that are expressed without loss."""
        return len(self.pieces) / self.offered


@dataclass(frozen=True)
class Encoded:
    """A piece of canonical music as a representation writes it down.

    Args:
        grid: the music.
        song: the same with its tracks, on the grid.
        lines: the codes.
        parts: what each of them stands for: the song, or a track of it.
    """

    grid: Grid
    song: Song
    lines: list[Line]
    parts: list[Song]

    @cached_property
    def orders(self) -> float:
        """Logarithm of the number of orders that its lines can have: lines are read each on its own."""
        alike = Counter(line.codes.tobytes() for line in self.lines)
        return math.lgamma(len(self.lines) + 1) - sum(math.lgamma(count + 1) for count in alike.values())

    def residual(self, music: CanonicalMusic, codec: Codec) -> float:
        """Nats of what the codes leave out."""
        grids = [on_grid(part, music.steps_per_beat) for part in self.parts]
        return music.residual.nats(grids, codec.coding.left_out)


def encode(codec: Codec, songs: Sequence[Song], music: CanonicalMusic) -> list[Encoded | None]:
    """Songs as canonical music in a representation.

    Args:
        codec: the representation, fitted.
        songs: any music.
        music: what is canonical.

    Returns:
        One for each song; None where codes and residual together do not express it.
    """
    voiced = [music.voiced(song) for song in songs]
    # What the model has not learnt, such as a symbol, is charged by the parts of it. So it is the form that is asked.
    form = dataclasses.replace(codec).fit(voiced)
    encoded: list[Encoded | None] = []
    for song in voiced:
        lines, parts = codec.encode(song), _parts(codec, song)
        whole = lines and len(lines) == len(parts) and all(_is_whole(form, part) for part in parts)
        encoded.append(Encoded(on_grid(song, music.steps_per_beat), song, lines, parts) if whole else None)
    return encoded


def _parts(codec: Codec, song: Song) -> list[Song]:
    """What of `song` each line stands for, if the representation expresses all lines that there are."""
    return [song] if codec.lines_of(song) == 1 else _tracks(song)


def _tracks(song: Song) -> list[Song]:
    """The tracks of `song` that have notes, each on its own."""
    return [song.select(song.track == track) for track in np.unique(song.track)]


def _is_whole(codec: Codec, song: Song) -> bool:
    """Whether codes say all of `song` but what the representation declares to leave out."""
    decoded = codec.express(song)
    if len(decoded) != 1:
        return False
    kept, true = (without(on_grid(one, FINEST), codec.coding.left_out) for one in (decoded[0], song))
    return kept.steps == true.steps and all(
        np.array_equal(getattr(kept, column), getattr(true, column)) for column in ("start", "end", "pitch")
    )


def canonical_score(model: Scorer, songs: Sequence[Song], music: CanonicalMusic | None = None) -> CanonicalScore:
    """What the same music costs a model as it costs any other, in nats that can be compared.

    Args:
        model: trained.
        songs: music it has not learnt from.
        music: fitted on the training music, the same for all models that are compared; None is the model's own grid and
            a residual that knows no music.

    Raises:
        UserError: when the representation loses what no residual makes up for, in all pieces.
    """
    codec = model.codec
    if codec.coding.lost:
        raise UserError(f"{type(codec).__name__} {codec.coding.lost}, so it is not on the scale of all models.")
    music = music or CanonicalMusic.fit((), int(codec.steps_per_beat))
    encoded = encode(codec, songs, music)
    pieces = np.array([number for number, one in enumerate(encoded) if one], int)
    whole = [one for one in encoded if one]
    if not whole:
        raise UserError(
            f"{type(codec).__name__} expresses none of the {len(songs)} pieces without loss at "
            f"{codec.steps_per_beat} steps a beat, where canonical music has {music.steps_per_beat}."
        )
    lines = [line for one in whole for line in one.lines]
    evaluation = model.evaluate(lines)
    by_line = model_nats(model, evaluation, lines)
    owner = np.repeat(np.arange(len(whole)), [len(one.lines) for one in whole])
    velocity = np.zeros(len(lines)) if evaluation.of_velocity is None else evaluation.of_velocity
    apart = np.bincount(owner, velocity, len(whole)) + [one.orders for one in whole]
    unique = codec.coding.unique and (codec.rules is None or model.rules is not None)
    return CanonicalScore(
        kind=BOUND if evaluation.kind == EXACT and not unique else evaluation.kind,
        steps_per_beat=music.steps_per_beat,
        offered=len(songs),
        pieces=pieces,
        beats=np.array([one.song.beats for one in whole]),
        notes=np.array([len(one.grid.start) for one in whole]),
        codes=np.bincount(owner, by_line, len(whole)) - apart,
        residual=np.array([one.residual(music, codec) for one in whole]),
        apart=apart,
    )


def model_nats(model: Scorer, evaluation: Evaluation, lines: list[Line]) -> np.ndarray:
    """Nats of each line; of a model that does not tell them apart, line after line.

    Args:
        model: that evaluates.
        evaluation: of all lines.
        lines: that were evaluated.

    Returns:
        (lines,).
    """
    if evaluation.by_line is not None:
        return evaluation.by_line
    return np.array([model.evaluate([line]).nats for line in lines])


def curve(codec: Codec, songs: Sequence[Song], music: CanonicalMusic) -> tuple[float, float] | None:
    """How figures of the codes of some songs, such as those of every epoch, are put on the scale of all models.

    Args:
        codec: the representation, fitted.
        songs: the validation music.
        music: what is canonical.

    Returns:
        (a, b): nats per beat of canonical music, codes and residual, are a × nats per beat of the codes + b, up to what
        velocities cost; None unless codes and residual express all of the pieces that are read without loss, by the
        very codes of the songs as they are.
    """
    own = [codec.encode(song) for song in songs]
    encoded = [one for one, lines in zip(encode(codec, songs, music), own, strict=True) if lines]
    whole = [one for one in encoded if one]
    kept = [line.codes for lines in own for line in lines]
    if codec.coding.lost or not whole or len(whole) < len(encoded):
        return None
    lines = [line for one in whole for line in one.lines]
    if len(kept) != len(lines) or not all(map(np.array_equal, kept, (line.codes for line in lines))):
        return None
    beats = sum(one.song.beats for one in whole)
    residual = sum(one.residual(music, codec) - one.orders for one in whole)
    return sum(line.beats for lines in own for line in lines) / beats, residual / beats


def baseline_scores(
    songs: Sequence[Song], music: CanonicalMusic, train: Sequence[Song], valid: Sequence[Song]
) -> dict[str, np.ndarray]:
    """Nats of canonical music under the simplest models.

    They read it as `NoteCodec` writes it, in which an n-gram sees most of the music: "uniform" gives the same to all
    symbols that may follow; "order0" and "ngram" are those of `zoo.evaluation.baselines`. Some of their probability
    lies on what is no music, so they are bounds.

    Args:
        songs: that are measured.
        music: what is canonical.
        train: songs that are counted.
        valid: songs by which order and smoothing are chosen.

    Returns:
        (songs,) by name of the model; 0 of a silent song.
    """
    codec = NoteCodec(steps_per_beat=music.steps_per_beat).fit([])
    lines = {
        name: [line for song in split for line in codec.encode(music.voiced(song))]
        for name, split in (("train", train), ("valid", valid))
    }
    of_songs = [codec.encode(music.voiced(song)) for song in songs]
    codes = [np.concatenate([line.codes for line in one]) if one else np.empty(0, np.int32) for one in of_songs]
    scores = {"uniform": _uniform(codec.rules, codes)}
    for name in baselines.NAMES:
        baseline = baselines.fit(name, codec, lines["train"], lines["valid"])
        scores[name] = np.array([baseline.nats(one) if one else 0.0 for one in of_songs])
    return scores


def _uniform(rules: Rules, sequences: Sequence[np.ndarray]) -> np.ndarray:
    """Σ log of how many symbols may follow, at each code of each sequence: (sequences,)."""
    nats, steps = np.zeros(len(sequences)), max(map(len, sequences), default=0)
    for first in range(0, len(sequences), AT_ONCE):
        group = sequences[first : first + AT_ONCE]
        codes, mask = np.zeros((len(group), steps), np.int32), np.zeros((len(group), steps), bool)
        for row, sequence in enumerate(group):
            codes[row, : len(sequence)], mask[row, : len(sequence)] = sequence, True
        before = None
        for begin in range(0, max(map(len, group)), AT_ONCE):
            states = rules.states(codes[:, begin : begin + AT_ONCE], before)
            before = states[:, -1]
            follow = np.log((~rules.forbidden(states[:, :-1])).sum(axis=2))
            nats[first : first + AT_ONCE] += np.where(mask[:, begin : begin + AT_ONCE], follow, 0).sum(axis=1)
    return nats
