"""Likelihood of frames under distributions whose parameters a network sets: exact, by annealing, or a lower bound.

An estimator measures single frames, each with its parameters; `estimate` has it measure lines of them. A model holds
the one that its distribution asks for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from zoo._cores import cores
from zoo.codecs import Line
from zoo.evaluation.annealing import Annealed, anneal
from zoo.evaluation.likelihood import AIS, BOUND, EXACT, Evaluation, frame_accuracy
from zoo.layers.dbn import DBN
from zoo.layers.frames import FrameDistribution, Method
from zoo.layers.rbm import RBM

LINES_AT_ONCE = 16
MEASURED_AT_ONCE = 4096  # frames: their parameters, and their chains, are held in memory
HELD_AT_ONCE = 2**26  # numbers among those parameters, a quarter of a gibibyte: fewer frames, where each has many
DIVERGED = 1e30  # a bias as large as that has no likelihood that float32 can hold
DOUBLED_FRAMES = 2000  # by which twice the temperatures are tried
BOUND_DRAWS = 100  # of the hidden units, for each frame: the more, the closer is the bound
BOUNDED_AT_ONCE = 16  # frames: their draws stay in a core's cache

# For lines of frames, each (frames, bits): the parameters of every frame, a window of all lines after another, as its
# first frame and (lines, frames, parameters). Those of a whole line may be larger than memory.
Read = Callable[[list[np.ndarray]], Iterator[tuple[int, np.ndarray]]]


@dataclass(frozen=True)
class Measured:
    """What an estimator says of single frames."""

    log_p: np.ndarray  # (frames,)
    loss: float  # the training loss, averaged
    drawn: np.ndarray  # (draws, frames, bits): draws of the same frames
    variance: np.ndarray | None = None  # (frames,) of log_p, where it is an estimate
    details: dict = field(default_factory=dict)


class Estimator(Protocol):
    """A way of measuring frames."""

    kind: ClassVar[str]  # EXACT, AIS or BOUND

    @property
    def most(self) -> int | None:
        """How many frames are measured, and stand for all; None is all."""

    def measure(self, frames: np.ndarray, parameters: np.ndarray) -> Measured:
        """Likelihood of frames, each under a distribution of its own.

        Args:
            frames: (frames, bits).
            parameters: (frames, parameters) of the distributions.
        """

    def checks(self) -> dict[str, Estimator]:
        """Estimators that show, beside this one, whether it can be relied on, by name."""


def estimate(estimator: Estimator, lines: list[Line], read: Read, at_once: int = MEASURED_AT_ONCE) -> Evaluation:
    """Likelihood of lines, by all of their frames, or by some at even distances: the same ones every time.

    Args:
        estimator: measures the frames.
        lines: codes are frames (frames, bits).
        read: gives the parameters of the frames of some lines.
        at_once: about so many frames are measured at a time.

    Returns:
        nan for nats and loss when the network has diverged.
    """
    total, pieces = sum(len(line.codes) for line in lines), []
    count = total if estimator.most is None else min(estimator.most, total)
    picked, log_p = np.arange(count) * total // count, np.empty(count)
    for places, frames, parameters in _picked(lines, picked, read, at_once):
        if not np.abs(parameters).max() < DIVERGED:
            return Evaluation(nats=float("nan"), kind=estimator.kind, loss=float("nan"))
        measured = estimator.measure(frames, parameters)
        paper, union = frame_accuracy(measured.drawn, frames)
        variance = 0.0 if measured.variance is None else measured.variance.sum()
        log_p[places] = measured.log_p
        nats, loss = -measured.log_p.sum(dtype=np.float64), len(frames) * measured.loss
        squares = np.square(measured.log_p, dtype=np.float64).sum()
        pieces.append([nats, loss, paper.sum(), union.sum(), variance, squares])
    nats, loss, paper, union, variance, squares = np.sum(pieces, axis=0)
    scale = total / count
    line = np.searchsorted(np.cumsum([len(line.codes) for line in lines]), picked, side="right")
    variance += (1 - 1 / scale) * (squares - nats**2 / count)  # of the frames that were picked, out of so many
    return Evaluation(
        nats=float(nats * scale),
        kind=estimator.kind,
        loss=float(loss / count),
        accuracy=float(paper / count),
        standard_error=None if measured.variance is None else float(np.sqrt(variance) * scale),
        details={
            **measured.details,
            "frames": count,
            "nats_per_frame": float(nats / count),
            "accuracy_union": float(union / count),
        },
        by_line=-scale * np.bincount(line, log_p, len(lines)),
    )


def _picked(
    lines: list[Line], picked: np.ndarray, read: Read, at_once: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The picked ones of all frames, `at_once` at a time or a few more: places among them, frames and parameters."""
    starts = np.cumsum([0, *(len(line.codes) for line in lines)])
    waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for first in range(0, len(lines), LINES_AT_ONCE):
        group = [line.codes for line in lines[first : first + LINES_AT_ONCE]]
        for begin, window in read(group):
            for codes, start, parameters in zip(group, starts[first:], window, strict=False):
                ends = start + np.minimum([begin, begin + len(parameters)], len(codes))
                places = np.arange(*picked.searchsorted(ends))
                if len(places):
                    of_line = picked[places] - start
                    waiting.append((places, codes[of_line], parameters[of_line - begin]))
            if sum(parameters.size for *_, parameters in waiting) >= HELD_AT_ONCE:
                yield _joined(waiting)
                waiting = []
        if sum(len(places) for places, *_ in waiting) >= at_once:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In the order of the music, whichever way it was read."""
    places, frames, parameters = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = places.argsort()
    return places[order], frames[order], parameters[order]


class CompiledBits:
    """Log probabilities and draws of frames whose bits are decided one after another, compiled for `at_once` frames."""

    def __init__(self, distribution: FrameDistribution, at_once: int = 1024) -> None:
        self.distribution, self.at_once = distribution, at_once
        self._compiled: dict[tuple, keras.Model] = {}

    def log_p(self, frames: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        """Log probabilities of frames.

        Args:
            frames: (frames, bits).
            parameters: (frames, parameters).

        Returns:
            (frames,).
        """
        targets, log_p = self.distribution.targets(frames), np.empty(len(frames))
        nats = self._method("loss", keras.Input(targets.shape[1:], dtype="int32"), self._parameters())
        for rows, kept in self._pieces(len(frames)):
            log_p[kept] = -np.asarray(nats.predict_on_batch([targets[rows], parameters[rows]]))[: len(kept)]
        return log_p

    def draws(self, parameters: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of each frame.

        Args:
            parameters: (frames, parameters).
            count: how many.
            rng: draws them.

        Returns:
            (count, frames, bits) uint8.
        """
        bits, noise = self.distribution.visible, self.distribution.noise
        drawn = np.empty((count, len(parameters), bits), np.uint8)
        draw = self._method("draw", keras.Input((bits,)), self._parameters(), keras.Input((noise,)), keras.Input((1,)))
        silence, temperature = np.zeros((self.at_once, bits), np.float32), np.ones((self.at_once, 1), np.float32)
        for rows, kept in self._pieces(len(parameters)):
            for index in range(count):
                uniform = rng.random((self.at_once, noise), np.float32)
                frames = draw.predict_on_batch([silence, parameters[rows], uniform, temperature])
                drawn[index, kept] = np.asarray(frames)[: len(kept)]
        return drawn

    def _pieces(self, total: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers of the frames of each piece, filled up to one shape for one compilation, and those to be kept."""
        for first in range(0, total, self.at_once):
            rows = np.arange(first, first + self.at_once) % total
            yield rows, rows[: total - first]

    def _parameters(self) -> keras.KerasTensor:
        return keras.Input((sum(self.distribution.sizes),))

    def _method(self, name: str, *inputs: keras.KerasTensor) -> keras.Model:
        key = (name, *(each.shape for each in inputs))
        if key not in self._compiled:
            self._compiled[key] = keras.Model(list(inputs), Method(self.distribution, name)(list(inputs)))
            self._compiled[key].compile(jit_compile=True)
        return self._compiled[key]


@dataclass(frozen=True)
class ExactBits:
    """The product of the bits' probabilities.

    Args:
        compiled: the distribution.
        seed: of the draws.
        draws: of each frame, for the expected accuracy.
    """

    compiled: CompiledBits
    seed: int
    draws: int = 5
    most: int | None = None

    kind: ClassVar = EXACT

    def measure(self, frames: np.ndarray, parameters: np.ndarray) -> Measured:
        log_p = self.compiled.log_p(frames, parameters)
        drawn = self.compiled.draws(parameters, self.draws, np.random.default_rng(self.seed))
        return Measured(log_p, float(-log_p.mean()), drawn)

    def checks(self) -> dict[str, Estimator]:
        """None are needed."""
        return {}


@dataclass(frozen=True)
class _Annealing:
    """What estimators have in common that anneal.

    Args:
        temperatures: see `zoo.evaluation.annealing.anneal`.
        chains: see there.
        seed: of all draws.
        most: see `Estimator`.
        twice: measure some frames once more with twice the temperatures, to see if they are enough.
    """

    temperatures: int
    chains: int
    seed: int
    most: int | None = None
    twice: bool = False

    kind: ClassVar[str]

    def measure(self, frames: np.ndarray, parameters: np.ndarray) -> Measured:
        raise NotImplementedError

    def checks(self) -> dict[str, Estimator]:
        """The same on fewer frames, and with twice the temperatures on these."""
        if not self.twice:
            return {}
        once = dataclasses.replace(self, most=DOUBLED_FRAMES, twice=False)
        return {"once": once, "twice": dataclasses.replace(once, temperatures=2 * self.temperatures)}

    def anneal(self, W: np.ndarray, b_v: np.ndarray, b_h: np.ndarray, base: np.ndarray, hints: np.ndarray) -> Annealed:
        """The log Z of one machine a frame, see `zoo.evaluation.annealing.anneal`."""
        return anneal(W, b_v, b_h, base, hints, self.temperatures, self.chains, self.seed)

    @property
    def details(self) -> dict:
        """How it was estimated."""
        return {"temperatures": self.temperatures, "chains": self.chains}


@dataclass(frozen=True, kw_only=True)
class AnnealedRBM(_Annealing):
    """log p(v) = −F(v) − log Z, with Z by annealed importance sampling."""

    rbm: RBM

    kind: ClassVar = AIS

    def measure(self, frames: np.ndarray, parameters: np.ndarray) -> Measured:
        W, (b_v, b_h) = np.asarray(self.rbm.W), self.rbm.split(parameters)
        annealed = self.anneal(W, b_v, b_h, np.asarray(self.rbm.base), frames)
        energy = free_energy(frames, W, b_v, b_h)
        loss = energy - free_energy(annealed.drawn, W, b_v, b_h).mean(0)
        log_p = -energy.astype(np.float64) - annealed.log_z
        return Measured(log_p, float(loss.mean()), annealed.drawn, annealed.variance, self.details)


@dataclass(frozen=True, kw_only=True)
class BoundedDBN(_Annealing):
    """An importance-weighted bound: log of the mean over h ~ q(h | v) of p(v | h) p(h) ÷ q(h | v).

    There p(h) = exp(−F(h)) ÷ Z of the upper machine, with Z by annealed importance sampling.

    Args:
        dbn: the distribution.
        draws: of h for each frame.

    Reference:
        Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", ICLR 2016.
    """

    dbn: DBN
    draws: int = BOUND_DRAWS

    kind: ClassVar = BOUND

    def measure(self, frames: np.ndarray, parameters: np.ndarray) -> Measured:
        dbn = self.dbn
        W, G, U = (np.asarray(weight) for weight in (dbn.lower.W, dbn.G, dbn.upper.W))
        lower, upper = (np.asarray(part) for part in dbn.parts(parameters))
        (b_v, b_q), (b_1, b_2) = dbn.lower.split(lower), dbn.upper.split(upper)
        pieces = [slice(first, first + BOUNDED_AT_ONCE) for first in range(0, len(frames), BOUNDED_AT_ONCE)]

        def bound(rows: slice) -> np.ndarray:
            v = frames[rows].astype(np.float32)
            q_in = v @ W + b_q[rows]
            h = _draw(np.random.default_rng([self.seed, rows.start, 0]), q_in, self.draws)
            log_w = _log_p(v, h @ G.T + b_v[rows]) - free_energy(h, U, b_1[rows], b_2[rows]) - _log_p(h, q_in)
            return np.logaddexp.reduce(log_w.astype(np.float64)) - np.log(self.draws)

        def down(rows: slice) -> np.ndarray:
            """From where the chains end, draws of the upper machine's hidden units, to the notes."""
            rng = np.random.default_rng([self.seed, rows.start, 1])
            h = _draw(rng, annealed.drawn[:, rows].astype(np.float32) @ U.T + b_1[rows])
            return _draw(rng, h @ G.T + b_v[rows]).astype(np.uint8)

        with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores()) as pool:
            bounds = pool.map(bound, pieces)  # begins at once, while a core waits for the annealing to be compiled
            # The upper machine annealed with its units exchanged: its hidden ones began as the visible units.
            base = np.concatenate([np.asarray(dbn.lower.base), np.zeros(dbn.extra, np.float32)])
            hints = np.pad(frames, ((0, 0), (0, dbn.extra)))
            annealed = self.anneal(U.T, b_2, b_1, base, hints)
            log_p = np.concatenate(list(bounds)) - annealed.log_z
            drawn = np.concatenate(list(pool.map(down, pieces)), axis=1)
        return Measured(log_p, float(-log_p.mean()), drawn, annealed.variance, self.details | {"draws": self.draws})


def free_energy(v: np.ndarray, W: np.ndarray, b_v: np.ndarray, b_h: np.ndarray) -> np.ndarray:
    """F(v) as `RBM.free_energy` has it, of NumPy arrays.

    Args:
        v: (..., frames, visible) bits.
        W: (visible, hidden).
        b_v: (frames, visible).
        b_h: (frames, hidden).

    Returns:
        (..., frames), in nats.
    """
    v = np.asarray(v, np.float32)
    return -(v * b_v).sum(-1) - _softplus(v @ W + b_h).sum(-1)


def _softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)), in a fraction of the time that np.logaddexp takes."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _draw(rng: np.random.Generator, logit: np.ndarray, *draws: int) -> np.ndarray:
    """Independent bits that are on with probability sigmoid(logit), (*draws, *logit's shape) float32."""
    return (rng.random((*draws, *logit.shape), np.float32) < 0.5 * (1 + np.tanh(0.5 * logit))).astype(np.float32)


def _log_p(bits: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """Σ log p of independent bits over the last axis."""
    return (bits * logit - _softplus(logit)).sum(-1)
