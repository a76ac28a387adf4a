"""Which files of a folder hold music, and what else in it people may take for music."""

from __future__ import annotations

import os
from pathlib import Path

from zoo._files import printable
from zoo.midi.smf import is_midi

MIDI = (".mid", ".midi", ".kar", ".rmi", ".smf")
ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".bz2", ".xz", ".tar")
OTHER_MUSIC = (  # scores and projects that people take for MIDI
    *(".mxl", ".musicxml", ".abc", ".krn", ".mei", ".ly", ".mscz", ".mscx", ".sib", ".nwc", ".mus", ".musx", ".enc"),
    *(".gp", ".gp3", ".gp4", ".gp5", ".gpx", ".gtp", ".ptb", ".capx", ".cap"),
)


def midi_files(folder: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Paths of MIDI files below `folder`, by name or content, and (path, reason) of what else may hold music.

    The paths have slashes and are in order, hidden files left out; the others are folders that cannot be listed,
    archives, and music of other formats.
    """
    paths, skipped, seen = [], [], set()

    def failed(error: OSError) -> None:
        place = printable(Path(error.filename).relative_to(folder).as_posix())
        skipped.append((place, (error.strerror or str(error)).lower()))

    for place, below, files in os.walk(folder, onerror=failed, followlinks=True):
        identity = os.stat(place)
        if (identity.st_dev, identity.st_ino) in seen:  # a link led back here
            below.clear()
            continue
        seen.add((identity.st_dev, identity.st_ino))
        below[:] = sorted(name for name in below if not name.startswith("."))
        relative = Path(place).relative_to(folder).as_posix() + "/"
        for name in files:
            if name.startswith("."):
                continue
            path = f"{relative}{name}".removeprefix("./")
            if name.lower().endswith(MIDI) or _holds_midi(os.path.join(place, name)):
                paths.append(path)
            elif reason := _why_not(name):
                skipped.append((printable(path), reason))
    return sorted(path for path in paths if os.path.isfile(os.path.join(folder, path))), sorted(skipped)


def _holds_midi(path: str) -> bool:
    """Whether an ordinary file that can be read begins like MIDI."""
    try:
        if not os.path.isfile(path):  # a pipe would wait for ever
            return False
        with open(path, "rb", buffering=0) as file:
            return is_midi(file.read(12))
    except OSError:
        return False


def _why_not(name: str) -> str | None:
    """Why a file of that name is skipped; None for what nobody takes for music, or when it is read."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if not suffixes:
        return None
    if suffixes[-1] in ARCHIVES:
        return "it is an archive; unpack it first"
    if suffixes[-1] in OTHER_MUSIC:
        return f"it is {suffixes[-1]}, not MIDI; export it as MIDI"
    if any(suffix in MIDI for suffix in suffixes):
        return "it is not a MIDI file"
    return None
