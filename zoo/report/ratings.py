"""What listeners of the blind test answered: reads the files that its page exports, and counts.

Conventions:

- **Share**: of the answers, those that took the piece for composed by a person. Wilson's interval.
- **Liking**: the mean, on a scale from 1 to 5. Student's t interval, cut off at the ends of the scale; one answer, or
  answers all alike, tell nothing of the spread and have none.
- Every interval holds 95 % and takes answers for independent, which those of one listener are not quite.
- A listener's latest answer to a piece counts: an export holds all answers so far, so files repeat one another.
- A piece is known by its path and its sound; what the file says of model, run and kind is for its reader alone.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from zoo._errors import UserError
from zoo._files import printable
from zoo.report.blind import COLUMNS, KINDS, LEVEL, LIKING, Question
from zoo.report.runs import Run

LARGEST = 10_000_000  # bytes of one file: some fifty thousand answers
NAMED = 5  # of the pieces that are not in the report


class Answer(NamedTuple):
    """One listener's answer to one question."""

    question: Question
    listener: str
    composed: bool
    liking: int


class Share(NamedTuple):
    """A share and the ends of its interval, between 0 and 1."""

    value: float
    low: float
    high: float


class Mean(NamedTuple):
    """A mean and the ends of its interval, None where the spread is not known."""

    value: float
    low: float | None
    high: float | None


class Tally(NamedTuple):
    """Figures of some answers: the share that took the pieces for composed by a person, and the mean liking."""

    answers: int
    listeners: int
    composed: Share
    liking: Mean


class SourceTally(NamedTuple):
    """What was answered to a model's samples, and to real music in the same representation."""

    source: str
    sample: Tally | None
    real: Tally | None


class Ratings(NamedTuple):
    """Answers to the questions of a report.

    Args:
        answers: by question, in the report's order, then by listener.
        unknown: how many answers there were to each piece that is not in the report.
        files: names of the files that were read.
    """

    answers: tuple[Answer, ...] = ()
    unknown: tuple[tuple[str, int], ...] = ()
    files: tuple[str, ...] = ()

    @property
    def listeners(self) -> int:
        """How many people answered."""
        return len({answer.listener for answer in self.answers})

    @property
    def warning(self) -> str:
        """What was left out and why, or nothing."""
        if not self.unknown:
            return ""
        names = ", ".join(name for name, _ in self.unknown[:NAMED])
        names += f" and {len(self.unknown) - NAMED} more" if len(self.unknown) > NAMED else ""
        count = sum(count for _, count in self.unknown)
        answers = f"{count} answer{'s' * (count > 1)}"
        return f"Left out: {answers} to pieces that are not in this report, or sound otherwise in it: {names}."

    def by_source(self) -> list[SourceTally]:
        """A line for each model and variant, in the report's order."""
        sources = dict.fromkeys(answer.question.source for answer in self.answers)
        return [SourceTally(source, *(self._tally(source=source, kind=kind) for kind in KINDS)) for source in sources]

    def together(self) -> SourceTally:
        """All models in one line."""
        return SourceTally("all together", *(self._tally(kind=kind) for kind in KINDS))

    def row(self, run: Run) -> dict[str, float | None]:
        """What was answered to the pieces of one run, as columns; none when nobody answered anything."""
        columns: dict[str, float | None] = {}
        for kind in KINDS if self.answers else ():
            counted = self._tally(model=run.model, run=run.name, kind=kind)
            columns[f"{kind}_answers"] = counted.answers if counted else None
            for name in ("composed", "liking"):
                value, low, high = getattr(counted, name) if counted else (None, None, None)
                columns |= {f"{kind}_{name}": value, f"{kind}_{name}_low": low, f"{kind}_{name}_high": high}
        return columns

    def _tally(self, **wanted: str) -> Tally | None:
        chosen = [
            answer
            for answer in self.answers
            if all(getattr(answer.question, key) == value for key, value in wanted.items())
        ]
        return tally(chosen) if chosen else None


def tally(answers: Sequence[Answer]) -> Tally:
    """Count answers, at least one."""
    composed, likings = sum(answer.composed for answer in answers), [answer.liking for answer in answers]
    return Tally(
        answers=len(answers),
        listeners=len({answer.listener for answer in answers}),
        composed=Share(composed / len(answers), *wilson(composed, len(answers))),
        liking=Mean(statistics.fmean(likings), *student(likings)),
    )


def wilson(count: int, answers: int) -> tuple[float, float]:
    """Wilson's score interval of `count` out of `answers`, without continuity correction."""
    from scipy import stats  # takes half a second to load, and most reports have no ratings

    low, high = stats.binomtest(count, answers).proportion_ci(LEVEL, method="wilson")
    return float(low), float(high)


def student(likings: Sequence[int]) -> tuple[float | None, float | None]:
    """Student's t interval of the mean, inside the scale; (None, None) where all are alike."""
    from scipy import stats

    if len(set(likings)) < 2:
        return None, None
    error = statistics.stdev(likings) / math.sqrt(len(likings))
    low, high = stats.t.interval(LEVEL, len(likings) - 1, statistics.fmean(likings), error)
    return max(float(low), 1.0), min(float(high), float(LIKING))


class Exported(NamedTuple):
    """What listeners answered last, whatever report it belongs to, and the names of the files that say so."""

    latest: dict[tuple[str, str, str], tuple[datetime, bool, int]]  # piece, sound, listener: when, composed, liking
    files: tuple[str, ...]


def read_exported(paths: Sequence[Path | str]) -> Exported:
    """Read files that the page of the blind test exported, as they are or as a spreadsheet saved them again.

    Raises:
        UserError: when a file cannot be read or a line of it does not say what it must.
    """
    latest: dict[tuple[str, str, str], tuple[datetime, bool, int]] = {}
    for path in paths:
        for key, answer in _answers(Path(path)):
            latest[key] = max(answer, latest.get(key, answer))
    return Exported(latest, tuple(Path(path).name for path in paths))


def to_ratings(exported: Exported, pool: Sequence[Question]) -> Ratings:
    """The answers that belong to the questions of this report, its `pool`."""
    places = {(question.path, question.sound): place for place, question in enumerate(pool)}
    placed: list[tuple[int, Answer]] = []
    unknown: Counter[str] = Counter()
    for (name, sound, listener), (_, composed, liking) in sorted(exported.latest.items()):
        if (place := places.get((name, sound))) is None:
            unknown[printable(name)] += 1
        else:
            placed.append((place, Answer(pool[place], listener, composed, liking)))
    answers = tuple(answer for _, answer in sorted(placed, key=lambda pair: (pair[0], pair[1].listener)))
    return Ratings(answers, tuple(unknown.items()), exported.files)


def _answers(path: Path) -> Iterator[tuple[tuple[str, str, str], tuple[datetime, bool, int]]]:
    """((piece, sound, listener), (when, composed, liking)) of each line."""
    text = _text(path)
    head = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    try:
        header = next(rows, [])
        if sorted(header) != sorted(COLUMNS):
            raise UserError(
                f"{path} has the columns {', '.join(map(printable, header[:20])) or 'of no table'}, not "
                f"{', '.join(COLUMNS)}; give a file that the page of the blind test exported."
            )
        for row in rows:
            if any(row):
                yield _answer(row, header, f"{path}, line {rows.line_num}")
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num} is not CSV ({error}); export the answers once more.") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise UserError(f"{path} is larger than {LARGEST // 1_000_000} MB, so it is no file of answers.")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; name a file that the blind test exported.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8; export it once more, or save it as CSV UTF-8.") from None


def _answer(row: list[str], header: list[str], where: str) -> tuple[tuple[str, str, str], tuple[datetime, bool, int]]:
    if len(row) != len(header):
        raise UserError(f"{where} has {len(row)} cells, not {len(header)}; correct the line or take it out.")
    cells = dict(zip(header, row, strict=True))

    def wrong(column: str, wanted: str) -> UserError:
        content = printable(cells[column])[:60]
        return UserError(f"{where}: {column} must be {wanted}, not {content!r}; correct the line or take it out.")

    for column in ("piece", "sound", "listener"):
        if not 0 < len(cells[column]) <= 1000:
            raise wrong(column, "a name")
    if cells["composed"] not in ("0", "1"):
        raise wrong("composed", "1 (by a person) or 0")
    if cells["liking"] not in map(str, range(1, LIKING + 1)):
        raise wrong("liking", f"a whole number from 1 to {LIKING}")
    try:
        if not 0 <= float(cells["seconds"].replace(",", ".")) < math.inf:
            raise ValueError
    except ValueError:
        raise wrong("seconds", "a number of seconds") from None
    try:
        when = datetime.fromisoformat(cells["when"])
    except ValueError:
        raise wrong("when", "a date and time such as 2026-01-31T18:30:00Z") from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (cells["piece"], cells["sound"], cells["listener"]), (when, cells["composed"] == "1", int(cells["liking"]))
