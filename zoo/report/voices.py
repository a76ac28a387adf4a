"""The chorales in four voices on sixteenths: our figures beside published ones, as `published.md` and `published.csv`.

Protocol of Huang et al. 2018: nats per voice-step, Σ over all voices and sixteenths ÷ their number, the first included;
see `zoo.evaluation.voices`. A figure over rolls is the sum of the roll's and of how its pitches are dealt to voices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo._errors import UserError
from zoo._files import as_csv, printable, write_text
from zoo.experiments.results import SplitScore
from zoo.report.literature import VOICES
from zoo.report.runs import Run, load_corpus, load_runs
from zoo.report.tables import UNKNOWN

PRESETS = ("sixteenths",)
STEPS_PER_BEAT = 4
OF_LINES = ("melody_lstm",)  # models that write every voice, so that nothing is left to be dealt out
FEWEST = 0.30  # nats per voice-step, below which something must have leaked


@dataclass(frozen=True)
class CountedVoices:
    """What is counted of the music of one split.

    Args:
        voices: of every piece.
        steps: sixteenths of all pieces.
        lines: nats per voice-step of each voice on its own, by what is known of it.
        dealing: nats per voice-step of how the pitches of a roll are dealt out to voices.
    """

    voices: int
    steps: int
    lines: Mapping[str, float]
    dealing: float


def write_voices(folder: Path | str, counted: Mapping[str, CountedVoices]) -> list[str]:
    """Write `published.md` and `published.csv` for the runs in `folder`, a corpus's folder of results.

    Args:
        folder: of the results.
        counted: what is counted of validation and test music, as "valid" and "test".

    Returns:
        The lines of `published.md`.

    Raises:
        UserError: when no run follows the protocol, or a file cannot be written.
    """
    folder = Path(folder)
    runs = [run for run in load_runs(folder) if _follows(run)]
    if not runs:
        raise UserError(
            f"there is no finished run of a preset {' or '.join(PRESETS)} in {folder}; "
            "train them: make published, with the same CORPUS."
        )
    rows = sorted((_ours(run, counted) for run in runs), key=lambda row: row["valid"])
    name = load_corpus(folder).name or folder.name
    lines = _markdown(printable(name), rows, counted)
    write_text(folder / "published.csv", as_csv([*rows, *_lines(counted), *_published()]))
    write_text(folder / "published.md", "\n".join(lines) + "\n")
    return lines


def _follows(run: Run) -> bool:
    """Whether it is a finished run of the preset, as it is. A roll has one note of a unison; dealing makes it two."""
    scores = run.results.scores
    return (
        run.status == "finished"
        and run.description.preset in PRESETS
        and not run.description.overrides
        and all(score.nats is not None and score.coverage.lines == 1 for score in (scores.valid, scores.test))
    )


def _ours(run: Run, counted: Mapping[str, CountedVoices]) -> dict:
    """One of our runs as a row, nats per voice-step."""
    results = run.results
    scores: dict[str, SplitScore] = {"valid": results.scores.valid, "test": results.scores.test}
    row: dict = {"model": run.model, "seed": run.description.seed, "kind": results.scores.test.kind}
    for split, score in scores.items():
        music = counted[split]
        dealing = 0.0 if run.model in OF_LINES else music.dealing
        row |= {split: (score.nats or 0) / (music.voices * music.steps) + dealing, f"{split}_dealing": dealing}
    return row | {"parameters": results.parameters, "epochs": run.epochs, "seconds": run.seconds}


def _lines(counted: Mapping[str, CountedVoices]) -> list[dict]:
    return [
        {"model": f"one voice, {name}", "kind": "exact", "valid": counted["valid"].lines[name], "test": nats}
        for name, nats in counted["test"].lines.items()
    ]


def _published() -> list[dict]:
    return [{"model": row.model, "kind": "published", "valid": row.valid, "source": row.source} for row in VOICES]


def _markdown(name: str, rows: list[dict], counted: Mapping[str, CountedVoices]) -> list[str]:
    voices = counted["test"].voices
    head = ["model", "seed", "validation", "test", "per beat, test", "of it dealing", "kind", "parameters", "minutes"]
    body: list[tuple] = [
        (
            row["model"],
            row["seed"],
            _nats(row["valid"]),
            _nats(row["test"]),
            _nats(row["test"] * voices * STEPS_PER_BEAT, 2),
            _nats(row["test_dealing"]),
            row["kind"],
            UNKNOWN if row["parameters"] is None else f"{row['parameters']:,}",
            UNKNOWN if row["seconds"] is None else f"{row['seconds'] / 60:.1f}",
        )
        for row in rows
    ]
    for row in _lines(counted):
        per_beat = _nats(row["test"] * voices * STEPS_PER_BEAT, 2)
        body.append(
            (row["model"], UNKNOWN, _nats(row["valid"]), _nats(row["test"]), per_beat, UNKNOWN, "exact", *[UNKNOWN] * 2)
        )
    beside: list[tuple] = [
        (row.model, _nats(row.valid), _nats(row.valid * voices * STEPS_PER_BEAT, 2), row.source, row.unranked or "")
        for row in VOICES
    ]
    beside += [
        (
            f"{row['model']}, this zoo",
            _nats(row["valid"]),
            _nats(row["valid"] * voices * STEPS_PER_BEAT, 2),
            f"seed {row['seed']}",
            "",
        )
        for row in rows
    ]
    return [
        f"# {name}: {voices} voices on sixteenths",
        "",
        "Nats per voice-step: Σ −log p over all voices and sixteenths ÷ their number "
        f"({voices * counted['valid'].steps:,} of validation, {voices * counted['test'].steps:,} of test music), the "
        "first included; lower is better. Chosen on validation. Models over rolls are charged for which voice has "
        "which pitch (*dealing*), by counts of the training music. "
        f"A figure below {FEWEST:.2f} would mean that something has leaked.",
        "",
        *_table(head, body),
        "",
        "## Beside what is published, on validation",
        "",
        *_table(
            ["model", "validation", "per beat", "source", "not comparable, because"],
            sorted(beside, key=lambda row: row[1]),
        ),
        "",
        "Made by `make published` with this corpus.",
    ]


def _table(head: list[str], body: list[tuple]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *body)]


def _nats(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}"
