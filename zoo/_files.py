"""Writing to disk so that a reader never sees half a file, and so that two writers do not meet."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock

from zoo._errors import Busy, CannotWrite, UserError

TEMPORARY = ".zoo-"  # then the number of the process, a dot, and the name that it is to become

Parcel = dict[str, bytes]  # files that travel to a machine without this disk: content by path below a folder

LARGEST_JSON = 64 * 2**20  # bytes; a vocabulary of a million chords is smaller


def printable(value: object) -> str:
    """One line of `value` as people read it: what is no text, or could steer a terminal, becomes a ?."""
    return "".join(character if character.isprintable() else "?" for character in str(value))


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; on success it takes `path`'s place, on failure it is removed.

    It may become a file, or a folder where there is none yet.

    The temporary name keeps the suffixes of `path`, because some writers choose their format by them. It is hidden, so
    who lists a folder must leave hidden files out. What killed processes left in the folder is removed.

    Raises:
        UserError: when the disk is full, the folder cannot be written to, or the like. What stood at `path` stays.
    """
    path = Path(path)
    temporary = temporary_for(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot("write", path, error) from error
    finally:
        with contextlib.suppress(OSError):  # gone, or never made: then there is nothing to remove
            shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink()


def temporary_for(path: Path) -> Path:
    """A hidden name beside `path` that says which process it belongs to."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}.{path.name}")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders in `folder` whose process no longer runs."""
    for path in folder.glob(f"{TEMPORARY}*"):
        if _runs(path.name.removeprefix(TEMPORARY).partition(".")[0]):
            continue
        with contextlib.suppress(OSError):  # another process removes it as well
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _runs(process: str) -> bool:
    """Whether the process of that number is there and no zombie, which one without a parent may stay for ever."""
    if os.name == "nt":  # to ask as below would interrupt the process
        return True
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2]
    except OSError:  # a system without /proc
        return True
    return not state.startswith("Z")


@contextlib.contextmanager
def locked(folder: Path, doing: str, wait: bool = False) -> Iterator[None]:
    """Keep other processes that ask for the same out of `folder`, which is made. The lock of a dead process is none.

    Args:
        folder: where `.lock` lies.
        doing: what goes on there, as in "another process is training".
        wait: until the other is done, and say so.

    Raises:
        Busy: (a UserError) when another process is there.
        UserError: when the folder cannot be made or written to.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            if not wait:
                raise Busy(f"another process is {doing} {folder}; wait for it, or stop it.") from None
            print(f"zoo: another process is {doing} {folder}; waiting for it", file=sys.stderr, flush=True)
            lock.acquire()
    except OSError as error:
        raise _cannot("write to", folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _cannot(do: str, path: Path, error: OSError) -> CannotWrite:
    reason = os.strerror(error.errno) if error.errno else error  # HDF5 says more, in many lines
    return CannotWrite(f"cannot {do} {path}: {reason}; free some space or choose another folder.")


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write `content`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_parcel(folder: Path, paths: Iterable[str]) -> Parcel:
    """The content of files below `folder`; of those that are not there (any more), nothing."""
    parcel = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            parcel[path] = (folder / path).read_bytes()
    return parcel


def write_parcel(parcel: Parcel, folder: Path) -> None:
    """Write the files of a parcel below `folder`, one after another, each whole or not at all."""
    for path, content in parcel.items():
        write_bytes(folder / path, content)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all.

    A byte of a file name that is no text becomes an escape, which in JSON reads back as what it was.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """A table, at least a row, with a column for every key in any of them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


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
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return value


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")
