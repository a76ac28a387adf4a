"""What is known of a trained model: what its training cost, and what was measured.

A job writes it to metrics.json, the report reads it; it knows no Keras. A figure that is not known is None. Nats are
natural units of information, beats are quarter notes, shares lie between 0 and 1. `zoo.evaluation` defines the figures.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, fields

from zoo._errors import UserError
from zoo.experiments import records
from zoo.experiments.records import REST, Interval

VERSION = 1


@dataclass(frozen=True)
class FrameNetwork:
    """A distribution of frames whose biases a recurrent network sets.

    Attributes:
        machine: the distribution: "RBM", "DBN" or "NADE".
        visible: bits of a frame.
        hidden: units of each hidden layer, the lowest first.
        at_every_pitch: further units at every pitch; 0 is none.
        gibbs_steps: of contrastive divergence; None where there is no Gibbs sampling.
        cell: of the recurrent network.
        units: of each of its layers.
    """

    machine: str = ""
    visible: int | None = None
    hidden: tuple[int, ...] = ()
    at_every_pitch: int | None = None
    gibbs_steps: int | None = None
    cell: str = ""
    units: tuple[int, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all is known that a picture needs."""
        return bool(self.machine and self.visible and self.hidden and self.units)


@dataclass(frozen=True)
class Layer:
    """One layer of a network."""

    layer: str = ""  # its class
    detail: str = ""  # what sets it apart, in words
    shape: str = ""  # of its output
    parameters: int | None = None  # number of trained weights
    frame_network: FrameNetwork | None = None  # what it is made of, where it models frames


@dataclass(frozen=True)
class Sampling:
    """How fast samples were drawn; the first call compiles."""

    songs: int | None = None
    beats: float | None = None
    seed: int | None = None
    first_seconds: float | None = None
    seconds: float | None = None
    songs_per_second: float | None = None


@dataclass(frozen=True)
class Coverage:
    """Shares that the representation expresses."""

    songs: float | None = None
    lines: float | None = None
    notes: float | None = None


@dataclass(frozen=True)
class SplitScore:
    """The likelihood of one split; see `zoo.evaluation.likelihood.Score`."""

    nats_per_beat: float | None = None
    nats: float | None = None
    beats: float | None = None
    codes: int | None = None
    kind: str = ""
    coverage: Coverage = Coverage()
    accuracy: float | None = None
    standard_error: float | None = None
    sampling_error: float | None = None
    details: dict[str, object] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True)
class Scores:
    """The likelihood of what the model has not learnt from."""

    valid: SplitScore = SplitScore()
    test: SplitScore = SplitScore()


@dataclass(frozen=True)
class Doubling:
    """An estimate on some frames, in nats per frame."""

    frames: int | None = None
    nats_per_frame: float | None = None


@dataclass(frozen=True)
class WithoutTwins:
    """Of the test pieces whose melody is not in the training music."""

    pieces: int | None = None
    frames: int | None = None
    nats_per_frame: float | None = None


@dataclass(frozen=True)
class FrameDetails:
    """What models of frames have in `SplitScore.details`: figures per frame, and how an estimate was made."""

    nats_per_frame: float | None = None
    accuracy_union: float | None = None
    temperatures: int | None = None
    chains: int | None = None
    once: Doubling = Doubling()  # on some frames, with so many temperatures
    twice: Doubling = Doubling()  # on the same frames, with twice as many
    without_twins: WithoutTwins = WithoutTwins()


@dataclass(frozen=True)
class Baseline:
    """Nats per beat of a baseline in the same representation, and what was chosen for it on validation."""

    valid: float | None = None
    test: float | None = None
    chosen: dict[str, object] = field(default_factory=dict, metadata=REST)


@dataclass(frozen=True)
class Canonical:
    """What canonical test music costs the model, by piece; see `zoo.evaluation.canonical.CanonicalScore`.

    Attributes:
        steps_per_beat: of the grid.
        offered: pieces of the test split.
        kind: of the figure.
        left_out: why there is none, as a sentence; empty where there is.
        pieces: numbers of the pieces that the representation takes without loss; the columns below are by these.
        beats, notes: how long each is, and how many notes it has.
        codes, residual: nats of what codes say of it, and of what they leave out.
        apart: nats of what codes say besides.
        baselines: nats of every piece of the test split under the simplest models, by name.
        curve_scale, curve_offset: nats per beat of canonical validation music, of codes and residual, are the first
            times those of the history, plus the second; None where the two are not of the same codes.
    """

    steps_per_beat: int | None = None
    offered: int | None = None
    kind: str = ""
    left_out: str = ""
    pieces: tuple[int, ...] = ()
    beats: tuple[float, ...] = ()
    notes: tuple[int, ...] = ()
    codes: tuple[float, ...] = ()
    residual: tuple[float, ...] = ()
    apart: tuple[float, ...] = ()
    baselines: dict[str, tuple[float, ...]] = field(default_factory=dict)
    curve_scale: float | None = None
    curve_offset: float | None = None

    @property
    def is_measured(self) -> bool:
        """Whether there are figures, as many in each column."""
        columns = (self.pieces, self.beats, self.notes, self.codes, self.residual, self.apart)
        return bool(self.pieces and self.offered) and len(set(map(len, columns))) == 1

    @property
    def nats_per_beat(self) -> float | None:
        """Of codes and residual, over the pieces that the representation takes."""
        return (sum(self.codes) + sum(self.residual)) / sum(self.beats) if self.is_measured else None


@dataclass(frozen=True)
class Distance:
    """How far two distributions of a feature are apart; see `zoo.evaluation.metrics.Distance`."""

    overlap: float | None = None
    overlap_interval: Interval | None = None
    wasserstein: float | None = None
    wasserstein_interval: Interval | None = None
    unit: str = ""


@dataclass(frozen=True)
class Classifier:
    """How often a classifier tells a set from test music."""

    accuracy: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True)
class MusicSet:
    """What a set of songs is like: how many, and the shares that are empty, loop or copy.

    See `zoo.evaluation.comparison.compare`.
    """

    songs: float | None = None
    empty: float | None = None
    loops: float | None = None
    copies: float | None = None
    longest_copy: float | None = None
    copied_share: float | None = None
    longest_note: float | None = None
    scalars: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparedSet(MusicSet):
    """The same, beside test music: distances by feature."""

    distances: dict[str, Distance] = field(default_factory=dict)
    classifier: Classifier = Classifier()

    @property
    def overlap(self) -> float | None:
        """Overlapped area with the test music, the mean over all features."""
        overlaps = [distance.overlap for distance in self.distances.values() if distance.overlap is not None]
        return statistics.fmean(overlaps) if overlaps and len(overlaps) == len(self.distances) else None


@dataclass(frozen=True)
class ComparedSets:
    """The sets that stand beside test music: the model's samples, the n-gram's, and validation music."""

    samples: ComparedSet = ComparedSet()
    ngram: ComparedSet = ComparedSet()
    real: ComparedSet = ComparedSet()


@dataclass(frozen=True)
class Kept:
    """What the representation keeps of music; see `zoo.evaluation.metrics.Kept`."""

    onset_f1: float | None = None
    note_f1: float | None = None
    pitch_class_f1: float | None = None


@dataclass(frozen=True)
class Histogram:
    """Values of a feature, and the share of each in each set."""

    values: tuple[float, ...] = ()
    test: tuple[float, ...] = ()
    samples: tuple[float, ...] = ()
    ngram: tuple[float, ...] = ()
    real: tuple[float, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Sets of music beside one another; see `zoo.evaluation.comparison.compare`."""

    kept: Kept = Kept()
    beats: float | None = None
    longest_note: float | None = None  # of the training music, in beats
    own_nats_per_beat: float | None = None  # of the model's own samples under itself
    own_sampling_error: float | None = None  # of that figure
    sets: ComparedSets = ComparedSets()
    test: MusicSet = MusicSet()
    train: dict[str, float | None] = field(default_factory=dict)  # scalars of the training music
    histograms: dict[str, Histogram] = field(default_factory=dict)
    blind: bool = False


@dataclass(frozen=True)
class Results:
    """All that is known of a trained model.

    Attributes:
        peak_memory_mb: most memory that the process ever held.
        about: what the approach is, in paragraphs.
        parameters: how many trained weights.
        epochs, best_epoch: trained, and the one whose weights were kept.
        seconds, seconds_to_best: of training, and until the best epoch was over.
        network: its layers, from input to output.
        environment: versions and machine, by name.
        sampling: how fast it samples.
        real: names of the test pieces that lie beside the samples.
        warnings: sentences about samples that no one would want.
        scores: likelihood by split.
        order0, ngram: the baselines.
        canonical: what the same music costs all models.
        comparison: the samples beside real music.
        missing: what could not be measured, by part, and why.
    """

    peak_memory_mb: float | None = None
    about: str = ""
    parameters: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    seconds: float | None = None
    seconds_to_best: float | None = None
    network: tuple[Layer, ...] = ()
    environment: dict[str, object] = field(default_factory=dict)
    sampling: Sampling = Sampling()
    real: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    scores: Scores = Scores()
    order0: Baseline = Baseline()
    ngram: Baseline = Baseline()
    canonical: Canonical = Canonical()
    comparison: Comparison = Comparison()
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def baselines(self) -> dict[str, Baseline]:
        """The baselines by name."""
        return {"order0": self.order0, "ngram": self.ngram}

    def skill(self, baseline: str = "order0") -> float | None:
        """Share of a baseline's surprise at the test music that the model removes.

        It is at most 1, and negative where the model adds to the surprise.
        """
        nats, surprise = self.scores.test.nats_per_beat, self.baselines[baseline].test
        return 1 - nats / surprise if nats is not None and surprise else None

    @classmethod
    def from_json(cls, value: object) -> Results:
        """What `to_json` gave, or an earlier version of the zoo, which wrote no version.

        Raises:
            UserError: when a later version wrote it.
        """
        version = value.get("version") if isinstance(value, dict) else None
        if type(version) is int and version > VERSION:
            raise UserError(f"its version is {version}, and this zoo reads up to {VERSION}: update the zoo.")
        return records.read(cls, value)

    def to_json(self) -> dict[str, object]:
        """Everything that is known, for metrics.json."""
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        parts = ("warnings", "missing")  # nothing of them is something to know
        unknown = [name for name, value in known.items() if name not in parts and value == getattr(_NOTHING, name)]
        return {"version": VERSION} | {name: records.to_json(known[name]) for name in known if name not in unknown}


_NOTHING = Results()
