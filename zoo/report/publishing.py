"""A report to pass on: the page and all that it shows or links to, without weights."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from zoo._errors import UserError
from zoo._files import remove_leftovers, temporary_for
from zoo.report.links import read_manifest
from zoo.report.page import PAGE


def check_target(folder: Path, target: Path) -> None:
    """Raise a UserError when the report in `folder` cannot be published to `target`."""
    if target.resolve().is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(target.resolve()):
        raise UserError(f"{target} and {folder} lie inside each other; publish to another folder.")
    if target.exists() and not (target / PAGE).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} holds something else than a report; publish to a folder that is new or empty.")
    if any(target.rglob("*.h5")):
        raise UserError(f"{target} holds weights, which would be lost; publish to another folder.")


def publish(folder: Path | str, target: Path | str) -> int:
    """Copy the pages in `folder`, and all that they show or link to, into `target`, whole or not at all.

    A report that stands there is replaced.

    Returns:
        Bytes copied.

    Raises:
        UserError: when something else stands at `target`, it cannot be written, or there is no report.
    """
    folder, target = Path(folder), Path(target)
    check_target(folder, target)
    files = read_manifest(folder)
    new, old = temporary_for(target), temporary_for(target.with_name(f"{target.name}-before"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target.parent)
        for name in files:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, new / name)
        if target.exists():
            os.rename(target, old)
        os.rename(new, target)
    except (OSError, shutil.Error) as error:
        with contextlib.suppress(OSError):
            if old.exists() and not target.exists():
                os.rename(old, target)
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot write {target}: {reason}; free some space or choose another folder.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
