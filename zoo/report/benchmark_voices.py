"""The chorales in four voices on sixteenths: our figures beside published ones, as `published.md` and `published.csv`.

Protocol of Huang et al. 2018: nats per voice-step, Σ over all voices and sixteenths ÷ their number, the first included;
see `zoo.evaluation.voices`. A figure over rolls is the sum of the roll's and of how its pitches are dealt to voices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zoo._errors import UserError
from zoo._files import as_csv, printable, write_text
from zoo.evaluation.voices import STEPS_PER_BEAT, CountedVoices
from zoo.experiments.results import SplitScore
from zoo.report.literature import VOICES, has_sixteenths
from zoo.report.runs import Run, load_corpus, load_runs
from zoo.report.tables import UNKNOWN, count_cell, markdown_table, nats_cell

PRESETS = ("sixteenths",)
FEWEST = 0.30  # nats per voice-step, below which something must have leaked


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
        voice_steps = music.voices * music.steps
        dealing = 0.0 if score.codes == voice_steps else music.dealing  # a code a voice-step leaves nothing to deal out
        row |= {split: (score.nats or 0) / voice_steps + dealing, f"{split}_dealing": dealing}
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
            nats_cell(row["valid"]),
            nats_cell(row["test"]),
            nats_cell(row["test"] * voices * STEPS_PER_BEAT, digits=2),
            nats_cell(row["test_dealing"]),
            row["kind"],
            count_cell(row["parameters"]),
            UNKNOWN if row["seconds"] is None else f"{row['seconds'] / 60:.1f}",
        )
        for row in rows
    ]
    for row in _lines(counted):
        per_beat = nats_cell(row["test"] * voices * STEPS_PER_BEAT, digits=2)
        body.append(
            (
                row["model"],
                UNKNOWN,
                nats_cell(row["valid"]),
                nats_cell(row["test"]),
                per_beat,
                UNKNOWN,
                "exact",
                *[UNKNOWN] * 2,
            )
        )
    return [
        f"# {name}: {voices} voices on sixteenths",
        "",
        "Nats per voice-step: Σ −log p over all voices and sixteenths ÷ their number "
        f"({voices * counted['valid'].steps:,} of validation, {voices * counted['test'].steps:,} of test music), the "
        "first included; lower is better. Chosen on validation. Models over rolls are charged for which voice has "
        "which pitch (*dealing*), by counts of the training music. "
        f"A figure below {FEWEST:.2f} would mean that something has leaked.",
        "",
        *markdown_table(head, body),
        "",
        *(_beside(rows, voices) if has_sixteenths(counted["test"].steps, counted["test"].lines["bigram"]) else []),
        "Made by `make published` with this corpus.",
    ]


def _beside(rows: list[dict], voices: int) -> list[str]:
    """Ours among what is published of the same music, the lowest first."""
    body = [(row.model, row.valid, row.source, row.unranked) for row in VOICES]
    body += [(f"{row['model']}, this zoo", row["valid"], f"seed {row['seed']}", "") for row in rows]
    return [
        "## Beside what is published, on validation",
        "",
        *markdown_table(
            ["model", "validation", "per beat", "source", "not comparable, because"],
            [
                (model, nats_cell(nats), nats_cell(nats * voices * STEPS_PER_BEAT, digits=2), source, why)
                for model, nats, source, why in sorted(body, key=lambda row: row[1])
            ],
        ),
        "",
    ]
