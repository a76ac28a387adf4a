"""The report's pictures as SVG files: curves, networks, piano rolls."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from zoo._files import printable
from zoo.evaluation.metrics import UNITS
from zoo.experiments.results import Histogram
from zoo.render.style import INK, PALETTE, PAPER, STYLE, save_figure
from zoo.report import networks
from zoo.report.groups import Group, Way
from zoo.report.runs import Run
from zoo.report.scale import Scale

# What a run's validation figures, nats per beat by epoch, are drawn as; None where that is not known.
Curve = Callable[[Run, np.ndarray], np.ndarray | None]
# Of a bound the true figure lies to the left.
KINDS: dict[str, dict[str, Any]] = {
    "exact": {"marker": "o", "markersize": 7},
    "bound": {"marker": "<", "markersize": 7},
    "AIS estimate": {"marker": "o", "markersize": 7, "markerfacecolor": PAPER},
}
LEFT_OUT: dict[str, Any] = {"linewidth": 4, "alpha": 0.3, "solid_capstyle": "butt"}
AXES = {"epoch": "epoch", "seconds": "training time (seconds)"}
LINES: dict[str, dict[str, Any]] = {
    "training": {"linestyle": "--", "linewidth": 0.9},
    "validation": {"linestyle": "-", "linewidth": 1.4},
    "order-0 baseline": {"linestyle": ":", "linewidth": 1.4},
}

DISTRIBUTIONS: dict[str, dict[str, Any]] = {
    "test": {"color": "#999999", "alpha": 0.5, "linewidth": 0, "label": "real music (test)"},
    "ngram": {"color": PALETTE[1], "linestyle": ":", "linewidth": 1.2, "label": "the n-gram's samples"},
    "samples": {"color": PALETTE[0], "linewidth": 1.5, "label": "the model's samples"},
}
# Nine markers and four dashes: 36 variants before both come again.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
DASHES = ("-", "--", ":", "-.")
EDGE = {"markersize": 5, "markeredgecolor": PAPER, "markeredgewidth": 0.5}
WIDE, HIGH = 4.6, 3.5  # inches: how wide a chart is, and how far from its top its legend begins
RARE = 0.002  # of all values at either end of a distribution: not drawn


class Figures:
    """The folder `figures/` of a report: gives each picture its file, and in the end drops earlier ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drawn: set[Path] = set()

    def path(self, *names: str) -> Path:
        """A file of its own for the picture that these names say, whatever characters they hold."""
        stem = "-".join(re.sub(r"[^\w.=+-]+", "_", name) for name in names)
        path = self.folder / f"{stem}.svg"
        if path in self.drawn or len(stem) > 120:
            path = self.folder / f"{stem[:110]}-{hashlib.sha256(repr(names).encode()).hexdigest()[:8]}.svg"
        self.drawn.add(path)
        return path

    def remove_others(self) -> None:
        """Remove the pictures that this report did not draw."""
        for path in set(self.folder.glob("[!.]*.svg")) - self.drawn:
            path.unlink(missing_ok=True)

    def curves(self, runs: list[Run]) -> list[Path]:
        """Learning curves of one model's runs, once per epoch and once per second; none when there is no history."""
        return [self._curves(runs, along) for along in AXES if any(_known(run, along).any() for run in runs)]

    def skills(self, groups: list[Group]) -> list[Path]:
        """Validation skill of all models, once per epoch and once per second, seeds as bands."""
        label = "skill, validation\n(share of order 0 removed)"
        drawn = [self._over("skill", groups, along, _skill, label) for along in AXES]
        return [path for path in drawn if path]

    def scale(self, scale: Scale, groups: list[Group]) -> Path:
        """What the same music costs every model, and the simplest ones: a mark for each, by the kind of figure."""
        path = self.path("scale")
        names = [row.group.name for row in scale.rows] + [f"({name})" for name in scale.baselines]
        labels, styles = [_label(name, 21) for name in names], _styles(groups)
        rows = 0.3 + sum(0.12 + 0.16 * (label.count("\n") + 1) for label in labels)  # inches
        height = 0.5 + rows + 0.5
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(WIDE, height))
            axes = figure.add_axes((0.36, 0.5 / height, 0.6, rows / height))
            for place, row in enumerate(scale.rows):
                colour = styles[row.group.name]["color"]
                axes.plot([row.codes, row.total], [place, place], color=colour, **LEFT_OUT)
                axes.plot(row.interval, [place, place], color=colour, linewidth=1.2)
                axes.plot(row.total, place, color=colour, linestyle="", **KINDS.get(row.kind, KINDS["exact"]))
            for place, nats in enumerate(scale.baselines.values(), len(scale.rows)):
                axes.plot(nats, place, color=INK, linestyle="", marker="|", markersize=9)
            axes.set_yticks(range(len(names)), labels)
            axes.set_ylim(len(names) - 0.4, -0.6)
            _logarithmic(axes)
            axes.set_xlabel("nats per beat of the same test music")
            axes.grid(linewidth=0.6, which="both", axis="x")
            axes.tick_params(length=0, which="both")
            used = dict.fromkeys(row.kind for row in scale.rows)
            handles = [Line2D([], [], color=INK, linestyle="", **KINDS[kind]) for kind in used if kind in KINDS]
            handles += [Line2D([], [], color=INK, **LEFT_OUT), Line2D([], [], color=INK, linewidth=1.2)]
            words = [kind for kind in used if kind in KINDS] + ["left out by codes", "95% interval"]
            legend: dict[str, Any] = {"loc": "upper left", "borderaxespad": 0.3, "borderpad": 0, "fontsize": 8.5}
            figure.legend(
                handles, words, ncols=3, columnspacing=1, handlelength=1.4, bbox_to_anchor=(0.02, 1), **legend
            )
            save_figure(figure, path)
        return path

    def scale_curves(self, groups: list[Group]) -> Path | None:
        """What the same validation music costs all models as training goes on; None where nobody knows."""
        return self._over("scale", groups, "seconds", _on_scale, "nats per beat of the same\nvalidation music")

    def cost(self, groups: list[Group]) -> Path | None:
        """Training seconds against skill on test music, one mark a run."""
        points = [
            (group, run) for group in groups for run in group.runs if None not in (run.seconds, run.results.skill())
        ]
        if not points:
            return None
        path = self.path("cost")
        with matplotlib.rc_context(STYLE):
            figure, axes = _chart()
            for name, style in _styles(groups).items():
                if marks := [(run.seconds, run.results.skill()) for group, run in points if group.name == name]:
                    axes.plot(*zip(*marks, strict=True), **style | {"linestyle": "", "markersize": 6}, label=name)
            axes.set(xlabel=AXES["seconds"], ylabel="skill, test\n(share of order 0 removed)")
            _logarithmic(axes)
            _add_legend(figure, axes)
            save_figure(figure, path)
        return path

    def ways(self, ways: list[Way]) -> Path | None:
        """Skill on test music at each step from one preset to another, a line for each model."""
        if not ways:
            return None
        path = self.path("presets")
        with matplotlib.rc_context(STYLE):
            figure, axes = _chart()
            styles = _styled([(way.model, f"{way.one} to {way.other}") for way in ways])
            for way, style in zip(ways, styles, strict=True):
                skills = np.array([group.skill("order0") for group in way.groups], float)  # nan where it is not known
                axes.plot(range(4), skills, **style, label=f"{way.model}, {way.one} to {way.other}")
            axes.margins(x=0.18)  # room for the words below the last
            axes.set_xticks(range(4), ["as it was", "+ training", "+ network", "+ representation"])
            axes.set(ylabel="skill, test\n(share of order 0 removed)", xlabel="what is taken from the other preset")
            _add_legend(figure, axes)
            save_figure(figure, path)
        return path

    def distributions(self, run: Run) -> Path | None:
        """Of every feature the distribution in the run's samples over that in real music; None when not measured."""
        histograms = run.results.comparison.histograms
        measured = [name for name in UNITS if name in histograms]
        drawn = {name: columns for name in measured if (columns := _shares(histograms[name])) is not None}
        if not drawn:
            return None
        path = self.path("distributions", run.model, run.name)
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(9.4, 4.2), layout="constrained")
            panels = list(figure.subplots(2, 4).flat)
            for axes, (name, (values, shares)) in zip(panels, drawn.items(), strict=False):
                axes.fill_between(values, 100 * shares["test"], step="mid", **DISTRIBUTIONS["test"])
                for label in ("ngram", "samples"):
                    axes.step(values, 100 * shares[label], where="mid", **DISTRIBUTIONS[label])
                axes.set(title=name.replace("_", " "), xlabel=UNITS[name], ylabel="share (%)", ylim=(0, None))
                axes.tick_params(length=0)
                axes.margins(x=0.01)
                if name == "pitch_class":
                    axes.set_xticks(range(12), ["C", "", "D", "", "E", "F", "", "G", "", "A", "", "B"])
            for axes in panels[len(drawn) :]:
                axes.set_axis_off()
            handles, labels = panels[0].get_legend_handles_labels()
            panels[-1].legend(handles, labels, loc="center left", fontsize=9)
            save_figure(figure, path)
        return path

    def network(self, chain: list[networks.Box], *names: str) -> Path:
        """The picture of one network."""
        path = self.path("network", *names)
        with matplotlib.rc_context(STYLE):
            save_figure(networks.draw(chain), path)
        return path

    def _curves(self, runs: list[Run], along: str) -> Path:
        path = self.path("curves", runs[0].model, along)
        variants = list(dict.fromkeys(run.variant for run in runs))
        colours = {variant: PALETTE[index % len(PALETTE)] for index, variant in enumerate(variants)}
        names = [_label(variant) for variant in variants]
        rows = sum(name.count("\n") + 1 for name in names) + 1
        above, size = 0.12 + 0.18 * rows, (4.6, 4.0 + 0.18 * rows)  # inches
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=size)
            top, bottom = 1 - above / size[1], 0.45 / size[1]
            loss, nats = figure.subplots(
                2, sharex=True, gridspec_kw={"left": 0.13, "right": 0.98, "top": top, "bottom": bottom, "hspace": 0.1}
            )
            for run in runs:
                colour = colours[run.variant]
                _line(loss, run, along, "loss", color=colour, **LINES["training"])
                _line(loss, run, along, "val_loss", color=colour, **LINES["validation"])
                _line(nats, run, along, "val_nats_per_beat", color=colour, **LINES["validation"])
            for variant, colour in colours.items():
                baselines = [run.results.order0.valid for run in runs if run.variant == variant]
                for baseline in dict.fromkeys(value for value in baselines if value is not None):
                    nats.axhline(baseline, color=colour, **LINES["order-0 baseline"])
            loss.set_ylabel("loss (model's own unit)")
            nats.set(ylabel="nats per beat (valid.)", xlabel=AXES[along])
            nats.set_xlim(left=0)
            if along == "epoch":
                nats.locator_params(axis="x", integer=True)
            for axes in (loss, nats):
                axes.grid(linewidth=0.6)
                axes.tick_params(length=0)
            handles = [Line2D([], [], color=colours[variant], linewidth=2.5) for variant in variants]
            kinds = [Line2D([], [], color=INK, **style) for style in LINES.values()]
            place = {"loc": "upper left", "borderpad": 0, "borderaxespad": 0.4, "fontsize": 8.5}
            figure.legend(kinds, list(LINES), ncols=len(kinds), bbox_to_anchor=(0.11, 1), **place)
            below = 1 - 0.19 / size[1]
            figure.legend(handles, names, labelspacing=0.25, bbox_to_anchor=(0.11, below), **place)
            save_figure(figure, path)
        return path

    def _over(self, name: str, groups: list[Group], along: str, figures: Curve, label: str) -> Path | None:
        """A figure of every epoch of all models, over epochs or seconds; None where no model has it."""
        if not any(_band(group, along, figures) for group in groups):
            return None
        path = self.path(name, along)
        styles = _styles(groups)
        with matplotlib.rc_context(STYLE):
            figure, axes = _chart()
            for group in groups:
                if curves := _band(group, along, figures):
                    x, low, mean, high = curves
                    style = styles[group.name]
                    axes.plot(x, mean, label=group.name, markevery=-(-len(x) // 6), **style)
                    axes.fill_between(x, low, high, color=style["color"], alpha=0.25, linewidth=0)
            if along == "seconds":
                _logarithmic(axes)
            else:
                axes.locator_params(axis="x", integer=True)
            axes.set(xlabel=AXES[along], ylabel=label)
            _add_legend(figure, axes)
            save_figure(figure, path)
        return path


def _shares(histogram: Histogram) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """Values and the share of each in each set, without what is rare at either end; None when it is not all there."""
    columns = {name: np.array(getattr(histogram, name), float) for name in ("values", *DISTRIBUTIONS)}
    if len({column.shape for column in columns.values()}) > 1:
        return None
    shares = np.stack([columns[name] for name in DISTRIBUTIONS])  # (sets, values)
    if not shares.sum() > RARE:
        return None
    below, above = (np.cumsum(ordered, 1).max(0) for ordered in (shares, shares[:, ::-1]))
    keep = (below > RARE) & (above[::-1] > RARE)
    values = columns["values"][keep]
    gap = np.diff(values).min(initial=1)
    values = np.concatenate([[values[0] - gap], values, [values[-1] + gap]])  # every step goes up and down again
    return values, {name: np.pad(columns[name][keep], 1) for name in DISTRIBUTIONS}


def _styles(groups: list[Group]) -> dict[str, dict]:
    """By name of the group how it is drawn."""
    styles = _styled([(group.model, group.title) for group in groups])
    return {group.name: style for group, style in zip(groups, styles, strict=True)}


def _styled(names: list[tuple[str, str]]) -> list[dict]:
    """How each (model, variant) is drawn.

    A colour for each model; a marker and a line for each variant, the same for all models, the commonest variants
    having the plainest. Where colours come again, variants have other markers and lines.
    """
    models = list(dict.fromkeys(model for model, _ in names))
    rounds = {model: divmod(index, len(PALETTE)) for index, model in enumerate(models)}
    kinds = Counter((rounds[model][0], variant) for model, variant in names)
    places = {kind: place for place, (kind, _) in enumerate(kinds.most_common())}
    styles = []
    for model, variant in names:
        again, colour = rounds[model]
        place = places[again, variant]
        marker, line = MARKERS[place % len(MARKERS)], DASHES[place % len(DASHES)]
        styles.append({"color": PALETTE[colour], "marker": marker, "linestyle": line, "linewidth": 1.3, **EDGE})
    return styles


def _logarithmic(axes: Axes) -> None:
    """Seconds on a logarithmic axis, in plain numbers."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_minor_formatter("{x:g}")


def _chart() -> tuple[Figure, Axes]:
    """A figure, which `_add_legend` makes higher, and its axes."""
    figure = Figure(figsize=(WIDE, HIGH))
    return figure, figure.add_axes((0, 0, 1, 1))


def _add_legend(figure: Figure, axes: Axes) -> None:
    """The legend below the axes, in whole, however many lines it takes."""
    axes.grid(linewidth=0.6)
    axes.tick_params(length=0)
    handles, names = axes.get_legend_handles_labels()
    names = [_label(name) for name in names]
    place: dict[str, Any] = {"loc": "upper left", "fontsize": 8.5, "labelspacing": 0.25, "borderpad": 0}
    place["borderaxespad"] = 0
    legend = figure.legend(handles, names, handlelength=3.2, **place)
    needed = legend.get_window_extent(FigureCanvasAgg(figure).get_renderer()).height / figure.dpi  # inches
    height = HIGH + needed + 0.1
    figure.set_size_inches(WIDE, height)
    axes.set_position((0.19, 1 - (HIGH - 0.45) / height, 0.78, (HIGH - 0.5) / height))
    legend.set_bbox_to_anchor((0.02, 1 - HIGH / height))


def _label(name: str, width: int = 50) -> str:
    """The name as a legend shows it: broken, not cut; matplotlib hides one that begins with "_"."""
    return "\n".join(textwrap.wrap(printable(name), width)).lstrip("_")


def _skill(run: Run, nats: np.ndarray) -> np.ndarray | None:
    """Skill of nats per beat of validation music."""
    return 1 - nats / run.results.order0.valid if run.results.order0.valid else None


def _on_scale(run: Run, nats: np.ndarray) -> np.ndarray | None:
    """Nats per beat of validation music on the scale of all models."""
    music = run.results.canonical
    return None if music.curve_scale is None else music.curve_scale * nats + (music.curve_offset or 0)


def _band(group: Group, along: str, figures: Curve) -> list[np.ndarray] | None:
    """Epochs or seconds, and lowest, mean and highest figure over the seeds, as far as all seeds came."""
    times, curves = [], []
    for run in group.runs:
        if not {along, "val_nats_per_beat"} <= run.history.keys():
            continue
        known = _known(run, along) & _known(run, "val_nats_per_beat")
        curve = figures(run, np.array(run.history["val_nats_per_beat"], float)[known])
        if known.any() and curve is not None:
            times.append(np.array(run.history[along], float)[known])
            curves.append(curve)
    if not curves:
        return None
    shortest = min(map(len, curves))
    x, y = (np.stack([curve[:shortest] for curve in each]) for each in (times, curves))  # (seeds, epochs)
    return [x.mean(0), y.min(0), y.mean(0), y.max(0)]


def _known(run: Run, column: str) -> np.ndarray:
    """Which epochs have a number in that column, (epochs,) bool."""
    return np.isfinite(np.array(run.history.get(column, []), float))


def _line(axes: Axes, run: Run, along: str, column: str, **style: Any) -> None:
    if {along, column} <= run.history.keys():
        known = _known(run, along) & _known(run, column)
        x, y = (np.array(run.history[name], float)[known] for name in (along, column))
        axes.plot(x, y, marker="." if len(x) < 4 else "", markersize=4, **style)
