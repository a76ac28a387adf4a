"""Runs of which not all could be measured, and models that were left out: what is known of them is on the page."""

import json

import pytest
from made_runs import Page, add_run, write

from zoo.experiments.measuring import PARTS
from zoo.report import load_runs, write_report

KEYS = {  # of metrics.json, by part
    "samples": ("sampling", "real", "warnings"),
    "likelihood": ("scores",),
    "baselines": ("order0", "ngram"),
    "comparison": ("comparison",),
    "canonical": ("canonical",),
}


def test_every_part_is_tried():
    assert KEYS.keys() == PARTS.keys()


@pytest.mark.parametrize("parts", [*([part] for part in KEYS), list(KEYS)])
def test_a_run_that_was_measured_in_part_keeps_its_row_its_curves_and_its_samples(folder, parts):
    add_run(folder, run="blog-seed0")
    partial = add_run(folder, run="tuned-seed0", nats=5.5)
    metrics = json.loads((partial / "metrics.json").read_text())
    for key in (key for part in parts for key in KEYS[part]):
        metrics.pop(key, None)
    metrics["missing"] = {part: "ValueError: length 88315 ends before the last note" for part in parts}
    write(partial / "metrics.json", metrics)
    write(partial / "error.txt", "Traceback (most recent call last):\nValueError: length 88315\n")

    assert [run.status for run in load_runs(folder)] == ["finished", "partial"]
    printed = " ".join(write_report(folder))
    page = Page((folder / "index.html").read_text())
    for text in (printed, page.text):
        assert all(f"{part} missing: ValueError: length 88315 ends before the last note" in text for part in parts)
        assert "The same command measures again, without training." in text
    assert ("5.500" in page.text) == ("likelihood" not in parts)
    assert page.text.count("tuned") > 2 and any("samples/note_lstm/tuned-seed0" in link for link in page.links)
    assert "tuned-seed0,tuned,0,partial,12345" in (folder / "results.csv").read_text()


def test_a_model_that_can_read_nothing_is_left_out_with_its_reason(folder):
    add_run(folder)
    reason = "the test music (4 pieces) holds nothing monophonic: every track sounds two notes at once."
    write(folder / "runs" / "melody_lstm" / "tuned-seed0" / "left_out.txt", f"{reason}\n")
    assert {run.model: run.status for run in load_runs(folder)} == {"melody_lstm": "left out", "note_lstm": "finished"}
    write_report(folder)
    text = Page((folder / "index.html").read_text()).text
    assert f"melody_lstm/tuned-seed0 left out: {reason}" in text
