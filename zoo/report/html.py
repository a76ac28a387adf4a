"""What the pages share: templates that escape, and numbers as people read them."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import markupsafe

from zoo._files import write_text
from zoo.render.roll import music_within_roll
from zoo.report.tables import UNKNOWN, nats, percent, short


def write_page(path: Path, template: str, **context: object) -> None:
    """Fill one of `templates/` and write it."""
    write_text(path, encodable(_ENVIRONMENT.get_template(template).render(context)))


def encodable(page: str) -> str:
    """Without the lone surrogates that stand for the bytes of a file name that is not UTF-8."""
    return page.encode("utf-8", "replace").decode("utf-8")


def thousands(value: float | None) -> str:
    """A number without decimals, its thousands apart; a dash when it is not known."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def clock(seconds: float) -> str:
    """Minutes and seconds: 1:04."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def code(paragraph: str) -> markupsafe.Markup:
    """The paragraph, escaped, with what stands between backticks as code and between asterisks stressed."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(paragraph)))
    return markupsafe.Markup(re.sub(r"\*(\w+)\*", r"<em>\1</em>", marked))


def breakable(name: str) -> markupsafe.Markup:
    """The name of a variant, escaped, where lines may break after its signs."""
    return markupsafe.Markup("<wbr>").join(re.split(r"(?<=[-=,])", name))


def templates_of(folder: Path) -> jinja2.Environment:
    """The templates in a folder, which escape what they are given, and know `code`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    return environment


_ENVIRONMENT = templates_of(Path(__file__).parent / "templates")
_ENVIRONMENT.filters |= {"short": short, "percent": percent, "nats": nats, "thousands": thousands}
_ENVIRONMENT.filters |= {"breakable": breakable, "clock": clock, "span": music_within_roll}
_ENVIRONMENT.globals |= {"nats": nats, "percent": percent, "thousands": thousands}
