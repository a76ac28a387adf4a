"""What the classifier hears of a piece."""

import numpy as np
import pytest
from songs import NOTHING, ONE, SILENCE, piece, quarters, song

from zoo.evaluation.metrics import views

PIECES = [piece(number) for number in range(10)]


def test_views_have_one_width_and_do_not_hear_the_key():
    widths = [[table.shape[1] for table in views(song).values()] for song in (NOTHING, SILENCE, ONE, *PIECES)]
    assert all(each == widths[0] for each in widths)
    for few in (NOTHING, SILENCE, ONE):
        assert all(np.isfinite(table).all() for table in views(few).values())
    one, other = views(PIECES[3]), views(PIECES[3].transpose(5))
    one["notes"][:, 0] += 5
    for name in one:
        np.testing.assert_allclose(other[name], one[name], atol=1e-9)


def test_upper_notes_moved_are_heard_by_how_far():
    """Octaves that do not move, and the upper notes three semitones up."""
    for moved in (0, 3):
        notes = [(4 * i, 4 * i + 4, pitch) for i, pitch in enumerate((48, 49, 52) * 4)]
        both = song(*notes, *((start, end, pitch + 12 + moved) for start, end, pitch in notes))
        highest = views(both)["voices"][0][:7]
        assert np.argmax(highest) == moved and highest[moved] > 0.3


def test_bars_beside_their_neighbours():
    """A scale over eight bars keeps its neighbours; a seesaw has none but at the second bar."""
    rising = views(quarters(*np.repeat(np.arange(60, 76, 2), 4)))["bars"][0]
    seesaw = views(quarters(*([60] * 4 + [67] * 4) * 4))["bars"][0]
    mean = 0  # of pitch, the first figure
    assert rising[mean] == pytest.approx(4 / (2 * 21)) and seesaw[mean] == pytest.approx(2)
    first, second = 7, 8  # how alike bars at lags 1 and 2 are, after how alike any two are
    assert seesaw[first] < 0 < seesaw[second]


def test_how_a_bar_fits_the_next_is_nought_when_all_fit_alike_and_high_where_only_neighbours_do():
    rising = views(quarters(*np.repeat(np.arange(60, 76, 2), 4)))["splices"][0]
    even = views(quarters(*[60] * 32))["splices"][0]
    assert rising[0] > 0.4 and even == pytest.approx(np.zeros(len(even)))
    shuffled = views(quarters(*np.repeat([60, 74, 64, 70, 62, 72, 66, 68], 4)))["splices"][0]
    assert shuffled[0] < rising[0] - 0.4


def test_bar_lines_beside_other_beats():
    """The melody leaps an octave at bar lines only."""
    leaping = views(quarters(*([60] * 4 + [72] * 4) * 4))["lines"][0]
    assert leaping[:2] == pytest.approx([0, 12])  # pitch classes do not change
    even = views(quarters(*[60] * 32))["lines"][0]
    assert even == pytest.approx(np.zeros(len(even)))
