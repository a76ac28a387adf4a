"""What every representation has in common: a grid, a `Line` of codes, a vocabulary and its JSON.

A codec is a dataclass whose fields are all JSON: what is written to `model.json` is what is needed to decode.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np

from zoo._errors import UserError
from zoo.codecs.coding import Coding
from zoo.codecs.given import Given
from zoo.codecs.grid import AUTO, FINEST, coarsest_grid
from zoo.codecs.rules import Rules
from zoo.song import Song

LONGEST = 2**31 - 1  # ticks of a song, and so all that is counted in one
SYMBOLS_PER_STEP = 512  # at most: an on and an off of each pitch, a velocity for each on, a time shift

Chosen: TypeAlias = Any  # an int; AUTO until `Codec.fit` has chosen it by the music, and nothing is computed with it
Symbol: TypeAlias = Any  # a JSON value: a number, a text, or a list of such; of one shape within a representation


class Line(NamedTuple):
    """One sequence that a model reads: a whole song, or one voice of it."""

    codes: np.ndarray  # (symbols,) int32, or (frames, bits) uint8
    steps: int  # grid steps of music that it stands for, as `Codec.decode` takes them
    beats: float  # quarter notes of the song that was encoded, whatever the grid makes of them
    notes: int  # notes of the song that it expresses
    unknown_nats: np.ndarray | None = None  # (symbols,) −log q of symbols outside the vocabulary, 0 elsewhere


@dataclass
class Codec:
    """A representation. `fit` learns what it needs from the training songs; all else depends on the fields alone."""

    steps_per_beat: Chosen = 4  # "auto" until `fit` has chosen; see `zoo.codecs.grid.coarsest_grid`

    learnt: ClassVar[tuple[str, ...]] = ()  # the fields that `fit` sets
    # The fields that may be "auto", for `fit` to choose by the music, and the bounds of what it chooses.
    fitting: ClassVar[dict[str, tuple[int, int]]] = {"steps_per_beat": (1, FINEST)}

    # What stands in its JSON besides its fields, which is how runs of all versions know the representation; and what of
    # that says nothing about it.
    written_as: ClassVar[dict[str, object]] = {}
    can_be_given: ClassVar[bool] = False  # whether it can say which codes keep given notes
    unread: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.is_laid_out:
            self.lay_out()

    @property
    def coding(self) -> Coding:
        """How the codes stand to the music; a representation that does not say is not compared with others."""
        return Coding(lost="does not say what it leaves out: its codec has no `coding`")

    @property
    def rules(self) -> Rules | None:
        """Which symbols may follow which; None where nothing is known of it."""
        return None

    @property
    def is_laid_out(self) -> bool:
        """Whether nothing is left for `fit` to choose."""
        return AUTO not in (getattr(self, name) for name in self.fitting)

    def lay_out(self) -> None:
        """Set what follows from the fields that may be "auto"."""

    def fit(self, songs: Iterable[Song]) -> Self:
        """Choose what is left to the music, such as the grid; learn the vocabulary, if there is one; returns self."""
        songs = list(songs)
        self.fit_to(songs).learn_from(songs)
        return self

    def fit_to(self, songs: Sequence[Song]) -> Self:
        """Choose by `songs` what is left to the music, such as the grid; returns self."""
        if not self.is_laid_out:
            for name in self.fitting:
                if getattr(self, name) == AUTO:
                    setattr(self, name, self.choose(name, songs))
            self.lay_out()
        return self

    def choose(self, name: str, songs: Sequence[Song]) -> int:
        """The value of the field `name` that fits `songs`."""
        return coarsest_grid(songs)

    def learn_from(self, songs: list[Song]) -> None:
        """Set the learnt fields; most representations have none."""

    def encode(self, song: Song) -> list[Line]:
        """The lines of `song` that the representation can express; empty when it can express none."""
        raise NotImplementedError

    def decode(self, codes: np.ndarray, steps: int | None = None) -> Song:
        """A song from any codes whatever.

        Args:
            codes: (symbols,) int32, or (frames, bits) uint8, as in a `Line`.
            steps: length of the song in grid steps; None is as long as the codes say.
        """
        raise NotImplementedError

    def express(self, song: Song) -> list[Song]:
        """`song` as the representation gives it back, a Song for each line; empty when it can express none of it."""
        return [self.decode(line.codes, line.steps) for line in self.encode(song)]

    def end(self, codes: np.ndarray) -> int:
        """Grid step at which codes end: what comes after them begins there.

        Args:
            codes: (symbols,) int32, or (frames, bits) uint8, as in a `Line`.
        """
        raise NotImplementedError

    def whole(self, line: Line) -> np.ndarray:
        """The codes of `line` without a last one that stands for more time than there is music, if others remain."""
        return line.codes

    def can_read(self, song: Song) -> bool:
        """Whether `encode` finds a line in `song`; needs the grid, no vocabulary."""
        return len(song) > 0

    def unknown_share(self, codes: np.ndarray) -> float:
        """Share of codes, 0–1, that are outside of the vocabulary.

        Args:
            codes: (symbols,) int32, or (frames, bits) uint8, as in a `Line`.
        """
        return 0.0

    def lines_of(self, song: Song) -> int:
        """How many lines `song` has to offer, whether or not the representation can express them."""
        return 1

    def to_json(self) -> dict:
        """Everything `restored` needs."""
        return {"codec": type(self).__name__, **dataclasses.asdict(self), **self.written_as}

    def restored(self, value: object) -> Self:
        """This codec, fitted as the one that `to_json` described as `value`.

        Raises:
            UserError: when that was of another representation, or learnt what cannot be learnt.
        """
        if not isinstance(value, dict) or set(value) - set(self.to_json()):
            raise UserError("model.json describes no representation this version knows; train the model anew.")
        if not self.is_laid_out:
            chosen = {name: value.get(name) for name in self.fitting if getattr(self, name) == AUTO}
            if not all(is_whole(number, *self.fitting[name]) for name, number in chosen.items()):
                raise UserError("the grid or range in model.json is damaged; train the model anew.")
            return dataclasses.replace(self, **chosen).restored(value)
        own = self.to_json()
        if any(value.get(name, own[name]) != own[name] for name in set(own) - {*self.learnt, *self.unread}):
            raise UserError("model.json describes another representation than its hyperparameters; train anew.")
        codec = dataclasses.replace(self, **{name: value[name] for name in self.learnt if name in value})
        try:
            codec.check()
        except (TypeError, ValueError) as error:
            raise UserError(f"the vocabulary in model.json is damaged ({error}); train the model anew.") from None
        return codec

    def check(self) -> None:
        """Raise a ValueError or TypeError when a learnt field holds what `fit` cannot have put there."""


@dataclass
class SymbolCodec(Codec):
    """A representation as one sequence of symbols from a vocabulary.

    Codes 0 … size − 1 are the known symbols, `size` stands for any unknown one, `size + 1` is the start symbol.

    An open vocabulary (`epsilon` > 0) is scored as p′(s) = (1 − ε) p(s) for a known symbol and ε q(s) for an unknown
    one: ε is the share of symbols that occur once in the training music (Good and Turing's estimate of what is yet
    unseen), q is a distribution over the symbol's parts.
    """

    symbols: list[Symbol] = field(default_factory=list)  # in order of their code
    singletons: list[int] = field(default_factory=list)  # codes seen once in training: as input they count as unknown
    epsilon: float = 0.0
    most_per_beat: int = 64  # symbols that fall into one beat at most; a sampler forces time on after that many

    @cached_property
    def _code(self) -> dict[Hashable, int]:
        return {_frozen(symbol): code for code, symbol in enumerate(self.symbols)}

    def learn_from(self, songs: list[Song]) -> None:
        if "most_per_beat" in self.learnt:
            self.count_most_per_beat(line.codes for song in songs for line in self.encode(song))

    def check(self) -> None:
        if not isinstance(self.symbols, list) or not all(map(self.is_symbol, self.symbols)):
            raise ValueError("it holds what is no symbol")
        if len(self._code) < self.size:
            raise ValueError("a symbol stands twice")
        if not isinstance(self.singletons, list) or not all(
            is_whole(code, 0, self.size - 1) for code in self.singletons
        ):
            raise ValueError("its singletons are no symbols")
        if "epsilon" in self.learnt and not (type(self.epsilon) is float and 0 < self.epsilon < 1):
            raise ValueError(f"its epsilon is {self.epsilon!r}")
        if not is_whole(self.most_per_beat, 1, SYMBOLS_PER_STEP * self.steps_per_beat):
            raise ValueError(f"its most symbols in a beat are {self.most_per_beat!r}")

    def is_symbol(self, symbol: Symbol) -> bool:
        """Whether `fit` can have learnt `symbol`; a closed vocabulary is not learnt."""
        return True

    @property
    def size(self) -> int:
        """Number of known symbols."""
        return len(self.symbols)

    @property
    def start(self) -> int:
        """Code of the start symbol."""
        return self.size + 1

    @cached_property
    def advance(self) -> np.ndarray:
        """Grid steps by which each known symbol moves time on, (size,) int32."""
        return np.array([self.steps_of(symbol) for symbol in self.symbols], np.int32)

    @cached_property
    def as_input(self) -> np.ndarray:
        """What a network reads for each code, (size + 2,) int32: singletons are unknown, so that unknown is learnt."""
        table = np.arange(self.size + 2, dtype=np.int32)
        table[self.singletons] = self.size
        return table

    @cached_property
    def alike(self) -> np.ndarray:
        """For each known symbol the first that says the same of the music, whatever its velocity, (size,) int32."""
        first: dict[Hashable, int] = {}
        said = (_frozen(self.without_velocity(symbol)) for symbol in self.symbols)
        return np.array([first.setdefault(music, code) for code, music in enumerate(said)], np.int32)

    @cached_property
    def silent(self) -> np.ndarray:
        """Which known symbols say a velocity and nothing of the music, (size,) bool."""
        return np.array([not self.without_velocity(symbol) for symbol in self.symbols], bool)

    def without_velocity(self, symbol: Symbol) -> Symbol:
        """What `symbol` says of the music beside a velocity; an empty list is nothing."""
        return symbol

    def steps_of(self, symbol: Symbol) -> int:
        """Grid steps by which `symbol` moves time on."""
        raise NotImplementedError

    def named(self, codes: np.ndarray) -> np.ndarray:
        """The pitch that each of codes (symbols,) names; PITCHES where a grid step ends. See `allowed`."""
        raise NotImplementedError

    def allowed(self, given: Given, step: int, below: int, crowded: bool) -> np.ndarray:
        """Which symbols may follow so that given notes are kept; `rules` say the rest. For those that can be given.

        Args:
            given: the notes.
            step: of the grid.
            below: the pitch that was named last in this step; PITCHES before the first.
            crowded: whether only given notes may still start or go on.

        Returns:
            (size,) bool.
        """
        raise NotImplementedError

    def fallback(self, symbol: Symbol) -> float:
        """−log q of a symbol outside the vocabulary, in nats."""
        return math.inf

    def unknown_share(self, codes: np.ndarray) -> float:
        return float(np.mean(codes >= self.size))

    def end(self, codes: np.ndarray) -> int:
        return int(self.times(codes)[-1])

    def known(self, codes: np.ndarray) -> list[Symbol]:
        """The symbols of codes, without those that are unknown and those of the start.

        Args:
            codes: (symbols,) int32.
        """
        return [self.symbols[code] for code in np.asarray(codes).tolist() if code < self.size]

    def to_codes(self, symbols: Sequence[Symbol]) -> tuple[np.ndarray, np.ndarray]:
        """Codes (symbols,) int32, and −log q of the unknown among them in nats (symbols,) float64, 0 elsewhere."""
        codes = np.array([self._code.get(_frozen(symbol), self.size) for symbol in symbols], np.int32)
        unknown = np.flatnonzero(codes == self.size)
        nats = np.zeros(len(codes)) if len(unknown) else no_nats(len(codes))
        nats_of: dict[Hashable, float] = {}  # one symbol may be many of them
        for index in unknown.tolist():
            symbol = _frozen(symbols[index])
            if symbol not in nats_of:
                nats_of[symbol] = self.fallback(symbols[index])
            nats[index] = nats_of[symbol]
        return codes, nats

    def learn(self, sequences: Iterable[Sequence[Symbol]]) -> Counter[Any]:
        """Set vocabulary, singletons and ε from sequences of symbols; returns how often each stands there."""
        counts: Counter[Any] = Counter(_frozen(symbol) for sequence in sequences for symbol in sequence)
        self.symbols = [_thawed(symbol) for symbol in sorted(counts)]
        self.singletons = [code for code, symbol in enumerate(self.symbols) if counts[_frozen(symbol)] == 1]
        total = sum(counts.values())
        self.epsilon = max(len(self.singletons), 1) / (total + 1)
        for name in ("_code", "advance", "as_input", "alike", "silent"):
            self.__dict__.pop(name, None)
        return counts

    def times(self, codes: np.ndarray) -> np.ndarray:
        """Grid step at which each code begins, and the last ends, (symbols + 1,) int64; an unknown one takes no time.

        Args:
            codes: (symbols,) int32.
        """
        advance = np.append(self.advance, [0, 0])[codes]
        return np.concatenate([[0], np.cumsum(advance, dtype=np.int64)])

    def count_most_per_beat(self, sequences: Iterable[np.ndarray]) -> None:
        """Set `most_per_beat` to what the training music needs.

        Args:
            sequences: codes of each line, (symbols,) int32.
        """
        most = 1
        for codes in sequences:
            beats = self.times(codes)[:-1] // self.steps_per_beat
            most = max(most, int(np.bincount(beats).max()) if len(beats) else 0)
        self.most_per_beat = most


def no_nats(steps: int) -> np.ndarray:
    """−log q of `steps` symbols that are all known, (steps,): zeros that take no memory."""
    return np.broadcast_to(0.0, steps)


def log_share(counts: dict[int, int], value: int) -> float:
    """Logarithm of the add-one share of `value` ≥ 0 among `counts`.

    Beyond the largest value counted there is a geometric tail. The shares sum to one over all integers ≥ 0, so that
    they can serve as a part of q.
    """
    largest, total = max(counts, default=0), sum(counts.values())
    denominator = total + largest + 2  # add one to each of 0 … largest, and one for the tail
    if value <= largest:
        return math.log((counts.get(value, 0) + 1) / denominator)
    return -math.log(denominator) - (value - largest) * math.log(2)


def is_whole(value: object, low: int, high: int = LONGEST) -> bool:
    """Whether a value read from JSON is an integer within bounds.

    Args:
        value: anything; a truth value is no integer.
        low: the least integer that is.
        high: the greatest.
    """
    return type(value) is int and low <= value <= high


def is_count(counts: object) -> bool:
    """Whether `counts` are numbers of times, each at least 1, by the text of what was counted."""
    return isinstance(counts, dict) and all(is_whole(count, 1) for count in counts.values())


def is_number(text: str) -> bool:
    """Whether `text` is how a count or a pitch is written."""
    return text.isascii() and text.removeprefix("-").isdigit() and len(text) < 10


def _frozen(symbol: Symbol) -> Hashable:
    return tuple(_frozen(part) for part in symbol) if isinstance(symbol, (list, tuple)) else symbol


def _thawed(symbol: Hashable) -> Symbol:
    return [_thawed(part) for part in symbol] if isinstance(symbol, tuple) else symbol
