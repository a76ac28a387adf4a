"""The zoo as a guest: in any folder, beside a user's own Keras, on systems that are not Unix."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo import _files, _home, _quiet
from zoo.cli import main
from zoo.experiments.folders import results_folder
from zoo.render import sound

ROOT = Path(__file__).resolve().parents[1]
UNIX_ONLY = ("resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "syslog")


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    """Run code in a Python of its own, which knows nothing of the Keras and TensorFlow of these tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KERAS_", "TF_", "ZOO_"))}
    kept |= {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """An empty working folder, and no ZOO_HOME."""
    monkeypatch.delenv(_home.VARIABLE, raising=False)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return tmp_path / "empty"


def test_home_is_the_working_folder_or_where_the_variable_says(nowhere, monkeypatch):
    assert (_home.datasets(), _home.reports()) == (Path("datasets"), Path("reports"))
    assert results_folder("bach-chorales") == Path("reports/bach-chorales")
    monkeypatch.setenv(_home.VARIABLE, "/music")
    assert (_home.datasets(), _home.reports()) == (Path("/music/datasets"), Path("/music/reports"))
    assert results_folder("bach-chorales") == Path("/music/reports/bach-chorales")
    monkeypatch.setenv(_home.VARIABLE, "~/music")
    assert _home.reports() == Path.home() / "music/reports"
    monkeypatch.setenv(_home.VARIABLE, "")
    assert _home.reports() == Path("reports")


def test_named_corpora_lie_at_home(nowhere, tmp_path, tunes, monkeypatch):
    made = []

    def build(name, folder, progress):
        made.append(folder)
        folder.parent.mkdir(parents=True)
        folder.symlink_to(tunes)

    monkeypatch.setattr("zoo.corpora.recipes.build", build)
    monkeypatch.setenv(_home.VARIABLE, str(tmp_path / "home"))
    corpus = zoo.load_corpus("bach-chorales")
    assert made == [corpus.folder] == [tmp_path / "home/datasets/bach-chorales"]


@pytest.mark.parametrize("place", ["before", "after", "within"])
def test_home_of_the_command_line(nowhere, tmp_path, say, instant, tunes, place):
    """Wherever the option stands, results lie there, also for commands that only read; afterwards it is forgotten."""
    home, words = (
        ["--home", str(tmp_path / "home")],
        ["train", "note_lstm", "--corpus", f"{tunes}/", "--preset", "smoke"],
    )
    words = {"before": home + words, "after": words + home, "within": [words[0], *home, *words[1:]]}[place]
    done = say(*words)
    run = tmp_path / "home/reports/tunes/runs/note_lstm/smoke-seed0"
    assert (done.code, done.lines) == (0, [str(run)])
    assert json.loads((run / "model.json").read_text())["model"] == "note_lstm"
    assert _home.VARIABLE not in os.environ and list(nowhere.iterdir()) == []
    again = say(*words)
    assert again.code == 0 and "done before" in again.err
    told = say("score", "note_lstm", "--corpus", f"{tunes}/")
    assert told.code == 2 and "no finished run in reports/tunes" in told.err


def test_a_home_that_is_no_folder(nowhere, say):
    (nowhere / "file").touch()
    told = say("list", "--home", "file")
    assert (told.code, told.err) == (2, "zoo: --home: file is no folder; choose another one.\n")
    told = say("list", "--home")
    assert told.code == 2 and told.err.startswith("zoo: argument --home: expected one argument")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"Music RNN Zoo {zoo.__version__}\n"


def test_the_users_keras_stays_as_configured(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax", "epsilon": 1e-5}))
    code = (
        "import os, zoo, keras; print('KERAS_BACKEND' in os.environ, keras.backend.backend(), keras.config.epsilon())"
    )
    done = python(code + "; zoo.find('melody_lstm'); print(keras.config.epsilon())", KERAS_HOME=str(tmp_path))
    assert done.stdout.split() == ["False", "jax", "1e-05", "1e-05"]


@pytest.mark.parametrize("first", ["zoo.find('note_lstm')", "zoo.SymbolInput"])
def test_start_up_says_nothing(first):
    done = python(f"import sys, zoo; {first}; assert 'tensorflow' in sys.modules; print('said', file=sys.stderr)")
    assert done.stderr == "said\n", "what a program says itself still reaches its user"


def test_nothing_is_redirected_once_keras_is_there(capfd):
    import keras  # noqa: F401

    capfd.readouterr()  # what its backend says, where no test has imported it before
    with _quiet.quiet_start():
        os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_a_failure_at_start_up_is_raised_and_the_screen_is_given_back():
    code = """
import os, zoo
from zoo._quiet import quiet_start
try:
    with quiet_start():
        os.write(2, b"lost\\n")
        raise ImportError("no backend")
except ImportError as error:
    os.write(2, str(error).encode())
"""
    assert python(code).stderr == "no backend"


def test_no_module_needs_unix():
    """Everything imports where the modules of Unix are missing, once others have taken theirs."""
    code = f"""
import importlib, pkgutil, sys
import keras, tensorflow, matplotlib.figure, music21, rich.console, filelock, symusic, multiprocessing.pool, subprocess
import concurrent.futures.process, pretty_midi, soundfile, jinja2
for name in {UNIX_ONLY}:
    sys.modules[name] = None
import zoo
for module in pkgutil.walk_packages(zoo.__path__, "zoo."):
    if module.name != "zoo.__main__":
        importlib.import_module(module.name)
from zoo.experiments.measuring import peak_memory
print(peak_memory())
"""
    assert python(code).stdout == "None\n"


def test_nobody_is_interrupted_on_windows(tmp_path, monkeypatch):
    """There `os.kill(process, 0)` is Ctrl-C."""
    leftover = tmp_path / f"{_files.TEMPORARY}123.file"
    leftover.touch()
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(os, "kill", lambda process, sent: pytest.fail("a signal was sent"))
    assert _files._runs("123")


def test_without_a_synthesiser_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(
        zoo.UserError, match=r"^audio needs the package tinysoundfont; install it: python -m pip install "
    ):
        sound.audio(zoo.Song.from_notes([(0, 480, 60, 80, 0)]), tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []


def test_the_citation_and_the_changelog_know_the_version():
    assert f"\nversion: {zoo.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {zoo.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_links_of_the_documents_in_the_root_lead_somewhere():
    for document in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / document).read_text(encoding="utf-8"))
        assert [link for link in links if not (ROOT / link).exists()] == []
