"""What a search leaves: a table of its trials, a picture of what mattered, and the best setting as a preset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from zoo._files import as_csv, write_text
from zoo.models import _registry
from zoo.render.style import INK, PALETTE, PAPER, STYLE, save_figure
from zoo.search.searching import PRESET, Search
from zoo.search.space import as_word, searched
from zoo.search.trials import FINISHED, STOPPED, Trial, best
from zoo.training import preset_files
from zoo.training.hyperparameters import Range, options

COLUMNS = 4  # of the picture
NEW = "best.json"


def write_outcome(search: Search, trials: Sequence[Trial]) -> Path:
    """Write trials.csv, trials.md, trials.svg and best.json into the search's folder.

    Args:
        search: that was run.
        trials: all of them, `tuned` first.

    Returns:
        The preset file of the best finished trial.
    """
    settings = [_setting(search.model, trial) for trial in trials]
    rows = [_row(number, trial, setting) for number, (trial, setting) in enumerate(zip(trials, settings, strict=True))]
    write_text(search.folder / "trials.csv", as_csv(rows))
    importances = search.importances(trials)
    write_text(search.folder / "trials.md", _markdown(search, trials, rows, importances))
    _draw(search, trials, settings, importances)
    path = search.folder / NEW
    preset_files.write(path, search.model, search.preset(best(trials)))
    return path


def _setting(model: str, trial: Trial) -> dict[str, Any]:
    """Where a trial lies: the searched hyperparameters by name, those of `tuned` where it has none of its own."""
    kind = _registry.find(model)
    values = kind.presets[PRESET] | trial.setting
    return {name: as_word(values.get(name, options(kind)[name].default)) for name in searched(kind)}


def _row(number: int, trial: Trial, setting: dict[str, Any]) -> dict[str, Any]:
    figures = {"epochs": trial.epochs, "seconds": trial.seconds}
    nats = {f"nats_per_beat {name}": value for name, value in trial.nats.items()}
    first = {"trial": number, "state": trial.state, "objective": trial.objective}
    return first | setting | nats | figures | {"error": trial.error}


def _markdown(
    search: Search, trials: Sequence[Trial], rows: list[dict[str, Any]], importances: dict[str, float]
) -> str:
    chosen = best(trials)
    order = sorted(rows, key=lambda row: (row["state"] != FINISHED, row["objective"] or float("inf")))
    names = [name for name in rows[0] if name not in ("epochs", "error")]
    lines = [
        f"# Search: {search.model}",
        "",
        f"{len(trials)} trials on {', '.join(corpus.name for corpus in search.corpora)}, seed {search.seed}. "
        "The objective is the mean over the corpora of validation nats per beat ÷ those of the preset "
        f"{PRESET}, which is trial 0; a trial that was stopped has it as far as it came. The best is trial "
        f"{list(trials).index(chosen)}, {chosen.objective:.4f}; {NEW} holds its hyperparameters.",
        "",
        f"| {' | '.join(names)} |",
        "|" + "---|" * len(names),
        *(f"| {' | '.join(_cell(row.get(name)) for name in names)} |" for row in order),
    ]
    if importances:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in importances.items())
        lines += ["", f"What sets the best tenth apart (PED-ANOVA): {shares}."]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _draw(
    search: Search, trials: Sequence[Trial], settings: Sequence[dict[str, Any]], importances: dict[str, float]
) -> None:
    """A panel for each hyperparameter, what mattered most first: its values, and the objectives they gave."""
    where = searched(_registry.find(search.model))
    names = sorted(where, key=lambda name: -importances.get(name, 0.0))
    rows = -(-len(names) // COLUMNS)
    with matplotlib.rc_context(STYLE):
        figure = Figure((2.6 * COLUMNS, 2.3 * rows), layout="constrained")
        panels = list(figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).flat)
        for axes, name in zip(panels[: len(names)], names, strict=True):
            _panel(axes, trials, [setting[name] for setting in settings], where[name])
            share = f", {importances[name]:.0%}" if name in importances else ""
            axes.set_xlabel(f"{name}{share}")
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        figure.supylabel(f"validation nats per beat ÷ {PRESET}'s")
        save_figure(figure, search.folder / "trials.svg")


def _panel(axes: Axes, trials: Sequence[Trial], values: Sequence[Any], where: Any) -> None:
    axes.axhline(1.0, color=INK, linewidth=0.8, linestyle=":")
    if isinstance(where, Range):
        at = [math.nan if value is None else float(value) for value in values]
        if where.log:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_locator(NullLocator())
    else:
        places = {value: place for place, value in enumerate(dict.fromkeys([*map(as_word, where), *values]))}
        at = [float(places[value]) for value in values]
        axes.set_xticks(range(len(places)), [str(value) for value in places], rotation=30)
    for state, face in ((STOPPED, PAPER), (FINISHED, PALETTE[0])):
        chosen = [
            (x, trial.objective)
            for x, trial in zip(at, trials, strict=True)
            if trial.state == state and trial.objective
        ]
        if chosen:
            xs, ys = zip(*chosen, strict=True)
            axes.plot(xs, ys, "o", markersize=4, markeredgecolor=PALETTE[0], markerfacecolor=face)
