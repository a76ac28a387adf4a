"""What the benchmark makes of its measurements: ratios, goals, and the machine that they are of."""

import bench.__main__  # noqa: F401 - brings the lines
import keras
import pytest
from bench.measure import LINES, Row, machine


def test_it_says_what_it_ran_on():
    facts = machine()
    assert facts["backend"] == keras.backend.backend() and facts["cores"] >= 1


@pytest.mark.parametrize(
    ("unit", "ours", "naive", "ratio"), [("ms", [4.0, 5.0, 90.0], [10.0], 2.0), ("files/s", [50.0], [20.0], 2.5)]
)
def test_the_ratio_says_how_many_times_better_the_median_is(unit, ours, naive, ratio):
    assert Row("", unit, ours, naive).ratio == ratio


def test_goals_are_met_together_or_not():
    assert Row("", "ms", [5.0], [10.0], ("ratio >= 2", "ours <= 5")).met() is True
    assert Row("", "ms", [5.0], [10.0], ("ratio >= 2", "ours <= 4")).met() is False
    assert Row("", "ms", [5.0]).met() is None


def test_every_line_says_what_it_measures():
    assert len(LINES) > 8 and all(work.__doc__ for work in LINES.values())
