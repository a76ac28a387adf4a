"""A Song for the eye and the ear: piano roll, sheet music, audio.

The same song gives the same bytes, whatever the day; only Ogg files carry a serial number drawn by their encoder.
"""

from __future__ import annotations

from pathlib import Path

from zoo.errors import UserError
from zoo.midi import write_midi
from zoo.render.roll import music_within_roll, piano_roll
from zoo.render.sheet import musicxml, sheet_music
from zoo.render.sound import audio
from zoo.render.style import GRID, INK, PALETTE, PAPER, STYLE, save_figure
from zoo.song import Song

__all__ = [
    "FORMATS",
    "GRID",
    "INK",
    "PALETTE",
    "PAPER",
    "STYLE",
    "audio",
    "music_within_roll",
    "musicxml",
    "piano_roll",
    "render",
    "save_figure",
    "sheet_music",
]

FORMATS = {
    "mid": write_midi,
    "png": piano_roll,
    "svg": piano_roll,
    "mp3": audio,
    "wav": audio,
    "flac": audio,
    "ogg": audio,
    "musicxml": musicxml,
    "mxl": musicxml,
    "sheet.svg": sheet_music,
}


def render(song: Song, path: Path | str) -> None:
    """Write the song in the format that the end of `path` names, one of `FORMATS`.

    Raises:
        UserError: when there is no such format or the file cannot be written.
    """
    ends = [suffix for suffix in FORMATS if Path(path).name.lower().endswith(f".{suffix}")]
    if not ends:
        raise UserError(f"cannot write {path}: its format must be one of {', '.join(FORMATS)}.")
    FORMATS[max(ends, key=len)](song, path)
