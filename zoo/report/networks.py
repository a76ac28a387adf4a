"""Pictures of networks: boxes below each other, from input to output, out of what `metrics.json` says of the layers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from zoo._files import printable
from zoo.experiments.results import FrameNetwork, Layer
from zoo.render.style import INK, PALETTE, PAPER

CELLS = {"lstm": "LSTM", "gru": "GRU", "tanh": "Recurrent layer, tanh"}

WIDTH, GAP, MARGIN, LINE = 4.2, 0.26, 0.12, 0.17  # inches, as are all lengths here
TITLE: dict[str, Any] = {"fontsize": 8.5, "weight": "bold"}
NOTE: dict[str, Any] = {"fontsize": 8}


class Box(NamedTuple):
    """One box of a picture.

    Args:
        title, note: its text; long lines are broken.
        right: text at the right of the note.
        link: the arrow from the box above.
        label: text beside that arrow.
        parts: the boxes inside of it, from top to bottom.
    """

    title: str
    note: str = ""
    right: str = ""
    link: str = "-|>"
    label: str = ""
    parts: tuple[Box, ...] = ()

    def lines(self, width: float) -> tuple[list[str], list[str]]:
        """Title and note, broken so that they fit into that width."""
        aside = len(self.right) + 2 if self.right else 0
        room = int((width - 2 * MARGIN) / 0.064)  # characters of 8 points
        title = textwrap.wrap(printable(self.title), int(0.84 * room))
        return title, textwrap.wrap(printable(self.note), max(room - aside, 12)) or [""] * bool(self.right)

    def height(self, width: float) -> float:
        """How high it is when it is that wide."""
        below = sum(part.height(width - 2 * MARGIN) + GAP for part in self.parts)
        return 2 * MARGIN + LINE * sum(map(len, self.lines(width))) + below - (GAP - 0.06) * bool(self.parts)


def boxes(layers: Sequence[Layer]) -> list[Box]:
    """The boxes for layers, from input to output."""
    return [box for layer in layers for box in _boxes(layer)]


def described(chain: list[Box]) -> str:
    """The boxes in words, for who cannot see the picture."""
    return ", ".join(box.title + f" ({described(list(box.parts))})" * bool(box.parts) for box in chain)


def draw(chain: list[Box]) -> Figure:
    """The picture."""
    width = WIDTH - 0.2
    height = sum(box.height(width) + GAP for box in chain) - GAP + 0.2
    figure = Figure(figsize=(WIDTH, max(height, 0.2)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.set_axis_off()
    _stack(axes, chain, 0.1, height - 0.1, width)
    return figure


def _boxes(layer: Layer) -> list[Box]:
    counted = f"{layer.parameters:,} parameters" if layer.parameters else ""
    if layer.frame_network and layer.frame_network.is_complete:
        return _of_frames(layer.frame_network, counted)
    return [Box(" · ".join(filter(None, (layer.layer, layer.detail))), layer.shape, counted)]


def _of_frames(network: FrameNetwork, counted: str) -> list[Box]:
    """From the frame before to the frame, through the recurrent network and the machine whose biases it sets."""
    hidden, at_every_pitch = network.hidden, network.at_every_pitch
    parts = [Box(f"Hidden layer {place} · {size} units") for place, size in enumerate(hidden, 1)][::-1]
    if len(parts) == 1:
        parts = [Box(f"Hidden · {hidden[0]} units")]
    else:
        parts[-1] = parts[-1]._replace(link="<|-|>")  # the upper two are a Boltzmann machine, the lower one obeys
    visible = Box(f"Visible, the frame · {network.visible} bits")
    recurrent = [Box(f"{CELLS.get(network.cell, network.cell)} · {size} units") for size in network.units]
    recurrent[0] = recurrent[0]._replace(note="remembers the frames before that one")
    if network.gibbs_steps is None:
        machine, note = "NADE", "bit by bit"
        visible = visible._replace(link="<|-|>", note="each bit conditions on those before it")
        if at_every_pitch:  # they are hidden units of the machine
            title = f"{parts[-1].title} + {at_every_pitch} at every pitch"
            parts[-1] = parts[-1]._replace(title=title, note="those at every pitch read the last frames")
    else:
        machine = "Deep belief network" if len(hidden) > 1 else "Restricted Boltzmann machine"
        note = f"CD-{network.gibbs_steps}"
        visible = visible._replace(link="-|>" if len(hidden) > 1 else "<|-|>")
        if at_every_pitch:  # they set biases, as the recurrent network does
            recurrent.append(Box(f"At every pitch · {at_every_pitch} units", "read the last frames too"))
    counted += " in all" * bool(counted)
    label = "sets the biases of its units" if len(recurrent) == 1 else "all of them set the biases of its units"
    drawn = Box(machine, note, counted, label=label, parts=(*parts, visible))
    return [Box(f"The frame before · {network.visible} bits"), *recurrent, drawn]


def _stack(axes: Axes, chain: list[Box], left: float, top: float, width: float) -> None:
    """Draw boxes below each other, the first one's upper edge at `top`."""
    for index, box in enumerate(chain):
        if index:
            middle = left + 0.3 * width  # so that the label has room
            arrow = {"arrowstyle": box.link, "color": INK, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (middle, top - GAP), (middle, top), arrowprops=arrow)
            axes.text(middle + 0.12, top - GAP / 2, box.label, va="center", **NOTE)
            top -= GAP
        height, (title, note) = box.height(width), box.lines(width)
        frame = FancyBboxPatch((left, top - height), width, height, boxstyle="round,pad=0,rounding_size=0.08")
        frame.set(facecolor=PAPER, edgecolor=PALETTE[0], linewidth=1.2)
        axes.add_patch(frame)
        y = top - MARGIN - LINE / 2
        axes.text(left + width - MARGIN, y - LINE * len(title), box.right, va="center", ha="right", **NOTE)
        for line, style in [(line, TITLE) for line in title] + [(line, NOTE) for line in note]:
            axes.text(left + MARGIN, y, line, va="center", **style)
            y -= LINE
        _stack(axes, list(box.parts), left + MARGIN, y + LINE / 2 - 0.06, width - 2 * MARGIN)
        top -= height
