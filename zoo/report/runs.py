"""Reading run folders. A run may be finished, on its way, failed or damaged: each is a `Run`, none is an exception."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from zoo._errors import UserError
from zoo._files import read_json


@dataclass(frozen=True)
class Run:
    """One run folder, `runs/<model>/<run>/`, as far as it has come.

    Args:
        folder: where it lies.
        status: `finished`, `partial` (trained, but not all could be measured), `unfinished` (not trained to its end),
            `failed`, `left out` (its model can read nothing of the corpus), `stale` (its corpus has changed since) or
            `broken` (a file in it cannot be read).
        settings: `model.json`: preset, seed, hyperparameters, overrides, corpus.
        history: columns of `history.csv`, one value per epoch, None where a field is empty; `seconds` is cumulative.
        metrics: `metrics.json`.
        error: why it failed, is partial, was left out or cannot be read, else empty.
        samples: its MIDI files, by name.
        real: test music as its representation hears it, MIDI files likewise; earlier runs have none.
    """

    folder: Path
    status: str
    settings: dict
    history: dict[str, list[float | None]]
    metrics: dict
    error: str
    samples: tuple[Path, ...]
    real: tuple[Path, ...]

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.folder.parent.name

    @property
    def name(self) -> str:
        """Name of the run: preset, seed, overrides."""
        return self.folder.name

    @property
    def variant(self) -> str:
        """The run's name without its seed: what runs that differ only by seed have in common."""
        return re.sub(r"-seed\d+", "", self.name, count=1)

    @property
    def measured(self) -> bool:
        """Whether it has figures of this corpus, all or in part."""
        return self.status in ("finished", "partial")

    @property
    def comparable(self) -> bool:
        """Whether it stands for this corpus, so that its curves and samples may stand beside others."""
        return self.status not in ("stale", "broken", "left out")

    @property
    def reason(self) -> str:
        """The error's telling line, of a traceback the last; of a partial run what is missing, and why."""
        if self.status == "partial":
            missing = [f"{part} missing: {why}" for part, why in look_up(self.metrics, "missing").items()]
            return f"{'; '.join(missing)}. The same command measures again, without training."
        lines = [line.strip() for line in self.error.splitlines() if line.strip()] or [""]
        return lines[-1 if lines[0].startswith("Traceback") else 0]

    def number(self, *keys: str) -> float | None:
        """The finite number that `metrics.json` holds under these keys, or None."""
        return number(look_up(self.metrics, *keys))

    def text(self, *keys: str) -> str:
        """The text that `metrics.json` holds under these keys, or nothing."""
        return text(look_up(self.metrics, *keys))

    @property
    def epochs(self) -> float | None:
        """Epochs trained so far."""
        return self.number("epochs") or max(filter(None, self.history.get("epoch", [])), default=None)

    @property
    def seconds(self) -> float | None:
        """Seconds trained so far."""
        return self.number("seconds") or max(filter(None, self.history.get("seconds", [])), default=None)

    @property
    def skill(self) -> float | None:
        """Share of the order-0 surprise (nats per beat of the test split) that the model removes; at most 1."""
        nats, floor = self.number("scores", "test", "nats_per_beat"), self.number("order0", "test")
        return 1 - nats / floor if nats is not None and floor else None

    @property
    def beaten(self) -> bool | None:
        """Whether the n-gram of the same representation predicts the test music as well; None when not known."""
        nats, floor = self.number("scores", "test", "nats_per_beat"), self.number("ngram", "test")
        return None if nats is None or floor is None else nats >= floor


def load_runs(folder: Path | str) -> list[Run]:
    """All runs of the corpus whose results lie in `folder`, by model, then by name, numbers in order of size."""
    folder = Path(folder)
    digest = look_up(load_facts(folder), "digest")
    found = [path for path in folder.glob("runs/*/*") if path.is_dir() and not path.name.startswith(".")]
    return [_load_run(path, digest) for path in sorted(found, key=lambda path: (path.parent.name, natural(path.name)))]


def load_facts(folder: Path) -> dict:
    """What `corpus.json` says about the corpus; a damaged file is a warning in what is returned."""
    try:
        return _read_object(folder / "corpus.json")
    except UserError as error:
        return {"warnings": [_without_folder(error, folder)]}


def look_up(value: object, *keys: str) -> object:
    """`value[key][key]…`, or None as soon as there is nothing under a key."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number(value: object) -> float | None:
    """`value` when it is a finite number, else None."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) else None


def text(value: object) -> str:
    """`value` when it is text, else nothing."""
    return value if isinstance(value, str) else ""


def items(value: object) -> list:
    """`value` when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def natural(name: str) -> list:
    """Sort key by which seed 10 follows seed 9."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _load_run(folder: Path, digest: object) -> Run:
    settings, history, metrics, status, error = {}, {}, {}, "unfinished", ""
    try:
        settings = _read_object(folder / "model.json")
        history = _read_history(folder / "history.csv")
        metrics = _read_object(folder / "metrics.json")
        trained_on = look_up(settings, "corpus", "digest")
        missing = look_up(metrics, "missing")
        error = _text(folder / "error.txt")
        if reason := _text(folder / "left_out.txt"):
            status, error = "left out", reason
        elif missing and isinstance(missing, dict):
            status, error = "partial", error or "\n".join(f"{part}: {why}" for part, why in missing.items())
        elif error:
            status = "failed"
        elif digest and trained_on and trained_on != digest:
            status = "stale"
        elif metrics:
            status = "finished"
    except (UserError, OSError) as problem:
        status, error = "broken", _without_folder(problem, folder)
    return Run(folder, status, settings, history, metrics, error, _music(folder / "samples"), _music(folder / "real"))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""


def _music(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("[!.]*.mid"), key=lambda path: natural(path.name)))


def _read_object(path: Path) -> dict:
    if not path.exists():
        return {}
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object.")
    return value


def _read_history(path: Path) -> dict[str, list[float | None]]:
    if not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        header, *rows = list(csv.reader(lines)) or [[]]
    except csv.Error:
        raise UserError(f"{path} cannot be read as CSV.") from None
    rows = [row for row in rows if len(row) == len(header)]  # the last line may be half written
    return {name: [_float(row[index]) for row in rows] for index, name in enumerate(header)}


def _float(field: str) -> float | None:
    try:
        return number(float(field))
    except ValueError:
        return None


def _without_folder(error: Exception, folder: Path) -> str:
    """The message with paths relative to `folder`: a page says the same wherever the checkout lies."""
    return str(error).replace(f"{folder}/", "").replace(f"{folder}\\", "")
