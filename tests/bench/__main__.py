"""What is fast, beside what the originals do, measured in the same run: `make bench`.

Medians over a few runs; a naive side is measured on a small part of the work and scaled. Every line goes to
reports/bench.csv as soon as it is measured, in the place of what the line said before.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

from bench import large, reading, sampling, startup, steps, training  # noqa: F401 - each brings its lines
from bench.measure import LINES, LONG, Row, machine
from zoo._files import write_text

CSV = Path("reports/bench.csv")


def main() -> int:
    """Measure the lines that are asked for."""
    usual = [name for name in LINES if name not in LONG]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="NAME",
        help=f"lines that begin with NAME: {', '.join(LINES)}; without it, all but {', '.join(LONG)}",
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each side [5]")
    options = parser.parse_args()
    names = [name for name in LINES if name.startswith(options.only)] if options.only else usual
    if not names:
        parser.error(f"no line begins with {options.only!r}; there are {', '.join(LINES)}")
    facts = machine()
    print(", ".join(f"{key} {value}" for key, value in facts.items()), flush=True)
    for name in names:
        rows = []
        for row in LINES[name](options.runs):
            print(text(row), flush=True)
            rows.append({"line": name, **row.columns(), **facts})
        keep(name, rows)
    print(CSV)
    return 0


def text(row: Row) -> str:
    """A row for the terminal."""
    found = row.columns()

    def side(name: str) -> str:
        if not found[f"{name}_runs"]:
            return ""
        median, least, most = (figure(found[f"{name}_{key}"]) for key in ("median", "min", "max"))
        return f"{median} ({least} to {most}, {found[f'{name}_runs']} runs)"

    parts = [f"{row.what}: {side('ours')} {row.unit}", side("naive")]
    parts += [f"{figure(row.ratio)}x"] if row.ratio else []
    parts += [f"goal {found['goal']}: {found['met']}"] if row.goals else []
    return " | ".join(part for part in [*parts, row.note] if part)


def figure(value: float) -> str:
    """A number with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def keep(name: str, rows: list[dict]) -> None:
    """Put a line's rows in the CSV, in the place of its earlier ones."""
    old = []
    if CSV.exists():
        with open(CSV, newline="", encoding="utf-8") as file:
            old = [row for row in csv.DictReader(file) if row["line"] != name]
    columns = list(dict.fromkeys(key for row in [*rows, *old] for key in row))
    content = io.StringIO()
    writer = csv.DictWriter(content, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*old, *rows])
    write_text(CSV, content.getvalue())


if __name__ == "__main__":
    sys.exit(main())
