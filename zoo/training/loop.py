"""The training loop: epochs, validation, learning rate, early stopping, and going on after an interruption.

Everything that decides how training goes on is derived from (seed, epoch), the history so far, and the arrays in one
state file, so a resumed run repeats the uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from zoo._errors import UserError
from zoo._files import replacing
from zoo.training import hyperparameters

OPTIMIZERS = {
    name.lower(): getattr(keras.optimizers, name)
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam")
}
KEEP = ("best", "last")
SCHEDULES = ("constant", "plateau", "cosine")
NEEDED = ("epoch", "seconds", "val_nats_per_beat", "updates")  # columns of a history that training goes on by
PLATEAU_PATIENCE = 3  # epochs without a better validation figure before the learning rate is halved


class Watch:
    """Told how training goes; does nothing. The harness shows a display, tests count."""

    def batch(self, epoch: int, done: int, total: int, seconds: float) -> None:
        """A batch of `epoch` (from 0) is done."""

    def epoch(self, history: list[dict[str, float]], network: keras.Model) -> None:
        """An epoch is done; the last row of `history` tells of it."""


@dataclass
class State:
    """All that a training consists of between two epochs."""

    history: list[dict[str, float]] = field(default_factory=list)
    best: list[np.ndarray] = field(default_factory=list)  # weights of the epoch that is kept
    of: str = ""  # what is trained

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
            np.savez(file, told=text, **arrays)

    @classmethod
    def load(cls, path: Path, network: keras.Model, of: str) -> State:
        """Read what `save` wrote and put it into the network and its optimizer.

        Raises:
            UserError: when the file is damaged, or not `of` what is trained.
        """
        try:
            named = _arrays(path)
            state = cls(**json.loads(named.pop("told").tobytes()))
            if state.of != of:
                raise ValueError("it is of another training")
            figures = np.array([[row[column] for column in NEEDED] for row in state.history], float)
            if not figures.size or not np.isfinite(figures).all():
                raise ValueError("its history has gaps")
            groups = {group: [] for group in ("weight", "best", "optimizer")}
            for group, found in groups.items():
                while (key := f"{group}{len(found)}") in named:
                    found.append(named[key])
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


def identity(model) -> str:
    """SHA-256 of what a model's training depends on, and of its vocabulary, as hexadecimal digits."""
    described = model.to_json()
    described["hyperparameters"] = hyperparameters.as_trained(type(model), described["hyperparameters"])
    return hashlib.sha256(json.dumps([described, model.codec.to_json()]).encode()).hexdigest()


def kept_epoch(model, figures: list[float]) -> int:
    """Index of the epoch whose weights are kept, by the validation figures of all epochs so far."""
    return len(figures) - 1 if model.keep == "last" else int(np.argmin(figures))


def make_optimizer(model) -> keras.optimizers.Optimizer:
    """The optimizer that `model`'s hyperparameters name; `learning_rate=None` is the optimizer's own default."""
    settings = {"learning_rate": model.learning_rate, "weight_decay": model.weight_decay or None}
    settings |= {"global_clipnorm": model.clip_norm or None, "clipvalue": model.clip_value or None}
    return OPTIMIZERS[model.optimizer](**{key: value for key, value in settings.items() if value is not None})


def learning_rate(model, base: float, history: list[dict[str, float]]) -> float:
    """The learning rate of the epoch after `history`."""
    if model.schedule == "plateau":
        best, waited, rate = math.inf, 0, base
        for row in history:
            better = row["val_nats_per_beat"] < best
            best, waited = (row["val_nats_per_beat"], 0) if better else (best, waited + 1)
            if waited == PLATEAU_PATIENCE:
                rate, waited = rate / 2, 0
        return rate
    if model.schedule == "cosine":
        return base * (1 + math.cos(math.pi * min(_used(model, history), 1))) / 2
    return base


def reseed(network: keras.Model, seed: int, epoch: int) -> None:
    """Set every generator of `network` from (seed, epoch); so none has to be saved."""
    weights = {id(variable) for variable in network.weights}
    generators = [v for v in network.variables if id(v) not in weights and "seed_generator" in v.path]
    for index, variable in enumerate(generators):
        state = np.random.default_rng([seed, epoch, index]).integers(0, 2**31 - 1, 2)
        variable.assign(state.astype(variable.dtype))


def train(
    model, lines, validate, *, spent: float = 0.0, watch: Watch | None = None, state_path: Path | None = None
) -> State:
    """Train `model.network` until epochs, minutes, updates or patience are used up; leave it with the weights to keep.

    Args:
        model: a built MusicModel, with its hyperparameters, `network` (compiled), `begin` and `batches`.
        lines: called with an epoch's generator, gives the lines to train on in that epoch.
        validate: gives {"val_loss", "val_nats_per_beat", …} of the network as it stands.
        spent: seconds of preparation, such as pretraining, that count as training.
        watch: told of every batch and epoch.
        state_path: where to keep the state after every epoch, and to take it from when the file is there.

    Raises:
        UserError: when the loss or the validation figure stops being a number.
    """
    network, watch = model.network, watch or Watch()
    base = float(network.optimizer.learning_rate)
    of = identity(model)
    state = State.load(state_path, network, of) if state_path and state_path.exists() else State(of=of)
    while not _finished(model, state):
        epoch = len(state.history)
        before = state.history[-1]["seconds"] if state.history else spent
        earlier = state.history[-1]["updates"] if state.history else 0
        started = time.perf_counter()
        rng = np.random.default_rng([model.seed, epoch])
        model.begin(_used(model, state.history), _used(model, state.history[:-1]) if epoch else None)
        reseed(network, model.seed, epoch)
        rate = learning_rate(model, base, state.history)
        network.optimizer.learning_rate = rate
        sums, counted = {}, 0.0  # what Keras returns is of the one batch
        batches = model.batches(lines(rng), rng)
        for done, (x, y, weight) in enumerate(batches, 1):
            of_batch = network.train_on_batch(x, y, weight, return_dict=True)
            counted += (weighs := float(weight.sum()))
            sums = {key: sums.get(key, 0.0) + weighs * float(value) for key, value in of_batch.items()}
            seconds = before + time.perf_counter() - started
            watch.batch(epoch, done, len(batches), seconds)
            updates = earlier + done
            if (model.minutes and seconds > 60 * model.minutes) or updates == model.updates:
                break
        logs = {key: total / counted for key, total in sums.items()}
        if math.isfinite(logs["loss"]):
            logs |= validate()
        lost = next((key for key in ("loss", "val_loss", "val_nats_per_beat") if not math.isfinite(logs[key])), None)
        if lost:
            raise UserError(
                f"the {lost} became {logs[lost]} in epoch {epoch + 1}; try a smaller `learning_rate` or `clip_norm=1`."
            )
        row = {"epoch": epoch + 1, "seconds": 0.0, **logs, "learning_rate": rate, "updates": updates}
        row["seconds"] = before + time.perf_counter() - started
        state.history.append(row)
        if kept_epoch(model, state.figures) == epoch:
            state.best = network.get_weights()
        watch.epoch(state.history, network)
        if state_path:  # last: what was killed before it does the epoch again, and tells of it again
            state.save(state_path, network)
    network.set_weights(state.best)
    return state


def _used(model, history: list[dict[str, float]]) -> float:
    """The share of the training that is behind: of epochs, minutes or updates, whichever is nearest to its end."""
    if not history:
        return 0.0
    minutes = history[-1]["seconds"] / (60 * model.minutes) if model.minutes else 0
    updates = history[-1]["updates"] / model.updates if model.updates else 0
    return max(len(history) / model.epochs, minutes, updates)


def _finished(model, state: State) -> bool:
    done = len(state.history)
    out_of_patience = model.patience and done and done - 1 - int(np.argmin(state.figures)) >= model.patience
    return _used(model, state.history) >= 1 or bool(out_of_patience)
