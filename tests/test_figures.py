"""The report's pictures: variants told apart, nothing cut off, networks drawn in their parts."""

import dataclasses
import itertools
import json
import re

import matplotlib
import pytest
from made_runs import run
from pictures import inside

from zoo.experiments import records
from zoo.experiments.results import Baseline, FrameNetwork, Layer
from zoo.layers.conditioned import CELLS, Conditioned
from zoo.layers.dbn import DBN
from zoo.layers.nade import NADE
from zoo.layers.rbm import RBM
from zoo.layers.relative import Relative
from zoo.render.style import STYLE
from zoo.report import networks
from zoo.report.figures import Figures
from zoo.report.groups import Group


def groups(models, variants):
    """Groups with a run each, that has a history."""
    groups = []
    for model, variant in itertools.product(range(models), range(variants)):
        one = run(f"model_{model}", 5.0 + variant, seconds=10.0 + variant)
        one.history.update(epoch=[1.0, 2.0], seconds=[1.0, 2.0], val_nats_per_beat=[6.0, 5.0])
        one = dataclasses.replace(one, results=dataclasses.replace(one.results, order0=Baseline(8.0, 20.0)))
        name = "tuned-learning_rate=0.5-" + "units=64-" * variant
        groups.append(Group(f"model_{model}", name, name, (one,)))
    return groups


@pytest.mark.parametrize(("models", "variants"), [(1, 1), (6, 1), (6, 8), (8, 4)])
def test_every_group_is_told_apart_and_no_legend_is_cut(drawn, tmp_path, models, variants):
    pictured = groups(models, variants)
    Figures(tmp_path).skills(pictured)
    Figures(tmp_path).cost(pictured)
    assert len(drawn) == 3
    for figure in drawn:
        (legend,), (axes,) = figure.legends, figure.axes
        assert inside(figure)
        below = axes.xaxis.label.get_window_extent().y0
        assert legend.get_window_extent().y1 <= below
        names = [text.get_text().replace("\n", "") for text in legend.get_texts()]
        assert names == [group.name for group in pictured]
        looks = [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in axes.lines]
        assert len(set(looks)) == len(looks) == len(pictured)
        for start in range(0, len(looks), variants):
            assert len({colour for colour, _, _ in looks[start : start + variants]}) == 1
        assert len({colour for colour, _, _ in looks}) == min(models, 6)


NETWORKS = {
    "rbm": (lambda relative: RBM(96, relative=relative), "Restricted Boltzmann machine", ["Hidden · 96 units"]),
    "nade": (lambda relative: NADE(96, relative=relative), "NADE", ["Hidden · 96 units"]),
    "dbn": (
        lambda relative: DBN(96, relative=relative),
        "Deep belief network",
        ["Hidden layer 2 · 20 units", "Hidden layer 1 · 96 units"],
    ),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("around", [0, 16])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_of_frames_is_drawn_in_its_parts(kind, around, cell):
    make, name, hidden = NETWORKS[kind]
    layer = Conditioned(make(Relative(around, pitches=10)), (128, 64), cell)
    layer.build((None, None, 20))
    network = records.read(FrameNetwork, json.loads(json.dumps(layer.structure)))
    chain = networks.boxes([Layer("Conditioned", "", "(batch, time, 5)", 1234567, network)])
    frame, lower, upper, *beside, machine = chain
    assert frame.title == "The frame before · 20 bits"
    assert [box.title.split(" · ")[1] for box in (lower, upper)] == ["128 units", "64 units"]
    assert machine.title == name and machine.right == "1,234,567 parameters in all"
    within = around and kind == "nade"  # elsewhere they are no part of the machine, but set its biases
    hidden = [*hidden[:-1], hidden[-1] + " + 16 at every pitch" * bool(within)]
    assert [box.title for box in beside] == ["At every pitch · 16 units"] * bool(around and not within)
    assert [box.title for box in machine.parts] == [*hidden, "Visible, the frame · 20 bits"]
    with matplotlib.rc_context(STYLE):
        assert inside(networks.draw(chain))


def test_long_words_of_a_layer_are_broken_not_cut():
    layer = Layer("Layer", "a word " * 30, "(batch, time) " * 9, 7654321)
    with matplotlib.rc_context(STYLE):
        figure = networks.draw(networks.boxes([layer, layer, Layer()]))
    assert inside(figure)
    text = re.sub(r"\s+", " ", " ".join(text.get_text() for text in figure.axes[0].texts))
    assert text.count("a word") == 60 and text.count("(batch, time)") == 18 and "…" not in text
