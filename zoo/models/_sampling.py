"""New music by a trained model: pieces of its own, voices around a given one, bars between given ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from zoo._errors import UserError
from zoo.codecs import Codec, Line
from zoo.codecs.given import HIGHEST, Given, given_notes, voice_of
from zoo.codecs.grid import from_grid, to_steps
from zoo.models import _joining, _priming, _registry, _requests
from zoo.models._requests import Request
from zoo.song import TICKS_PER_BEAT, Song

CodecT = TypeVar("CodecT", bound=Codec)


class Sampling(Generic[CodecT]):
    """A trained model as one that makes music. A family of models has `generate` and whatever else it can."""

    _codec: CodecT | None

    @property
    def codec(self) -> CodecT:
        """The representation, fitted; a UserError before `fit` or `load`."""
        if self._codec is None:
            raise self._untrained()
        return self._codec

    @codec.setter
    def codec(self, codec: CodecT) -> None:
        self._codec = codec

    @property
    def grid(self) -> int:
        """Grid steps in a quarter note, as `steps_per_beat` says or the training music has decided."""
        return int(self.codec.steps_per_beat)

    @classmethod
    def model_name(cls) -> str:
        """The file's name."""
        return cls.__module__.rpartition(".")[2]

    def _untrained(self) -> UserError:
        return UserError(f"{self.model_name()} is not trained yet: fit it, or load a trained one.")

    def make_codec(self) -> CodecT:
        """The representation, not yet fitted."""
        raise NotImplementedError

    def nothing_to_read(self) -> str:
        """How the sentence "the music holds nothing …" ends, with the way out."""
        return f"that {self.model_name()} can read."

    def pitch_range(self) -> tuple[int, int]:
        """Lowest and highest MIDI pitch that the model knows."""
        return 0, 127

    def generate(
        self, count: int, steps: int, temperature: float | None, top_p: float, primers: list[Line] | None, seed: int
    ) -> list[np.ndarray]:
        """Codes of new pieces, each (symbols,) int32 or (frames, bits) uint8.

        Args:
            count: how many.
            steps: least length in grid steps.
            temperature: see `sample`; so is `top_p`.
            top_p: share of the probability.
            primers: lines to go on from, one a piece.
            seed: of all randomness.
        """
        raise NotImplementedError

    def search(self, count: int, steps: int, beams: int, primers: list[Line] | None) -> list[np.ndarray]:
        """Codes as those of `generate`, but the most probable that beam search finds; for models over symbols.

        Args:
            count: how many.
            steps: least length in grid steps.
            beams: pieces that are followed at once.
            primers: lines to go on from, one a piece.
        """
        raise NotImplementedError

    def generate_given(self, count: int, given: Given, temperature: float | None, seed: int) -> list[np.ndarray]:
        """Codes as those of `generate`, in which given notes are kept; for models whose codec can be given notes.

        Args:
            count: how many.
            given: the notes.
            temperature: see `sample`.
            seed: of all randomness.
        """
        raise NotImplementedError

    def sample(
        self,
        count: int,
        beats: float = 64,
        temperature: float | None = None,
        top_p: float = 1.0,
        prime: Song | Sequence[Song] | None = None,
        prime_beats: float = 16,
        seed: int = 0,
        beams: int | None = None,
    ) -> list[Song]:
        """New pieces. The same seed gives the same pieces; the first of many are the few.

        Args:
            count: how many.
            beats: length of the new music in quarter notes, the primer not counted.
            temperature: None is the model's own way; 0 takes the most probable symbol; above 1 is wilder.
            top_p: draw from the smallest set of symbols that holds so much of the probability; for symbols only.
            prime: a Song to go on from, or one for each piece (taken in turn); a piece takes over its tempo, time
                signatures and the instrument of most of its notes.
            prime_beats: how much of the start of `prime` is used, in quarter notes.
            seed: of all randomness.
            beams: None draws. A number searches for the most probable pieces instead, following so many at once; the
                second piece is the second best that was found. For symbols only, and nothing is random in it.

        Warns:
            UserWarning: when part of a primer is outside of the model's vocabulary, and so not in the piece.

        Raises:
            UserError: when an argument is out of its range or the primer holds nothing the model can read or knows.
        """
        self.check_request(Request(count, beats, temperature, top_p, prime_beats, seed, beams))
        steps = int(to_steps(round(beats * TICKS_PER_BEAT), self.grid))
        primers = primer_music = None
        if songs := _requests.songs(() if prime is None else prime, "the primer"):
            primers, primer_music = self._primers(songs, prime_beats, count)
        if beams:
            codes = self.search(count, steps, beams, primers)
        else:
            codes = self.generate(count, steps, temperature, top_p, primers, seed)
        pieces = [self.codec.decode(code, steps) for code in codes]
        if primer_music:
            pieces = [_priming.joined(primer, piece) for primer, piece in zip(primer_music, pieces, strict=True)]
        return self._named(pieces)

    def harmonize(
        self,
        melody: Song,
        count: int = 1,
        voice: str | int = HIGHEST,
        crossing: bool = False,
        temperature: float | None = None,
        seed: int = 0,
    ) -> list[Song]:
        """Other voices around a given one, which is kept: every onset, pitch and end, on the model's grid.

        A model writes from left to right and does not look ahead: each frame, or each step of a text, is drawn given
        the notes of the voice in it and all music before. Boltzmann machines clamp the given bits in their Gibbs
        chain, and a deep belief network holds its chain to them by Metropolis and Hastings's rule, so both draw from
        p(others | given, before) as far as their chains are long enough. Networks that go through the bits of a frame
        one by one draw candidates and pick one by the probability it gives to what is given, which comes near to the
        same. In a text the given notes are written where their turn comes: what stands before them in a step does not
        know of them, which for the highest voice is nothing.

        Args:
            melody: a song that holds the voice; its tempo, time signatures and length are taken over.
            count: how many pieces.
            voice: "highest", "lowest", or the number of a track, from 1 on: what of `melody` is given.
            crossing: whether other voices may go above it while it sounds; below it, if it is the lowest.
            temperature: None is the model's own way; 0 takes what is most probable.
            seed: of all randomness.

        Returns:
            Songs of two tracks: the given voice, and all else.

        Warns:
            UserWarning: when notes of the voice had to be moved to the model's grid, or cut.

        Raises:
            UserError: when the model cannot do it, when there is no such voice or no note in it, when it leaves the
                model's range of pitches, or when an argument is out of its range.
        """
        if not self.make_codec().can_be_given:
            able = [name for name in _registry.names() if _registry.find(name)().make_codec().can_be_given]
            raise UserError(f"`melody`: {self.model_name()} cannot write around a given voice; {', '.join(able)} can.")
        _requests.songs(melody, "the melody")
        notes = voice_of(melody, voice, self.grid)
        self.check_request(Request(count, melody.beats, temperature, seed=seed))
        low, high = self.pitch_range()
        if notes.pitch.min() < low or notes.pitch.max() > high:
            raise UserError(
                f"`melody` goes from pitch {notes.pitch.min()} to {notes.pitch.max()}, and {self.model_name()} knows "
                f"{low} to {high} only; transpose it, or take another model."
            )
        kept = from_grid(notes.start, notes.end, notes.pitch, notes.steps, self.grid, notes.velocity)
        _joining.warn_of_moved(melody, kept, self.grid)
        codes = self.generate_given(count, given_notes(notes, voice, crossing), temperature, seed)
        others = [self.codec.decode(code, notes.steps) for code in codes]
        return self._named([_joining.around(melody, kept, written) for written in others])

    def fill(
        self,
        song: Song,
        begin: float,
        end: float,
        count: int = 1,
        temperature: float | None = None,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[Song]:
        """`song` with the music between two beats written anew, going on from what stands before.

        The music after it is not known to the model. All outside of the gap is that of `song`, tick for tick. A note
        that is held across `begin` goes on as long as the model lets it, and is cut at `begin` if it does not; one that
        is held across `end` sounds on from there, in one piece with a new note of that pitch that reaches `end`.

        Args:
            song: to fill; without notes before the gap the model begins by itself.
            begin: quarter notes from the beginning to the gap.
            end: quarter notes from the beginning to the music after it.
            count: how many pieces.
            temperature: see `sample`; so is `top_p`.
            top_p: share of the probability.
            seed: of all randomness.

        Returns:
            Songs with the tracks of `song`, and one more for the new notes.

        Warns:
            UserWarning: when part of the music before is outside of the model's vocabulary.

        Raises:
            UserError: when an argument is out of its range or the model can read nothing of what stands before.
        """
        _requests.songs(song, "the music to fill")
        if not 0 <= begin < end <= song.beats:
            raise UserError(
                f"`begin` and `end` must be beats of the music, 0 to {song.beats:g}, the first before the second, not "
                f"{begin:g} and {end:g}."
            )
        self.check_request(Request(count, end - begin, temperature, top_p, max(begin, 1), seed))
        first, last = round(begin * TICKS_PER_BEAT), round(end * TICKS_PER_BEAT)
        primers, before = None, [np.zeros((0,), np.int32)] * count
        start, until = 0, -(-(last - first) * self.grid // TICKS_PER_BEAT)  # without a primer, counted from the gap
        if len(song.crop(0, first)):
            primers, _ = self._primers([song], begin, count)
            before = [primer.codes for primer in primers]
            start, until = first, -(-last * self.grid // TICKS_PER_BEAT)
        done = [self.codec.end(codes) if primers else 0 for codes in before]
        codes = self.generate(count, max(until - min(done), 1), temperature, top_p, primers, seed)
        written = [np.concatenate([old, new]) if primers else new for old, new in zip(before, codes, strict=True)]
        music = [self.codec.decode(code, until).crop(0, last - first + start) for code in written]
        return self._named([_joining.filled(song, new, start, first, last) for new in music])

    def check_request(self, request: Request) -> None:
        """Raise a UserError when something of `request` is out of its range, or the model cannot do it."""
        request.check(self.grid)

    def _primers(self, songs: Sequence[Song], beats: float, count: int) -> tuple[list[Line], list[Song]]:
        nothing = f"holds nothing {self.nothing_to_read()}"
        ticks = round(beats * TICKS_PER_BEAT)
        return _priming.primers(self.codec, songs, ticks, count, self.model_name(), nothing)

    def _named(self, pieces: list[Song]) -> list[Song]:
        return [piece.replace(name=f"{self.model_name()}-{index:02d}") for index, piece in enumerate(pieces, 1)]
