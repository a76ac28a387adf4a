"""What the page shows or links to: every address on it is made here, so that a copy of the report can be whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from zoo._errors import UserError
from zoo._files import read_json, write_json

MANIFEST = "files.json"  # in the folder of the report
VERSION = 1


class Links:
    """Addresses of files in the folder of a report, which remembers the files.

    Args:
        folder: where the page lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: set[Path] = set()

    def to(self, path: Path) -> str:
        """The address of the file at `path`, seen from the page."""
        relative = path.relative_to(self.folder)
        self.add([relative])
        return url(relative)

    def add(self, files: Iterable[Path]) -> None:
        """Remember files, given from the folder, whose addresses the page knows already."""
        self.files.update(files)

    def write_manifest(self) -> None:
        """Write down the files, as far as they are there."""
        names = sorted(path.as_posix() for path in self.files if (self.folder / path).is_file())
        write_json(self.folder / MANIFEST, {"version": VERSION, "files": names})


def read_manifest(folder: Path) -> list[Path]:
    """The files of the report in `folder`, seen from there; what lies outside of the folder is none of them.

    Raises:
        UserError: when nothing says which they are.
    """
    path = folder / MANIFEST
    manifest = read_json(path) if path.is_file() else None
    names = None
    if isinstance(manifest, dict) and manifest.get("version") == VERSION:
        names = manifest.get("files")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path} does not say what belongs to the report; write the report once more.")
    inside = [Path(name) for name in names if (folder / name).resolve().is_relative_to(folder.resolve())]
    return [name for name in inside if (folder / name).is_file()]


def url(path: Path) -> str:
    """A path as a URL, whatever bytes its names hold."""
    return quote(os.fsencode(path.as_posix()))
