"""The runs as rows: `results.csv` for programs, a table of at most 100 columns for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from zoo._files import as_csv, printable
from zoo.experiments.folders import run_name
from zoo.report.runs import Run

WIDTH = 100
UNKNOWN = "—"
SIGNS = {"AIS estimate": "~", "bound": "≤"}
COMPARABLE = (
    "Nats per beat are comparable only inside one representation: two models that write music down in different ways "
    "predict different things. So read them beside the baseline, the surprise of an order-0 model in the same "
    "representation, or read the skill: the share of that surprise which the model removes."
)


def results_csv(runs: list[Run], ratings: Sequence[dict]) -> str:
    """One line per run: its settings, its numbers, its columns in `ratings`, its environment.

    An empty field means: not known.
    """
    environments = [run.results.environment for run in runs]
    names = sorted(set().union(*environments))
    rows = [
        _row(run) | rated | {f"environment_{name}": environment.get(name) for name in names}
        for run, rated, environment in zip(runs, ratings, environments, strict=True)
    ]
    return as_csv(rows)


def markdown_table(head: Sequence[str], body: Sequence[tuple]) -> list[str]:
    """The lines of a table in Markdown, each row of `body` as long as `head`."""
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *body)]


def nats_cell(value: float | None, error: float | None = None, digits: int = 3) -> str:
    """Nats, and their standard error where there is one.

    Args:
        value: None is not known.
        error: in nats.
        digits: behind the point.
    """
    if value is None:
        return UNKNOWN
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error else "")


def count_cell(value: float | None) -> str:
    """A whole number with commas; None is not known."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def table(runs: list[Run]) -> list[str]:
    """The runs as lines for a terminal, none longer than 100 columns; below it what the signs mean and what failed."""
    head = ("model", "run", "epochs", "seconds", "valid", "test", "order 0", "n-gram", "skill", "status")
    rows = [head, *(_cells(run) for run in runs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    free = WIDTH - sum(widths[2:]) - 2 * (len(head) - 1)  # for model and run
    beginnings = ["", *(_beginning(run) for run in runs)]
    needed = [
        len(first) + (row[1] != first) for row, first in zip(rows, beginnings, strict=True)
    ]  # "…" where more follows
    widths[0] = min(widths[0], 14, max(free - max(*needed, 12), 4))
    widths[1] = max(12, min(widths[1], free - widths[0]))
    lines = []
    for row, first in zip(rows, beginnings, strict=True):
        shortened = (_shorten(row[0], widths[0]), _shorten(row[1], widths[1], first), *row[2:])
        cells = [
            cell.ljust(width) if column in (0, 1, 9) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(shortened, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    notes = [
        "Valid and test in nats per beat, beside two baselines on the same test music; ~ is an AIS estimate, ≤ a "
        f"bound, ! does not beat the n-gram. {COMPARABLE}"
    ]
    notes += [f"{run.model}/{run.name} {run.status}: {run.reason}" for run in runs if run.error]
    return lines + [""] + [line for note in notes for line in textwrap.wrap(printable(note), WIDTH)]


def short(value: float | None, digits: int = 4) -> str:
    """A number in few characters: 5.123, 123k, 1.23M; a dash when it is not known."""
    if value is None:
        return UNKNOWN
    for limit, unit, sign in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e5, 1e3, "k")):
        if abs(value) >= limit:
            return f"{value / unit:.3g}{sign}"
    return f"{value:.{digits}g}"


def nats(value: float | None) -> str:
    """Nats per beat to the thousandth; a dash when not known."""
    return UNKNOWN if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """A share as per cent; a dash when it is not known."""
    return UNKNOWN if value is None else f"{100 * value:.1f}%"


def _row(run: Run) -> dict:
    described, results = run.description, run.results
    row = {
        "model": run.model,
        "run": run.name,
        "preset": described.preset,
        "seed": described.seed,
        "status": run.status,
        "parameters": results.parameters,
        "epochs": run.epochs,
        "best_epoch": results.best_epoch,
        "seconds": run.seconds,
        "seconds_to_best": results.seconds_to_best,
        "peak_memory_mb": results.peak_memory_mb,
        "songs_per_second": results.sampling.songs_per_second,
        "first_seconds": results.sampling.first_seconds,
    }
    for split, score, order0 in (
        ("valid", results.scores.valid, results.order0.valid),
        ("test", results.scores.test, results.order0.test),
    ):
        row |= {
            f"{split}_nats_per_beat": score.nats_per_beat,
            f"{split}_standard_error": score.standard_error,
            f"{split}_beats": score.beats,
            f"{split}_accuracy": score.accuracy,
            f"{split}_kind": score.kind,
            f"{split}_order0": order0,
            f"{split}_coverage_songs": score.coverage.songs,
            f"{split}_coverage_lines": score.coverage.lines,
            f"{split}_coverage_notes": score.coverage.notes,
        }
    row |= {"test_ngram": results.ngram.test, "beats_ngram": None if run.beaten is None else not run.beaten}
    music = results.canonical
    row |= {
        "canonical_nats_per_beat": music.nats_per_beat,
        "canonical_kind": music.kind,
        "canonical_pieces": len(music.pieces) if music.is_measured else None,
        "canonical_left_out": music.left_out,
    }
    sets = results.comparison.sets
    row |= {
        "classifier_samples": sets.samples.classifier.accuracy,
        "classifier_ngram": sets.ngram.classifier.accuracy,
        "classifier_real": sets.real.classifier.accuracy,
    }
    return row | {"test_skill": results.skill(), "message": described.message, "error": run.error}


def _cells(run: Run) -> tuple[str, ...]:
    results = run.results
    scores = [
        SIGNS.get(score.kind, "") + nats(score.nats_per_beat) for score in (results.scores.valid, results.scores.test)
    ]
    return (
        printable(run.model),
        printable(run.name),
        short(run.epochs),
        short(run.seconds),
        *scores,
        nats(results.order0.test),
        nats(results.ngram.test) + "!" * bool(run.beaten),
        percent(results.skill()),
        run.status,
    )


def _beginning(run: Run) -> str:
    """Preset and seed, with which a run's name begins."""
    described = run.description
    name = run_name(described.preset, described.seed, {}) if described.seed is not None else ""
    return printable(name) if run.name.startswith(name) else ""


def _shorten(name: str, width: int, first: str = "") -> str:
    """What it begins with stays whole where it has room; of the rest the end does, which sets a run apart."""
    if len(name) <= width:
        return name
    tail = width - 1 - len(first) if first and len(first) < width else (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"
