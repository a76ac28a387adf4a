"""One style for every picture: fonts, colours that colour-blind people tell apart, light and dark."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from zoo.files import write_bytes

# Okabe and Ito, "Color Universal Design" (2008), without black and yellow, which vanish on one background or the other.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
INK, PAPER, GRID = "#222222", "#ffffff", "#dddddd"
NIGHT = {INK: "#e4e4e4", PAPER: "#17191e", GRID: "#3b3e46"}
STYLE = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "text.parse_math": False,  # a "$" in somebody's name is a dollar
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": GRID,
    "legend.frameon": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text: small files that can be searched and read aloud
    "svg.hashsalt": "zoo",
}

_RECTANGLE = re.compile(
    rb"M ([\d.]+) ([\d.]+) \nL ([\d.]+) \2 \nL \3 ([\d.]+) \nL \1 \4 \n(?:L \1 \2 \n)?z\n?"
)  # of matplotlib, which writes every corner out


def save_figure(figure: Figure, path: Path | str) -> None:
    """Write a figure as PNG or SVG, by suffix, without dates; an SVG follows its reader's light or dark colour scheme.

    Raises:
        UserError: when the file cannot be written.
    """
    suffix = Path(path).suffix[1:].lower()
    metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
    image = io.BytesIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # an SVG's reader has other fonts
        figure.savefig(image, format=suffix, dpi=120, metadata=metadata)
    content = image.getvalue()
    if suffix == "svg":
        rules = "".join(
            f'[style*="{role}: {day}"]{{{role}: {night} !important}}'
            for day, night in NIGHT.items()
            for role in ("fill", "stroke")
        )
        night = f"@media (prefers-color-scheme: dark) {{{rules}}}"
        content = content.replace(b"</style>", night.encode() + b"</style>", 1)
        content = _RECTANGLE.sub(rb"M\1 \2H\3V\4H\1z", content)
    write_bytes(path, content)
