"""Trains one model on one corpus into a run folder: identity, resuming, timing, scoring, sampling."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import platform
import resource
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import keras

from zoo._errors import CannotWrite, Unreadable, UserError
from zoo._files import locked, read_json, write_json, write_text
from zoo.corpora import Corpus
from zoo.experiments import measuring
from zoo.experiments.folders import is_finished, run_name
from zoo.experiments.measuring import BY_THE_CLOCK
from zoo.experiments.progress import TrainingDisplay
from zoo.models._base import MusicModel
from zoo.training import hyperparameters, loop
from zoo.training.checkpoint import WEIGHTS, save_weights

LEFT_OUT = "left_out.txt"  # why the model can read nothing of the corpus
MISSING = "missing"  # in metrics.json: what could not be measured, by part, and why
NOT_YET = "it was not measured: the process ended before"
PACKAGES = ("keras", "tensorflow", "jax", "numpy", "music21", "symusic")


@dataclass
class Job:
    """One model to be trained on one corpus.

    Args:
        model: untrained.
        corpus: what it learns.
        results: the corpus's folder of results.
        overrides: hyperparameters set otherwise than the preset has them.
        weights: a trained model to go on from, and the run folder it came from.
        checkpoint_every: keep the weights of every so many epochs; 0 keeps none.
        message: a note kept with the run.
        tensorboard: write events for TensorBoard into the run folder.
    """

    model: MusicModel
    corpus: Corpus
    results: Path
    overrides: dict[str, object] = field(default_factory=dict)
    weights: tuple[MusicModel, Path] | None = None
    checkpoint_every: int = 0
    message: str = ""
    tensorboard: bool = False

    @property
    def folder(self) -> Path:
        """The run's folder."""
        named = dict(self.overrides)
        if self.weights:
            named["weights"] = f"{self.weights[1].name}-{_digest(self.weights[0])[:8]}"
        return self.results / "runs" / self.model.model_name() / run_name(self.model.preset, self.model.seed, named)

    def identity(self) -> dict:
        """What makes it this run and no other: two jobs of the same identity give the same weights."""
        return self.model.to_json() | {
            "corpus": {"name": self.corpus.name, "digest": self.corpus.digest},
            "weights": _of_weights(*self.weights) if self.weights else None,
        }

    def state(self) -> str:
        """What lies in the folder: "new", "resume", "done", "trained" when it is done but was measured in part or in
        another way, or "stale" when it is of another identity."""
        try:
            found = read_json(self.folder / "model.json")
        except UserError:
            return "new"
        mine, kind = self.identity(), type(self.model)
        asked = mine.pop("hyperparameters")
        settings = found.get("hyperparameters") if isinstance(found, dict) else None
        if isinstance(settings, dict):
            settings = hyperparameters.completed(kind, settings)
        if not isinstance(settings, dict) or any(found.get(key) != value for key, value in mine.items()):
            return "stale"
        if hyperparameters.as_trained(kind, settings) != hyperparameters.as_trained(kind, asked):
            return "stale"
        if is_finished(self.folder):
            return "done" if settings == asked and not self.missing() else "trained"
        return "resume" if (self.folder / "state.npz").exists() else "new"

    def missing(self) -> dict[str, str]:
        """What could not be measured of the trained model, by part, and why."""
        try:
            found = read_json(self.folder / "metrics.json")
        except UserError:
            return {}
        missing = found.get(MISSING) if isinstance(found, dict) else None
        return missing if isinstance(missing, dict) else {}

    def check_readable(self) -> None:
        """Look whether the model can read something of every split; if not, leave the sentence in left_out.txt.

        Raises:
            Unreadable: (a UserError) when it cannot.
        """
        try:
            self.model.check_readable(self.corpus, self.weights[0] if self.weights else None)
        except Unreadable as reason:
            write_text(self.folder / LEFT_OUT, f"{reason}\n")
            write_json(self.results / "corpus.json", self.corpus.describe())
            raise

    def run(self) -> Path:
        """Train, or go on, or find it done; returns the run folder.

        Raises:
            Busy: (a UserError) when another process is at it.
            Unreadable: (a UserError) when there is a split in which the model can read nothing.
            UserError: when it cannot be trained; what failed is written to error.txt.

        What cannot be measured of a trained model raises nothing: `missing` tells, and the next `run` tries again.
        """
        title = f"{self.model.model_name()} {self.folder.name}"
        if self.state() != "done":
            if self.weights:
                self.model.check_weights(self.weights[0])
            self.check_readable()
            with locked(self.folder, "training"):
                if (state := self.state()) != "done":  # or else another process has come first
                    self._begin(state, title)
                    return self.folder
        with contextlib.suppress(OSError):  # of a process that was killed at the very end
            (self.folder / "state.npz").unlink(missing_ok=True)
            (self.folder / LEFT_OUT).unlink(missing_ok=True)  # of a corpus that has come back since
        described = read_json(self.folder / "model.json")
        lost = ", where the message was not kept" * bool(self.message and described.get("message") != self.message)
        print(f"{title}: done before, in {self.folder}{lost}", file=sys.stderr)
        return self.folder

    def _begin(self, state: str, title: str) -> None:
        if state == "trained":
            why = f"{', '.join(missing)} missing" if (missing := self.missing()) else "measured in another way"
            print(f"{title}: trained before, {why}: measured anew", file=sys.stderr)
        elif state == "stale":
            print(f"{title}: of another corpus or other settings, trained anew", file=sys.stderr)
        if self.model.minutes and state != "trained":
            print(f"{title}: {BY_THE_CLOCK}", file=sys.stderr)
        if state in ("new", "stale"):
            self._clear()
        for name in ("error.txt", LEFT_OUT):
            (self.folder / name).unlink(missing_ok=True)
        try:
            if state == "trained":
                self._measure_anew(title)
            else:
                self._train(title)
        except (Exception, KeyboardInterrupt) as error:
            with contextlib.suppress(UserError):  # the disk may be full; what happened first is to be told
                self._explain(error)
            raise

    def _clear(self) -> None:
        """Remove what an earlier run of another identity left; what would make half of it look whole goes first."""
        written = (
            "state.npz",
            "metrics.json",
            "*.h5",
            "history.csv",
            "samples/*",
            "real/*",
            "checkpoints/*",
            "error.txt",
        )
        for pattern in (*written, "tensorboard/*/*"):
            for path in self.folder.glob(pattern):
                path.unlink()

    def _explain(self, error: BaseException) -> None:
        """Keep the reason of a failure; an interruption is none."""
        if isinstance(error, KeyboardInterrupt):
            return
        write_text(self.folder / "error.txt", _told(error))

    def _train(self, title: str) -> None:
        model, corpus, folder = self.model, self.corpus, self.folder
        described = self.identity() | {"overrides": self._overrides_as_json(), "message": self.message}
        write_json(folder / "model.json", described)
        write_json(self.results / "corpus.json", corpus.describe())
        keeper = Keeper(folder, self.checkpoint_every, self.tensorboard)
        with TrainingDisplay(title, model.epochs, model.minutes, model.updates) as display:
            history = model.fit(
                corpus.train,
                corpus.valid,
                weights=self.weights[0] if self.weights else None,
                callback=Both(display, keeper),
                state_path=folder / "state.npz",
            )
        model.save(folder, **described)
        best = loop.kept_epoch(model, history["val_nats_per_beat"])
        told = {
            "about": model.about(),
            "parameters": model.parameters,
            "epochs": len(history["epoch"]),
            "best_epoch": best + 1,
            "seconds": history["seconds"][-1],
            "seconds_to_best": history["seconds"][best],
            "network": model.picture(),
            "environment": environment(),
        }
        write_json(folder / "metrics.json", told | {MISSING: dict.fromkeys(measuring.PARTS, NOT_YET)})
        (folder / "state.npz").unlink(missing_ok=True)  # from here on no training can be lost
        self._measure(title, told, measuring.PARTS)

    def _measure_anew(self, title: str) -> None:
        """Keep the weights and what is told of their training; of the same settings measure only what is missing."""
        path, described = self.folder / "metrics.json", read_json(self.folder / "model.json")
        told = read_json(path)
        if not isinstance(told, dict):
            raise UserError(f"{path} is damaged; delete it to train the model anew.")
        self.model.restore(described, self.folder / WEIGHTS)
        same = described.get("hyperparameters") == self.identity()["hyperparameters"]
        self._measure(title, told, self.missing() if same else measuring.PARTS)
        self.model.save(self.folder, **described | self.identity())  # last, for then nothing is left to be done

    def _measure(self, title: str, told: dict, parts: Iterable[str]) -> None:
        """Measure `parts` of the trained model, and write them to metrics.json beside what is told already; what fails
        is told there too, with the traceback in error.txt."""
        print(f"{title}: sampling and scoring", file=sys.stderr, flush=True)
        measured, missing, tracebacks = measuring.Measurement(self.model, self.corpus, self.folder), {}, []
        for part in parts:
            try:
                told = told | measuring.PARTS[part](measured)
            except CannotWrite:  # no fault in measuring: what is missing is told already
                raise
            except Exception as error:
                missing[part] = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
                tracebacks.append(f"the {part} could not be measured\n{_told(error)}")
        told = {"peak_memory_mb": peak_memory()} | told | {MISSING: missing}
        if tracebacks:
            write_text(self.folder / "error.txt", "\n".join(tracebacks))
            print(f"{title}: {', '.join(missing)} could not be measured; error.txt says why", file=sys.stderr)
        write_json(self.folder / "metrics.json", told)

    def _overrides_as_json(self) -> dict:
        values = hyperparameters.values(self.model)
        return {key: values[key] for key in self.overrides}


class Both:
    """Two callbacks in one."""

    def __init__(self, *callbacks):
        self.callbacks = callbacks

    def batch(self, *args) -> None:
        """See `zoo.training.loop.Callback`."""
        for callback in self.callbacks:
            callback.batch(*args)

    def epoch(self, *args) -> None:
        """See `zoo.training.loop.Callback`."""
        for callback in self.callbacks:
            callback.epoch(*args)


class Keeper:
    """Writes history.csv after every epoch, checkpoints, and TensorBoard's events, into a run folder."""

    def __init__(self, folder: Path, checkpoint_every: int, tensorboard: bool):
        self.folder, self.checkpoint_every = folder, checkpoint_every
        self.board = keras.callbacks.TensorBoard(str(folder / "tensorboard")) if tensorboard else None

    def batch(self, *args) -> None:
        """Nothing is kept of a batch."""

    def epoch(self, history: list[dict[str, float]], network: keras.Model) -> None:
        """Write the history so far, and the weights if it is their turn."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_text(self.folder / "history.csv", text.getvalue())
        number = int(history[-1]["epoch"])
        if self.checkpoint_every and number % self.checkpoint_every == 0:
            save_weights(network, self.folder / "checkpoints" / f"epoch-{number:05d}.weights.h5")
        if self.board:
            if self.board._model is None:
                self.board.set_model(network)
            self.board.on_epoch_end(number, {key: value for key, value in history[-1].items() if key != "epoch"})


def _told(error: BaseException) -> str:
    """What happened: the sentence of a user's mistake, else the traceback."""
    told = str(error) if isinstance(error, UserError) else "".join(traceback.format_exception(error))
    return told.rstrip() + "\n"


def peak_memory() -> float:
    """Most memory this process ever held, in MB."""
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def environment() -> dict:
    """Versions and machine."""
    found = {"python": platform.python_version(), "backend": keras.backend.backend()}
    for package in PACKAGES:
        found[package] = version(package)
    return found | {"machine": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}


def _of_weights(model: MusicModel, run: Path) -> dict:
    described = read_json(run / "model.json")
    known = {key: described.get(key) for key in ("model", "preset", "seed", "corpus")}
    settings = hyperparameters.as_trained(type(model), hyperparameters.values(model))
    return known | {"hyperparameters": settings, "digest": _digest(model)}


def _digest(model: MusicModel) -> str:
    """SHA-256 of a trained model's vocabulary and weights."""
    digest = hashlib.sha256(json.dumps(model.codec.to_json(), sort_keys=True).encode())
    for array in model.network.get_weights():
        digest.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    return digest.hexdigest()
