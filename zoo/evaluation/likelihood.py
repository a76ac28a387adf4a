"""Likelihood per beat: what a model says of music it has not seen.

Every code of every line is scored, the first included; beats are quarter notes of the music that was encoded. The
figure can be compared only inside one representation, so it is read beside a baseline in the same representation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from zoo.codecs import Codec, Line, SymbolCodec
from zoo.song import Song

EXACT, AIS, BOUND = "exact", "AIS estimate", "bound"


@dataclass(frozen=True)
class Coverage:
    """Shares (0–1) of songs, lines and notes that a representation expresses."""

    songs: float
    lines: float
    notes: float


@dataclass(frozen=True)
class Score:
    """How well a model predicts music.

    Attributes:
        nats_per_beat: Σ −log p over all codes ÷ Σ beats of the lines encoded; lower is better.
        nats: Σ −log p.
        beats: Σ quarter notes.
        codes: symbols or frames scored.
        kind: "exact", "AIS estimate" or "bound".
        coverage: what of the music the representation expresses; the rest is not in the figure.
        accuracy: share of codes predicted right: symbols by the most probable one, frames by `frame_accuracy`.
        standard_error: of nats_per_beat, where it is an estimate.
        sampling_error: standard error of nats_per_beat if the lines are a sample of many more, with what the choice of
            frames adds where only some are measured; None for a single line, or where it is not known by line.
        details: how an estimate was made, further figures.
    """

    nats_per_beat: float
    nats: float
    beats: float
    codes: int
    kind: str
    coverage: Coverage
    accuracy: float | None = None
    standard_error: float | None = None
    sampling_error: float | None = None
    details: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """What a family of models measures on lines: Σ nats, its kind and error, the training loss on the same music."""

    nats: float
    kind: str
    loss: float
    accuracy: float | None = None
    standard_error: float | None = None  # of nats
    details: dict = field(default_factory=dict)
    by_line: np.ndarray | None = field(default=None, compare=False)  # (lines,) nats of each
    # (lines,) so many of them tell velocities, where all notes of a line have the same one.
    of_velocity: np.ndarray | None = field(default=None, compare=False)


def encode_all(codec: Codec, songs: Iterable[Song]) -> tuple[list[Line], Coverage]:
    """All lines of `songs`, and what share of the songs they cover."""
    lines, counts = [], np.zeros((3, 2))  # songs, lines, notes × expressed, offered
    for song in songs:
        of_song = codec.encode(song)
        lines += of_song
        counts += [
            [bool(of_song), 1],
            [len(of_song), codec.lines_of(song)],
            [sum(line.notes for line in of_song), len(song)],
        ]
    return lines, Coverage(*(float(part / whole) if whole else 0.0 for part, whole in counts))


class Read(NamedTuple):
    """What a network says of some codes of some lines, in any order; (codes,) each.

    Attributes:
        log_p: log p of each, as if every symbol were known.
        hit: whether it was the most probable one.
        codes: the codes themselves.
        line: the number of the line that each belongs to.
        place: of each in its line.
        log_music: log p of all symbols that say the same of the music, see `SymbolCodec.alike`.
        log_any: log p of all symbols that say anything of it, see `SymbolCodec.silent`.
    """

    log_p: np.ndarray
    hit: np.ndarray
    codes: np.ndarray
    line: np.ndarray
    place: np.ndarray
    log_music: np.ndarray
    log_any: np.ndarray


def of_symbols(codec: SymbolCodec, lines: list[Line], read: Iterator[Read]) -> Evaluation:
    """The exact likelihood of lines of symbols.

    Once a line has told its velocity it needs no other: what a model gives to other velocities from then on, it does
    not give to the music, and that too is a cost of velocities.

    Args:
        codec: whose ε takes its share for unknown symbols.
        lines: all that is scored.
        read: of all their codes, in pieces and any order.
    """
    known_nats, of_velocity, known = np.zeros((3, len(lines)))  # of each line
    silent = np.append(codec.silent, [False, False])
    told = np.array([int(np.argmax(np.append(silent[line.codes], True))) for line in lines])  # place of the velocity
    right = 0
    for some in read:
        is_known = some.codes < codec.size
        owner, log_p = some.line[is_known], some.log_p[is_known]
        known_nats -= np.bincount(owner, log_p, len(lines))
        after = (some.place > told[some.line]) & ~silent[some.codes]
        log_music = some.log_music - np.where(after, some.log_any, 0)
        of_velocity += np.bincount(owner, log_music[is_known] - log_p, len(lines))
        known += np.bincount(owner, minlength=len(lines))
        right += int(some.hit[is_known].sum())
    by_line = known_nats - known * np.log1p(-codec.epsilon)
    for index, line in enumerate(lines):
        if unknown := len(line.codes) - known[index]:
            unknown_nats = 0.0 if line.unknown_nats is None else float(line.unknown_nats.sum())
            by_line[index] += unknown_nats - unknown * np.log(codec.epsilon)
    codes = sum(len(line.codes) for line in lines)
    return Evaluation(
        nats=float(by_line.sum()),
        kind=EXACT,
        loss=float(known_nats.sum() / max(known.sum(), 1)),
        accuracy=right / codes,
        details={"unknown_share": float(codes - known.sum()) / codes},
        by_line=by_line,
        of_velocity=of_velocity,
    )


def to_score(evaluation: Evaluation, lines: list[Line], coverage: Coverage) -> Score:
    """The figures per beat of an evaluation.

    Args:
        evaluation: of `lines`.
        lines: all that were scored.
        coverage: of the songs that were encoded.
    """
    beats = math.fsum(line.beats for line in lines)
    error = evaluation.standard_error
    return Score(
        nats_per_beat=evaluation.nats / beats,
        nats=evaluation.nats,
        beats=beats,
        codes=sum(len(line.codes) for line in lines),
        kind=evaluation.kind,
        coverage=coverage,
        accuracy=evaluation.accuracy,
        standard_error=None if error is None else error / beats,
        sampling_error=None if evaluation.by_line is None else sampling_error(evaluation.by_line, lines),
        details=evaluation.details,
    )


def sampling_error(nats: np.ndarray, lines: Sequence[Line]) -> float | None:
    """Standard error of Σ nats ÷ Σ beats over lines drawn at random: how far other lines would give another figure.

    Linearised, as a ratio of two sums is (Cochran 1977, Sampling Techniques, equation 6.13).

    Args:
        nats: (lines,).
        lines: that cost so much; their beats weigh them.

    Returns:
        Nats per beat; None for fewer than two lines.
    """
    if len(lines) < 2:
        return None
    beats = np.array([line.beats for line in lines])
    apart = nats - nats.sum() / beats.sum() * beats
    return float(np.sqrt(np.square(apart).sum() * len(lines) / (len(lines) - 1)) / beats.sum())


def frame_accuracy(drawn: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected accuracy of each frame, over several draws of it; a silent frame drawn silent counts 1.

    Args:
        drawn: (draws, frames, bits).
        true: (frames, bits).

    Returns:
        TP ÷ max(notes drawn, notes there), which reproduces the rows of Boulanger-Lewandowski et al. 2012, and
        TP ÷ (TP + FP + FN), which Bay, Ehmann and Downie 2009 define; each (frames,).
    """
    hits = (drawn & true).sum(-1, dtype=np.int64)
    notes_drawn = drawn.sum(-1, dtype=np.int64)
    notes_true = np.broadcast_to(true.sum(-1, dtype=np.int64), notes_drawn.shape)
    larger, either = np.maximum(notes_drawn, notes_true), notes_drawn + notes_true - hits
    return tuple(np.where(whole > 0, hits / np.maximum(whole, 1), 1.0).mean(0) for whole in (larger, either))
