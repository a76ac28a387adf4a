"""Music to go on from: the lines of it that a model reads, and what of it a piece can begin with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from zoo._errors import UserError
from zoo.codecs import Codec, Line
from zoo.models._joining import program_of
from zoo.song import COLUMNS, Song

MOST_NAMED = 3  # names of primers in one warning


def primers(
    codec: Codec, songs: Sequence[Song], ticks: int, count: int, model: str, nothing: str
) -> tuple[list[Line], list[Song]]:
    """For each piece the line to go on from, and the music it stands for.

    That has the song's tempo, its meter, and the instrument of most of its notes.

    Args:
        codec: fitted.
        songs: taken in turn, and the lines of each in turn.
        ticks: how much of the start of each is used.
        count: pieces.
        model: its name, for what is written about it.
        nothing: how the sentence ends that tells of a song without a line.

    Warns:
        UserWarning: when part of a song is outside of the vocabulary, and so not in the music.

    Raises:
        UserError: when a song has no line, or no note in the vocabulary.
    """
    choices: list[list[tuple[Line, Song]]] = []
    unknown: dict[str, float] = {}
    for song in songs:
        song = song.crop(0, ticks)
        lines = codec.encode(song)
        if not lines:
            raise UserError(f"the primer {song.name or ''} {nothing}".replace("  ", " "))
        choices.append([_read(codec, song, line) for line in lines])
        if share := codec.unknown_share(np.concatenate([line.codes for line in lines])):
            name = song.name or "the primer"
            unknown[name] = max(share, unknown.get(name, 0.0))
            if not any(len(music) for _, music in choices[-1]):
                raise UserError(
                    f"{model} knows no note of {name}: {share:.1%} of its symbols are not in the vocabulary, which is "
                    "what the training music held; take a primer more like that music, or another model."
                )
    if unknown:
        worst = sorted(unknown.items(), key=lambda entry: -entry[1])
        shares = ", ".join(f"{share:.1%} of {name}" for name, share in worst[:MOST_NAMED])
        more = f" and parts of {len(worst) - MOST_NAMED} more" * (len(worst) > MOST_NAMED)
        warnings.warn(f"{model} leaves out what is not in its vocabulary: {shares}{more}.", stacklevel=3)
    picked = [choices[i % len(choices)] for i in range(count)]
    pairs = [lines[(i // len(choices)) % len(lines)] for i, lines in enumerate(picked)]
    return [line for line, _ in pairs], [song for _, song in pairs]


def _read(codec: Codec, song: Song, line: Line) -> tuple[Line, Song]:
    """What of `line` is read, and the music it stands for.

    That ends where the codes do, so that what a model goes on with begins where the model takes it to begin: a
    representation may drop a rest at the end, or round up to frames.
    """
    codes = codec.whole(line)
    music = codec.decode(codes, codec.end(codes))
    music = music.replace(tempo=song.tempo, programs=(program_of(song),), time_signatures=song.time_signatures)
    return line._replace(codes=codes), music


def joined(before: Song, after: Song) -> Song:
    """`after` behind `before`, with the border marked."""
    columns = {name: np.concatenate([getattr(before, name), getattr(after, name)]) for name in COLUMNS}
    columns["start"] = np.concatenate([before.start, after.start + before.length])
    return before.replace(**columns, length=before.length + after.length, primed=before.length)
