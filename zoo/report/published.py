"""The polyphonic benchmark: our figures beside published ones, as `published.md` and `published.csv`.

Protocol of Boulanger-Lewandowski et al. 2012: 88 keys, untransposed, one frame a beat, the corpus's own split; nats per
frame are the sum over all test frames, the first of each piece included, ÷ their number. Accuracy is the mean over
frames of TP ÷ max(notes drawn, notes there), which reproduces the paper's rows, a silent frame drawn silent counting 1;
beside it stands TP ÷ (TP + FP + FN).

What is published is known of the two corpora that are recognised: by the number of their test frames and by the
likelihood of the note 1-gram, which no other split or grid gives.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

from zoo._errors import UserError
from zoo._files import printable, write_text
from zoo.experiments import records
from zoo.experiments.description import CorpusDescription
from zoo.experiments.results import FrameDetails, SplitScore
from zoo.report.runs import Run, load_corpus, load_runs
from zoo.report.tables import UNKNOWN, percent

PRESETS = ("paper", "best")  # they alone follow the protocol


class Figure(NamedTuple):
    """What a publication says of one corpus."""

    nats: float  # per test frame
    accuracy: float | None = None  # per cent


class Published(NamedTuple):
    """A row of a publication; `ours` is what stands for it in the zoo."""

    model: str
    kind: str
    source: str
    figures: dict[str, Figure]
    ours: str = ""


JSB, NOTTINGHAM = "JSB chorales", "Nottingham"
# Test frames, and nats per frame of the note 1-gram.
CORPORA = {JSB: (4_725, 11.060), NOTTINGHAM: (44_463, 10.252)}


def _row(
    model: str, kind: str, source: str, jsb: tuple[float, ...], nottingham: tuple[float, ...], ours: str = ""
) -> Published:
    return Published(model, kind, source, {JSB: Figure(*jsb), NOTTINGHAM: Figure(*nottingham)}, ours)


FIRST = "Boulanger-Lewandowski et al. 2012, table 1"
BAI, RRU, KRISHNAN = "Bai et al. 2018", "Zakovskis et al. 2021", "Krishnan et al. 2017"
PUBLISHED = (
    _row("note 1-gram", "exact", FIRST, (11.06, 15.3), (10.25, 19.9), ours="order0"),
    _row("note n-gram", "exact", FIRST, (10.26, 20.3), (4.54, 62.5), ours="ngram"),
    _row("RBM", "AIS estimate", FIRST, (7.43, 4.5), (5.25, 5.8)),
    _row("RNN", "exact", FIRST, (8.71, 28.5), (4.46, 62.9)),
    _row("RNN (Hessian-free)", "exact", FIRST, (8.58, 29.4), (3.89, 66.6)),
    _row("RTRBM", "AIS estimate", FIRST, (6.35, 30.2), (2.62, 75.0)),
    _row("RNN-RBM", "AIS estimate", FIRST, (6.27, 33.1), (2.39, 75.4), ours="rnn_rbm"),
    _row("RNN-NADE", "exact", FIRST, (5.83, 32.1), (2.91, 65.0)),
    _row("RNN-NADE (Hessian-free)", "exact", FIRST, (5.56, 32.5), (2.31, 71.5), ours="rnn_nade"),
    _row("LSTM", "exact", BAI, (8.45,), (3.29,)),
    _row("GRU", "exact", BAI, (8.43,), (3.46,)),
    _row("TCN", "exact", BAI, (8.10,), (3.07,)),
    _row("RRU", "exact", RRU, (7.72,), (2.92,)),
    _row("STORN", "bound", "Bayer and Osendorfer 2014", (6.91,), (2.85,)),
    _row("DMM", "importance-sampled", KRISHNAN, (6.39,), (2.77,)),
    _row("DMM-Aug-NADE", "importance-sampled", KRISHNAN, (5.12,), (2.31,)),
)  # fmt: skip


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
    known = recognised(rows[0])
    for row in rows:
        row |= _beside(known, row["model"])
    lines = _markdown(name, known, rows, corpus)
    write_text(folder / "published.csv", _csv([*rows, *_baselines(known, rows[0])]))
    write_text(folder / "published.md", "\n".join(lines) + "\n")
    return lines


def recognised(row: dict) -> str | None:
    """Which of the published corpora it is."""
    for name, (frames, marginal) in CORPORA.items():
        if row["test_frames"] == frames and row["order0"] is not None and abs(row["order0"] - marginal) < 0.005:
            return name
    return None


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


def _beside(known: str | None, ours: str) -> dict:
    """What is published for what is `ours`."""
    row = next((row for row in PUBLISHED if known and row.ours == ours), None)
    figure = row.figures[known] if row and known else None
    return {
        "published": figure.nats if figure else None,
        "published_accuracy": figure.accuracy / 100 if figure and figure.accuracy is not None else None,
        "source": f"{row.model}, {row.source}" if row else "",
    }


def _baselines(known: str | None, row: dict) -> list[dict]:
    """The baselines as rows."""
    measured = [name for name in ("order0", "ngram") if row[name] is not None]
    return [{"model": name, "nats_per_frame": row[name], "kind": "exact"} | _beside(known, name) for name in measured]


def _csv(rows: list[dict]) -> str:
    versions = sorted(set().union(*(row.get("environment", {}) for row in rows)))
    flat = [
        {key: value for key, value in row.items() if key != "environment"}
        | {f"environment_{name}": row.get("environment", {}).get(name) for name in versions}
        for row in rows
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return file.getvalue()


def _markdown(name: str, known: str | None, rows: list[dict], corpus: CorpusDescription) -> list[str]:
    counts = {split: size.pieces for split, size in corpus.splits.items()}
    pieces = ", ".join(f"{split} {count}" for split, count in counts.items() if count is not None)
    argument = printable(name) if known is None and not _is_folder(corpus) else f"path/to/{printable(name)}/"
    lines = [
        f"# {known or printable(name)}, 88 keys, one frame a beat",
        "",
        f"Pieces: {pieces}; {rows[0]['test_frames']:,} test frames, untransposed, the first of each piece included. "
        "Negative log-likelihood in nats per test frame: lower is better. `best` and `paper` were chosen on "
        "validation; nothing was chosen by the test music.",
        "",
    ]
    if known is None:
        lines += ["Nothing published is known of this corpus, so those columns are empty.", ""]
    head = ["model", "preset", "seed", "ours", "kind", "published", "source"]
    head += ["accuracy", "published", "TP/(TP+FP+FN)", "validation", "parameters", "epochs", "minutes"]
    body: list[tuple] = [
        (
            row["model"],
            row["preset"],
            row["seed"],
            _nats(row["nats_per_frame"], row["standard_error"]),
            row["kind"],
            _nats(row["published"], digits=2),
            row["source"] or UNKNOWN,
            percent(row["accuracy"]),
            percent(row["published_accuracy"]),
            percent(row["accuracy_union"]),
            _nats(row["valid_nats_per_frame"]) if row["kind"] == "exact" else UNKNOWN,
            _count(row["parameters"]),
            _count(row["epochs"]),
            f"{row['seconds'] / 60:.1f}" if row["seconds"] is not None else UNKNOWN,
        )
        for row in rows
    ]
    for row in _baselines(known, rows[0]):
        cells = (_nats(row["nats_per_frame"]), "exact", _nats(row["published"], digits=2), row["source"])
        body.append((row["model"], UNKNOWN, UNKNOWN, *cells, *[UNKNOWN] * 7))
    lines += [*_table(head, body), ""]
    lines += [
        "`order0` and `ngram` are baselines: every key on its own, after nothing or after its own last states. "
        "Validation of RBM models is a quick estimate on a few frames, which says nothing beside exact figures.",
        "",
    ]
    annealed = [row for row in rows if row["temperatures"] is not None]
    if annealed:
        lines += ["## Annealed importance sampling", ""]
        lines += ["Some test frames, at even distances, with as many temperatures as above and with twice as many.", ""]
        head = ["model", "preset", "seed", "temperatures × chains", "frames", "nats", "with twice as many", "moves by"]
        lines += [*_table(head, [_doubling(row) for row in annealed]), ""]
    if known:
        lines += [f"## Everything published for {known}", ""]
        published = sorted(PUBLISHED, key=lambda row: row.figures[known].nats)
        body = [
            (row.model, _nats(row.figures[known].nats, digits=2), row.kind, _accuracy(row.figures[known]), row.source)
            for row in published
        ]
        lines += [*_table(["model", "nats per frame", "kind", "accuracy", "source"], body), ""]
    environment = rows[0]["environment"]
    versions = ", ".join(f"{key} {value}" for key, value in environment.items())
    return [*lines, f"Made by `make published CORPUS={argument}`; {versions}."]


def _is_folder(corpus: CorpusDescription) -> bool:
    source = Path(corpus.folder)
    return source.parts[-2:-1] != ("datasets",)


def _doubling(row: dict) -> tuple:
    once, twice = row["doubled_once"], row["doubled_twice"]
    moved = UNKNOWN if once is None or twice is None else f"{twice - once:+.4f}"
    how = f"{_count(row['temperatures'])} × {_count(row['chains'])}"
    return (
        row["model"],
        row["preset"],
        row["seed"],
        how,
        _count(row["doubled_frames"]),
        _nats(once, digits=4),
        _nats(twice, digits=4),
        moved,
    )


def _table(head: list[str], body: list[tuple]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *body)]


def _nats(value: float | None, error: float | None = None, digits: int = 3) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error else "")


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _accuracy(figure: Figure) -> str:
    return UNKNOWN if figure.accuracy is None else f"{figure.accuracy:.1f}%"
