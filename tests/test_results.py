"""Results, records and run folders: what is written is read again, and what is damaged is not known."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from made_runs import WRONG, add_run

from zoo._errors import UserError
from zoo.experiments import records
from zoo.experiments.description import Description
from zoo.experiments.records import REST, Interval
from zoo.experiments.results import Results
from zoo.experiments.run_folder import RunFolder
from zoo.song import Song


@dataclass(frozen=True)
class Inner:
    share: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True)
class Outer:
    name: str = ""
    count: int | None = None
    sure: bool = False
    inner: Inner = Inner()
    other: Inner | None = None
    many: tuple[Inner, ...] = ()
    sizes: tuple[int, ...] = ()
    named: dict[str, Inner] = field(default_factory=dict)
    anything: object = None
    rest: dict[str, object] = field(default_factory=dict, metadata=REST)


WRITTEN = {
    "name": "a",
    "count": 3,
    "sure": True,
    "inner": {"share": 0.5, "interval": [0.25, 1.0]},
    "other": {"share": None, "interval": None},
    "many": [{"share": 1.0, "interval": None}],
    "sizes": [64, 32],
    "named": {"b": {"share": 2.0, "interval": None}},
    "anything": [{"x": None}],
    "further": [1],
}


def test_what_is_written_is_read_again():
    record = records.read(Outer, WRITTEN)
    inner = Inner(0.5, Interval(0.25, 1.0))
    named, many = {"b": Inner(2.0)}, (Inner(1.0),)
    expected = Outer("a", 3, True, inner, Inner(), many, (64, 32), named, [{"x": None}], {"further": [1]})
    assert record == expected and records.read(Outer, records.to_json(record)) == records.read(
        Outer, WRITTEN | {"other": None}
    )
    assert json.loads(json.dumps(records.to_json(record))) == WRITTEN | {"other": None}


FOREIGN = [None, "text", 3, 2.5, True, float("nan"), float("inf"), [], [1, 2], ["a", {}], {}, {"a": 1}, [[1, 2, 3]]]


@pytest.mark.parametrize("wrong", FOREIGN, ids=str)
def test_a_value_of_another_type_is_the_same_as_none(wrong):
    assert records.read(Outer, wrong).inner == Inner()
    record = records.read(Outer, dict.fromkeys(WRITTEN, wrong))
    assert isinstance(record.name, str) and isinstance(record.sure, bool) and isinstance(record.inner, Inner)
    assert record.count is None or (record.count == wrong and type(wrong) is not bool)
    assert record.other is None or isinstance(record.other, Inner)
    assert all(isinstance(item, Inner) for item in (*record.many, *record.named.values()))
    assert all(isinstance(size, int) for size in record.sizes)
    interval = records.read(Inner, {"interval": wrong}).interval
    assert interval == ((1, 2) if wrong == [1, 2] else None)


def test_records_are_combined_number_by_number():
    one = Outer("a", 1, inner=Inner(0.5, Interval(0.0, 1.0)), named={"x": Inner(1.0)}, sizes=(1,))
    other = Outer("b", 4, inner=Inner(None, Interval(1.0, 3.0)), named={"x": Inner(2.0), "y": Inner(5.0)}, sizes=(2,))
    largest = records.combine(max, [one, other])
    assert (largest.name, largest.count, largest.sizes) == ("a", 4, (1,))
    assert largest.inner == Inner(0.5, Interval(1.0, 3.0)) and largest.named == {"x": Inner(2.0), "y": Inner(5.0)}
    assert records.combine(max, [Outer(), Outer()]) == Outer()


def test_results_of_before_there_were_versions_are_read_and_keep_their_layout(tmp_path):
    path = add_run(tmp_path) / "metrics.json"
    before = json.loads(path.read_text())
    results = RunFolder(path.parent).read_results()
    assert results.scores.test.coverage.notes == 0.875 and results.ngram.chosen == {"n": 3}
    assert results.skill() == 0.25 and results.skill("ngram") == pytest.approx(-0.2)
    after = json.loads(json.dumps(results.to_json()))
    assert after.pop("version") == 1 and after.pop("missing") == {}

    def of(value, like):
        """`value` with only what is in `like`, for fields that are not known are written too."""
        if isinstance(like, list):
            return [of(*pair) for pair in zip(value, like, strict=True)]
        return {key: of(value[key], like[key]) for key in like} if isinstance(like, dict) else value

    assert of(after, before) == before and after.keys() == before.keys()


def test_results_of_a_later_version_are_not_guessed_at(tmp_path):
    run = RunFolder(tmp_path)
    run.write_results(Results(epochs=3))
    assert run.read_results() == Results(epochs=3)
    run.metrics.write_text(run.metrics.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(UserError, match=r"metrics.json cannot be read: its version is 2, .*: update the zoo\.$"):
        run.read_results()


@pytest.mark.parametrize("wrong", WRONG)
def test_a_damaged_file_of_a_run_is_a_sentence_or_not_known(tmp_path, wrong):
    run = RunFolder(tmp_path)
    for path, read in (
        (run.metrics, run.read_results),
        (run.description, lambda: Description.from_json(run.read_description())),
        (run.history, run.read_history),
    ):
        path.write_bytes(wrong.encode("utf-8", "surrogateescape"))
        try:
            assert isinstance(read(), (Results, Description, dict))
        except UserError as error:
            assert str(path) in str(error)


def test_a_run_folder_gives_back_what_was_written(tmp_path):
    run = RunFolder(tmp_path / "reports/tunes/runs/note_lstm/tuned-seed0")
    assert (run.model, run.name, run.results.name) == ("note_lstm", "tuned-seed0", "tunes")
    assert not (run.is_described or run.is_finished or run.can_resume)
    assert (run.read_history(), run.read_error(), run.read_left_out(), run.kept_epochs()) == ({}, "", "", [])
    run.write_description({"preset": "tuned"})
    run.write_history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}])
    run.write_error("a\nb\n")
    run.write_left_out("too loud")
    song = Song.from_notes([(0, 480, 60, 80, 0)])
    run.write_samples([song.replace(name=f"s-{place}") for place in (1, 2, 10)])
    run.write_real([song])
    for epoch in (10, 2):
        run.checkpoint(epoch).parent.mkdir(exist_ok=True)
        run.checkpoint(epoch).write_text("")
    assert run.read_history() == {"epoch": [1, 2], "loss": [0.5, None]}
    assert (run.read_error(), run.read_left_out(), run.kept_epochs()) == ("a\nb", "too loud", [2, 10])
    assert [path.name for path in run.list_samples()] == ["s-1.mid", "s-2.mid", "s-10.mid"]
    assert [path.name for path in run.list_real()] == ["real-1.mid"]
    assert run.is_described and not run.is_finished
    run.write_results(Results())
    assert run.is_finished and run.list_documents() == [run.metrics, run.description, run.history, run.error]
    run.clear()
    assert [path.name for path in run.path.rglob("*") if path.is_file()] == ["model.json"]


def test_who_looks_at_runs_loads_no_keras():
    modules = "run_folder", "results", "description", "folders"
    program = f"import sys\nfor name in {modules}: __import__('zoo.experiments.' + name)\nprint('keras' in sys.modules)"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
