"""The one interface of every model: `fit`, `score`, `save`, `load`, and all of `zoo.models._sampling`."""

from __future__ import annotations

import dataclasses
import inspect
import reprlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import keras
import numpy as np

from zoo._errors import Unreadable, UserError
from zoo.codecs import Line
from zoo.codecs.grid import AUTO, FINEST
from zoo.codecs.rules import Rules
from zoo.corpora.stored import StoredSongs, within
from zoo.evaluation.likelihood import Coverage, Evaluation, Score, encode_all, to_score
from zoo.models import _registry, _requests
from zoo.models._augmentation import Augmentation
from zoo.models._pictures import layers
from zoo.models._sampling import CodecT, Sampling
from zoo.song import Song
from zoo.training import checkpoint, hyperparameters, loop
from zoo.training.hyperparameters import Range, among, trained, written

COMPILED_FROM, COMPILED_EPOCHS = 1000, 50  # updates, or epochs where those are not counted
# Of songs on disk: how many notes the vocabulary is learnt from; how many start the weights, and judge every epoch; how
# much music an epoch has, in notes and in bytes of codes.
LEARNT_FROM, VALIDATED = 2**20, 2**15
NOTES_AT_ONCE, BYTES_AT_ONCE = 2**21, 2**26

if TYPE_CHECKING:
    from zoo.corpora import Corpus

Made = TypeVar("Made")


@dataclass(kw_only=True)
class MusicModel(Sampling[CodecT]):
    """A way of making music. A subclass names its hyperparameters, presets, codec and network; all else is here."""

    epochs: int = trained(25, "passes over the training music at most", low=1, high=100_000)
    batch: int = trained(32, "sequences in a batch", low=1, high=100_000, search=among(3, 4, 8, 16, 32))
    optimizer: str = trained("adam", "the optimizer", choices=tuple(loop.OPTIMIZERS))
    learning_rate: float | None = trained(
        None, "step size; none is the optimizer's own default", low=1e-9, high=1e3, search=Range(1e-3, 2e-2, log=True)
    )
    schedule: str = trained("constant", "learning-rate schedule; plateau halves it", choices=loop.SCHEDULES)
    weight_decay: float = trained(0.0, "decoupled weight decay", low=0, high=1, search=among(0.0, 1e-4, 1e-3, 1e-2))
    clip_norm: float = trained(0.0, "global gradient-norm clipping; 0 disables", low=0, high=1e6)
    clip_value: float = trained(0.0, "gradient clipping by value; 0 disables", low=0, high=1e6)
    keep: str = trained("best", "weights of the epoch with the best validation, or of the last", choices=loop.KEEP)
    patience: int = trained(0, "epochs without better validation before it ends; 0 disables", low=0, high=100_000)
    minutes: float = trained(0.0, "minutes by the clock at most, so no two runs are alike; 0 disables", low=0, high=1e6)
    updates: int = trained(0, "batches of training at most; 0 disables", low=0, high=10**9)
    transpose: int = trained(0, "augmentation: semitones up to which songs move", low=0, high=24, search=among(0, 3, 6))
    stretch: float = trained(0.0, "augmentation: each epoch stretches songs by up to this share", low=0, high=0.5)
    steps_per_beat: int | str = written(
        4,
        "grid steps in a quarter note; auto is the coarsest of 1, 2, 3, 4, 6, 8, 12 that keeps 98% of the onsets",
        low=1,
        high=FINEST,
        words=(AUTO,),
    )
    seed: int = 0
    preset: str = ""

    presets: ClassVar[dict[str, dict]] = {}
    compiled: ClassVar[bool] = True  # whether compiling makes a step faster; measured

    def __post_init__(self) -> None:
        hyperparameters.check(self)
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**31:
            raise UserError(f"a seed is a whole number from 0 to 2147483647, not {reprlib.repr(self.seed)}.")
        self._codec = None
        self._network: keras.Model | None = None
        self._helpers: dict[tuple, Any] = {}  # what is compiled beside the network, of its layers

    @property
    def network(self) -> keras.Model:
        """The network, compiled; a UserError before `fit` or `load`."""
        if self._network is None:
            raise self._untrained()
        return self._network

    @property
    def rules(self) -> Rules | None:
        """The representation's rules of what may follow what, if the model gives no probability to the rest."""
        return None

    def build(self) -> keras.Model:
        """A network for the music that `codec` writes down, not yet compiled; nothing of the model changes."""
        raise NotImplementedError

    def check_network(self) -> None:
        """Raise a UserError when the network is one that the model cannot score or sample."""

    def loss(self) -> keras.losses.Loss:
        """The loss to compile the network with."""
        raise NotImplementedError

    def prepare(self, lines: list[Line]) -> None:
        """Start the network's weights from the training lines, before the first epoch; most need nothing."""

    def begin_epoch(self, share: float, earlier: float | None) -> None:
        """Called before each epoch; most models train in one way throughout.

        Args:
            share: of the training, 0–1, that is behind this epoch.
            earlier: the share that was behind the epoch before; None before the first.
        """

    def end_epoch(self) -> None:
        """Called after the batches of each epoch, before it is validated and its weights are kept."""

    def batches(self, lines: list[Line], rng: np.random.Generator) -> loop.Batches:
        """The batches (x, y, sample weight) of one epoch, shuffled by `rng`."""
        raise NotImplementedError

    def evaluate(self, lines: list[Line], thorough: bool = True) -> Evaluation:
        """Likelihood of whole lines; `thorough=False` may take a cheaper estimate, for every epoch.

        Nothing of the model changes.
        """
        raise NotImplementedError

    @classmethod
    def about(cls) -> str:
        """What the approach is, in paragraphs: the docstring of its file."""
        return inspect.cleandoc(inspect.getmodule(cls).__doc__ or "")

    @property
    def parameters(self) -> int:
        """Number of trained weights."""
        return int(sum(np.prod(variable.shape) for variable in self.network.trainable_variables))

    def fit(
        self,
        train: Sequence[Song],
        valid: Sequence[Song],
        *,
        weights: MusicModel | None = None,
        callback: loop.Callback | None = None,
        state_path: Path | None = None,
    ) -> dict[str, list[float]]:
        """Learn from `train`, keep the weights that predict `valid` best (or the last, see `keep`).

        Of songs on disk every epoch has another portion, each song once until all had their turn.

        Args:
            train: songs to learn from.
            valid: songs that every epoch is judged by.
            weights: a trained model of the same shape to go on from; its vocabulary is kept.
            callback: called after every batch and epoch.
            state_path: a file to keep the training's state in; if it is there, training goes on from it.

        Returns:
            One list per column, one entry per epoch: epoch, seconds (since training began), loss, accuracy, val_loss,
            val_nats_per_beat, val_accuracy, learning_rate, updates (batches since training began).

        Raises:
            UserError: when there is nothing to learn from, or `weights` does not fit.
        """
        train, valid = _requests.songs(train, "the training music"), _requests.songs(valid, "the validation music")
        if weights:
            self.check_weights(weights)
        music, some = within(train, LEARNT_FROM), within(train, VALIDATED)
        self.codec = weights.codec if weights else self.make_codec().fit(self._augmentation().everywhere(music))
        lines, _ = self._encoded(some, "training")
        valid_lines, _ = self._encoded(within(valid, VALIDATED), "validation")
        self._compile()
        resumed, started = state_path is not None and state_path.exists(), time.perf_counter()
        if weights:
            self.network.set_weights(weights.network.get_weights())
        elif not resumed:
            self.prepare(lines)
        spent = time.perf_counter() - started

        size = sum(line.codes.nbytes for line in lines) / sum(map(len, some))  # bytes of a note
        at_once = int(min(NOTES_AT_ONCE, BYTES_AT_ONCE / size))

        def batches(epoch: int) -> loop.Batches:
            rng = np.random.default_rng([self.seed, epoch])
            songs = train.portion(epoch, at_once, self.seed) if isinstance(train, StoredSongs) else train
            moved = self._augmentation().drawn(songs, rng) if self.transpose or self.stretch else songs
            return self.batches(lines if moved is train else encode_all(self.codec, moved)[0], rng)

        def validate() -> dict[str, float]:
            evaluation = self.evaluate(valid_lines, thorough=False)
            beats = sum(line.beats for line in valid_lines)
            row = {"val_loss": evaluation.loss, "val_nats_per_beat": evaluation.nats / beats}
            return row if evaluation.accuracy is None else row | {"val_accuracy": evaluation.accuracy}

        training = loop.Training(
            self, self.network, self.training_identity(), batches, validate, self.begin_epoch, self.end_epoch
        )
        state = loop.train(training, spent=spent, callback=callback, state_path=state_path)
        return {key: [row.get(key, np.nan) for row in state.history] for key in state.history[0]}

    def check_readable(self, corpus: Corpus, weights: MusicModel | None = None) -> None:
        """Look whether there is something to read in each split of `corpus`; takes no training.

        Args:
            corpus: to train on.
            weights: a trained model to go on from, whose representation is used.

        Raises:
            Unreadable: (a UserError) when there is a split without.
        """
        codec = weights.codec if weights else self.make_codec().fit_to(within(corpus.train, LEARNT_FROM))
        for purpose, songs in (("training", corpus.train), ("validation", corpus.valid), ("test", corpus.test)):
            if not any(map(codec.can_read, songs)):
                raise self._unreadable(songs, purpose)

    def check_weights(self, weights: MusicModel) -> None:
        """Raise a UserError when training cannot go on from `weights`."""
        if weights.make_codec() != self.make_codec():
            raise UserError("`weights`: the other run writes music down in another way; use the same hyperparameters.")
        twin = dataclasses.replace(self)  # untrained, so that nothing of this model changes
        twin.codec = weights.codec
        with loop.seeded(self.seed):
            shapes = checkpoint.outline(twin.build)
        if shapes != [tuple(weight.shape) for weight in weights.network.weights]:
            raise UserError("`weights`: the other run's network has another shape; use the same hyperparameters.")

    def score(self, songs: Sequence[Song], thorough: bool = True) -> Score:
        """How well the model predicts `songs`; `thorough=False` may take a cheaper estimate, that of every epoch.

        Raises:
            UserError: when the representation can express none of them.
        """
        lines, coverage = self._encoded(_requests.songs(songs, "the scored music"), "scored")
        return to_score(self.evaluate(lines, thorough), lines, coverage)

    def save(self, folder: Path | str, **extra: object) -> None:
        """Write model.json (with `extra` beside what the model needs) and model.weights.h5."""
        source = {"source": name} if (name := _registry.origin(type(self))) else {}
        checkpoint.write(folder, self.to_json() | {"codec": self.codec.to_json()} | source | extra, self.network)

    def to_json(self) -> dict:
        """What identifies the model: name, preset, seed and every hyperparameter."""
        return {
            "format": checkpoint.FORMAT,
            "model": self.model_name(),
            "preset": self.preset,
            "seed": self.seed,
            "hyperparameters": hyperparameters.values(self),
        }

    def training_identity(self) -> str:
        """A digest of what training depends on, the vocabulary included: by it a kept state is known again."""
        described = self.to_json()
        described["hyperparameters"] = hyperparameters.as_trained(type(self), described["hyperparameters"])
        return loop.identity(described, self.codec.to_json())

    def restore(self, described: dict, path: Path) -> None:
        """Take the codec from what `model.json` holds and the weights from the file at `path`.

        Raises:
            UserError: when they are missing, damaged or of another model.
        """
        self.codec = self.make_codec().restored(described.get("codec"))
        with loop.seeded(self.seed):
            checkpoint.check_weights(path, self.build)
        self._compile()
        checkpoint.load_weights(self.network, path)

    def picture(self) -> list[dict]:
        """The network's layers from input to output; see `zoo.models._pictures.layers`."""
        return layers(self.network)

    def _compile(self) -> None:
        with loop.seeded(self.seed):  # initial weights
            self._network, self._helpers = self.build(), {}
        self.check_network()
        self.network.compile(
            optimizer=loop.make_optimizer(self),
            loss=self.loss(),
            weighted_metrics=self.metrics(),
            jit_compile=self._trains_long or "auto",
        )

    @property
    def _trains_long(self) -> bool:
        """Whether compiling a training step pays: it takes seconds, and saves a third of a step and more."""
        return self.compiled and (self.updates >= COMPILED_FROM if self.updates else self.epochs >= COMPILED_EPOCHS)

    def metrics(self) -> list:
        """Metrics beside the training loss."""
        return []

    def _helper(self, name: str, make: Callable[..., Made], *key: object) -> Made:
        """What `make(*key)` builds around the network's layers, made once for each network."""
        if (name, *key) not in self._helpers:
            self._helpers[(name, *key)] = make(*key)
        return self._helpers[(name, *key)]

    def _encoded(self, songs: Sequence[Song], purpose: str) -> tuple[list[Line], Coverage]:
        lines, coverage = encode_all(self.codec, songs)
        if not lines:
            raise self._unreadable(songs, purpose)
        return lines, coverage

    def _unreadable(self, songs: Sequence[Song], purpose: str) -> Unreadable:
        return Unreadable(f"the {purpose} music ({len(songs)} pieces) holds nothing {self.nothing_to_read()}")

    def _augmentation(self) -> Augmentation:
        return Augmentation(self.transpose, self.stretch, *self.pitch_range())
