"""Scores, coverage and frame accuracy, against figures worked out by hand."""

import numpy as np
import pytest
from songs import song

from zoo.codecs import ChordCodec, ExactChordCodec, Line, MelodyCodec, RollCodec
from zoo.evaluation.estimators import Measured, estimate
from zoo.evaluation.likelihood import (
    AIS,
    EXACT,
    Coverage,
    Evaluation,
    encode_all,
    frame_accuracy,
    sampling_error,
    to_score,
)

# Three tracks: one sounds two notes at once, one holds a single note, one has a melody of four. Four beats.
THREE_TRACKS = song(
    *((0, 8, 60, 0), (4, 12, 64, 0), (12, 16, 60, 0)),
    (0, 16, 36, 1),
    *((0, 4, 72, 2), (4, 8, 74, 2), (8, 12, 76, 2), (12, 14, 77, 2)),
)
CHORDS = song((0, 4, 60), (0, 4, 64), steps=8)


def test_polyphonic_tracks_are_discarded_and_counted():
    lines, coverage = encode_all(MelodyCodec(), [THREE_TRACKS, CHORDS])
    assert [line.beats for line in lines] == [4.0, 4.0]  # of each line, not of the song
    assert coverage == Coverage(songs=1 / 2, lines=2 / 4, notes=5 / 10)


def test_what_a_line_merges_is_not_covered():
    repeated = song((0, 4, 60), (4, 8, 60), (8, 12, 62))
    assert encode_all(MelodyCodec(), [repeated])[1].notes == 2 / 3
    assert encode_all(MelodyCodec(hold=True), [repeated])[1].notes == 1


@pytest.mark.parametrize("hold", [False, True])
def test_a_note_that_a_skyline_comes_back_to_is_one_note(hold):
    below_another = song((0, 16, 60), (4, 8, 64), (4, 8, 48))
    assert encode_all(MelodyCodec(hold=hold, voice="skyline"), [below_another])[1] == Coverage(1, 1, 2 / 3)


def test_coverage_of_a_roll_counts_notes_in_its_range_and_of_chords_pitch_classes():
    assert encode_all(RollCodec(low=60, high=76), [THREE_TRACKS])[1] == Coverage(1, 1, 6 / 8)
    octaves = song((0, 4, 36), (0, 4, 84), (4, 8, 60))
    assert encode_all(ChordCodec().fit([octaves]), [octaves])[1] == Coverage(1, 1, 2 / 3)
    assert encode_all(ExactChordCodec().fit([octaves]), [octaves])[1] == Coverage(1, 1, 1)


def test_coverage_of_nothing_is_nought():
    assert encode_all(MelodyCodec(), []) == ([], Coverage(0.0, 0.0, 0.0))
    assert encode_all(MelodyCodec(), [song()]) == ([], Coverage(0.0, 0.0, 0.0))


def test_a_score_is_nats_over_beats_of_all_lines():
    lines = [Line(np.zeros(3, np.int32), 10, 2.5, 3), Line(np.zeros(5, np.int32), 30, 7.5, 1)]
    coverage = Coverage(0.5, 0.25, 1.0)
    found = to_score(Evaluation(40.0, AIS, 1.0, 0.75, standard_error=5.0, details={"chains": 20}), lines, coverage)
    assert (found.nats_per_beat, found.nats, found.beats, found.codes) == (4.0, 40.0, 10.0, 8)
    assert (found.kind, found.coverage, found.accuracy) == ("AIS estimate", coverage, 0.75)
    assert (found.standard_error, found.details) == (0.5, {"chains": 20})
    exact = to_score(Evaluation(40.0, EXACT, 1.0), lines, coverage)
    assert (exact.kind, exact.standard_error, exact.accuracy, exact.details) == ("exact", None, None, {})


def test_frame_accuracy_of_both_kinds():
    true = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], np.uint8)
    drawn = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], np.uint8)
    paper, union = frame_accuracy(drawn[None], true)
    np.testing.assert_allclose(paper, [1 / 3, 1, 0, 1, 0])  # TP over the larger number of notes; silence right is 1
    np.testing.assert_allclose(union, [1 / 4, 1, 0, 1, 0])  # TP over the notes of either
    paper, union = frame_accuracy(np.stack([drawn, true]), true)  # expected over two draws
    np.testing.assert_allclose(paper, [2 / 3, 1, 1 / 2, 1, 1 / 2])
    np.testing.assert_allclose(union, [5 / 8, 1, 1 / 2, 1, 1 / 2])


def test_frame_accuracy_counts_more_notes_than_eight_bits_hold():
    assert [float(kind[0]) for kind in frame_accuracy(np.ones((1, 1, 600), np.uint8), np.ones((1, 600), np.uint8))] == [
        1.0,
        1.0,
    ]


def test_frames_that_stand_for_all_say_how_sure_they_are():
    """By sampling theory: the variance of a total by n of N is N² (1 − n/N) s²/n; measuring all of them has none."""
    nats = np.random.default_rng(0).exponential(size=300)

    class Known:
        kind = "exact"

        def __init__(self, most):
            self.most = most

        def measure(self, frames, parameters):
            return Measured(-parameters[:, 0], 0.0, frames[None], variance=np.zeros(len(frames)))

    lines = [Line(np.ones((frames, 1), np.uint8), frames, frames / 4, 1) for frames in (90, 210)]

    def read(group):
        for begin in range(0, 210, 30):  # what stands beyond the end of the first line is not looked at
            yield begin, np.stack([np.resize(nats[:90], 210), nats[90:]])[:, begin : begin + 30, None]

    whole = estimate(Known(None), lines, read)
    assert (whole.nats, whole.standard_error) == (pytest.approx(nats.sum()), 0)
    picked = nats[np.arange(100) * 3]
    some = estimate(Known(100), lines, read)
    assert some.nats == pytest.approx(3 * picked.sum())
    assert whole.by_line == pytest.approx([nats[:90].sum(), nats[90:].sum()])
    assert some.by_line == pytest.approx([3 * picked[:30].sum(), 3 * picked[30:].sum()])
    assert some.standard_error == pytest.approx(np.sqrt(300**2 * (1 - 1 / 3) * picked.var() / 100))


def test_the_sampling_error_of_equal_lines_is_that_of_a_mean_and_of_proportional_ones_nought():
    rng = np.random.default_rng(0)
    nats = rng.uniform(1, 9, 20)
    equal = [Line(np.zeros(4), 4, 2.0, 1) for _ in nats]
    assert sampling_error(nats, equal) == pytest.approx(nats.std(ddof=1) / np.sqrt(20) / 2)
    lengths = rng.uniform(2, 30, 20)
    unequal = [Line(np.zeros(4), 4, beats, 1) for beats in lengths]
    assert sampling_error(3 * lengths, unequal) == pytest.approx(0)
    assert sampling_error(nats[:1], equal[:1]) is None


def test_the_sampling_error_is_how_far_other_lines_give_another_figure():
    rng = np.random.default_rng(1)

    def lines():
        beats = rng.uniform(10, 50, 40)
        return beats * rng.gamma(5, 2, 40), [Line(np.zeros(4), 4, length, 1) for length in beats]

    drawn = [lines() for _ in range(400)]
    figures = [nats.sum() / sum(line.beats for line in some) for nats, some in drawn]
    assert np.mean([sampling_error(*some) for some in drawn]) == pytest.approx(np.std(figures), rel=0.1)
