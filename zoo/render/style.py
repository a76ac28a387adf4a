"""One style for every picture: fonts, colours that colour-blind people tell apart, light and dark."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from zoo._files import write_bytes

# Okabe and Ito, "Color Universal Design" (2008), without black and yellow, which vanish on one background or the other.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
INK, PAPER, GRID = "#222222", "#ffffff", "#dddddd"
NIGHT = {INK: "#e4e4e4", PAPER: "#17191e", GRID: "#3b3e46"}
STYLE = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # an SVG names the whole list in every text
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
        content = re.sub(rb'(?<= d=")[^"]*', lambda path: _shorter(path[0]), content)
    write_bytes(path, content)


def _shorter(path: bytes) -> bytes:
    """An SVG path with two decimals, and one number instead of two where a line goes straight across or down.

    Matplotlib has no setting for it, and scour would be a dependency for these lines alone.
    """
    path, kept, last = re.sub(rb"(\.\d\d)\d+", rb"\1", path), [], (b"", b"")
    if re.search(rb"[^MLz\d.\s-]", path):  # curves
        return path
    for command, x, y in re.findall(rb"([MLz])(?: ([-\d.]+) ([-\d.]+))?", path):
        if command == b"L" and y == last[1]:
            kept.append(b"H" + x)
        elif command == b"L" and x == last[0]:
            kept.append(b"V" + y)
        else:
            kept.append(command + x + b" " * bool(x) + y)
        last = (x, y)
    return b"".join(kept)
