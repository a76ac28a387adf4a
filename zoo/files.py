"""Writing to disk so that a reader never sees half a file."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import UserError

LARGEST_JSON = 64 * 2**20  # bytes; a vocabulary of a million chords is smaller


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
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all; NaN is refused, it is not JSON."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> object:
    """Read a JSON file, which may be anyone's: its size and depth are bounded, and a name stands once in an object.

    Raises:
        UserError: when it is missing, not JSON, or larger than LARGEST_JSON bytes.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_JSON + 1)
        if len(data) > LARGEST_JSON:
            raise ValueError(f"it is larger than {LARGEST_JSON // 2**20} MiB")
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_number)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except RecursionError:
        raise UserError(f"{path} cannot be read as JSON (it is nested too deeply).") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON ({error}).") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")
