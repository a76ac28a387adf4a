"""A model's files, tampered with: each is one sentence, before memory is taken for what they ask for."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
from kinds import NAMES, known

import zoo
from zoo._errors import UserError
from zoo.training import hyperparameters

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(params=NAMES)
def folder(request, studio, tmp_path):
    """A trained model of each kind; its digest is taken out, as who tampers with it would write another."""
    source, copy = studio / f"reports/tunes/runs/{request.param}/smoke-seed0", tmp_path / "model"
    copy.mkdir()
    shutil.copy(source / "model.weights.h5", copy)
    described = json.loads((source / "model.json").read_text())
    del described["weights_digest"]
    (copy / "model.json").write_text(json.dumps(described))
    return copy


def change(folder, **fields):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def refused(folder, told=None):
    with pytest.raises(UserError, match=told) as caught:
        zoo.load(folder)
    message = str(caught.value)
    assert "\n" not in message and message[-1] in ".?" and len(message) < 500, message


# model.json

TEXTS = {
    "empty": b"",
    "cut off": b'{"format": 1, "model": ',
    "no object": b"[1, 2]",
    "nothing": b"null",
    "no model": b"{}",
    "UTF-16": '{"format": 1}'.encode("utf-16"),
    "Latin-1": '{"preset": "ü"}'.encode("latin-1"),
    "byte order mark": '{"format": 1}'.encode("utf-8-sig"),
    "nested deeply": b'{"format": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a name twice": b'{"format": 1, "format": 1}',
    "NaN": b'{"format": NaN}',
    "infinity": b'{"format": Infinity}',
    "a long number": b'{"format": ' + b"9" * 5000 + b"}",
    "larger than any": b'{"format": 1, "message": "' + b" " * 2**26 + b'"}',
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_description_that_is_none(tmp_path, text):
    (tmp_path / "model.json").write_bytes(text)
    refused(tmp_path, "model.json (cannot be read as JSON|does not describe a model)")


FIELDS = {
    "format": [None, "1", True, 1.0, 0, -1, [], 2, 10**400],
    "model": [
        None,
        5,
        "",
        "nosuch",
        "__init__",
        "../../zoo/models/rnn_rbm",
        "rnn_rbm.py",
        ["rnn_rbm"],
        {},
        "x" * 10**6,
    ],
    "seed": [None, "0", 0.5, -1, 2**31, 10**400, []],
    "hyperparameters": [None, [], "", {"nosuch": 1}, {"__class__": 1}, {"codec": 1}, {"seed": 1}],
    "codec": [None, [], 5, "", {"nosuch": 1}, {"codec": "os.system"}, {"steps_per_beat": 10**9}],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in FIELDS.items() for value in values])
def test_a_field_that_holds_something_else(folder, field, value):
    change(folder, **{field: value})
    refused(folder)


def test_a_newer_format_says_which_version_reads_it(folder):
    change(folder, format=2, zoo="9.1")
    refused(
        folder,
        r"model.json is of format 2, written by version '9\.1' of the zoo; this one, 0\.1\.0, reads up to format 1: "
        r"update it to that version or a later one\.$",
    )


def test_the_version_is_written_once(folder):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["dynamic"] == ["version"] and "version" not in settings["project"]
    source = (ROOT / settings["tool"]["hatch"]["version"]["path"]).read_text()
    assert f'VERSION = "{zoo.__version__}"' in source
    assert json.loads((folder / "model.json").read_text())["zoo"] == zoo.__version__


def test_hyperparameters_of_another_network_or_out_of_bounds(folder):
    stated = json.loads((folder / "model.json").read_text())["hyperparameters"]
    model = json.loads((folder / "model.json").read_text())["model"]
    options = hyperparameters.options(zoo.find(model))
    for name, value in known(model, units=(17,), steps_per_beat=5).items():
        change(folder, hyperparameters=stated | {name: value})
        refused(folder, "other shapes|another representation")
    for name, option in options.items():
        for value in (None if "None" not in str(option.type) else {}, {}, [[1]], 10**400, -(10**9), "\ud800"):
            change(folder, hyperparameters=stated | {name: value})
            refused(folder, f"^{name} ")


# model.weights.h5


def arrays(file):
    """Paths of all arrays, the largest first."""
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return sorted(found, key=lambda name: -file[name].size)


def replaced(make):
    """Put what `make(file, name, value)` makes in the place of the largest array."""

    def tamper(path):
        with h5py.File(path, "a") as file:
            name = arrays(file)[0]
            value = file[name][()]
            del file[name]
            make(file, name, value)

    return tamper


def moved(path):
    with h5py.File(path, "a") as file:
        layer = arrays(file)[0].partition("/vars/")[0].removesuffix("/cell")
        file.move(layer, layer + "s")


def virtual(file, name, value):
    layout = h5py.VirtualLayout(value.shape, value.dtype)
    layout[...] = h5py.VirtualSource("other.h5", "x", value.shape)
    file.create_virtual_dataset(name, layout)


def linked(link):
    def make(file, name, value):
        with h5py.File(Path(file.filename).with_name("other.h5"), "w") as other:
            other["x"] = value
        file["elsewhere"] = value
        file[name] = link

    return make


def outside(file, name, value):
    file.create_dataset(name, value.shape, "f4", external="/etc/hosts")


def poisoned(number):
    def make(file, name, value):
        value.flat[-1] = number
        file[name] = value

    return make


def cycle(file, name, value):
    file[name] = value
    file["layers/again"] = file["layers"]
    file["more"] = value


def bomb(file, name, value):
    file.create_dataset(name, (10**6, 10**6), "f4", chunks=(1000, 1000))


WEIGHTS = {
    "missing": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "empty": lambda path: path.write_bytes(b""),
    "no HDF5": lambda path: path.write_bytes(b"a" * 5000),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut at the end": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "no arrays": lambda path: h5py.File(path, "w").close(),
    "one too few": replaced(lambda file, name, value: None),
    "one too many": replaced(lambda file, name, value: file.update({name: value, "more": value})),
    "transposed": replaced(lambda file, name, value: file.update({name: value.T[:, None]})),
    "flat": replaced(lambda file, name, value: file.update({name: value.ravel()})),
    "a layer elsewhere": moved,
    "elsewhere": replaced(lambda file, name, value: file.update({"x": value})),
    "a group": replaced(lambda file, name, value: file.create_group(name)),
    "a type": replaced(lambda file, name, value: file.update({name: np.dtype("f4")})),
    "nothing": replaced(lambda file, name, value: file.update({name: h5py.Empty("f4")})),
    "integers": replaced(lambda file, name, value: file.update({name: value.astype(int)})),
    "complex": replaced(lambda file, name, value: file.update({name: value.astype(complex)})),
    "text": replaced(lambda file, name, value: file.create_dataset(name, value.shape, h5py.string_dtype())),
    "objects": replaced(lambda file, name, value: file.create_dataset(name, value.shape, h5py.vlen_dtype(np.int8))),
    "references": replaced(lambda file, name, value: file.create_dataset(name, value.shape, h5py.ref_dtype)),
    "compressed": replaced(lambda file, name, value: file.create_dataset(name, data=0 * value, compression="gzip")),
    "not written": replaced(lambda file, name, value: file.create_dataset(name, value.shape, "f4")),
    "a bomb": replaced(bomb),
    "a soft link": replaced(linked(h5py.SoftLink("/elsewhere"))),
    "an external link": replaced(linked(h5py.ExternalLink("other.h5", "x"))),
    "virtual": replaced(virtual),
    "another file": replaced(outside),
    "a circle": replaced(cycle),
    "NaN": replaced(poisoned(np.nan)),
    "infinite": replaced(poisoned(np.inf)),
}  # fmt: skip


@pytest.mark.parametrize("tamper", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_were_tampered_with(folder, tamper):
    tamper(folder / "model.weights.h5")
    refused(folder, r"model\.weights\.h5 (is missing; train|does not fit the model beside it \()")


def test_weights_of_another_model(folder, studio):
    own = json.loads((folder / "model.json").read_text())["model"]
    for other in set(NAMES) - {own}:
        shutil.copy(studio / f"reports/tunes/runs/{other}/smoke-seed0/model.weights.h5", folder)
        refused(folder, "does not fit the model beside it")


def test_weights_of_the_same_shapes_but_another_training(studio, tmp_path):
    shutil.copytree(studio / "reports/tunes/runs/melody_lstm/smoke-seed0", tmp_path / "model")
    shutil.copy(tmp_path / "model/checkpoints/epoch-00001.weights.h5", tmp_path / "model/model.weights.h5")
    refused(tmp_path / "model", "which tells of other weights; train anew")


def test_a_checkpoint_is_checked_too(studio, tmp_path):
    shutil.copytree(studio / "reports/tunes/runs/melody_lstm/smoke-seed0", tmp_path / "model")
    path = tmp_path / "model/checkpoints/epoch-00001.weights.h5"
    assert zoo.load(tmp_path / "model", 1).network is not None
    path.write_bytes(path.read_bytes()[:-100])
    for epoch, told in ((1, "does not fit"), (7, "is missing"), ("../x", "a whole number"), (True, "is missing|fit")):
        with pytest.raises(UserError, match=told):
            zoo.load(tmp_path / "model", epoch)


def test_what_is_whole_is_loaded(folder):
    assert zoo.load(folder).parameters > 0


# Memory.

GIANTS = """
import json, resource, sys
from pathlib import Path
import zoo
from zoo.training import checkpoint
from zoo.training import hyperparameters

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def attempt(folder, described):
    (folder / "model.json").write_text(json.dumps(described))
    try:
        zoo.load(folder)
        return "loaded"
    except zoo.UserError:
        return "refused"

found = {}
for folder in map(Path, sys.argv[1:]):
    described = json.loads((folder / "model.json").read_text())
    del described["weights_digest"]
    attempt(folder, described)
    before = peak()
    for name, field in hyperparameters.options(zoo.find(described["model"])).items():
        high = field.metadata["high"]
        if isinstance(field.default, tuple):
            high = [high] * 32
        stated = described["hyperparameters"] | {name: high}
        codec = described["codec"] | ({name: high} if name in described["codec"] else {})
        if field.metadata["part"] != "training" and high is not None:
            done = attempt(folder, described | {"hyperparameters": stated, "codec": codec})
            found[f"{described['model']} {name}={high}"] = done, peak() - before
print(json.dumps(found))
"""


@pytest.mark.slow
def test_giant_hyperparameters_take_no_memory(studio, tmp_path):
    for name in NAMES:
        shutil.copytree(studio / f"reports/tunes/runs/{name}/smoke-seed0", tmp_path / name)
    command = [sys.executable, "-c", GIANTS, *(str(tmp_path / name) for name in NAMES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(outcome == "refused" for outcome, _ in found.values()) > 20
    assert all(grown < 100 for _, grown in found.values()), found  # MB
