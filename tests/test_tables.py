"""The table of the terminal, where it is too narrow for a run's name."""

from pathlib import Path

import pytest

from zoo.experiments.description import Description
from zoo.experiments.results import Results
from zoo.experiments.run_folder import RunFolder
from zoo.report import table
from zoo.report.runs import Run

SCORES = {split: {"nats_per_beat": 38.199, "kind": "bound"} for split in ("valid", "test")}
METRICS = {"epochs": 12, "seconds": 123.4, "scores": SCORES, "order0": {"test": 39.5}, "ngram": {"test": 32.5}}


@pytest.mark.parametrize("model", ["note_lstm", "melody_lstm"])
@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("smoke-seed0-epochs=1-units=64", "smoke-seed0"),
        ("class_project-seed12-epochs=1", "class_project-seed12"),
        ("class_project-seed0", "class_project-seed0"),
    ],
)
def test_preset_and_seed_are_whole(model, name, first):
    described = Description(model, first.partition("-")[0], int(first.partition("-seed")[2]))
    lines = table([Run(RunFolder(Path("runs", model, name)), "unfinished", described, {}, Results.from_json(METRICS))])
    cells = lines[2].split()
    assert max(map(len, lines)) <= 100
    assert cells[1].startswith(first) and "…" not in cells[1][: len(first)]
    if name != first and cells[1] != name:
        _, _, tail = cells[1].partition("…")
        assert cells[1] == f"{first}…{tail}" and name.endswith(tail)
    assert cells[0][0] == model[0] and cells[0].endswith(model[-2:])
