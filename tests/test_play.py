"""A page to play on: what is written of models, and the command `play`."""

import json
import re
import struct
import zlib
from pathlib import Path

import keras
import numpy as np
import pytest
from codings import KINDS
from kinds import NAMES
from machines import ready
from songs import TRAIN

import zoo
from zoo import UserError
from zoo._errors import NotPlayable
from zoo.play import Playable, export, write_page
from zoo.play.arrays import pack, quantise, quantised
from zoo.play.layers import layers_of


def unpacked(packed: bytes) -> tuple[dict, bytes]:
    data = zlib.decompress(packed)
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def tiny(name: str, numbers: int = 10) -> Playable:
    """What is written of a model that is nothing but noise, which nothing compresses."""
    noise = np.random.default_rng(0).integers(0, 256, numbers).astype(np.uint8)
    return Playable(name, "smoke-seed0", ["A model.", "With <b> & `code`."], numbers, {"noise": noise})


def untrained(name: str = "melody_lstm", preset: str = "smoke", **hyperparameters) -> zoo.MusicModel:
    model = zoo.create(name, preset, **hyperparameters)
    ready(model, TRAIN)
    return model


def test_a_matrix_takes_a_byte_a_number_and_is_moved_by_half_a_scale_at_most():
    weights = np.random.default_rng(0).normal(0, [1, 0, 1e-3], (50, 3)).astype(np.float32)
    whole, scale = quantise(weights)
    assert whole.dtype == np.int8 and scale.shape == (3,)
    assert np.abs(whole[:, [0, 2]]).max(axis=0).tolist() == [127, 127]
    assert (np.abs(quantised(weights) - weights) <= scale / 2 + 1e-9).all()
    assert not quantised(weights)[:, 1].any()
    vector = weights[:, 0]
    assert (quantised(vector) == vector).all()


def test_arrays_lie_behind_the_json_that_names_them():
    matrix, counts = np.array([[0.5, -1], [0.25, 0]], np.float32), np.array([1, 2, 3], np.int32)
    value, data = unpacked(pack({"a": [matrix, {"b": counts}], "c": "text"}))
    written, whole = value["a"][0], value["a"][1]["b"]
    assert value["c"] == "text"
    kind, first, shape = written["array"]
    assert (kind, shape) == ("int8", [2, 2])
    assert np.frombuffer(data, np.int8, 4, first).tolist() == [127, -127, 64, 0]
    kind, first, shape = written["scale"]["array"]
    assert (kind, first % 4) == ("float32", 0)
    np.testing.assert_allclose(np.frombuffer(data, np.float32, 2, first), np.array([0.5, 1]) / 127)
    kind, first, shape = whole["array"]
    assert (kind, np.frombuffer(data, kind, 3, first).tolist()) == ("int32", [1, 2, 3])
    assert unpacked(pack(matrix, exact=True))[0]["array"][0] == "float32"


def test_the_largest_models_are_left_out_while_the_page_is_too_large(tmp_path):
    models = [tiny("small"), tiny("large", 600_000), tiny("middle", 300_000)]
    path = tmp_path / "page.html"
    written = write_page(path, models, "tunes", largest=1_000_000)
    assert [model.name for model in written.models] == ["small", "middle"]
    assert written.size == path.stat().st_size <= 1_000_000
    ((name, reason),) = written.left_out
    assert (name, reason) == (
        "large (smoke-seed0)",
        "its 0.8 MB would make the page larger than 1.0 MB.",
    )
    page = path.read_text()
    assert "With &lt;b&gt; &amp; <code>code</code>." in page and "{{" not in page


def test_without_a_model_there_is_no_page(tmp_path):
    with pytest.raises(UserError, match=r"there is nothing to play on \(no model\)"):
        write_page(tmp_path / "page.html", [])
    with pytest.raises(UserError, match=r"nothing to play on \(large \(smoke-seed0\): its 0.8 MB would make"):
        write_page(tmp_path / "page.html", [tiny("large", 600_000)], largest=500_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        (keras.layers.Conv1D(3, 2, name="c"), "does not know the layer c (Conv1D)"),
        (keras.layers.Dense(3, activation="selu", name="d"), "does not know the activation selu of the layer d"),
        (keras.layers.LSTM(3, return_sequences=True, use_bias=False, name="l"), "layer l (LSTM) with its settings"),
        (keras.layers.GRU(3, return_sequences=True, reset_after=False, name="g"), "layer g (GRU) with its settings"),
        (keras.layers.LSTM(3, name="l"), "layer l, which gives its last output only"),
    ],
)
def test_a_layer_that_the_page_does_not_know(layer, complaint):
    layer.build((None, 5, 4))
    with pytest.raises(NotPlayable) as refused:
        layers_of([layer])
    assert complaint in str(refused.value)


def test_what_is_no_layer_or_representation_of_the_page_is_named():
    model = untrained()
    codec = model.codec

    class Other(type(codec)):
        """A representation of someone's own."""

    model.codec = Other(**{key: getattr(codec, key) for key in ("steps_per_beat", "hold", "voice")})
    with pytest.raises(NotPlayable, match="does not know the representation Other"):
        export(model)
    with pytest.raises(UserError, match="not trained yet"):
        export(zoo.create("rnn_rbm", "smoke"))


def test_the_page_knows_every_representation():
    (table,) = re.findall(
        r"^const CODECS = {(.*?)};",
        (Path(zoo.__file__).parent / "play/page/codecs.js").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert set(re.findall(r"\w+", table)) == {kind.__name__ for kind in KINDS}


# The command.


def test_play_takes_the_newest_finished_run_of_each_model(here, say, tmp_path):
    page = tmp_path / "page.html"
    done = say("play", "--corpus", "./tunes", "--out", page)
    assert done.code == 0
    taken = [line.partition(" ")[0] for line in done.lines[:-2]]
    left_out = [line.split()[3] for line in done.err.splitlines() if line.startswith("zoo: left out: ")]
    assert sorted(taken + left_out) == NAMES and len(taken) > len(left_out)
    assert done.lines[0].startswith(f"{taken[0]} (smoke-seed0): ") and done.lines[0].endswith(" weights")
    assert done.lines[-1] == f"{page}, {page.stat().st_size / 1e6:.1f} MB"
    again = tmp_path / "again.html"
    say("play", "--corpus", "./tunes", "--out", again)
    assert page.read_bytes() == again.read_bytes()


def test_play_takes_runs_that_are_named(copy, say):
    run = "reports/tunes/runs/melody_lstm/smoke-seed0"
    done = say("play", "--corpus", "./tunes", run, "note_lstm")
    assert (done.code, done.err) == (0, "")
    assert [line.partition(":")[0] for line in done.lines[:2]] == [
        "melody_lstm (smoke-seed0)",
        "note_lstm (smoke-seed0)",
    ]
    assert done.lines[-1].startswith("reports/tunes/play.html, 0.")


def test_a_damaged_run_is_left_out_and_named_it_is_a_mistake(copy, say):
    run = "reports/tunes/runs/melody_lstm/smoke-seed0"
    (copy / run / "model.weights.h5").write_bytes(b"no weights")
    done = say("play", "--corpus", "./tunes")
    assert done.code == 0 and "zoo: left out: melody_lstm (smoke-seed0), for " in done.err
    named = say("play", "--corpus", "./tunes", run)
    assert named.code == 2 and len(named.err.splitlines()) == 1


def test_mistakes_of_play(here, say, tmp_path):
    done = say("play", "--corpus", "./tunes", "--out", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"zoo: --out: {tmp_path} is a folder; name a file, such as {tmp_path / 'play.html'}.\n"
    (tmp_path / "empty").mkdir()
    done = say("--home", tmp_path / "empty", "play")
    assert done.code == 2 and "there is no run in" in done.err and "train a model" in done.err
    done = say("play", "--corpus", "./tunes", "nosuch")
    assert done.code == 2 and "there is no model 'nosuch'" in done.err
