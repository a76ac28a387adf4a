"""The training loop: epochs, validation, learning rate, early stopping, and going on after an interruption.

Everything that decides how training goes on is derived from (seed, epoch), the history so far, and the arrays in one
state file, so a resumed run repeats the uninterrupted one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import random
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from zoo._errors import UserError
from zoo._files import replacing

OPTIMIZERS = {
    name.lower(): getattr(keras.optimizers, name)
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam")
}
KEEP = ("best", "last")
SCHEDULES = ("constant", "plateau", "cosine")
NEEDED = ("epoch", "seconds", "val_nats_per_beat", "updates")  # columns of a history that training goes on by
PLATEAU_PATIENCE = 3  # epochs without a better validation figure before the learning rate is halved


# x (or the arrays that a network with several inputs reads), y and sample weights, (sequences, …) each.
Batch = tuple[np.ndarray | list[np.ndarray], np.ndarray, np.ndarray]


class Settings(Protocol):
    """The hyperparameters of training; `zoo.models._base` says what each is."""

    epochs: int
    minutes: float
    updates: int
    patience: int
    keep: str
    schedule: str
    optimizer: str
    learning_rate: float | None
    weight_decay: float
    clip_norm: float
    clip_value: float
    seed: int


class Batches(Protocol):
    """The batches of one epoch."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[Batch]:
        """One after another."""


@dataclass(frozen=True)
class Training:
    """What is trained, on what, and how.

    Args:
        settings: hyperparameters; a model has them as its fields.
        network: compiled.
        identity: of what is trained, by which a kept state is known again.
        batches: called with the number of an epoch, from 0, gives its batches; the same number, the same ones.
        validate: gives {"val_loss", "val_nats_per_beat", …} of the network as it stands.
        begin_epoch: called before each epoch with the share of the training (0–1) that is behind it, and that was
            behind the epoch before, if there was one.
        end_epoch: called after the batches of each epoch, before it is validated and its weights are kept.
    """

    settings: Settings
    network: keras.Model
    identity: str
    batches: Callable[[int], Batches]
    validate: Callable[[], dict[str, float]]
    begin_epoch: Callable[[float, float | None], None]
    end_epoch: Callable[[], None]


class Callback:
    """Called as training goes on; does nothing. The command line shows a display, tests count."""

    def batch(self, epoch: int, done: int, total: int, seconds: float) -> None:
        """A batch is done.

        Args:
            epoch: from 0.
            done: batches of the epoch so far.
            total: batches of the epoch.
            seconds: since training began.
        """

    def epoch(self, history: list[dict[str, float]], network: keras.Model) -> None:
        """An epoch is done; the last row of `history` is its own."""


@dataclass
class State:
    """All that a training consists of between two epochs."""

    history: list[dict[str, float]] = field(default_factory=list)
    best: list[np.ndarray] = field(default_factory=list)  # weights of the epoch that is kept
    of: str = ""  # identity of what is trained

    @property
    def figures(self) -> list[float]:
        """The validation figure of every epoch."""
        return [row["val_nats_per_beat"] for row in self.history]

    def save(self, path: Path, network: keras.Model) -> None:
        """Write the state, the network's weights and the optimizer's variables to one file."""
        arrays = {f"weight{i}": value for i, value in enumerate(network.get_weights())}
        arrays |= {f"best{i}": value for i, value in enumerate(self.best)}
        arrays |= {f"optimizer{i}": np.asarray(value) for i, value in enumerate(network.optimizer.variables)}
        text = np.frombuffer(json.dumps({"of": self.of, "history": self.history}).encode(), np.uint8)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, told=text, **arrays)  # the name that it has in all state files

    @classmethod
    def load(cls, path: Path, network: keras.Model, of: str) -> State:
        """Read what `save` wrote and put it into the network and its optimizer.

        Args:
            path: the file.
            network: compiled.
            of: identity of what is trained.

        Raises:
            UserError: when the file is damaged, or of another training.
        """
        try:
            named = _arrays(path)
            state = cls(**json.loads(named.pop("told").tobytes()))
            if state.of != of:
                raise ValueError("it is of another training")
            figures = np.array([[row[column] for column in NEEDED] for row in state.history], float)
            if not figures.size or not np.isfinite(figures).all():
                raise ValueError("its history has gaps")
            groups: dict[str, list[np.ndarray]] = {group: [] for group in ("weight", "best", "optimizer")}
            for group, arrays in groups.items():
                while (key := f"{group}{len(arrays)}") in named:
                    arrays.append(named[key])
            network.set_weights(groups["weight"])
            network.optimizer.build(network.trainable_variables)
            for variable, value in zip(network.optimizer.variables, groups["optimizer"], strict=True):
                variable.assign(value)
            state.best = groups["best"]
            if [best.shape for best in state.best] != [weight.shape for weight in network.weights]:
                raise ValueError("its best weights are of other shapes")
        except Exception as error:  # of zip, of NumPy, of JSON and of Keras
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"{path} is damaged ({reason}); delete it to train from the beginning.") from None
        return state


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file, none of which may be larger than the file."""
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise ValueError("it names more than it holds")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def identity(*described: dict) -> str:
    """SHA-256 of what a training depends on, JSON, as hexadecimal digits."""
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def kept_epoch(settings: Settings, figures: list[float]) -> int:
    """Index of the epoch whose weights are kept, by the validation figures of all epochs so far."""
    return len(figures) - 1 if settings.keep == "last" else int(np.argmin(figures))


def make_optimizer(settings: Settings) -> keras.optimizers.Optimizer:
    """The optimizer that the hyperparameters name; `learning_rate=None` is the optimizer's own default."""
    arguments = {"learning_rate": settings.learning_rate, "weight_decay": settings.weight_decay or None}
    arguments |= {"global_clipnorm": settings.clip_norm or None, "clipvalue": settings.clip_value or None}
    return OPTIMIZERS[settings.optimizer](**{key: value for key, value in arguments.items() if value is not None})


def learning_rate(settings: Settings, base: float, history: list[dict[str, float]]) -> float:
    """The learning rate of the epoch after `history`.

    Args:
        settings: of which `schedule` says how it falls.
        base: the rate of the first epoch.
        history: a row for every epoch so far.
    """
    if settings.schedule == "plateau":
        best, waited, rate = math.inf, 0, base
        for row in history:
            better = row["val_nats_per_beat"] < best
            best, waited = (row["val_nats_per_beat"], 0) if better else (best, waited + 1)
            if waited == PLATEAU_PATIENCE:
                rate, waited = rate / 2, 0
        return rate
    if settings.schedule == "cosine":
        return base * (1 + math.cos(math.pi * min(_used(settings, history), 1))) / 2
    return base


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Layers that are made inside draw their initial weights by `seed`; the caller's generators stay as they are.

    Keras seeds every initializer and every layer's generator from Python's.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def reseed(network: keras.Model, seed: int, epoch: int) -> None:
    """Set every generator of a network from (seed, epoch); so none has to be saved.

    Args:
        network: whose generators are set.
        seed: of all randomness of training.
        epoch: from 0.
    """
    weights = {id(variable) for variable in network.weights}
    generators = [v for v in network.variables if id(v) not in weights and "seed_generator" in v.path]
    for index, variable in enumerate(generators):
        state = np.random.default_rng([seed, epoch, index]).integers(0, 2**31 - 1, 2)
        variable.assign(state.astype(variable.dtype))


def train(
    training: Training, *, spent: float = 0.0, callback: Callback | None = None, state_path: Path | None = None
) -> State:
    """Train until epochs, minutes, updates or patience are used up; leave the network with the weights to keep.

    Args:
        training: what is trained, on what, and how.
        spent: seconds of preparation, such as pretraining, that count as training.
        callback: called after every batch and epoch.
        state_path: where to keep the state after every epoch, and to take it from when the file is there.

    Raises:
        UserError: when the loss or the validation figure stops being a number.
    """
    settings, network, callback = training.settings, training.network, callback or Callback()
    base = float(network.optimizer.learning_rate)
    if state_path and state_path.exists():
        state = State.load(state_path, network, training.identity)
    else:
        state = State(of=training.identity)
    while not _finished(settings, state):
        epoch = len(state.history)
        before = state.history[-1]["seconds"] if state.history else spent
        earlier = state.history[-1]["updates"] if state.history else 0
        started = time.perf_counter()
        training.begin_epoch(_used(settings, state.history), _used(settings, state.history[:-1]) if epoch else None)
        reseed(network, settings.seed, epoch)
        rate = learning_rate(settings, base, state.history)
        network.optimizer.learning_rate = rate
        sums: dict[str, float] = {}  # of all batches; what Keras returns is of the one
        counted = 0.0
        batches = training.batches(epoch)
        for done, (x, y, weight) in enumerate(batches, 1):
            of_batch = network.train_on_batch(x, y, weight, return_dict=True)
            counted += (weighs := float(weight.sum()))
            sums = {key: sums.get(key, 0.0) + weighs * float(value) for key, value in of_batch.items()}
            seconds = before + time.perf_counter() - started
            callback.batch(epoch, done, len(batches), seconds)
            updates = earlier + done
            if (settings.minutes and seconds > 60 * settings.minutes) or updates == settings.updates:
                break
        training.end_epoch()
        logs = {key: total / counted for key, total in sums.items()}
        if math.isfinite(logs["loss"]):
            logs |= training.validate()
        lost = next((key for key in ("loss", "val_loss", "val_nats_per_beat") if not math.isfinite(logs[key])), None)
        if lost:
            raise UserError(
                f"the {lost} became {logs[lost]} in epoch {epoch + 1}; try a smaller `learning_rate` or `clip_norm=1`."
            )
        row = {"epoch": epoch + 1, "seconds": 0.0, **logs, "learning_rate": rate, "updates": updates}
        row["seconds"] = before + time.perf_counter() - started
        state.history.append(row)
        if kept_epoch(settings, state.figures) == epoch:
            state.best = network.get_weights()
        callback.epoch(state.history, network)
        if state_path:  # last: what was killed before it does the epoch again, and tells of it again
            state.save(state_path, network)
    network.set_weights(state.best)
    return state


def _used(settings: Settings, history: list[dict[str, float]]) -> float:
    """The share of the training that is behind: of epochs, minutes or updates, whichever is nearest to its end."""
    if not history:
        return 0.0
    minutes = history[-1]["seconds"] / (60 * settings.minutes) if settings.minutes else 0
    updates = history[-1]["updates"] / settings.updates if settings.updates else 0
    return max(len(history) / settings.epochs, minutes, updates)


def _finished(settings: Settings, state: State) -> bool:
    done = len(state.history)
    out_of_patience = settings.patience and done and done - 1 - int(np.argmin(state.figures)) >= settings.patience
    return _used(settings, state.history) >= 1 or bool(out_of_patience)
