"""Presets that are files, as `zoo search` writes them."""

import json
from pathlib import Path

import pytest

import zoo
from zoo._errors import UserError
from zoo.training import preset_files

SETTINGS = {"units": [8, 4], "epochs": 1, "learning_rate": 0.01}


@pytest.fixture
def file(tmp_path):
    preset_files.write(tmp_path / "best.json", "melody_lstm", SETTINGS)
    return tmp_path / "best.json"


def test_a_file_is_a_preset_named_after_itself_and_what_it_holds(file, tmp_path):
    model = zoo.create("melody_lstm", str(file), seed=3, epochs=2)
    assert (model.units, model.learning_rate, model.epochs, model.seed) == ((8, 4), 0.01, 2, 3)
    name = preset_files.name_of(str(file))
    assert name.startswith("best-") and len(name) == len("best-1234") and model.preset == name
    preset_files.write(tmp_path / "other" / "best.json", "melody_lstm", SETTINGS | {"epochs": 3})
    assert preset_files.name_of(str(tmp_path / "other" / "best.json")) != name
    assert preset_files.name_of("tuned") == "tuned"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[1]", "holds no preset"),
        ('{"model": "melody_lstm"}', "holds no preset"),
        ("{", "cannot be read as JSON"),
        ('{"model": "rnn_rbm", "hyperparameters": {}}', "is a preset of rnn_rbm, not of melody_lstm"),
        ('{"model": "melody_lstm", "hyperparameters": {"feathers": 1}}', "no hyperparameter 'feathers'"),
        ('{"model": "melody_lstm", "hyperparameters": {"epochs": 0}}', "epochs must be"),
        (None, "is missing"),
    ],
)
def test_what_is_no_preset_is_said_in_a_sentence(tmp_path, text, complaint):
    path = tmp_path / "p.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=complaint):
        zoo.create("melody_lstm", str(path))


def test_a_file_is_taken_wherever_a_preset_is(copy, say, file, instant):
    words = ["--corpus", "./tunes"]
    assert say("train", "melody_lstm", *words, "--preset", file).code == 0
    run = Path("reports/tunes/runs/melody_lstm", f"{preset_files.name_of(str(file))}-seed0")
    described = json.loads((run / "model.json").read_text())
    assert described["preset"] == preset_files.name_of(str(file)) and described["hyperparameters"]["units"] == [8, 4]
    nowhere = say("sample", "melody_lstm", *words, "--preset", file, "--train-seed", "7")
    assert nowhere.code == 2 and f"with preset {described['preset']}" in nowhere.err
    all_done = say("train-all", *words, "--preset", file)
    assert all_done.code == 0 and "melody_lstm best-" in all_done.err and "done before" in all_done.err
    assert all_done.err.count("is a preset of melody_lstm, not of") == len(zoo.names()) - 1
