"""What model.json says of a run, and corpus.json of a corpus, as the report reads them; knows no Keras."""

from __future__ import annotations

from dataclasses import dataclass, field

from zoo.experiments import records


@dataclass(frozen=True)
class TrainedOn:
    """The corpus of a run, and the SHA-256 of what was read."""

    name: str = ""
    digest: str = ""


@dataclass(frozen=True)
class ComparisonStep:
    """What stands between two presets: the run's own, with the training or on the representation of another."""

    training_of: str = ""
    representation_of: str = ""


@dataclass(frozen=True)
class Origin:
    """The trained model whose weights a run went on from, and their SHA-256."""

    model: str = ""
    preset: str = ""
    seed: int | None = None
    digest: str = ""


@dataclass(frozen=True)
class Description:
    """What a run is.

    Attributes:
        model, preset, seed: of the run.
        hyperparameters: all of them, by name.
        overrides: those that were set otherwise than the preset has them.
        corpus: what it learns from.
        weights: where training went on from; None where it began anew.
        message: a note kept with the run.
        comparison: which step between two presets it is; None where it is none.
        codec: the representation.
    """

    model: str = ""
    preset: str = ""
    seed: int | None = None
    hyperparameters: dict[str, object] = field(default_factory=dict)
    overrides: dict[str, object] = field(default_factory=dict)
    corpus: TrainedOn = TrainedOn()
    weights: Origin | None = None
    message: str = ""
    comparison: ComparisonStep | None = None
    codec: object = None

    @property
    def differences(self) -> dict[str, object]:
        """What sets the run apart from the preset as it is: overrides, and the weights it went on from."""
        origin = self.weights
        weights = {"weights": f"{origin.preset}-seed{origin.seed}-{origin.digest[:8]}"} if origin else {}
        return self.overrides | weights

    @property
    def steps_per_beat(self) -> float | None:
        """Of the representation's grid, chosen by the music or given."""
        return records.number(self.codec.get("steps_per_beat")) if isinstance(self.codec, dict) else None

    @classmethod
    def from_json(cls, value: object) -> Description:
        """What stands in model.json, as far as it describes a run."""
        return records.read(cls, value)


@dataclass(frozen=True)
class SplitSize:
    """How much music a split holds."""

    pieces: int | None = None
    notes: int | None = None
    beats: float | None = None


@dataclass(frozen=True)
class CorpusDescription:
    """What is known of a corpus; see `zoo.corpora.Corpus.describe`.

    Attributes:
        name, folder: of the corpus.
        digest: SHA-256 of what was read.
        splits: sizes by split.
        drum_notes: how many were left out.
        skipped: pairs of a file and the reason.
        duplicates: pairs of files that hold the same music.
        warnings: sentences about the corpus.
    """

    name: str = ""
    folder: str = ""
    digest: str = ""
    splits: dict[str, SplitSize] = field(default_factory=dict)
    drum_notes: int | None = None
    skipped: tuple[object, ...] = ()
    duplicates: tuple[object, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> CorpusDescription:
        """What stands in corpus.json, as far as it describes a corpus."""
        return records.read(cls, value)
