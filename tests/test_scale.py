"""The ranking of all models on the same music, of results made by hand."""

import dataclasses
import math

import numpy as np
import pytest
from made_runs import add_run, change, page, run
from pictures import inside

from zoo.experiments import records
from zoo.experiments.results import Canonical
from zoo.report.figures import Figures
from zoo.report.findings import findings
from zoo.report.groups import grouped
from zoo.report.scale import one_scale

BEATS = np.arange(10, 50)  # of 40 pieces


def canonical(codes, residual=0.0, pieces=range(40), kind="exact", **fields):
    """Pieces that cost so many nats a beat."""
    pieces = list(pieces)
    beats = BEATS[pieces]
    columns = {"codes": np.broadcast_to(codes, 40)[pieces] * beats, "residual": residual * beats, "apart": 0.5 * beats}
    columns = {name: tuple(column.tolist()) for name, column in columns.items()}
    baselines = {"ngram": tuple((20.0 * BEATS).tolist()), "uniform": tuple((80.0 * BEATS).tolist())}
    facts = {"steps_per_beat": 4, "offered": 40, "kind": kind, "baselines": baselines} | fields
    lengths = {"beats": tuple(beats.astype(float).tolist()), "notes": tuple((2 * beats).tolist())}
    return Canonical(pieces=tuple(pieces), **lengths, **columns | facts)


def measured(model, music, seed=0, **history):
    one = run(model, 5.0, seed=seed)
    one.history.update(history)
    return dataclasses.replace(one, results=dataclasses.replace(one.results, canonical=music))


def scale_of(*runs):
    return one_scale(grouped(list(runs)))


WAVES = np.sin(np.arange(40) * 2.0)  # pieces are harder and easier, for all models alike
BEST = measured("rnn_nade", canonical(8 + WAVES))
CLOSE = measured("event_lstm", canonical(7 + WAVES + 0.1 * np.cos(np.arange(40) * 7.0), 1.01, kind="bound"))
WORSE = measured("note_lstm", canonical(3 + WAVES, 5.5, kind="AIS estimate"))


def test_the_ranking_by_hand():
    scale = scale_of(WORSE, CLOSE, BEST)
    assert [row.group.model for row in scale.rows] == ["rnn_nade", "event_lstm", "note_lstm"]
    assert (scale.steps_per_beat, scale.pieces, scale.offered, scale.left_out) == (4, 40, 40, [])
    best, close, worse = scale.rows
    mean = float((WAVES * BEATS).sum() / BEATS.sum())
    assert best.total == pytest.approx(8 + mean) and best.per_note == pytest.approx(best.total / 2)
    assert (worse.codes, worse.residual, worse.apart) == pytest.approx((3 + mean, 5.5, 0.5))
    assert scale.baselines == pytest.approx({"n-gram": 20, "uniform": 80})
    assert [row.mark for row in scale.rows] == ["best", "within noise", ""]
    assert best.interval.low < best.total < best.interval.high
    # Of pieces that are harder for both nothing is left in the difference: half a nat, less than the interval is wide.
    assert worse.behind == pytest.approx((0.5, 0.5)) and best.interval.high - best.interval.low > 0.3
    assert close.behind.low < 0.01 < close.behind.high < 0.1


def test_the_interval_is_that_of_a_mean():
    """Pieces of one length: 1.96 standard errors on both sides, to what 1000 draws tell."""
    same = measured("rnn_nade", dataclasses.replace(canonical(8 + WAVES), beats=(1.0,) * 40, codes=tuple(8 + WAVES)))
    (row,) = scale_of(same).rows
    error = float(np.std(WAVES, ddof=1)) / math.sqrt(40)
    assert row.interval.high - row.interval.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_only_what_all_take_is_compared_and_who_takes_too_little_is_left_out():
    lacking = measured("event_lstm", canonical(9.0, pieces=range(2, 40)))
    few = measured("note_lstm", canonical(1.0, pieces=range(30)))
    none = measured("melody_lstm", Canonical(4, 40, left_out="It keeps only the highest voice."))
    scale = scale_of(BEST, lacking, few, none)
    assert scale.pieces == 38 and [row.group.model for row in scale.rows] == ["rnn_nade", "event_lstm"]
    kept = slice(2, 40)
    assert scale.rows[0].total == pytest.approx(8 + (WAVES * BEATS)[kept].sum() / BEATS[kept].sum())
    assert dict(scale.left_out) == {
        "note_lstm tuned": "Its representation takes 75% of the pieces without loss, less than 90%.",
        "melody_lstm tuned": "It keeps only the highest voice.",
    }


def test_seeds_are_one_row():
    scale = scale_of(measured("rnn_nade", canonical(8.0)), measured("rnn_nade", canonical(9.0), seed=1))
    assert [row.total for row in scale.rows] == pytest.approx([8.5])


def test_nothing_measured_is_no_ranking():
    assert scale_of(run("note_lstm", 5.0)) is None
    damaged = dataclasses.replace(canonical(8.0), codes=(1.0,))
    assert scale_of(measured("note_lstm", damaged)) is None
    music = canonical(8.0)
    assert records.read(Canonical, records.to_json(music)) == music


def test_findings():
    first, *others = (finding.text for finding in findings([], scale_of(WORSE, CLOSE, BEST)))
    assert first.startswith(
        "On one scale, all of the music in the same 40 of 40 test pieces, rnn_nade tuned needs 8.025 "
    )
    assert (
        "within noise of it by the paired interval event_lstm tuned ≤" in first and "against note_lstm tuned ~" in first
    )
    assert len(others) == 1 and others[0].startswith("Of note_lstm tuned more is charged for what the representation ")
    alone = measured("note_lstm", canonical(21.0))
    first, second = (finding.text for finding in findings([], scale_of(alone)))
    assert "note_lstm tuned needs 21.000 nats per beat (95% interval" in first and "fewest" not in first
    assert second == "On that scale an n-gram of the music itself, 20.000, is as good as note_lstm tuned 21.000."


def test_pictures(drawn, tmp_path):
    names = {"epoch": [1.0, 2.0], "seconds": [1.0, 2.0], "val_nats_per_beat": [6.0, 5.0]}
    curved = [measured("rnn_nade", canonical(8.0, curve_scale=2.0, curve_offset=1.0), **names), WORSE]
    figures = Figures(tmp_path)
    assert figures.scale(scale_of(*curved), grouped(curved)) and figures.scale_curves(grouped(curved))
    assert figures.scale_curves(grouped([WORSE])) is None
    ranking, curves = drawn
    assert inside(ranking) and inside(curves)
    labels = [text.get_text() for text in ranking.axes[0].get_yticklabels()]
    assert labels == ["rnn_nade tuned", "note_lstm tuned", "(n-gram)", "(uniform)"]
    assert curves.axes[0].lines[0].get_ydata().tolist() == [13.0, 11.0]


def test_the_page_has_the_table_and_the_pictures(folder):
    for name, music in (("rnn_nade", canonical(8 + WAVES)), ("note_lstm", canonical(3 + WAVES, 5.5, kind="bound"))):
        change(add_run(folder, name) / "metrics.json", canonical=records.to_json(music))
    change(add_run(folder, "melody_lstm") / "metrics.json", canonical={"left_out": "It keeps only one voice."})
    shown = page(folder)
    assert {"figures/scale.svg"} <= set(shown.links) and (folder / "figures/scale.svg").exists()
    assert "40 of 40 test pieces (100.0%)" in shown.text
    assert "melody_lstm tuned is left out: It keeps only one voice." in shown.text
    assert "On one scale, all of the music in the same 40 of 40 test pieces, rnn_nade tuned needs" in shown.text
    rows = (folder / "results.csv").read_text().splitlines()
    assert rows[0].count("canonical_nats_per_beat") == 1 and "It keeps only one voice." in rows[1]
