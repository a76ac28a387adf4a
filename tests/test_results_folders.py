import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from zoo._errors import UserError
from zoo.experiments.folders import newest_run, results_folder, run_name
from zoo.experiments.run_folder import RunFolder


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def claim(results, folder):
    """What training leaves behind in a folder of results."""
    results.mkdir(parents=True)
    (results / "corpus.json").write_text(json.dumps({"name": results.name, "folder": str(folder)}))


def digits(folder):
    return hashlib.sha256(str(folder).encode()).hexdigest()[:4]


@pytest.mark.parametrize(
    ("corpus", "expected"),
    [
        ("bach-chorales", "reports/bach-chorales"),
        ("ryans-mammoth", "reports/ryans-mammoth"),
        ("./tunes", "reports/tunes"),
        ("tunes/", "reports/tunes"),
        ("deep/tunes", "reports/tunes"),
        ("./datasets/bach-chorales", "reports/bach-chorales"),
        ("./datasets/tunes", "reports/tunes"),
        ("/", "reports/corpus"),
    ],
)
def test_results_are_named_after_the_corpus(corpus, expected):
    assert results_folder(corpus) == Path(expected)


def test_results_lie_where_one_says(here):
    assert results_folder("./tunes", here / "elsewhere") == here / "elsewhere/tunes"
    assert results_folder("bach-chorales", Path("elsewhere")) == Path("elsewhere/bach-chorales")
    mine = results_folder("./mine/bach-chorales", datasets=Path("mine"))
    assert mine == Path("reports/bach-chorales"), "it is where named corpora are built"


def test_a_folder_called_like_a_named_corpus_gets_four_digits_of_its_path(here):
    name = results_folder("./bach-chorales").name
    assert re.fullmatch(r"bach-chorales-[0-9a-f]{4}", name)
    assert name == f"bach-chorales-{digits(here / 'bach-chorales')}"
    assert results_folder("./more/bach-chorales").name != name
    assert results_folder("./more/../bach-chorales/").name == name, "the path counts, not how it is written"
    assert results_folder("bach-chorales").name == "bach-chorales"


def test_the_second_folder_of_a_name_gets_four_digits_of_its_path(here):
    claim(Path("reports/tunes"), "a/tunes")
    assert results_folder("./a/tunes") == Path("reports/tunes")
    assert results_folder(str(here / "a/tunes")) == Path("reports/tunes")
    assert results_folder("./b/tunes") == Path(f"reports/tunes-{digits(here / 'b/tunes')}")
    claim(results_folder("./b/tunes"), "b/tunes")
    assert results_folder("./a/tunes") == Path("reports/tunes"), "the first keeps its own"
    assert results_folder("./b/tunes") == Path(f"reports/tunes-{digits(here / 'b/tunes')}")


def test_a_link_is_the_folder_it_leads_to(here):
    (here / "tunes").mkdir()
    (here / "linked").symlink_to("tunes")
    assert results_folder("./linked") == Path("reports/tunes")


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}"])
def test_results_without_an_owner_are_anyones(text):
    Path("reports/tunes").mkdir(parents=True)
    Path("reports/tunes/corpus.json").write_text(text)
    assert results_folder("./b/tunes") == Path("reports/tunes")


@pytest.mark.parametrize(
    ("preset", "seed", "overrides", "expected"),
    [
        ("tuned", 0, {}, "tuned-seed0"),
        ("blog", 12, {"epochs": 3}, "blog-seed12-epochs=3"),
        ("smoke", 0, {"units": (64, 32), "batch": 8}, "smoke-seed0-batch=8-units=64,32"),
        ("smoke", 0, {"units": [64], "hold": True}, "smoke-seed0-hold=True-units=64"),
        ("smoke", 0, {"learning_rate": 0.001}, "smoke-seed0-learning_rate=0.001"),
        ("smoke", 0, {"learning_rate": None}, "smoke-seed0-learning_rate=None"),
        ("smoke", 0, {"weights": "a/b"}, "smoke-seed0-weights=a:b"),
    ],
)
def test_run_names(preset, seed, overrides, expected):
    assert run_name(preset, seed, overrides) == expected
    assert run_name(preset, seed, dict(reversed(overrides.items()))) == expected


def test_the_name_of_a_run_with_many_overrides_is_cut_and_still_its_own():
    many = {f"hyperparameter_{number:02}": number for number in range(20)}
    names = [run_name("original", seed, many) for seed in (9, 2**31 - 1)]
    assert all(len(name) < 255 and re.search("-hyperparameter_08=8.*-[0-9a-f]{8}$", name) for name in names)
    assert names[0].replace("seed9", "") == names[1].replace(f"seed{2**31 - 1}", ""), "seeds still stand together"
    assert run_name("original", 9, many | {"hyperparameter_19": 20}) not in names
    Path(run_name("smoke", 0, {"prime": "ä€" * 200})).mkdir()


def add_run(results, model, preset, seed, age, *, finished=True):
    """A run folder as old as so many seconds."""
    run = results / "runs" / model / f"{preset}-seed{seed}"
    run.mkdir(parents=True)
    (run / "model.json").write_text(json.dumps({"preset": preset, "seed": seed}))
    if finished:
        (run / "metrics.json").write_text("{}")
        os.utime(run / "metrics.json", (1e9 - age, 1e9 - age))
    return run


def test_the_newest_finished_run(here):
    old = add_run(here, "note_lstm", "tuned", 0, age=30)
    new = add_run(here, "note_lstm", "tuned", 1, age=20)
    blog = add_run(here, "note_lstm", "blog", 0, age=25)
    add_run(here, "note_lstm", "tuned", 2, age=0, finished=False)
    add_run(here, "rnn_rbm", "tuned", 0, age=10)
    assert newest_run(here, "note_lstm") == new
    assert newest_run(here, "note_lstm", "blog") == blog
    assert newest_run(here, "note_lstm", seed=0) == blog
    assert newest_run(here, "note_lstm", "tuned", 0) == old
    os.utime(old / "metrics.json")
    assert newest_run(here, "note_lstm") == old, "when it was finished counts"
    for damaged in ("[1]", "{", "3"):
        (old / "model.json").write_text(damaged)
        assert newest_run(here, "note_lstm") == new, "a damaged run is none"


def test_only_a_run_with_metrics_and_model_is_finished(here):
    run = add_run(here, "note_lstm", "tuned", 0, age=0)
    assert RunFolder(run).is_finished
    (run / "model.json").unlink()
    assert not RunFolder(run).is_finished
    assert not RunFolder(add_run(here, "note_lstm", "tuned", 1, age=0, finished=False)).is_finished


@pytest.mark.parametrize(
    ("preset", "seed", "message"),
    [
        (None, None, " in r/tunes; begun, but not finished: tuned-seed0; train it: python -m zoo train note_lstm"),
        ("tuned", 0, " with preset tuned and seed 0 in r/tunes; begun, but not finished: tuned-seed0; train it: @"),
        ("blog", None, " with preset blog in r/tunes; train it: @"),
        ("blog", 3, " with preset blog and seed 3 in r/tunes; train it: @"),
        (None, 2, " with seed 2 in r/tunes; train it: @"),
    ],
)
def test_without_a_run_the_user_is_told_how_to_train_exactly_that(preset, seed, message):
    results = Path("r/tunes")
    add_run(results, "note_lstm", "tuned", 0, age=0, finished=False)
    add_run(results, "rnn_rbm", "blog", 3, age=0)
    with pytest.raises(UserError) as told:
        newest_run(results, "note_lstm", preset, seed)
    flags = f" --preset {preset}" * (preset is not None) + f" --seed {seed}" * (seed is not None)
    asked = f"python -m zoo train note_lstm{flags}"
    assert str(told.value) == f"note_lstm has no finished run{message.replace('@', asked)} (and the same --corpus)."


def test_without_such_a_run_others_are_named():
    for seed in range(7):
        add_run(Path("r/tunes"), "note_lstm", "smoke", seed, age=0)
    others = ", ".join(f"smoke-seed{seed}" for seed in range(5))
    with pytest.raises(UserError, match=f"; others are finished: {others} and 2 more; train it: "):
        newest_run(Path("r/tunes"), "note_lstm", "tuned")
