"""The polyphonic benchmark: our figures beside published ones, as `published.md` and `published.csv`.

Protocol of Boulanger-Lewandowski et al. 2012: 88 keys, untransposed, one frame a beat of the files, the corpus's own
split; nats per frame are the sum over all test frames, the first of each piece included, ÷ their number. Accuracy is
the mean over frames of TP ÷ max(notes drawn, notes there), which reproduces the paper's rows, a silent frame drawn
silent counting 1; beside it stands TP ÷ (TP + FP + FN). What is published stands in `zoo.report.literature`.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path

from zoo._errors import UserError
from zoo._files import as_csv, printable, write_text
from zoo.experiments import records
from zoo.experiments.description import CorpusDescription
from zoo.experiments.results import FrameDetails, SplitScore
from zoo.report.literature import CORPORA, PUBLISHED, Figure, beside, recognised
from zoo.report.runs import Run, load_corpus, load_runs
from zoo.report.tables import UNKNOWN, count_cell, markdown_table, nats_cell, percent

PRESETS = ("paper", "best")  # they alone follow the protocol
SEEDS = 3  # of which a median is made, at least
HERE = "this zoo"


def write_published(folder: Path | str) -> list[str]:
    """Write `published.md` and `published.csv` for the runs in `folder`, a corpus's folder of results.

    Returns:
        The lines of `published.md`.

    Raises:
        UserError: when no run follows the protocol, or a file cannot be written.
    """
    folder = Path(folder)
    corpus, runs = load_corpus(folder), [run for run in load_runs(folder) if _follows(run)]
    if not runs:
        raise UserError(
            f"there is no finished run of a preset {' or '.join(PRESETS)} in {folder}; "
            "train them: make published, with the same CORPUS."
        )
    rows = sorted((_ours(run) for run in runs), key=lambda row: row["nats_per_frame"])
    name = corpus.name or folder.name
    known = recognised(rows[0]["test_frames"], rows[0]["order0"])
    for row in rows:
        row |= _beside(known, row["model"], row["nats_per_frame"])
    lines = _markdown(name, known, rows, corpus)
    write_text(folder / "published.csv", _csv([*rows, *_baselines(known, rows[0])]))
    write_text(folder / "published.md", "\n".join(lines) + "\n")
    return lines


def _follows(run: Run) -> bool:
    """Whether it is a finished run of one of the presets, as it is, over frames."""
    return (
        run.status == "finished"
        and run.description.preset in PRESETS
        and not run.description.overrides
        and _details(run.results.scores.test).nats_per_frame is not None
        and bool(run.results.scores.test.codes)
    )


def _details(score: SplitScore) -> FrameDetails:
    return records.read(FrameDetails, score.details)


def _ours(run: Run) -> dict:
    """One of our runs as a row; nats are per frame."""
    results, score = run.results, run.results.scores.test
    details, frames, beats = _details(score), score.codes, score.beats or 0
    assert frames, "a run that follows the protocol has frames"

    def per_frame(value: float | None) -> float | None:
        return None if value is None else value * beats / frames

    return {
        "model": run.model,
        "preset": run.description.preset,
        "seed": run.description.seed,
        "nats_per_frame": details.nats_per_frame,
        "kind": score.kind,
        "standard_error": per_frame(score.standard_error),
        "temperatures": details.temperatures,
        "chains": details.chains,
        "doubled_frames": details.once.frames,
        "doubled_once": details.once.nats_per_frame,
        "doubled_twice": details.twice.nats_per_frame,
        "twinless_pieces": details.without_twins.pieces,
        "twinless_frames": details.without_twins.frames,
        "twinless_nats_per_frame": details.without_twins.nats_per_frame,
        "accuracy": score.accuracy,
        "accuracy_union": details.accuracy_union,
        "valid_nats_per_frame": _details(results.scores.valid).nats_per_frame,
        "parameters": results.parameters,
        "epochs": run.epochs,
        "best_epoch": results.best_epoch,
        "seconds": run.seconds,
        "test_frames": int(frames),
        "order0": per_frame(results.order0.test),
        "ngram": per_frame(results.ngram.test),
        "environment": results.environment,
    }


def _beside(known: str | None, ours: str, nats: float | None) -> dict:
    """The figure per beat, and what is published for what is `ours`."""
    row = beside(known, ours)
    figure = row.figures[known] if row and known else None
    return {
        "nats_per_beat": None if nats is None else nats * _frames_per_beat(known),
        "published": figure.nats if figure else None,
        "published_median": figure.median if figure else None,
        "published_accuracy": figure.accuracy / 100 if figure and figure.accuracy is not None else None,
        "source": f"{row.model}, {row.source}" if row else "",
    }


def _frames_per_beat(known: str | None) -> int:
    return CORPORA[known].frames_per_beat if known else 1


def _baselines(known: str | None, row: dict) -> list[dict]:
    """The baselines as rows."""
    measured = [name for name in ("order0", "ngram") if row[name] is not None]
    return [
        {"model": name, "nats_per_frame": row[name], "kind": "exact"} | _beside(known, name, row[name])
        for name in measured
    ]


def _of_seeds(rows: list[dict]) -> list[dict]:
    """Runs that differ by seed as one row each: that of the seed that validation chooses, with `seeds` and `median`."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["preset"]), []).append(row)
    return [
        min(group, key=lambda row: math.inf if row["valid_nats_per_frame"] is None else row["valid_nats_per_frame"])
        | {
            "seeds": len(group),
            "median": statistics.median(row["nats_per_frame"] for row in group) if len(group) >= SEEDS else None,
        }
        for group in groups.values()
    ]


def _csv(rows: list[dict]) -> str:
    versions = sorted(set().union(*(row.get("environment", {}) for row in rows)))
    flat = [
        {key: value for key, value in row.items() if key != "environment"}
        | {f"environment_{name}": row.get("environment", {}).get(name) for name in versions}
        for row in rows
    ]
    return as_csv(flat)


def _markdown(name: str, known: str | None, rows: list[dict], corpus: CorpusDescription) -> list[str]:
    argument = printable(name) if known is None and not _is_folder(corpus) else f"path/to/{printable(name)}/"
    environment = ", ".join(f"{key} {value}" for key, value in rows[0]["environment"].items())
    return [
        *_opening(name, known, rows, corpus),
        *_main(known, rows),
        *_seeds(rows),
        *_twinless(rows),
        *_annealing(rows),
        *(_everything(known, _of_seeds(rows)) if known else []),
        f"Made by `make published CORPUS={argument}`; {environment}.",
    ]


def _opening(name: str, known: str | None, rows: list[dict], corpus: CorpusDescription) -> list[str]:
    counts = {split: size.pieces for split, size in corpus.splits.items()}
    pieces = ", ".join(f"{split} {count}" for split, count in counts.items() if count is not None)
    frame = CORPORA[known].frame if known else "a beat"
    lines = [
        f"# {known or printable(name)}, 88 keys, one frame {frame}",
        "",
        f"Pieces: {pieces}; {rows[0]['test_frames']:,} test frames, untransposed, the first of each piece included. "
        "Negative log-likelihood in nats per test frame, and per beat, a quarter note: lower is better. `best` and "
        "`paper` are names of presets, which were chosen on validation; nothing was chosen by the test music.",
        "",
    ]
    if known:
        made = "A frame is {}, and every piece stands in C major or C minor, as the rolls were published."
        return [*lines, made.format(frame), ""]
    return [*lines, "Nothing published is known of this corpus, so those columns are empty.", ""]


def _main(known: str | None, rows: list[dict]) -> list[str]:
    """Every run, and the baselines."""
    head = ["model", "preset", "seed", "ours", "per beat", "kind", "published", "source"]
    head += ["accuracy", "published", "TP/(TP+FP+FN)", "validation", "parameters", "epochs", "minutes"]
    body: list[tuple] = [
        (
            row["model"],
            row["preset"],
            row["seed"],
            nats_cell(row["nats_per_frame"], row["standard_error"]),
            nats_cell(row["nats_per_beat"]),
            row["kind"],
            nats_cell(row["published"], digits=2),
            row["source"] or UNKNOWN,
            percent(row["accuracy"]),
            percent(row["published_accuracy"]),
            percent(row["accuracy_union"]),
            nats_cell(row["valid_nats_per_frame"]) if row["kind"] == "exact" else UNKNOWN,
            count_cell(row["parameters"]),
            count_cell(row["epochs"]),
            f"{row['seconds'] / 60:.1f}" if row["seconds"] is not None else UNKNOWN,
        )
        for row in rows
    ]
    for row in _baselines(known, rows[0]):
        cells = (
            nats_cell(row["nats_per_frame"]),
            nats_cell(row["nats_per_beat"]),
            "exact",
            nats_cell(row["published"], digits=2),
        )
        body.append((row["model"], UNKNOWN, UNKNOWN, *cells, row["source"] or UNKNOWN, *[UNKNOWN] * 7))
    return [
        *markdown_table(head, body),
        "",
        "`order0` and `ngram` are baselines: every key on its own, after nothing or after its own last states. "
        "Validation of RBM models is a quick estimate on a few frames, which says nothing beside exact figures.",
        "",
    ]


def _seeds(rows: list[dict]) -> list[str]:
    """Best and median of several seeds, beside those that are published."""
    body = [
        (
            row["model"],
            row["preset"],
            row["seeds"],
            nats_cell(row["nats_per_frame"]),
            nats_cell(row["published"], digits=2),
            nats_cell(row["median"]),
            nats_cell(row["published_median"], digits=2),
        )
        for row in _of_seeds(rows)
    ]
    return [
        "## Best and median",
        "",
        f"Our best is the test figure of the seed that is best on validation; a median is given of {SEEDS} seeds at "
        "least. Johnson 2017 has five runs a model, and does not say how the best of them was chosen.",
        "",
        *markdown_table(
            ["model", "preset", "seeds", "our best", "published best", "our median", "published median"], body
        ),
        "",
    ]


def _twinless(rows: list[dict]) -> list[str]:
    """The test pieces whose melody is not in the training music."""
    measured = [row for row in rows if row["twinless_pieces"] is not None]
    if not measured:
        return []
    pieces, frames = measured[0]["twinless_pieces"], measured[0]["twinless_frames"]
    body = [
        (
            row["model"],
            row["preset"],
            row["seed"],
            nats_cell(row["nats_per_frame"]),
            nats_cell(row["twinless_nats_per_frame"]),
        )
        for row in measured
    ]
    return [
        f"## The {count_cell(pieces)} test pieces without a twin",
        "",
        "The highest voice of the other test pieces stands in the training music too, up to transposition, over other "
        f"harmonies. These have {count_cell(frames)} frames.",
        "",
        *markdown_table(
            ["model", "preset", "seed", "all test pieces", f"the {count_cell(pieces)} without a twin"], body
        ),
        "",
    ]


def _annealing(rows: list[dict]) -> list[str]:
    annealed = [row for row in rows if row["temperatures"] is not None]
    if not annealed:
        return []
    head = ["model", "preset", "seed", "temperatures × chains", "frames", "nats", "with twice as many", "moves by"]
    return [
        "## Annealed importance sampling",
        "",
        "Some test frames, at even distances, with as many temperatures as above and with twice as many.",
        "",
        *markdown_table(head, [_doubling(row) for row in annealed]),
        "",
    ]


def _everything(known: str, ours: list[dict]) -> list[str]:
    """All that is published and ours, ranked; then what is not, and why."""
    per_beat = CORPORA[known].frames_per_beat

    def cells(model: str, figure: Figure, kind: str) -> tuple:
        digits = 3 if model.endswith(HERE) else 2
        figures = (figure.nats, figure.nats * per_beat, figure.median)
        return model, *(nats_cell(value, digits=digits) for value in figures), kind, _accuracy(figure)

    ranked = [(row.figures[known].nats, row) for row in PUBLISHED if not row.unranked]
    body = [(nats, (*cells(row.model, row.figures[known], row.kind), row.source)) for nats, row in ranked]
    for row in ours:
        accuracy = None if row["accuracy"] is None else 100 * row["accuracy"]
        figure = Figure(row["nats_per_frame"], accuracy, row["median"])
        seeds = f"{row['seeds']} seed{'s' * (row['seeds'] > 1)}"
        body.append((figure.nats, (*cells(f"{row['model']} {row['preset']}, {HERE}", figure, row["kind"]), seeds)))
    head = ["model", "nats per frame", "per beat", "median", "kind", "accuracy", "source"]
    unranked = [
        (*cells(row.model, row.figures[known], row.kind), row.source, row.unranked) for row in PUBLISHED if row.unranked
    ]
    return [
        f"## Everything published for {known}, and ours",
        "",
        "The lowest first. Exact figures, estimates and bounds are not the same: a poor estimate flatters.",
        "",
        *markdown_table(head, [row for _, row in sorted(body, key=lambda pair: pair[0])]),
        "",
        "Quoted, and not ranked:",
        "",
        *markdown_table([*head, "why"], unranked),
        "",
    ]


def _is_folder(corpus: CorpusDescription) -> bool:
    source = Path(corpus.folder)
    return source.parts[-2:-1] != ("datasets",)


def _doubling(row: dict) -> tuple:
    once, twice = row["doubled_once"], row["doubled_twice"]
    moved = UNKNOWN if once is None or twice is None else f"{twice - once:+.4f}"
    how = f"{count_cell(row['temperatures'])} × {count_cell(row['chains'])}"
    return (
        row["model"],
        row["preset"],
        row["seed"],
        how,
        count_cell(row["doubled_frames"]),
        nats_cell(once, digits=4),
        nats_cell(twice, digits=4),
        moved,
    )


def _accuracy(figure: Figure) -> str:
    return UNKNOWN if figure.accuracy is None else f"{figure.accuracy:.1f}%"
