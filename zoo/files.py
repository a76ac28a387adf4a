"""Writing to disk so that a reader never sees half a file."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import UserError


def printable(name: Path | str) -> str:
    """The name of a file or folder as people read it: what is no text, or could steer a terminal, becomes a ?."""
    return "".join(character if character.isprintable() else "?" for character in str(name))


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; on success it takes `path`'s place, on failure it is removed.

    The temporary name keeps the suffixes of `path`, because some writers choose their format by them.

    Raises:
        UserError: when the disk is full, the folder cannot be written to, or the like. What stood at `path` stays.
    """
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; free some space or choose another folder.") from error
    finally:
        with contextlib.suppress(OSError):  # gone, or never made: then there is nothing to remove
            temporary.unlink()


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all; a byte of a file name that is no text is written \\udc80 to \\udcff,
    which in JSON reads back as what it was."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path | str, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all; NaN is refused, it is not JSON."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> object:
    """Read a JSON file.

    Raises:
        UserError: when it is missing or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}).") from None
