"""Piano rolls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline

from zoo.render.bars import bars
from zoo.render.style import GRID, INK, PALETTE, PAPER, STYLE, save_figure
from zoo.song import TICKS_PER_BEAT, Song

MOST_LINES = 2000  # bar lines in a piano roll of at most 5800 dots
LEFT, RIGHT, BOTTOM, TOP = 0.45, 0.1, 0.45, 0.3  # margins around the notes, in inches


@matplotlib.rc_context(STYLE)
def piano_roll(song: Song, path: Path | str) -> None:
    """Draw the notes as bars, pitch over beats, one colour a track, bar lines behind; a primer is shaded and labelled.

    Args:
        song: any song, an empty one too.
        path: `.png` or `.svg`.

    Raises:
        UserError: when the file cannot be written.
    """
    low, high = (song.pitch.min() - 2, song.pitch.max() + 3) if len(song) else (54, 66)
    low, high = min(low, high - 14), max(high, low + 14)
    beats, width, height = max(song.beats, 1.0), _width(song), np.clip((high - low) * 0.06, 1.4, 4)
    lines = bars(song) / TICKS_PER_BEAT
    lines = lines[lines <= beats]
    lines = lines[:: -(-len(lines) // MOST_LINES)]
    tracks = np.unique(song.track)
    several = 1 < len(tracks) <= 8
    size = (LEFT + width + RIGHT, BOTTOM + height + (TOP if song.primed or several else RIGHT))
    figure = Figure(figsize=size)
    axes = figure.add_axes((LEFT / size[0], BOTTOM / size[1], width / size[0], height / size[1]))

    octaves = np.arange(-(-low // 12) * 12, high + 1, 12)
    axes.set(xlim=(0, beats), ylim=(low - 0.5, high - 0.5), xlabel="beats")
    labelled = lines[:: -(-len(lines) // 24)]
    axes.set_xticks(labelled, [f"{beat:.4g}" for beat in labelled])
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.vlines(lines, low - 0.5, high - 0.5, colors=GRID, linewidth=0.8, zorder=0)
    axes.hlines(octaves, 0, beats, colors=GRID, linewidth=0.8, zorder=0)
    for track in tracks:
        notes = song.select(song.track == track)
        axes.add_patch(PathPatch(_outline(notes), facecolor=_colour(track), edgecolor=PAPER, linewidth=0.4))
    if song.primed:
        primer = min(song.primed / TICKS_PER_BEAT, beats)
        axes.axvspan(0, primer, color="#888888", alpha=0.18, linewidth=0)
        axes.axvline(primer, color=INK, linewidth=1, linestyle="--")
        above: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "va": "bottom"}
        axes.text(primer - 0.3, 1.02, "primer", ha="right", **above)
        axes.text(primer + 0.3, 1.02, "the model's music", ha="left", **above)
    if several:
        handles = [Patch(color=_colour(track), label=f"track {track + 1}") for track in tracks]
        place = {"loc": "lower right", "bbox_to_anchor": (1, 0.97), "borderaxespad": 0}
        axes.legend(handles=handles, ncols=len(handles), handlelength=0.8, columnspacing=1, fontsize=8, **place)
    save_figure(figure, path)


def music_within_roll(song: Song) -> tuple[float, float]:
    """Where in the width of its piano roll the song begins and ends, as shares; a player's cursor runs between them."""
    whole = LEFT + _width(song) + RIGHT
    return LEFT / whole, (LEFT + _width(song) * song.beats / max(song.beats, 1.0)) / whole


def _width(song: Song) -> float:
    return float(np.clip(max(song.beats, 1.0) * 0.15, 8, 48))


def _colour(track: int) -> str:
    return PALETTE[track % len(PALETTE)]


def _outline(song: Song) -> Outline:
    """All notes as one path of closed rectangles: a tenth of the file that single patches make."""
    left, right = song.start / TICKS_PER_BEAT, song.end / TICKS_PER_BEAT
    bottom, top = song.pitch - 0.45, song.pitch + 0.45
    corners = np.stack([left, bottom, right, bottom, right, top, left, top, left, bottom], -1)  # (notes, 5 * 2)
    codes = np.tile([Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY], len(song))
    return Outline(corners.reshape(-1, 2), codes)
