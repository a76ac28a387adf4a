"""What the documentation takes from the code: a page for every model, with its presets as they are.

A model's page is `docs/models/<name>.md`; one that has none yet gets the docstring of its file. Behind it stand the
pictures that docs/pictures.py has drawn, and tables of its presets and hyperparameters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import zoo
from zoo.training.hyperparameters import options

FOLDER = "models/"
PLACE = Path(__file__).parent


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every model has its place in the navigation."""
    pages: list[Any] = [f"{FOLDER}index.md", *({name: f"{FOLDER}{name}.md"} for name in zoo.names())]
    config.nav = [
        {title: pages if page == FOLDER else page} for entry in config.nav or [] for title, page in entry.items()
    ]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """A model without a page of its own gets one."""
    for name in zoo.names():
        if not files.get_file_from_path(f"{FOLDER}{name}.md"):
            text = f"# {name}\n\n{zoo.find(name).about()}\n"
            files.append(File.generated(config, f"{FOLDER}{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Add to a model's page what the code says of it, and to the list of models its table."""
    path = page.file.src_uri
    if path == f"{FOLDER}index.md":
        return f"{markdown}\n{models()}"
    name = Path(path).stem
    if not path.startswith(FOLDER) or name not in zoo.names():
        return markdown
    return f"{markdown}\n{pictures(name)}\n{presets(name)}"


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """What is wider than a phone scrolls by itself, and by the keyboard."""
    html = html.replace("<table>", '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>')
    return html.replace("</table>", "</table></div>").replace("<pre", '<pre tabindex="0"')


def models() -> str:
    """A table of all models."""
    rows = []
    for name in zoo.names():
        first = " ".join(zoo.find(name).about().partition("\n\n")[0].split())
        rows.append([f"[{name}]({name}.md)", first, ", ".join(zoo.find(name).presets)])
    return table(["model", "in one sentence", "presets"], rows)


def pictures(name: str) -> str:
    """Two bars of Bach in the representations of a model."""
    drawn = [preset for preset in zoo.find(name).presets if (PLACE / "pictures" / f"{name}-{preset}.svg").is_file()]
    if not drawn:
        return ""
    text = "## Two bars of Bach in this representation\n\n"
    text += "![The pickup and two bars of the chorale BWV 269, as sheet music](../pictures/bach.sheet.svg)\n\n"
    for preset in drawn:
        text += f"As `{preset}` encodes them:\n\n"
        text += f"![The same music as {name} with preset {preset} encodes it](../pictures/{name}-{preset}.svg)\n\n"
    return text


def presets(name: str) -> str:
    """Tables of what the presets of a model set, and of what each hyperparameter is."""
    model = zoo.find(name)
    known, chosen = options(model), {preset: {**model.presets[preset]} for preset in model.presets}
    changed = [key for key in known if any(key in values for values in chosen.values())]
    rows = [
        [f"`{key}`", *(word(values.get(key, known[key].default), key in values) for values in chosen.values())]
        for key in changed
    ]
    text = "## Presets\n\nIn bold what a preset sets; everything else is as in the next table.\n\n"
    text += table(["hyperparameter", *chosen], rows)
    text += "\n## Hyperparameters\n\n"
    meanings = [
        [f"`{key}`", word(field.default), str(field.metadata["help"]).replace("|", "\\|")]
        for key, field in known.items()
    ]
    return text + table(["hyperparameter", "default", "what it is"], meanings)


def word(value: object, is_set: bool = False) -> str:
    """A value in a table."""
    if isinstance(value, (tuple, list)):
        value = ", ".join(map(str, value))
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    text = "none" if value is None else str(value)
    return f"**{text}**" if is_set else text


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
