"""Models that live outside the package: found, trained, loaded and reported; what is wrong with one is one sentence."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from example import example

import zoo
from zoo import UserError
from zoo.models import _registry
from zoo.report import load_runs

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = example()
TUNES = ["--corpus", "./tunes"]
RUN = "reports/tunes/runs/outsider/smoke-seed0-epochs=1"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """What a test makes known is known to that test alone."""
    monkeypatch.delenv("ZOO_MODELS", raising=False)
    monkeypatch.setattr(_registry, "_registered", [])
    yield
    for name in [name for name in sys.modules if name.rpartition(".")[2] in ("outsider", "package")]:
        del sys.modules[name]


@pytest.fixture
def outsider(tmp_path):
    """The README's example as a file outside of the package."""
    path = tmp_path / "outsider.py"
    path.write_text(EXAMPLE)
    return path


def test_a_file_named_by_the_environment_works_with_every_command(copy, say, unmeasured, loaded, outsider, monkeypatch):
    inside = zoo.names()
    monkeypatch.setenv("ZOO_MODELS", os.path.relpath(outsider))
    assert zoo.names() == sorted([*inside, "outsider"])
    listed = say("list").lines
    assert listed[listed.index("outsider") + 1] == "    A melody model with a GRU."
    done = say("train", "outsider", *TUNES, "--preset", "smoke", "--epochs", "1", "--units", "8")
    run = Path(done.lines[0])
    assert (done.code, str(run)) == (0, f"{RUN}-units=8")
    assert json.loads((run / "model.json").read_text())["source"] == "outsider.py", "no path, which is one's own"
    assert len(say("sample", "outsider", *TUNES, "--count", "2", "--beats", "4").lines) == 2
    assert json.loads(say("score", run, "--json").out)["kind"] == "exact"
    again = say("train", "outsider", *TUNES, "--preset", "smoke", "--epochs", "1", "--units", "8")
    assert "done before" in again.err, "it is the same run with the source in its file"

    monkeypatch.delenv("ZOO_MODELS")
    loaded.clear()
    assert zoo.names() == inside
    for words in (["score", run], ["sample", run], ["score", "outsider", *TUNES]):
        told = say(*words)
        assert told.code == 2 and re.fullmatch(
            rf"zoo: {run} holds a model from outside the zoo, 'outsider' of outsider.py: say where that is, with "
            r"ZOO_MODELS=path/to/outsider.py before the command, or with zoo.register.\n",
            told.err,
        )
    (told,) = [told for told in load_runs("reports/tunes") if told.model == "outsider"]
    assert told.status == "finished", "a report reads folders only"


@pytest.mark.slow
def test_processes_that_train_all_starts_know_it(copy, outsider, capfd, monkeypatch):
    from zoo.cli import main

    monkeypatch.setenv("ZOO_MODELS", str(outsider))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert main(["train-all", *TUNES, "--preset", "smoke"]) == 0  # the others are done before
    out, err = capfd.readouterr()
    assert "reports/tunes/runs/outsider/smoke-seed0\n" in out and "Traceback" not in err


def test_register_a_file(outsider, monkeypatch):
    monkeypatch.chdir(outsider.parent)
    assert zoo.register("./outsider.py") == "outsider" == zoo.register(outsider)
    monkeypatch.chdir("/")
    model = zoo.create("outsider", "smoke")
    assert model.model_name() == "outsider" and model.about().startswith("A melody model with a GRU.")


def test_a_file_that_replaces_another_of_its_name_is_read(outsider, tmp_path, monkeypatch):
    zoo.register(outsider)
    assert type(zoo.create("outsider", "smoke")).__name__ == "MelodyGRU"
    monkeypatch.setattr(_registry, "_registered", [])
    other = tmp_path / "other" / "outsider.py"
    other.parent.mkdir()
    other.write_text(EXAMPLE.replace("class MelodyGRU", "class Another"))
    zoo.register(other)
    assert type(zoo.create("outsider", "smoke")).__name__ == "Another"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package with the example in it."""
    (tmp_path / "site" / "package").mkdir(parents=True)
    (tmp_path / "site" / "package" / "__init__.py").touch()
    (tmp_path / "site" / "package" / "outsider.py").write_text(EXAMPLE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def test_register_a_module(package, corpus, tmp_path):
    assert zoo.register("package.outsider") == "outsider"
    model = zoo.create("outsider", "smoke", epochs=1, units=4)
    model.fit(corpus.train, corpus.valid)
    model.save(tmp_path / "run")
    assert json.loads((tmp_path / "run/model.json").read_text())["source"] == "package.outsider"
    assert zoo.load(tmp_path / "run").sample(1, 4) == model.sample(1, 4)
    _registry._registered.clear()
    with pytest.raises(UserError, match=r"install the package of package.outsider, or write ZOO_MODELS=package.out"):
        zoo.load(tmp_path / "run")


def test_an_installed_package_needs_no_variable(package):
    information = package / "package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[zoo.models]\noutsider = package.outsider\n")
    code = "import zoo.models._registry as registry; print(registry._sources()['outsider'], *registry.names())"
    path = os.pathsep.join([str(package), str(ROOT)])
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True)
    module, *names = done.stdout.decode().split()
    assert module == "package.outsider" and "outsider" in names


WRONG = {
    "nothere.py": (None, "nothere.py does not exist; give the .py file of a model, or the name of a module."),
    "note_lstm.py": (EXAMPLE, "zoo.models.note_lstm has the name note_lstm already; rename the file."),
    "my-model.py": (EXAMPLE, "my-model.py cannot be a model: its name must be letters, digits and underscores"),
    "_model.py": (EXAMPLE, "_model.py cannot be a model: its name must be"),
    "empty.py": ("", "empty.py must define one model, a subclass of MusicModel; it defines none."),
    "two.py": (EXAMPLE + EXAMPLE.replace("MelodyGRU", "Other"), "it defines MelodyGRU, Other."),
    "syntax.py": ("class (", "syntax.py cannot be imported: SyntaxError: invalid syntax (syntax.py, line 1)"),
    "imports.py": ("import nosuch_module", "line 1: ModuleNotFoundError: No module named 'nosuch_module'"),
    "raises.py": (
        "x = 1\nraise ValueError('two\\nlines')",
        "raises.py cannot be imported, line 2: ValueError: two lines",
    ),
}


@pytest.mark.parametrize(("name", "text", "told"), [(name, *wrong) for name, wrong in WRONG.items()], ids=WRONG)
def test_a_wrong_file_is_one_sentence(here, say, tmp_path, monkeypatch, name, text, told):
    if text is not None:
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path / name))
    for words in (["list"], ["train", Path(name).stem, *TUNES, "--preset", "smoke"]):
        done = say(*words)
        assert done.code == 2 and told in done.err and re.fullmatch(r"zoo: [^\n]*\n", done.err), done.err
    monkeypatch.delenv("ZOO_MODELS")
    with pytest.raises(UserError, match=re.escape(told)):
        zoo.find(zoo.register(tmp_path / name))


def test_two_files_of_one_name(outsider, tmp_path, monkeypatch):
    other = tmp_path / "other" / "outsider.py"
    other.parent.mkdir()
    other.write_text(EXAMPLE)
    zoo.register(outsider)
    with pytest.raises(UserError, match=r"other/outsider.py cannot be a model: .*/outsider.py has the name outsider"):
        zoo.register(other)
    monkeypatch.setenv("ZOO_MODELS", os.pathsep.join(map(str, (outsider, outsider))))
    assert zoo.names().count("outsider") == 1, "the same file may be named twice"


@pytest.mark.parametrize("source", ["nosuch_package.model", "zoo.nosuch"])
def test_a_module_that_is_not_there(source, monkeypatch):
    monkeypatch.setenv("ZOO_MODELS", source)
    with pytest.raises(UserError, match=f"^{source} cannot be imported: ModuleNotFoundError: No module named"):
        zoo.find(source.rpartition(".")[2])
