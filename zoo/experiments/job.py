"""Trains one model on one corpus into a run folder: identity, resuming, timing, scoring, sampling."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras

from zoo._errors import Unreadable, UserError
from zoo._files import write_json
from zoo.corpora import Corpus
from zoo.experiments import folders, measuring, records
from zoo.experiments.description import ComparisonStep
from zoo.experiments.folders import run_name
from zoo.experiments.measuring import BY_THE_CLOCK
from zoo.experiments.progress import TrainingDisplay
from zoo.experiments.results import Results
from zoo.experiments.run_folder import RunFolder
from zoo.models._base import MusicModel
from zoo.training import hyperparameters, loop
from zoo.training.checkpoint import save_weights

NOT_YET = "it was not measured: the process ended before"


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
        comparison: which step between two presets the run is; None is none.
    """

    model: MusicModel
    corpus: Corpus
    results: Path
    overrides: dict[str, object] = field(default_factory=dict)
    weights: tuple[MusicModel, Path] | None = None
    checkpoint_every: int = 0
    message: str = ""
    tensorboard: bool = False
    comparison: ComparisonStep | None = None

    @property
    def run_folder(self) -> RunFolder:
        """The run's folder and what lies in it."""
        named = dict(self.overrides)
        if self.weights:
            named["weights"] = f"{self.weights[1].name}-{_digest(self.weights[0])[:8]}"
        name = run_name(self.model.preset, self.model.seed, named)
        return folders.run_folder(self.results, self.model.model_name(), name)

    @property
    def folder(self) -> Path:
        """Path of the run's folder."""
        return self.run_folder.path

    @property
    def title(self) -> str:
        """Model and name of the run."""
        return f"{self.run_folder.model} {self.run_folder.name}"

    def identity(self) -> dict:
        """What makes it this run and no other: two jobs of the same identity give the same weights."""
        return self.model.to_json() | {
            "corpus": {"name": self.corpus.name, "digest": self.corpus.digest},
            "weights": _of_weights(*self.weights) if self.weights else None,
        }

    def state(self) -> str:
        """What lies in the folder: "new", "resume", "done", "trained" or "stale".

        It is trained when it is done but was measured in part or in another way, and stale when it is of another
        identity.
        """
        folder = self.run_folder
        try:
            described = folder.read_description()
        except UserError:
            return "new"
        identity, kind = self.identity(), type(self.model)
        wanted = identity.pop("hyperparameters")
        settings = described.get("hyperparameters")
        if not isinstance(settings, dict) or any(described.get(key) != value for key, value in identity.items()):
            return "stale"
        settings = hyperparameters.completed(kind, settings)
        if hyperparameters.as_trained(kind, settings) != hyperparameters.as_trained(kind, wanted):
            return "stale"
        if folder.is_finished:
            return "done" if settings == wanted and not self.missing() else "trained"
        return "resume" if folder.can_resume else "new"

    def missing(self) -> dict[str, str]:
        """What could not be measured of the trained model, by part, and why."""
        try:
            return measuring.missing(self.run_folder.read_results())
        except UserError:
            return {}

    def check_readable(self) -> None:
        """Look whether the model can read something of every split; if not, leave the sentence in left_out.txt.

        Raises:
            Unreadable: (a UserError) when it cannot.
        """
        try:
            self.model.check_readable(self.corpus, self.weights[0] if self.weights else None)
        except Unreadable as reason:
            self.run_folder.write_left_out(str(reason))
            self.describe_corpus()
            raise

    def run(self) -> Path:
        """Train, or go on, or find it done; returns the run folder.

        Raises:
            Busy: (a UserError) when another process is at it.
            Unreadable: (a UserError) when there is a split in which the model can read nothing.
            UserError: when it cannot be trained; what failed is written to error.txt.

        What cannot be measured of a trained model raises nothing: `missing` tells, and the next `run` tries again.
        """
        folder = self.run_folder
        title = self.title
        if self.state() != "done":
            if self.weights:
                self.model.check_weights(self.weights[0])
            self.check_readable()
            with folder.locked():
                if (state := self.state()) != "done":  # or else another process has come first
                    self._begin(state, title)
                    return folder.path
        folder.settle()
        described = folder.read_description()
        if self.comparison and described.get("comparison") != (step := records.to_json(self.comparison)):
            folder.write_description(described | {"comparison": step})
        lost = ", where the message was not kept" * bool(self.message and described.get("message") != self.message)
        print(f"{title}: done before, in {folder.path}{lost}", file=sys.stderr)
        return folder.path

    def _begin(self, state: str, title: str) -> None:
        if state == "trained":
            why = f"{', '.join(missing)} missing" if (missing := self.missing()) else "measured in another way"
            print(f"{title}: trained before, {why}: measured anew", file=sys.stderr)
        elif state == "stale":
            print(f"{title}: of another corpus or other settings, trained anew", file=sys.stderr)
        if self.model.minutes and state != "trained":
            print(f"{title}: {BY_THE_CLOCK}", file=sys.stderr)
        if state in ("new", "stale"):
            self.run_folder.clear()
        self.run_folder.forget_failures()
        try:
            if state == "trained":
                self._measure_anew(title)
            else:
                self._train(title)
        except (Exception, KeyboardInterrupt) as error:
            with contextlib.suppress(UserError):  # the disk may be full; the first failure is to be raised
                self._explain(error)
            raise

    def describe_corpus(self) -> None:
        """Write beside the runs what corpus they learn from."""
        write_json(folders.corpus_file(self.results), self.corpus.describe())

    def _explain(self, error: BaseException) -> None:
        """Keep the reason of a failure; an interruption is none."""
        if not isinstance(error, KeyboardInterrupt):
            self.run_folder.write_error(_explanation(error))

    def _train(self, title: str) -> None:
        model, corpus, folder = self.model, self.corpus, self.run_folder
        described = self.identity() | {
            "overrides": self._overrides_as_json(),
            "message": self.message,
            "comparison": records.to_json(self.comparison),
        }
        folder.write_description(described)
        self.describe_corpus()
        keeper = Keeper(folder, self.checkpoint_every, self.tensorboard)
        with TrainingDisplay(title, model.epochs, model.minutes, model.updates) as display:
            history = model.fit(
                corpus.train,
                corpus.valid,
                weights=self.weights[0] if self.weights else None,
                callback=Both(display, keeper),
                state_path=folder.state,
            )
        model.save(folder.path, **described)
        best = loop.kept_epoch(model, history["val_nats_per_beat"])
        results = replace(
            measuring.describe(model),
            epochs=len(history["epoch"]),
            best_epoch=best + 1,
            seconds=history["seconds"][-1],
            seconds_to_best=history["seconds"][best],
        )
        folder.write_results(replace(results, missing=dict.fromkeys(measuring.PARTS, NOT_YET)))
        folder.state.unlink(missing_ok=True)  # from here on no training can be lost
        self._measure(title, results, measuring.PARTS)

    def _measure_anew(self, title: str) -> None:
        """Keep the weights and what is known of their training; of the same settings measure only what is missing."""
        folder = self.run_folder
        described, results = folder.read_description(), folder.read_results()
        self.model.restore(described, folder.weights)
        same = described.get("hyperparameters") == self.identity()["hyperparameters"]
        self._measure(title, results, measuring.missing(results) if same else measuring.PARTS)
        self.model.save(folder.path, **described | self.identity())  # last, for then nothing is left to be done

    def _measure(self, title: str, known: Results, parts: Iterable[str]) -> None:
        """Measure `parts` of the trained model, and write samples and results.

        The results name what failed, too, with the traceback in error.txt.
        """
        print(f"{title}: sampling and scoring", file=sys.stderr, flush=True)
        folder, measured = self.run_folder, measuring.measure(self.model, self.corpus, parts, known)
        folder.write_samples(measured.samples)
        folder.write_real(measured.real)
        if errors := measured.errors:
            reasons = [f"the {part} could not be measured\n{_explanation(error)}" for part, error in errors.items()]
            folder.write_error("\n".join(reasons))
            print(f"{title}: {', '.join(errors)} could not be measured; {folder.error.name} says why", file=sys.stderr)
        folder.write_results(measured.results)

    def _overrides_as_json(self) -> dict:
        values = hyperparameters.values(self.model)
        return {key: values[key] for key in self.overrides}


class Both(loop.Callback):
    """Two callbacks in one."""

    def __init__(self, *callbacks: loop.Callback | TrainingDisplay) -> None:
        self.callbacks = callbacks

    def batch(self, epoch: int, done: int, total: int, seconds: float) -> None:
        for callback in self.callbacks:
            callback.batch(epoch, done, total, seconds)

    def epoch(self, history: list[dict[str, float]], network: keras.Model) -> None:
        for callback in self.callbacks:
            callback.epoch(history, network)


class Keeper(loop.Callback):
    """Writes the history after every epoch, checkpoints, and TensorBoard's events, into a run folder."""

    def __init__(self, folder: RunFolder, checkpoint_every: int, tensorboard: bool) -> None:
        self.folder, self.checkpoint_every = folder, checkpoint_every
        self.board = keras.callbacks.TensorBoard(str(folder.tensorboard)) if tensorboard else None

    def epoch(self, history: list[dict[str, float]], network: keras.Model) -> None:
        """Write the history so far, and the weights if it is their turn."""
        self.folder.write_history(history)
        number = int(history[-1]["epoch"])
        if self.checkpoint_every and number % self.checkpoint_every == 0:
            save_weights(network, self.folder.checkpoint(number))
        if self.board:
            if self.board._model is None:
                self.board.set_model(network)
            self.board.on_epoch_end(number, {key: value for key, value in history[-1].items() if key != "epoch"})


def _explanation(error: BaseException) -> str:
    """What happened: the sentence of a user's mistake, else the traceback."""
    text = str(error) if isinstance(error, UserError) else "".join(traceback.format_exception(error))
    return text.rstrip() + "\n"


def _of_weights(model: MusicModel, run: Path) -> dict:
    described = RunFolder(run).read_description()
    known = {key: described.get(key) for key in ("model", "preset", "seed", "corpus")}
    settings = hyperparameters.as_trained(type(model), hyperparameters.values(model))
    return known | {"hyperparameters": settings, "digest": _digest(model)}


def _digest(model: MusicModel) -> str:
    """SHA-256 of a trained model's vocabulary and weights."""
    digest = hashlib.sha256(json.dumps(model.codec.to_json(), sort_keys=True).encode())
    for array in model.network.get_weights():
        digest.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    return digest.hexdigest()
