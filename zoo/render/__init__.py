"""A Song for the eye and the ear: piano roll, sheet music, audio.

The same song gives the same bytes, whatever the day; only Ogg files carry a serial number drawn by their encoder. Each
room is imported when something is rendered there: the libraries behind it take longer to import than a MIDI file does.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from zoo._errors import UserError
from zoo.song import Song

FORMATS = {
    "mid": ("zoo.midi", "write_midi"),
    "png": ("zoo.render.roll", "piano_roll"),
    "svg": ("zoo.render.roll", "piano_roll"),
    "mp3": ("zoo.render.sound", "audio"),
    "wav": ("zoo.render.sound", "audio"),
    "flac": ("zoo.render.sound", "audio"),
    "ogg": ("zoo.render.sound", "audio"),
    "musicxml": ("zoo.render.sheet", "musicxml"),
    "mxl": ("zoo.render.sheet", "musicxml"),
    "sheet.svg": ("zoo.render.sheet", "sheet_music"),
}


def render(song: Song, path: Path | str) -> None:
    """Write the song in the format that the end of `path` names, one of `FORMATS`.

    Raises:
        UserError: when there is no such format or the file cannot be written.
    """
    ends = [suffix for suffix in FORMATS if Path(path).name.lower().endswith(f".{suffix}")]
    if not ends:
        raise UserError(f"cannot write {path}: its format must be one of {', '.join(FORMATS)}.")
    room, function = FORMATS[max(ends, key=len)]
    getattr(importlib.import_module(room), function)(song, path)
