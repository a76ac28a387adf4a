"""Likelihood per beat: what a model says of music it has not seen.

Every code of every line is scored, the first included; beats are quarter notes of the music that was encoded. The
figure can be compared only inside one representation, so it is read beside a baseline in the same representation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

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


def of_symbols(
    codec: SymbolCodec, lines: list[Line], read: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> Evaluation:
    """The exact likelihood of lines of symbols.

    Args:
        codec: whose ε takes its share for unknown symbols.
        lines: all that is scored.
        read: of all their codes, in pieces and any order: log p of each as if every symbol were known, whether it was
            the most probable one, and the codes themselves, (codes,) each.
    """
    known_nats = 0.0
    known = right = unknown = 0
    for log_p, hit, codes in read:
        is_known = codes < codec.size
        known_nats -= float(log_p[is_known].sum(dtype=np.float64))
        right += int(hit[is_known].sum())
        known += int(is_known.sum())
        unknown += int((~is_known).sum())
    nats = known_nats - known * np.log1p(-codec.epsilon)
    if unknown:
        unknown_nats = sum(float(line.unknown_nats.sum()) for line in lines if line.unknown_nats is not None)
        nats += unknown_nats - unknown * np.log(codec.epsilon)
    return Evaluation(
        nats=float(nats),
        kind=EXACT,
        loss=known_nats / max(known, 1),
        accuracy=right / (known + unknown),
        details={"unknown_share": unknown / (known + unknown)},
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
        details=evaluation.details,
    )


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
