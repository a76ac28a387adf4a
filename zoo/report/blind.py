"""The blind test: a page that plays samples and real music without names and asks who composed them.

Every sample is paired with real music as the same representation expresses it, so that the sound alone gives nothing
away. The page keeps and counts the answers of one listener; `zoo.report.ratings` counts those of several.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from zoo.report.html import encodable, write_page
from zoo.report.pieces import Piece
from zoo.report.runs import Run

PAGE = "blind.html"
QUESTIONS = 20  # at most; half of them are real music
SECONDS = 30  # of each piece, so that its length tells nothing
ENOUGH = 5  # seconds to listen before an answer counts
LIKING = 5  # the most; the least is 1
KINDS = ("sample", "real")
LEVEL = 0.95  # of every interval
COLUMNS = ("piece", "sound", "model", "run", "kind", "composed", "liking", "seconds", "listener", "when")


class Question(NamedTuple):
    """A piece that the test may play.

    Args:
        path: its audio file, relative to the report.
        url: the same as an address.
        sound: digest of the audio; begins with a letter, so that no spreadsheet takes it for a number.
        source: the model and variant that made it, or in whose representation it is played.
        model, run: whose folder it lies in.
        kind: "sample" or "real".
        song: the name of real music, the same in every representation; empty for a sample.
    """

    path: str
    url: str
    sound: str
    source: str
    model: str
    run: str
    kind: str
    song: str


def questions(folder: Path, shown: Iterable[tuple[Run, Sequence[Piece]]]) -> list[Question]:
    """The questions about the rendered pieces of each run: all of them, if there are samples and real music."""
    possible = []
    for run, pieces in shown:
        playable = [piece for piece in pieces if piece.song is not None]
        if {piece.kind for piece in playable} == set(KINDS):
            possible += [_question(folder, run, piece) for piece in playable]
    return possible


def _question(folder: Path, run: Run, piece: Piece) -> Question:
    audio = piece.place.with_name(f"{piece.stem}.mp3")
    return Question(
        path=encodable(audio.as_posix()),
        url=piece.urls["mp3"],
        sound=f"s{hashlib.sha256((folder / audio).read_bytes()).hexdigest()[:12]}",
        source=encodable(f"{run.model} {run.variant}"),
        model=encodable(run.model),
        run=encodable(run.name),
        kind=piece.kind,
        song=encodable(piece.title) if piece.kind == "real" else "",
    )


def write_blind(folder: Path, title: str, pool: Sequence[Question]) -> bool:
    """Write `blind.html`, or remove it where there is nothing to play.

    Args:
        folder: the corpus's folder of results.
        title: what the page calls the corpus.
        pool: the questions from which the page draws.

    Returns:
        Whether the page stands.
    """
    path = folder / PAGE
    if not pool:
        path.unlink(missing_ok=True)
        return False
    from scipy import special  # takes a quarter of a second to load

    known_by = "".join(f"{question.path}\0{question.sound}\0" for question in pool)
    facts = {
        "pieces": [question._asdict() for question in pool],
        "columns": COLUMNS,
        "digest": hashlib.sha256(known_by.encode()).hexdigest()[:16],
        "questions": QUESTIONS,
        "seconds": SECONDS,
        "enough": ENOUGH,
        "most": LIKING,
        # Quantiles of the intervals, by degrees of freedom from 1: the page needs no statistics of its own.
        "normal": float(special.ndtri((1 + LEVEL) / 2)),
        "student": [round(float(special.stdtrit(freedom, (1 + LEVEL) / 2)), 9) for freedom in range(1, QUESTIONS)],
    }
    write_page(path, "blind.html", title=title, facts=facts)
    return True
