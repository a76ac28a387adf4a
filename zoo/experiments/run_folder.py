"""The folder of one run, `reports/<corpus>/runs/<model>/<run>/`: the one owner of its paths, its states and its files.

Every file is written to a temporary name and renamed, so that a reader never sees half of one. Knows no Keras.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Sequence
from pathlib import Path

from zoo._errors import UserError
from zoo._files import (
    Parcel,
    as_csv,
    locked,
    read_json,
    read_parcel,
    remove_leftovers,
    write_json,
    write_parcel,
    write_text,
)
from zoo.experiments.records import number
from zoo.experiments.results import Results
from zoo.midi import write_midi
from zoo.song import Song
from zoo.training.names import CHECKPOINTS, MODEL, WEIGHTS, checkpoint_of

History = dict[str, list[float | None]]


class RunFolder:
    """One run folder, which need not exist.

    Attributes:
        path: the folder.
        description: model.json: what the run is, and what is needed to load the model.
        weights: of the trained model.
        history: history.csv, a line for each epoch.
        metrics: metrics.json: what was measured.
        state: state.npz: where training goes on after an interruption.
        error: error.txt: why training or measuring failed.
        card: card.md: what a packed run is, for people.
        left_out: left_out.txt: why the model can read nothing of the corpus.
        samples, real: folders of MIDI files: music of the model, and test music as its representation expresses it.
        checkpoints: folder of the weights that were kept of single epochs.
        tensorboard: folder of events for TensorBoard.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.description = self.path / MODEL
        self.weights = self.path / WEIGHTS
        self.history = self.path / "history.csv"
        self.metrics = self.path / "metrics.json"
        self.state = self.path / "state.npz"
        self.error = self.path / "error.txt"
        self.left_out = self.path / "left_out.txt"
        self.card = self.path / "card.md"
        self.samples = self.path / "samples"
        self.real = self.path / "real"
        self.checkpoints = self.path / CHECKPOINTS
        self.tensorboard = self.path / "tensorboard"

    @property
    def name(self) -> str:
        """Name of the run: preset, seed, overrides."""
        return self.path.name

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.path.parent.name

    @property
    def results(self) -> Path:
        """The corpus's folder of results, in which the run lies."""
        return self.path.resolve().parents[2]

    @property
    def is_described(self) -> bool:
        """Whether it says what run it is, so whether it is a run folder at all."""
        return self.description.is_file()

    @property
    def is_finished(self) -> bool:
        """Whether it is trained: metrics are written when the weights are, though some figures may be missing yet."""
        return self.metrics.is_file() and self.is_described

    @property
    def can_resume(self) -> bool:
        """Whether an interrupted training can go on."""
        return self.state.exists()

    @property
    def finished_at(self) -> int:
        """When a finished run was measured last, in nanoseconds."""
        return self.metrics.stat().st_mtime_ns

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from training here; see `zoo._files.locked`."""
        return locked(self.path, "training")

    def read_description(self) -> dict:
        """What model.json says.

        Raises:
            UserError: when it is missing or damaged.
        """
        return _object(self.description)

    def write_description(self, described: dict) -> None:
        """Write model.json alone; `MusicModel.save` writes it with the weights."""
        write_json(self.description, described)

    def read_results(self) -> Results:
        """What metrics.json says.

        Raises:
            UserError: when it is missing, damaged, or written by a later version of the zoo.
        """
        metrics = _object(self.metrics)
        try:
            return Results.from_json(metrics)
        except UserError as error:
            raise UserError(f"{self.metrics} cannot be read: {error}") from None

    def write_results(self, results: Results) -> None:
        """Write metrics.json, which makes the run a finished one."""
        write_json(self.metrics, results.to_json())

    def read_history(self) -> History:
        """Columns of history.csv, a value for each epoch, None where there is no finite number; a half line is none.

        Raises:
            UserError: when it is no CSV.
        """
        try:
            lines = _text(self.history).splitlines()
            header, *rows = list(csv.reader(lines)) or [[]]
        except csv.Error:
            raise UserError(f"{self.history} cannot be read as CSV.") from None
        rows = [row for row in rows if len(row) == len(header)]
        return {name: [_number(row[index]) for row in rows] for index, name in enumerate(header)}

    def write_history(self, rows: Sequence[dict[str, float]]) -> None:
        """Write history.csv, a row for each epoch, all with the same columns."""
        write_text(self.history, as_csv(rows))

    def read_error(self) -> str:
        """Why it failed, or nothing."""
        return _text(self.error).strip()

    def write_error(self, text: str) -> None:
        """Keep why it failed."""
        write_text(self.error, text)

    def read_left_out(self) -> str:
        """Why the model can read nothing of the corpus, or nothing."""
        return _text(self.left_out).strip()

    def write_left_out(self, reason: str) -> None:
        """Keep why the model can read nothing of the corpus."""
        write_text(self.left_out, f"{reason}\n")

    def write_card(self, text: str) -> None:
        """Write what a packed run is, as Markdown."""
        write_text(self.card, text)

    def write_samples(self, songs: Sequence[Song]) -> None:
        """Write music of the model, under the songs' names."""
        for song in songs:
            write_midi(song, self.samples / f"{song.name}.mid")

    def write_real(self, songs: Sequence[Song]) -> None:
        """Write real music beside the samples; titles may be any text, so files are numbered."""
        for place, song in enumerate(songs, 1):
            write_midi(song, self.real / f"real-{place}.mid")

    def list_samples(self) -> tuple[Path, ...]:
        """MIDI files of the model's samples, in order."""
        return _music(self.samples)

    def list_real(self) -> tuple[Path, ...]:
        """MIDI files of the real music beside them, in order; earlier runs have none."""
        return _music(self.real)

    def list_documents(self) -> list[Path]:
        """The files that people may want to read, as far as they are there."""
        return [path for path in (self.metrics, self.description, self.history, self.error) if path.is_file()]

    def checkpoint(self, epoch: int) -> Path:
        """Where the weights of an epoch, counted from 1, are kept."""
        return self.path / checkpoint_of(epoch)

    def kept_epochs(self) -> list[int]:
        """The epochs whose weights were kept, ascending."""
        names = [path.name for path in self.checkpoints.glob("epoch-*.weights.h5")]
        return sorted(int(name.removeprefix("epoch-").partition(".")[0]) for name in names)

    def to_parcel(self) -> Parcel:
        """All files, to be taken over on another machine; hidden ones, which another process writes, are left out."""
        paths = [path.relative_to(self.path) for path in self.path.rglob("*") if path.is_file()]
        return read_parcel(self.path, [path.as_posix() for path in paths if not path.name.startswith(".")])

    def take_over(self, parcel: Parcel) -> None:
        """Write the files of the same run from another machine; metrics.json, which makes it a finished one, is last.

        A finished one has no state any more, and only the failures that came with it.
        """
        self.forget_failures()
        write_parcel(dict(sorted(parcel.items(), key=lambda file: file[0] == self.metrics.name)), self.path)
        if self.is_finished:
            self.settle()

    def clear(self) -> None:
        """Remove what an earlier run of another identity left; what would make half of it look whole goes first."""
        for path in (self.state, self.metrics, *self.path.glob("*.h5"), self.history):
            path.unlink(missing_ok=True)
        for folder, pattern in (
            (self.samples, "*"),
            (self.real, "*"),
            (self.checkpoints, "*"),
            (self.tensorboard, "*/*"),
        ):
            for path in folder.glob(pattern):
                path.unlink()
        self.forget_failures()

    def forget_failures(self) -> None:
        """Remove the reasons that earlier attempts left for having no result."""
        self.error.unlink(missing_ok=True)
        self.left_out.unlink(missing_ok=True)

    def settle(self) -> None:
        """Remove what a finished run needs no more.

        That is the state, and half a file, of a process that was killed at the very end, and the reason for leaving the
        model out, of a corpus that has come back since.
        """
        remove_leftovers(self.path)
        with contextlib.suppress(OSError):
            self.state.unlink(missing_ok=True)
            self.left_out.unlink(missing_ok=True)


def natural(name: str) -> list:
    """Sort key by which seed 10 follows seed 9."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _object(path: Path) -> dict:
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object; delete it, and train the model anew.")
    return value


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _number(field: str) -> float | None:
    try:
        return number(float(field))
    except ValueError:
        return None


def _music(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("[!.]*.mid"), key=lambda path: natural(path.name)))
