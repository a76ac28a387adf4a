"""The report as one HTML page that needs no network, with its pictures and `results.csv` beside it."""

from __future__ import annotations

import json
import os
import re
import shlex
import textwrap
from pathlib import Path
from urllib.parse import quote

import jinja2
import markupsafe

from zoo.errors import UserError
from zoo.files import locked, write_text
from zoo.midi import read_midi
from zoo.report.figures import Figures
from zoo.report.findings import findings
from zoo.report.groups import Group, grouped, ways
from zoo.report.runs import Run, items, load_facts, load_runs, look_up, number, printable, text
from zoo.report.tables import COMPARABLE, UNKNOWN, WIDTH, nats, percent, results_csv, short, table

SAMPLES_DRAWN = 3
BULLET = {"initial_indent": "- ", "subsequent_indent": "  "}


def write_report(folder: Path | str) -> list[str]:
    """Write `index.html`, `results.csv` and `figures/` for the runs in `folder`, a corpus's folder of results.

    The same run folders give the same bytes. What cannot be read is said on the page; it stops nothing.

    Returns:
        Lines for the terminal: the table, see `table`, and the findings.

    Raises:
        UserError: when there is no run, or a file cannot be written.
    """
    folder = Path(folder)
    if not load_runs(folder):
        corpus = shlex.quote(_corpus_argument(load_facts(folder), folder))
        raise UserError(f"there is no run in {folder}; train first: python -m zoo train-all --corpus {corpus}")
    with locked(folder, "writing the report in", wait=True):  # two would remove each other's pictures
        return _write_report(folder)


def _write_report(folder: Path) -> list[str]:
    runs, facts = load_runs(folder), load_facts(folder)
    figures, groups = Figures(folder / "figures"), grouped(runs)
    sentences = findings(groups)
    page = _template().render(
        title=text(facts.get("name")) or folder.name,
        splits=_splits(facts),
        drum_notes=number(facts.get("drum_notes")),
        skipped=_pairs(facts.get("skipped")),
        duplicates=_pairs(facts.get("duplicates")),
        warnings=[str(warning) for warning in items(facts.get("warnings"))],
        runs=runs,
        comparable=COMPARABLE,
        findings=sentences,
        groups=groups,
        features=_features(groups),
        ways=ways(groups),
        ways_figure=[_url(path, folder) for path in [figures.ways(ways(groups))] if path],
        overview=[_url(path, folder) for path in [*figures.skills(groups), figures.cost(groups)] if path],
        models=[_model(name, runs, figures, folder) for name in dict.fromkeys(run.model for run in runs)],
        environments=_environments(runs),
        report_command=shlex.join(["python", "-m", "zoo", "report", "--corpus", _corpus_argument(facts, folder)]),
        commands=[_command(run, facts, folder) for run in runs],
    )
    write_text(folder / "results.csv", _encodable(results_csv(runs)))
    write_text(folder / "index.html", _encodable(page))
    figures.remove_others()
    told = [line for finding in sentences for line in textwrap.wrap(printable(finding.text), WIDTH, **BULLET)]
    return table(runs) + (["", *told] if told else [])


def _features(groups: list[Group]) -> list[str]:
    """The features whose distributions were compared, in their order."""
    found = [look_up(run.metrics, "comparison", "sets", "real", "distances") for group in groups for run in group.runs]
    return list(dict.fromkeys(name for distances in found if isinstance(distances, dict) for name in distances))


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"short": short, "percent": percent, "nats": nats, "thousands": _thousands, "code": _code}
    environment.globals |= {"nats": nats, "thousands": _thousands}
    return environment.get_template("page.html")


def _model(name: str, runs: list[Run], figures: Figures, folder: Path) -> dict:
    """What the page says about one model."""
    runs = [run for run in runs if run.model == name]
    shown = [run for run in runs if run.comparable]
    by_variant: dict[str, list[Run]] = {}
    for run in shown:
        by_variant.setdefault(run.variant, []).append(run)
    variants = [_variant(group, figures, folder) for group in by_variant.values()]
    abouts = dict.fromkeys(run.text("about") for run in runs)
    return {
        "name": name,
        "about": [part.strip() for about in abouts for part in about.split("\n\n") if part.strip()],
        "curves": [_url(path, folder) for path in figures.curves(shown)],
        "networks": _networks(name, variants, figures, folder),
        "variants": variants,
        "hyperparameters": _hyperparameters(variants),
        "left_out": [run for run in runs if not run.comparable],
    }


def _variant(runs: list[Run], figures: Figures, folder: Path) -> dict:
    """What runs that differ only by seed have in common, and the samples of each."""
    scored = next((run for run in runs if run.metrics), runs[0])
    coverage = [scored.number("scores", "test", "coverage", part) for part in ("songs", "lines", "notes")]
    return {
        "name": runs[0].variant,
        "network": items(look_up(scored.metrics, "network")),
        "settings": look_up(runs[0].settings, "hyperparameters"),
        "coverage": [*coverage, scored.number("scores", "test", "accuracy")],
        "warnings": [(run.name, str(warning)) for run in runs for warning in items(look_up(run.metrics, "warnings"))],
        "runs": [
            {
                "name": run.name,
                "samples": [_sample(run, path, figures, folder) for path in run.samples[:SAMPLES_DRAWN]],
                "more": [(path.name, _url(path, folder)) for path in run.samples[SAMPLES_DRAWN:]],
            }
            for run in runs
            if run.samples
        ],
    }


def _sample(run: Run, path: Path, figures: Figures, folder: Path) -> dict:
    sample = {"name": path.name, "url": _url(path, folder), "roll": "", "audio": "", "error": ""}
    sound = path.with_suffix(".mp3")
    if sound.exists():
        sample["audio"] = _url(sound, folder)
    try:
        song = read_midi(path)
    except UserError as error:
        return sample | {"error": str(error).replace(f"{path.parent}{os.sep}", "")}
    return sample | {"roll": _url(figures.piano_roll(song, run.model, run.name, path.stem), folder)}


def _networks(model: str, variants: list[dict], figures: Figures, folder: Path) -> list[dict]:
    """One picture for each different network, with the names of the variants that share it."""
    shared: dict[str, list[dict]] = {}
    for variant in variants:
        if variant["network"]:
            shared.setdefault(json.dumps(variant["network"], sort_keys=True), []).append(variant)
    return [
        {
            "names": [variant["name"] for variant in group],
            "url": _url(figures.network(group[0]["network"], model, group[0]["name"]), folder),
        }
        for group in shared.values()
    ]


def _hyperparameters(variants: list[dict]) -> list[tuple[str, list[str], bool]]:
    """(name, value in each variant, whether they differ) of every hyperparameter."""
    settings = [variant["settings"] if isinstance(variant["settings"], dict) else {} for variant in variants]
    names = dict.fromkeys(name for setting in settings for name in setting)
    rows = [(name, [str(setting[name]) if name in setting else UNKNOWN for setting in settings]) for name in names]
    return [(name, values, len(set(values)) > 1) for name, values in rows]


def _splits(facts: dict) -> list[tuple[str, list[float | None]]]:
    counts = ("pieces", "notes", "beats")
    return [
        (split, [number(look_up(facts, "splits", split, count)) for count in counts])
        for split in ("train", "valid", "test")
        if look_up(facts, "splits", split)
    ]


def _pairs(value: object) -> list[tuple[str, str]]:
    return [(str(pair[0]), str(pair[1])) for pair in items(value) if isinstance(pair, list) and len(pair) == 2]


def _environments(runs: list[Run]) -> list[list[tuple[str, str]]]:
    """The different environments in which the runs were made, as (name, value) pairs."""
    found = [look_up(run.metrics, "environment") for run in runs]
    rows = [tuple((str(name), str(value)) for name, value in one.items()) for one in found if isinstance(one, dict)]
    return [list(row) for row in dict.fromkeys(rows)]


def _code(paragraph: str) -> markupsafe.Markup:
    """The paragraph, escaped, with what stands between backticks as code."""
    return markupsafe.Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(paragraph))))


def _command(run: Run, facts: dict, folder: Path) -> str:
    """The command that makes the run once more."""
    words = ["python", "-m", "zoo", "train", run.model, "--corpus", _corpus_argument(facts, folder)]
    for option in ("preset", "seed"):
        if (value := look_up(run.settings, option)) is not None:
            words += [f"--{option}", str(value)]
    overrides = look_up(run.settings, "overrides")
    for name, value in overrides.items() if isinstance(overrides, dict) else ():
        word = ",".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
        words.append(f"--{name.replace('_', '-')}={word}")
    if look_up(run.settings, "weights"):
        words += ["--weights", "RUN"]  # which one, its name says
    return shlex.join(words)


def _corpus_argument(facts: dict, folder: Path) -> str:
    """What names the corpus on the command line: its name when it is a recipe's, else its folder, with a slash."""
    name, source = text(facts.get("name")) or folder.name, text(facts.get("folder"))
    known = not source or Path(source).parts[-2:] == ("datasets", name)
    return name if known else f"{source.rstrip('/')}/"


def _url(path: Path, folder: Path) -> str:
    return quote(os.fsencode(path.relative_to(folder).as_posix()))


def _thousands(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _encodable(page: str) -> str:
    """Without the lone surrogates that stand for the bytes of a file name that is not UTF-8."""
    return page.encode("utf-8", "replace").decode("utf-8")
