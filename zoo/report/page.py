"""The report as one HTML page that needs no network, with its pictures and `results.csv` beside it."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo._errors import UserError
from zoo._files import locked, printable, write_text
from zoo.evaluation.metrics import BLIND_SPOTS
from zoo.experiments.description import CorpusDescription
from zoo.experiments.folders import corpus_file, play_page
from zoo.experiments.results import Layer, Results
from zoo.report.blind import PAGE as BLIND
from zoo.report.blind import questions, write_blind
from zoo.report.figures import Figures
from zoo.report.findings import findings, listened
from zoo.report.groups import Group, grouped, ways
from zoo.report.html import encodable, write_page
from zoo.report.links import Links, url
from zoo.report.networks import boxes, described
from zoo.report.pieces import Pieces
from zoo.report.ratings import Exported, read_exported, to_ratings
from zoo.report.runs import Run, load_corpus, load_runs
from zoo.report.scale import Scale, one_scale
from zoo.report.standing import marks
from zoo.report.tables import COMPARABLE, UNKNOWN, WIDTH, results_csv, table

PAGE, TABLE = "index.html", "results.csv"
SAMPLES, REAL = 3, 2  # pieces that are played of a run; further real music is for the blind test
NAMED = 3  # variants that the heading of a picture names
BULLET: dict[str, Any] = {"initial_indent": "- ", "subsequent_indent": "  "}


def write_report(folder: Path | str, ratings: Sequence[Path | str] = ()) -> list[str]:
    """Write `index.html`, `blind.html`, `results.csv`, `figures/` and `samples/` for the runs of a corpus.

    The same run folders and ratings give the same bytes. What cannot be read is named on the page; it stops nothing.

    Args:
        folder: the corpus's folder of results.
        ratings: files of what listeners answered in the blind test.

    Returns:
        Lines for the terminal: the table, see `table`, and the findings.

    Raises:
        UserError: when there is no run, when a file cannot be written, or one of ratings cannot be read.
    """
    folder = Path(folder)
    if not load_runs(folder):
        corpus = shlex.quote(_corpus_argument(load_corpus(folder), folder))
        raise UserError(f"there is no run in {folder}; train first: python -m zoo train-all --corpus {corpus}")
    exported = read_exported(ratings)
    with locked(folder, "writing the report in", wait=True):  # two would remove each other's pictures
        return _write_report(folder, exported)


def _write_report(folder: Path, exported: Exported) -> list[str]:
    runs, corpus = load_runs(folder), load_corpus(folder)
    figures, pieces, links, groups = Figures(folder / "figures"), Pieces(folder), Links(folder), grouped(runs)
    title, splits = corpus.name or folder.name, _splits(corpus)
    names = dict.fromkeys(run.model for run in runs)
    titles = {(group.model, group.variant): group.title for group in groups}
    models = [_model(number, name, runs, titles, figures, pieces, links) for number, name in enumerate(names, 1)]
    played = [(run, shown) for model in models for run, shown, _ in model["played"]]
    others = pieces.shared_out([run for run, _ in played], REAL)  # the blind test plays no song twice
    rendered = [(run, shown + more) for (run, shown), more in zip(played, others, strict=True)]
    pieces.make()
    pool = questions(folder, rendered)
    urls_of_test = {question.url for question in pool}
    links.add(path for _, shown in played for piece in shown for path in piece.files.values())
    files = (path for _, both in rendered for piece in both for path in piece.files.values())
    links.add(path for path in files if url(path) in urls_of_test)
    rated = to_ratings(exported, pool)
    scale = one_scale(groups)
    sentences = findings(groups, scale) + listened(rated)
    write_text(folder / TABLE, encodable(results_csv(runs, [rated.row(run) for run in runs])))
    blind = write_blind(folder, title, pool)
    links.add(Path(name) for name in (PAGE, BLIND, TABLE) if blind or name != BLIND)
    play = play_page(folder)
    links.add([play.relative_to(folder)])
    links.add([corpus_file(folder).relative_to(folder)])
    write_page(
        folder / PAGE,
        "page.html",
        title=title,
        blind=blind,
        play=play.name if play.is_file() else "",
        rated=rated,
        pieces_in_all=sum(counts[0] or 0 for _, counts in splits),
        splits=splits,
        digest=corpus.digest,
        drum_notes=corpus.drum_notes,
        skipped=_pairs(corpus.skipped),
        duplicates=_pairs(corpus.duplicates),
        warnings=corpus.warnings,
        runs=[(run, [(path.name, links.to(path)) for path in run.folder.list_documents()]) for run in runs],
        failed=[run for run in runs if run.error],
        comparable=COMPARABLE,
        blind_spots=BLIND_SPOTS,
        findings=sentences,
        groups=groups,
        scale=scale,
        scale_figures=_scale_figures(groups, scale, figures, links),
        marks=marks(groups),
        features=_features(groups),
        ways=ways(groups),
        ways_figure=[links.to(path) for path in [figures.ways(ways(groups))] if path],
        overview=_overview(groups, figures, links),
        models=models,
        environments=_environments(runs),
        report_command=shlex.join(_report_command(corpus, folder, rated.files)),
        commands=[_command(run, corpus, folder) for run in runs],
    )
    figures.remove_others()
    links.write_manifest()
    texts = [finding.text for finding in sentences] + [rated.warning] * bool(rated.warning)
    lines = [line for text in texts for line in textwrap.wrap(printable(text), WIDTH, **BULLET)]
    return table(runs) + (["", *lines] if lines else [])


def _features(groups: list[Group]) -> list[str]:
    """The features whose distributions were compared, in their order."""
    sets = [run.results.comparison.sets.real for group in groups for run in group.runs]
    return list(dict.fromkeys(name for real in sets for name in real.distances))


def _scale_figures(groups: list[Group], scale: Scale | None, figures: Figures, links: Links) -> list[tuple[str, str]]:
    """URL and description of each picture of what the same music costs."""
    if not scale:
        return []
    pictures = [(figures.scale(scale, groups), "Nats per beat of the same test music, for every model")]
    if curves := figures.scale_curves(groups):
        pictures.append((curves, "Nats per beat of the same validation music over training time"))
    return [(links.to(path), description) for path, description in pictures]


def _overview(groups: list[Group], figures: Figures, links: Links) -> list[tuple[str, str]]:
    """URL and description of each picture of all models."""
    skills = "Validation skill of all models over epochs and over training time"
    pictures = [(path, skills) for path in figures.skills(groups)]
    if cost := figures.cost(groups):
        pictures.append((cost, "Skill of all models on test music against seconds of training"))
    return [(links.to(path), description) for path, description in pictures]


def _model(
    number: int,
    name: str,
    runs: list[Run],
    titles: dict[tuple[str, str], str],
    figures: Figures,
    pieces: Pieces,
    links: Links,
) -> dict:
    """What the page says about one model."""
    runs = [run for run in runs if run.model == name]
    shown = [run for run in runs if run.comparable]
    by_variant: dict[str, list[Run]] = {}
    for run in shown:
        by_variant.setdefault(run.variant, []).append(run)
    variants = [_variant(group) for group in by_variant.values()]
    played = [next((run for run in group if run.samples), group[0]) for group in by_variant.values()]
    abouts = dict.fromkeys(run.results.about for run in runs)
    return {
        "number": number,
        "name": name,
        "about": [part.strip() for about in abouts for part in about.split("\n\n") if part.strip()],
        "played": [
            (run, pieces.of(run, SAMPLES, REAL), [(path.name, links.to(path)) for path in run.samples[SAMPLES:]])
            for run in played
            if run.samples or run.real
        ],
        "curves": [links.to(path) for path in figures.curves(shown)],
        "distributions": [(run.variant, links.to(path)) for run in played if (path := figures.distributions(run))],
        "networks": _networks(name, variants, titles, figures, links),
        "variants": variants,
        "hyperparameters": _hyperparameters(variants),
        "left_out": [run for run in runs if not run.comparable],
    }


def _variant(runs: list[Run]) -> dict:
    """What runs that differ only by seed have in common."""
    results = next((run.results for run in runs if run.results != Results()), Results())
    score = results.scores.test
    return {
        "name": runs[0].variant,
        "network": results.network,
        "settings": runs[0].description.hyperparameters,
        "coverage": [score.coverage.songs, score.coverage.lines, score.coverage.notes, score.accuracy],
        "warnings": [(run.name, warning) for run in runs for warning in run.results.warnings],
    }


def _networks(
    model: str, variants: list[dict], titles: dict[tuple[str, str], str], figures: Figures, links: Links
) -> list[dict]:
    """One picture for each different network, with the titles of the variants that share it."""
    shared: dict[tuple[Layer, ...], list[dict]] = {}
    for variant in variants:
        if variant["network"]:
            shared.setdefault(variant["network"], []).append(variant)
    pictures = []
    for group in shared.values():
        chain = boxes(group[0]["network"])
        names = [titles.get((model, variant["name"]), variant["name"]) for variant in group]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        pictures.append(
            {
                "names": ", ".join(names[:NAMED]) + more,
                "url": links.to(figures.network(chain, model, group[0]["name"])),
                "layers": described(chain),
            }
        )
    return pictures


def _hyperparameters(variants: list[dict]) -> list[tuple[str, list[str], bool]]:
    """(name, value in each variant, whether they differ) of every hyperparameter."""
    settings = [variant["settings"] for variant in variants]
    names = dict.fromkeys(name for setting in settings for name in setting)
    rows = [(name, [str(setting[name]) if name in setting else UNKNOWN for setting in settings]) for name in names]
    return [(name, values, len(set(values)) > 1) for name, values in rows]


def _splits(corpus: CorpusDescription) -> list[tuple[str, list[float | None]]]:
    sizes = {split: corpus.splits[split] for split in ("train", "valid", "test") if split in corpus.splits}
    return [(split, [size.pieces, size.notes, size.beats]) for split, size in sizes.items()]


def _pairs(pairs: Sequence[object]) -> list[tuple[str, str]]:
    return [(str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2]


def _environments(runs: list[Run]) -> list[list[tuple[str, str]]]:
    """The different environments in which the runs were made, as (name, value) pairs."""
    rows = [tuple((name, str(value)) for name, value in run.results.environment.items()) for run in runs]
    return [list(row) for row in dict.fromkeys(rows) if row]


def _report_command(corpus: CorpusDescription, folder: Path, ratings: Sequence[str]) -> list[str]:
    """The words that write the report once more."""
    words = ["python", "-m", "zoo", "report", "--corpus", _corpus_argument(corpus, folder)]
    return words + [word for name in ratings for word in ("--ratings", name)]


def _command(run: Run, corpus: CorpusDescription, folder: Path) -> str:
    """The command that makes the run once more."""
    words = ["python", "-m", "zoo", "train", run.model, "--corpus", _corpus_argument(corpus, folder)]
    described = run.description
    if described.preset:
        words += ["--preset", described.preset]
    if described.seed is not None:
        words += ["--seed", str(described.seed)]
    for name, value in described.overrides.items():
        word = ",".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
        words.append(f"--{name.replace('_', '-')}={word}")
    if described.weights:
        words += ["--weights", "RUN"]  # which one, its name says
    return shlex.join(words)


def _corpus_argument(corpus: CorpusDescription, folder: Path) -> str:
    """What names the corpus on the command line: its name when it is a recipe's, else its folder, with a slash."""
    name, source = corpus.name or folder.name, corpus.folder
    known = not source or Path(source).parts[-2:] == ("datasets", name)
    return name if known else f"{source.rstrip('/')}/"
