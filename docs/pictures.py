"""The pictures of the documentation: the same two bars of Bach as sheet music, and in each representation.

    python docs/pictures.py

Writes docs/pictures/bach.sheet.svg, and `<model>-<preset>.svg` for every preset with a representation of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import zoo
from zoo.codecs import Codec, MelodyCodec, RollCodec, SymbolCodec
from zoo.codecs.chord import NAMES
from zoo.codecs.melody import HOLD, REST
from zoo.corpora.recipes import RECIPES, read_score
from zoo.render import render
from zoo.render.style import GRID, INK, PALETTE, PAPER, STYLE, save_figure
from zoo.song import TICKS_PER_BEAT, Song

CHORALE, BEATS = "bwv269", 7  # its pickup and two bars in three
PLACE = Path(__file__).parent / "pictures"
WIDTH = 8.5  # inches
ROW, SIZE = 0.26, 7.5  # inches of a row of symbols, points of its text
MOST_ROWS = 14  # of symbols; what follows is left out


def main() -> None:
    """Draw everything anew."""
    song = excerpt()
    for path in PLACE.glob("*.svg"):
        path.unlink()
    PLACE.mkdir(exist_ok=True)
    render(song, PLACE / "bach.sheet.svg")
    for name in zoo.names():
        drawn = []
        for preset in zoo.find(name).presets:
            codec = zoo.create(name, preset).make_codec()
            described = codec.to_json()
            if preset == "smoke" or described in drawn:
                continue
            drawn.append(described)
            draw(codec.fit([song]), song, PLACE / f"{name}-{preset}.svg")


def excerpt() -> Song:
    """The music of all pictures."""
    score = RECIPES["bach-chorales"].pieces()[CHORALE]
    return read_score(score).crop(0, BEATS * TICKS_PER_BEAT)


@matplotlib.rc_context({**STYLE, "svg.fonttype": "none"})
def draw(codec: Codec, song: Song, path: Path) -> None:
    """Draw the music as a representation has it.

    Args:
        codec: fitted.
        song: the music.
        path: of an SVG file.
    """
    lines = codec.encode(song)
    if isinstance(codec, RollCodec):
        figure = roll(codec, lines[0].codes)
    elif isinstance(codec, MelodyCodec):
        figure = steps([[spelled(code) for code in line.codes.tolist()] for line in lines])
    else:
        assert isinstance(codec, SymbolCodec)
        figure = text([written(symbol) for symbol in codec.known(lines[0].codes)])
    save_figure(figure, path)


def spelled(code: int) -> str:
    """A class of a melody in words."""
    if code in (REST, HOLD):
        return "rest" if code == REST else "hold"
    return f"{NAMES[code % 12]}{code // 12 - 1}"


def written(symbol: Any) -> str:
    """A symbol as text."""
    return "_".join(map(str, symbol)) if isinstance(symbol, (list, tuple)) else str(symbol) or "silence"


def blank(height: float) -> tuple[Figure, Any]:
    """A figure of `height` inches whose coordinates are inches, from the top left."""
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def box(axes: Any, left: float, top: float, width: float, label: str, colour: str) -> None:
    """One symbol."""
    axes.add_patch(Rectangle((left, top), width, ROW * 0.84, facecolor=colour, alpha=0.22, edgecolor="none"))
    axes.text(left + width / 2, top + ROW * 0.44, label, ha="center", va="center", fontsize=SIZE, color=INK)


def text(symbols: Sequence[str]) -> Figure:
    """Symbols one after the other, broken into rows; a colour for each kind of symbol."""
    kinds: dict[str, str] = {}
    rows, left = 0, 0.0
    placed = []
    for symbol in symbols:
        width = 0.1 + 0.066 * len(symbol)
        if left + width > WIDTH:
            rows, left = rows + 1, 0.0
        placed.append((left, rows, width, symbol))
        left += width + 0.04
    shown = [place for place in placed if place[1] < MOST_ROWS]
    figure, axes = blank((shown[-1][1] + 1) * ROW)
    for left, row, width, symbol in shown:
        kind = "+" if symbol.startswith("+") else "".join(c for c in symbol if c.isalpha() and c.islower())
        colour = kinds.setdefault(kind, PALETTE[len(kinds) % len(PALETTE)])
        box(axes, left, row * ROW, width, symbol, colour)
    return figure


def steps(lines: Sequence[Sequence[str]]) -> Figure:
    """A row for each line, a box for each step of the grid."""
    figure, axes = blank(len(lines) * ROW)
    width = WIDTH / max(map(len, lines))
    for row, line in enumerate(lines):
        for step, label in enumerate(line):
            colour = GRID if label in ("hold", "rest") else PALETTE[row % len(PALETTE)]
            box(axes, step * width, row * ROW, width * 0.94, {"hold": "–", "rest": "·"}.get(label, label), colour)
    return figure


def roll(codec: RollCodec, frames: np.ndarray) -> Figure:
    """The bits of the frames, time from left to right: sounding, and darker where struck; lines part the frames."""
    bits = frames.reshape(len(frames) * codec.steps_per_frame, codec.bits_per_step)
    sounds, struck = bits[:, : codec.pitches], bits[:, codec.pitches :]
    used = np.flatnonzero(sounds.any(0))
    low, high = max(0, used[0] - 2), used[-1] + 3
    figure = Figure(figsize=(WIDTH, 3))
    axes = figure.add_axes((0.06, 0.14, 0.93, 0.84))
    for step, pitch in np.argwhere(sounds):
        is_struck = bool(struck.size and struck[step, pitch])
        colour = PALETTE[0] if is_struck or not struck.size else PALETTE[1]
        axes.add_patch(Rectangle((step, codec.low + pitch - 0.5), 1, 1, facecolor=colour, edgecolor=PAPER))
    ends = np.arange(0, len(bits) + 1, codec.steps_per_frame)
    axes.vlines(ends, codec.low + low - 0.5, codec.low + high - 0.5, colors=GRID, linewidth=0.8, zorder=0)
    axes.set(xlim=(0, len(bits)), ylim=(codec.low + low - 0.5, codec.low + high - 0.5), xlabel="steps of the grid")
    octaves = np.arange(-(-(codec.low + low) // 12) * 12, codec.low + high, 12)
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
