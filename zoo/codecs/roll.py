"""Piano rolls: frames of bits.

Sources: Boulanger-Lewandowski et al. 2012 (88 keys, one frame a beat, sounding bits); Shiebler's Music_RNN_RBM, 2016
(two bits a pitch, several time steps in one frame).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zoo.codecs._base import Chosen, Codec, Line
from zoo.codecs._sustained import Sustained
from zoo.codecs.coding import STRIKES, Coding
from zoo.codecs.given import Given
from zoo.codecs.grid import at_most, from_grid, on_grid, to_steps
from zoo.song import Song

LOW, HIGH = 24, 101  # pitches of Shiebler's rolls; those of the paper are the keys of a piano, 21–108


@dataclass
class RollCodec(Sustained):
    """A frame holds `steps_per_frame` grid steps, a step a bit per pitch: whether it sounds.

    With `struck`, as many bits follow: whether the pitch starts. The last frame of a song is padded with silence. Notes
    outside `low` … `high` are left out.

    Args:
        low: lowest pitch.
        high: highest pitch.
        struck: whether there are bits for starts.
        steps_per_frame: grid steps in a frame.
        longest_note: learnt, grid steps; decoding ends what sounds longer; 0 is any.
    """

    low: Chosen = 21  # "auto" until `fit` has taken the lowest pitch of the training music
    high: Chosen = 108
    struck: bool = False
    steps_per_frame: int = 1
    longest_note: int = 0

    learnt: ClassVar = ("longest_note",)
    can_be_given: ClassVar = True
    fitting: ClassVar = Codec.fitting | {"low": (0, 127), "high": (0, 127)}

    @property
    def coding(self) -> Coding:
        # A start without a bit for it is a start as well; the last frame may have bits past the end of the piece.
        return Coding(() if self.struck else (STRIKES,), unique=not self.struck and self.steps_per_frame == 1)

    def choose(self, name: str, songs: Sequence[Song]) -> int:
        if name not in ("low", "high"):
            return super().choose(name, songs)
        pitch = np.concatenate([song.pitch for song in songs])
        # A bound that is given stays, and so decides where the music lies outside of it.
        return int(pitch.min() if name == "low" else max(pitch.max(), self.low))

    def learn_from(self, songs: list[Song]) -> None:
        self.longest_note = 0
        # Without bits for starts, repeated notes are one.
        super().learn_from([piece for song in songs for piece in self.express(song)])

    @property
    def pitches(self) -> int:
        """Number of pitches."""
        return self.high - self.low + 1

    @property
    def bits_per_step(self) -> int:
        """Bits of one grid step."""
        return self.pitches * (2 if self.struck else 1)

    @property
    def bits(self) -> int:
        """Bits of a frame: the visible units."""
        return self.bits_per_step * self.steps_per_frame

    def can_read(self, song: Song) -> bool:
        return len(song) > 0 or bool(
            to_steps(song.length, self.steps_per_beat) > 0
        )  # silence is a frame like any other

    def whole(self, line: Line) -> np.ndarray:
        return line.codes[: max(line.steps // self.steps_per_frame, 1)]

    def end(self, codes: np.ndarray) -> int:
        return len(codes) * self.steps_per_frame

    def encode(self, song: Song) -> list[Line]:
        grid = on_grid(song, self.steps_per_beat)
        inside = (grid.pitch >= self.low) & (grid.pitch <= self.high)
        frames = -(-grid.steps // self.steps_per_frame)
        if not frames:
            return []
        difference = np.zeros((frames * self.steps_per_frame + 1, self.pitches), np.int8)  # +1 at onsets, −1 at ends
        keys = grid.pitch[inside] - self.low
        np.add.at(difference, (grid.start[inside], keys), 1)
        np.add.at(difference, (grid.end[inside], keys), -1)
        roll = np.cumsum(difference[:-1], axis=0, out=difference[:-1]).view(np.uint8)  # a pitch sounds once at a time
        if self.struck:
            onsets = np.zeros_like(roll)
            onsets[grid.start[inside], keys] = 1
            roll = np.concatenate([roll, onsets], axis=1)
        return [Line(roll.reshape(frames, self.bits), grid.steps, song.beats, int(inside.sum()))]

    def given(self, given: Given) -> np.ndarray:
        """What notes that are given, and what is not free for others, say of the bits of each frame.

        Args:
            given: the notes; those outside `low` … `high` are left out.

        Returns:
            (frames, bits) int8: 1 is on, −1 off, 0 is not given. Past the end of the piece there is silence.
        """
        sounds, starts, free = (table[:, self.low : self.high + 1] for table in given)
        if not self.struck:  # what sounded before would be one note with a given one
            free = free.copy()
            free[:-1] &= ~starts[1:]
        closed = ~free & ~sounds
        roll = sounds.astype(np.int8) - closed
        if self.struck:
            roll = np.concatenate([roll, starts.astype(np.int8) - (closed | sounds & ~starts)], axis=1)
        padding = -len(roll) % self.steps_per_frame
        return np.pad(roll, ((0, padding), (0, 0)), constant_values=-1).reshape(-1, self.bits)

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        roll = np.asarray(codes, np.uint8).reshape(-1, self.bits_per_step)
        steps = len(roll) if steps is None else steps
        sounding = roll[:, : self.pitches].astype(bool)
        before = np.zeros_like(sounding)
        before[1:] = sounding[:-1]
        starts = sounding & ~before
        if self.struck:
            starts |= sounding & roll[:, self.pitches :].astype(bool)
        # Each pitch as one column with a silent step behind it: a note ends where its pitch falls silent or starts
        # anew.
        start = np.flatnonzero(np.pad(starts, ((0, 1), (0, 0))).T)
        ends = np.pad(before & (~sounding | starts), ((0, 1), (0, 0)))
        ends[-1] = sounding[-1] if len(sounding) else False
        end = np.flatnonzero(ends.T)
        pitch, start = np.divmod(start, len(roll) + 1)
        end = at_most(self.longest_note, start, end % (len(roll) + 1))
        return from_grid(start, end, pitch + self.low, steps, self.steps_per_beat)
