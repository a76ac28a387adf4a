"""What representations have in common whose models may forget to end a note."""

from __future__ import annotations

from zoo.codecs._base import Codec, is_whole
from zoo.codecs.grid import longest_note, on_grid
from zoo.song import Song


class Sustained(Codec):
    """Decoding ends what sounds longer than any note of the training music, see `zoo.codecs.grid.at_most`."""

    longest_note: int  # learnt, grid steps; 0 is any. A field of each representation, in its own place in the JSON.

    def learn_from(self, songs: list[Song]) -> None:
        super().learn_from(songs)
        self.longest_note = longest_note(on_grid(song, self.steps_per_beat) for song in songs)

    def check(self) -> None:
        super().check()
        if not is_whole(self.longest_note, 0):
            raise ValueError(f"its longest note is {self.longest_note!r}")
