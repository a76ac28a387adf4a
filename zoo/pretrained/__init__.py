"""Weights that ship with the package: `<corpus>/<model>/`, each a small run folder with a card that says what it is."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """What ships, as "bach-chorales/rnn_nade"."""
    return sorted(path.parent.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*/card.md"))


def folder(name: str) -> Path | None:
    """Where the weights of that name lie; None where there are none."""
    return FOLDER / name if name in names() else None
