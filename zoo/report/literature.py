"""What is published of the polyphonic benchmark, and the corpora that it is known of.

A corpus is recognised by the number of its test frames and by the likelihood of the note 1-gram, which no other split
or grid gives.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Figure(NamedTuple):
    """What a publication says of one corpus."""

    nats: float  # per test frame; of several runs the best
    accuracy: float | None = None  # per cent
    median: float | None = None  # nats per test frame, of several runs


class Published(NamedTuple):
    """A row of a publication.

    Attributes:
        model, kind, source: as the publication has them; `kind` is exact, an estimate or a bound.
        figures: by corpus.
        ours: the model of the zoo, or the baseline, that it stands beside.
        unranked: why it is quoted, but not ranked; empty where it is ranked.
    """

    model: str
    kind: str
    source: str
    figures: dict[str, Figure]
    ours: str = ""
    unranked: str = ""


class KnownCorpus(NamedTuple):
    """By what a corpus is recognised, and how its rolls were made."""

    test_frames: int
    order0: float  # nats per frame of the note 1-gram
    frames_per_beat: int  # a beat is a quarter note of the music; in the MIDI files every frame is written as one
    frame: str


JSB, NOTTINGHAM = "JSB chorales", "Nottingham"
CORPORA = {
    JSB: KnownCorpus(4_725, 11.060, 1, "a quarter note"),
    NOTTINGHAM: KnownCorpus(44_463, 10.252, 2, "an eighth note"),
}

FIRST = "Boulanger-Lewandowski et al. 2012, table 1"
BAI, RRU, KRISHNAN = "Bai et al. 2018", "Zakovskis et al. 2021", "Krishnan et al. 2017"
JOHNSON = "Johnson 2017, table 1"  # best and median of five runs


def _row(
    model: str,
    kind: str,
    source: str,
    jsb: tuple[Any, ...],
    nottingham: tuple[Any, ...],
    ours: str = "",
    unranked: str = "",
) -> Published:
    return Published(model, kind, source, {JSB: Figure(*jsb), NOTTINGHAM: Figure(*nottingham)}, ours, unranked)


PUBLISHED = (
    _row("note 1-gram", "exact", FIRST, (11.06, 15.3), (10.25, 19.9), ours="order0"),
    _row("note n-gram", "exact", FIRST, (10.26, 20.3), (4.54, 62.5), ours="ngram"),
    _row("RBM", "AIS estimate", FIRST, (7.43, 4.5), (5.25, 5.8)),
    _row("RNN", "exact", FIRST, (8.71, 28.5), (4.46, 62.9)),
    _row("RNN (Hessian-free)", "exact", FIRST, (8.58, 29.4), (3.89, 66.6)),
    _row("RTRBM", "AIS estimate", FIRST, (6.35, 30.2), (2.62, 75.0)),
    _row("RNN-RBM", "AIS estimate", FIRST, (6.27, 33.1), (2.39, 75.4), ours="rnn_rbm"),
    _row("RNN-NADE", "exact", FIRST, (5.83, 32.1), (2.91, 65.0)),
    _row("RNN-NADE (Hessian-free)", "exact", FIRST, (5.56, 32.5), (2.31, 71.5), ours="rnn_nade"),
    _row("BALSTM", "exact", JOHNSON, (5.05, None, 5.86), (1.55, None, 1.62), ours="biaxial_lstm"),
    _row("TP-LSTM-NADE", "exact", JOHNSON, (5.88, None, 5.92), (1.61, None, 1.64)),
    _row("LSTM-NADE", "exact", JOHNSON, (6.00, None, 6.10), (2.02, None, 2.06)),
    _row("LSTM", "exact", BAI, (8.45,), (3.29,)),
    _row("GRU", "exact", BAI, (8.43,), (3.46,)),
    _row("TCN", "exact", BAI, (8.10,), (3.07,)),
    _row("RRU", "exact", RRU, (7.72,), (2.92,)),
    _row("STORN", "bound", "Bayer and Osendorfer 2014", (6.91,), (2.85,)),
    _row("DMM", "importance-sampled", KRISHNAN, (6.39,), (2.77,)),
    _row("DMM-Aug-NADE", "importance-sampled", KRISHNAN, (5.12,), (2.31,)),
    _row(
        "RNN-DBN", "not known", "Goel et al. 2014", (5.68,), (2.54,), ours="rnn_dbn",
        unranked="whether it is an estimate or a bound is not known here",
    ),
    _row(
        "DBN-LSTM", "not said", "Vohra et al. 2015", (3.47,), (1.32,),
        unranked="how log Z was estimated is not said, and nobody has reproduced it",
    ),
    _row(
        "NASMC", "sampled estimate", "Gu et al. 2015", (3.99,), (2.72,),
        unranked="an estimate by sampling, whose figure for the JSB chorales stands alone beside its others",
    ),
)  # fmt: skip


class PublishedVoices(NamedTuple):
    """A row of what is published of the chorales in four voices on sixteenths.

    Attributes:
        model: as the publication names it.
        valid: nats per voice-step of validation music.
        source: the publication.
        unranked: why it is not comparable; empty where it is.
    """

    model: str
    valid: float
    source: str
    unranked: str = ""


HUANG = "Huang et al. 2018"
VOICES = (
    PublishedVoices("Music Transformer", 0.335, HUANG),
    PublishedVoices("Transformer", 0.417, HUANG),
    PublishedVoices("Coconet, chronological", 0.436, f"quoted by {HUANG}"),
    PublishedVoices(
        "TonicNet", 0.396, "Peracha 2019", "all five tokens of a step together, one of which is the true chord"
    ),
)


def has_sixteenths(test_steps: int, bigram: float) -> bool:
    """Whether a corpus in voices is the one of VOICES.

    Args:
        test_steps: sixteenths of the test music.
        bigram: nats per voice-step of the test music, each voice by its last step.
    """
    return test_steps == 18_900 and abs(bigram - 0.983) < 0.005


def recognised(test_frames: int, order0: float | None) -> str | None:
    """Which of the published corpora it is.

    Args:
        test_frames: of the corpus.
        order0: nats per test frame of the note 1-gram.
    """
    for name, known in CORPORA.items():
        if test_frames == known.test_frames and order0 is not None and abs(order0 - known.order0) < 0.005:
            return name
    return None


def beside(known: str | None, ours: str) -> Published | None:
    """The row of a recognised corpus that stands beside what is `ours`."""
    return next((row for row in PUBLISHED if known and row.ours == ours), None)
