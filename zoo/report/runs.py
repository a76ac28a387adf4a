"""Reading run folders. A run may be finished, on its way, failed or damaged: each is a `Run`, none is an exception."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from zoo._errors import UserError
from zoo._files import read_json
from zoo.experiments import folders
from zoo.experiments.description import CorpusDescription, Description
from zoo.experiments.folders import variant_name
from zoo.experiments.results import Results
from zoo.experiments.run_folder import History, RunFolder


@dataclass(frozen=True)
class Run:
    """One run folder, as far as it has come.

    Args:
        folder: the run's folder.
        status: `finished`, `partial` (trained, but not all could be measured), `unfinished` (not trained to its end),
            `failed`, `left out` (its model can read nothing of the corpus), `stale` (its corpus has changed since) or
            `broken` (a file in it cannot be read).
        description: what it is: preset, seed, hyperparameters, overrides, corpus.
        history: a column for each figure, one value per epoch, None where a field is empty; `seconds` is cumulative.
        results: what was measured.
        error: why it failed, is partial, was left out or cannot be read, else empty.
        samples: its MIDI files, by name.
        real: test music as its representation expresses it, MIDI files likewise; earlier runs have none.
    """

    folder: RunFolder
    status: str
    description: Description = field(default_factory=Description)
    history: History = field(default_factory=dict)
    results: Results = field(default_factory=Results)
    error: str = ""
    samples: tuple[Path, ...] = ()
    real: tuple[Path, ...] = ()

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.folder.model

    @property
    def name(self) -> str:
        """Name of the run: preset, seed, overrides."""
        return self.folder.name

    @property
    def variant(self) -> str:
        """What runs that differ only by seed have in common; the folder's name where nothing says what it is."""
        described = self.description
        return variant_name(described.preset, described.differences) if described.preset else self.name

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
            missing = [f"{part} missing: {why}" for part, why in self.results.missing.items()]
            return f"{'; '.join(missing)}. The same command measures again, without training."
        lines = [line.strip() for line in self.error.splitlines() if line.strip()] or [""]
        return lines[-1 if lines[0].startswith("Traceback") else 0]

    @property
    def epochs(self) -> float | None:
        """Epochs trained so far."""
        return self.results.epochs or max(filter(None, self.history.get("epoch", [])), default=None)

    @property
    def seconds(self) -> float | None:
        """Seconds trained so far."""
        return self.results.seconds or max(filter(None, self.history.get("seconds", [])), default=None)

    @property
    def beaten(self) -> bool | None:
        """Whether the n-gram of the same representation predicts the test music as well; None when not known."""
        nats, baseline = self.results.scores.test.nats_per_beat, self.results.ngram.test
        return None if nats is None or baseline is None else nats >= baseline


def load_runs(folder: Path | str) -> list[Run]:
    """All runs of the corpus whose results lie in `folder`, by model, then by name, numbers in order of size."""
    folder = Path(folder)
    digest = load_corpus(folder).digest
    return [_load_run(run_folder, digest) for run_folder in folders.run_folders(folder)]


def load_corpus(folder: Path) -> CorpusDescription:
    """What is known of the corpus whose results lie in `folder`; a damaged file is a warning in it."""
    path = folders.corpus_file(folder)
    try:
        return CorpusDescription.from_json(read_json(path)) if path.exists() else CorpusDescription()
    except UserError as error:
        return CorpusDescription(warnings=(_without_folder(error, folder),))


def _load_run(folder: RunFolder, digest: str) -> Run:
    description, history, results, status, error = Description(), {}, Results(), "unfinished", ""
    try:
        description = Description.from_json(folder.read_description() if folder.is_described else None)
        history = folder.read_history()
        results = folder.read_results() if folder.metrics.exists() else results
        trained_on = description.corpus.digest
        error = folder.read_error()
        if reason := folder.read_left_out():
            status, error = "left out", reason
        elif missing := results.missing:
            status, error = "partial", error or "\n".join(f"{part}: {why}" for part, why in missing.items())
        elif error:
            status = "failed"
        # `Job.state` is stricter: it must be sure that a run is its own, where here what is not known is no reproach.
        elif digest and trained_on and trained_on != digest:
            status = "stale"
        elif results != Results():
            status = "finished"
    except (UserError, OSError) as problem:
        status, error = "broken", _without_folder(problem, folder.path)
    return Run(folder, status, description, history, results, error, folder.list_samples(), folder.list_real())


def _without_folder(error: Exception, folder: Path) -> str:
    """The message with paths relative to `folder`: a page says the same wherever the checkout lies."""
    return str(error).replace(f"{folder}/", "").replace(f"{folder}\\", "")
