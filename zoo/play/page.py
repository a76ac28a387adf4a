"""The page: one HTML file with scripts, looks and models inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zoo._errors import UserError
from zoo._files import write_bytes
from zoo.play.arrays import as_text, pack
from zoo.play.export import Playable
from zoo.report.html import templates_of

LARGEST = 3_000_000  # bytes of a page
SCRIPTS = (  # an idea each, in the order in which one needs the other
    "arrays", "random", "layers", "rules", "grid", "codecs", "symbols", "distributions", "frames", "models",
    "piece", "midi", "sound", "player", "roll", "piano", "app",
)  # fmt: skip


class LeftOut(NamedTuple):
    """What is not in the page, and why."""

    name: str
    reason: str


class Written(NamedTuple):
    """What is in a page that was written."""

    size: int  # bytes
    models: list[Playable]
    left_out: list[LeftOut]


def write_page(path: Path, models: Sequence[Playable], music: str = "", largest: int = LARGEST) -> Written:
    """Write the page of some models; while it would be too large, the largest is left out.

    Args:
        path: of the page.
        models: to play on, in the order in which they are offered.
        music: name of the corpus that they were trained on.
        largest: bytes of the page.

    Returns:
        What is in it.

    Raises:
        UserError: when no model is left, or the file cannot be written.
    """
    packed = [(model, as_text(pack(model.network))) for model in models]
    left_out: list[LeftOut] = []
    while packed:
        page = _rendered(packed, music).encode("utf-8", "replace")
        if len(page) <= largest:
            write_bytes(path, page)
            return Written(len(page), [model for model, _ in packed], left_out)
        at = max(range(len(packed)), key=lambda index: len(packed[index][1]))
        model, text = packed.pop(at)
        reason = f"its {len(text) / 1e6:.1f} MB would make the page larger than {largest / 1e6:.1f} MB."
        left_out.append(LeftOut(model.label, reason))
    named = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in left_out)
    raise UserError(f"there is nothing to play on ({named or 'no model'}); train a smaller model, or name another run.")


def _rendered(packed: Sequence[tuple[Playable, str]], music: str) -> str:
    names = [model.name for model, _ in packed]
    twice = {name for name in names if names.count(name) > 1}
    return _ENVIRONMENT.get_template("play.html").render(models=packed, twice=twice, music=music, scripts=SCRIPTS)


_ENVIRONMENT = templates_of(Path(__file__).parent / "page")
