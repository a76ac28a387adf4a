"""The lock and the Makefile. Targets are run in an empty folder, with scripts that take the place of Python."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sources import imports

ROOT = Path(__file__).resolve().parents[1]
TARGETS = [
    "report",
    "test",
    "setup",
    "data",
    "train-all",
    "train",
    "sample",
    "play",
    "compare-presets",
    "compare-optimizers",
    "published",
    "test-slow",
    "test-example",
    "test-wheel",
    "test-ray",
    "coverage",
    "docs",
    "test-tour",
    "pictures",
    "pretrained",
    "publish",
    "screenshot",
    "bench",
    "fuzz",
    "lint",
    "audit",
    "clean",
    "help",
]
LEFT_OUT = {"pyaudio"}  # see requirements.txt

# Stands in for Python: notes its arguments, one line a call, and makes a .venv that holds itself. When it is asked
# which presets a corpus wants, it says so and notes nothing.
FAKE_PYTHON = """#!/bin/sh
case "$*" in *--presets) echo paper best; exit 0 ;; esac
for word; do printf '[%s]' "$word"; done >> "$LOG"
echo >> "$LOG"
case "$* " in
    *ensurepip*) exit 0 ;;
    "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip"*) [ -z "$PIP_FAILS" ] ;;
    "-m zoo "*"--seed $FAILING_SEED "*) exit "${FAILING_WITH:-1}" ;;
esac
"""


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def by_name(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by canonical name of the package, without the project itself."""
    wanted = [Requirement(line) for line in lines]
    return {name: one for one in wanted if (name := canonicalize_name(one.name)) != PROJECT["name"]}


def locked(name: str) -> dict[str, Requirement]:
    """The lines of a lock by canonical name of the package."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return by_name([line for line in lines if line])


def pinned(name: str = "requirements.txt") -> dict[str, str]:
    """The version of each package in a lock."""
    versions = {}
    for package, wanted in locked(name).items():
        (pin,) = wanted.specifier
        assert pin.operator == "==", f"{wanted} is not pinned"
        versions[package] = pin.version
    return versions


def test_direct_dependencies_are_locked():
    wanted = by_name([*PROJECT["dependencies"], *EXTRAS["jax"], *EXTRAS["dev"]])
    assert_locked(wanted, pinned())


def test_documentation_tools_are_locked_apart():
    users, tools = pinned(), pinned("requirements-docs.txt")
    assert_locked(by_name(EXTRAS["docs"]), tools)
    assert not users.keys() & tools.keys(), "what both need stands in the users' lock"
    assert "mkdocs" not in users


def assert_locked(wanted: dict[str, Requirement], versions: dict[str, str]) -> None:
    for name, requirement in wanted.items():
        assert requirement.specifier.contains(versions[name]), f"{requirement} is locked as {versions[name]}"


def test_what_runs_needs_no_test_tool():
    """What the package imports is what it declares, and pytest or ruff is not among it."""
    declared = by_name(PROJECT["dependencies"])
    assert not declared.keys() & by_name(EXTRAS["dev"]).keys()
    sources = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "zoo").rglob("*.py")]
    modules = {name.split(".")[0] for tree in sources for name in imports(tree, "zoo", True)}
    missing = (
        modules
        - sys.stdlib_module_names
        - {"zoo", "jax", "_typeshed", *by_name(EXTRAS["ray"])}
        - {name.replace("-", "_") for name in declared}
    )
    assert missing == set()


def test_lock_is_closed():
    versions = pinned()
    assert not LEFT_OUT & set(versions)
    for name, version in versions.items():
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed: these tests do not run in the environment of the lock")
        if package.version != version:
            pytest.skip(f"{name} is {package.version}: these tests do not run in the environment of the lock")
        for wanted in map(Requirement, package.requires or []):
            wanted_name = canonicalize_name(wanted.name)
            if wanted_name in LEFT_OUT or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            assert wanted.specifier.contains(versions[wanted_name]), f"{name} wants {wanted}"


@pytest.mark.slow
def test_direct_dependencies_import():
    modules = {"pytest-xdist": "xdist"}
    wanted = by_name([*PROJECT["dependencies"], *EXTRAS["jax"], *EXTRAS["dev"]])
    names = [modules.get(name, name.replace("-", "_")) for name in wanted]
    subprocess.run([sys.executable, "-c", f"import {', '.join(names)}"], check=True)


class Checkout:
    """A folder with the Makefile and stand-ins for Python, in which make runs."""

    def __init__(self, folder: Path):
        self.folder, self.bin, self.log = folder, folder / "bin", folder / "log"
        self.bin.mkdir()
        shutil.copy(ROOT / "Makefile", folder)
        (folder / "requirements.txt").write_text("numpy==2.0.0\n")
        for name in ("python3.12", "python3.11", "python3", "python"):
            self.script(name, "#!/bin/sh\nexit 127\n")

    def script(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def make(self, *words: str, **environment: str) -> subprocess.CompletedProcess:
        """Run make, without the variables that the make which runs these tests hands down."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        environment = {**kept, "PATH": path, "LOG": str(self.log), "FAILING_SEED": "none", **environment}
        return subprocess.run(["make", *words], cwd=self.folder, env=environment, capture_output=True, text=True)

    def calls(self) -> list[str]:
        """The calls of Python since last asked, in order, less the questions whether it works."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith("[-c]")]


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def ready(checkout) -> Checkout:
    """A checkout whose .venv is made."""
    checkout.script("python3.11", FAKE_PYTHON)
    assert checkout.make("setup").returncode == 0
    checkout.calls()
    return checkout


def test_help_names_every_target(checkout):
    alone, asked = checkout.make(), checkout.make("help")
    assert alone.returncode == asked.returncode == 0
    assert alone.stdout == asked.stdout
    assert re.findall(r"^make (\S+)", asked.stdout, re.MULTILINE) == TARGETS
    phony = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1).split()
    assert set(phony) - {"need-model", "docs-tools"} == set(TARGETS)


@pytest.mark.parametrize("target", ["train", "sample", "compare-presets", "compare-optimizers"])
def test_without_model_one_sentence(checkout, target):
    checkout.script("python3.11", FAKE_PYTHON)
    done = checkout.make(target)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"Which model? Name one, as in: make {target} MODEL=rnn_rbm"
    assert checkout.calls() == []
    assert not (checkout.folder / ".venv").exists()


@pytest.mark.parametrize("python", ["", "bin/python3", "no/such/python"])
def test_without_a_fitting_python_one_sentence(checkout, python):
    done = checkout.make("setup", f"PYTHON={python}")
    assert done.returncode == 2
    tried = python or "python3.12 python3.11 python3 python"
    assert done.stderr.startswith(f"No working Python 3.11 or 3.12 with venv in: {tried}; install one (")
    assert "make setup PYTHON=/path/to/python3.12" in done.stderr.splitlines()[0]
    assert not (checkout.folder / ".venv").exists()


@pytest.mark.parametrize(
    ("disguise", "fits"),
    [
        ("sys.version_info = (3, 10, 9)", False),
        ("sys.version_info = (3, 11, 0)", True),
        ("sys.version_info = (3, 12, 9)", True),
        ("sys.version_info = (3, 13, 0)", False),
        ("sys.modules['ensurepip'] = None", False),
    ],
)
def test_only_3_11_and_3_12_with_venv_fit(checkout, disguise, fits):
    """The question that make asks is put to the Python that runs this test, in disguise."""
    checkout.script("python3", f'#!/bin/sh\n[ "$1" = -c ] && exec "{sys.executable}" -c "import sys; {disguise}; $2"\n')
    done = checkout.make("setup")
    assert ("Making .venv" in done.stdout) == fits
    assert ("No working Python" in done.stderr) != fits


def test_setup_passes_by_a_python_that_does_not_run(checkout):
    checkout.script("python3", FAKE_PYTHON)
    assert checkout.make("setup").returncode == 0
    install = "[-m][pip][install][--disable-pip-version-check][--no-deps][--requirement][requirements.txt]"
    assert [line for line in checkout.calls() if "version]" not in line] == ["[-m][venv][--clear][.venv]", install]


def test_setup_takes_the_python_named(checkout):
    checkout.script("python3.11", FAKE_PYTHON)
    named = checkout.script("my python", FAKE_PYTHON.replace("-m venv", "-m venv --clear"))
    assert checkout.make("setup", f"PYTHON={named}").returncode == 0
    assert (checkout.folder / ".venv/bin/python").read_text() == named.read_text()


def test_setup_is_done_once(ready):
    (ready.folder / "requirements.txt").touch()
    assert ready.make("setup").returncode == 0
    assert ready.calls() == []


def test_setup_follows_the_lock(ready):
    (ready.folder / "requirements.txt").write_text("numpy==2.0.1\n")
    assert ready.make("setup").returncode == 0
    assert any("[install]" in call for call in ready.calls())
    assert ready.make("setup").returncode == 0
    assert ready.calls() == []


def test_setup_does_not_empty_what_a_link_leads_to(checkout):
    checkout.script("python3.11", FAKE_PYTHON)
    other = checkout.folder.parent / "other"
    (other / "lib").mkdir(parents=True)
    (checkout.folder / ".venv").symlink_to(other)
    done = checkout.make("setup")
    assert done.returncode == 2 and "Making .venv" not in done.stdout
    assert ".venv is a link, and what it leads to is not of this requirements.txt; remove the link.\n" in done.stderr
    assert [path.name for path in other.iterdir()] == ["lib"]


def test_setup_repairs(checkout):
    checkout.script("python3.11", FAKE_PYTHON)
    assert checkout.make("setup", PIP_FAILS="1").returncode == 2
    checkout.calls()
    assert checkout.make("setup").returncode == 0
    assert any("[install]" in call for call in checkout.calls())
    (checkout.folder / ".venv/bin/python").unlink()
    assert checkout.make("setup").returncode == 0
    assert any("[install]" in call for call in checkout.calls())


def test_commands_behind_the_targets(ready):
    run = "[--corpus][my $ 'midi'/a][--preset][tuned]"
    corpus = "CORPUS=my $$ 'midi'/a"
    for words, calls in {
        ("data",): ["[-m][zoo][corpus][my $ 'midi'/a]"],
        ("train", "MODEL=m", "ARGS=--message 'two words'"): [
            "[-m][zoo][corpus][my $ 'midi'/a]",
            f"[-m][zoo][train][m]{run}[--seed][0][--message][two words]",
        ],
        ("sample", "MODEL=reports/a b/", "ARGS=--count 2"): [
            "[-m][zoo][sample][reports/a b/][--corpus][my $ 'midi'/a][--count][2]"
        ],
        ("sample", "MODEL=m", "PRESET=blog"): ["[-m][zoo][sample][m][--corpus][my $ 'midi'/a][--preset][blog]"],
        ("play", "ARGS=--out a.html"): ["[-m][zoo][play][--corpus][my $ 'midi'/a][--out][a.html]"],
        ("test", "ARGS=-x"): ["[-m][pytest][-q][-rs][-n][auto][--dist][worksteal][-m][not slow][-x]"],
        ("test-slow",): ["[-m][pytest][-q][-rs][-n][auto][--dist][loadfile][-m][slow]"],
        ("test-example", "ARGS=-x"): ["[tests/example.py][-x]"],
        ("coverage",): [
            "[-m][pytest][-q][-rs][-n][auto][--dist][worksteal][-m][not slow]"
            "[--cov=zoo][--cov-branch][--cov-report=term:skip-covered]"
        ],
        ("test-wheel",): ["[tests/wheel.py][.venv/bin/python]"],
        ("bench", "ARGS=--only start"): ["[-m][bench][--only][start]"],
        ("lint",): ["[-m][ruff][check][.]", "[-m][ruff][format][--check][.]", "[-m][mypy]"],
    }.items():
        assert ready.make(*words, corpus).returncode == 0
        assert ready.calls() == calls


def test_report_trains_every_seed(ready):
    assert ready.make("report", "SEEDS=0,12", "PRESET=smoke", "CORPUS=./midi").returncode == 0
    run = "[--corpus][./midi][--preset][smoke]"
    assert ready.calls() == [
        "[-m][zoo][corpus][./midi]",
        f"[-m][zoo][train-all]{run}[--seed][0]",
        f"[-m][zoo][train-all]{run}[--seed][12]",
        "[-m][zoo][report][--corpus][./midi]",
    ]


def test_the_benchmark_trains_both_presets(ready):
    assert ready.make("published", "SEEDS=0,1", "CORPUS=./midi", "ARGS=--updates 3").returncode == 0
    run = "[-m][zoo][train-all][--corpus][./midi][--preset]"
    assert ready.calls()[1:] == [
        *(f"{run}[{preset}][--seed][{seed}][--updates][3]" for seed in (0, 1) for preset in ("paper", "best")),
        "[-m][zoo][published][--corpus][./midi]",
    ]


def test_optimizers_are_compared_and_reported(ready):
    words = ("compare-optimizers", "MODEL=note_lstm", "OPTIMIZERS=sgd,adam", "SEEDS=0,1", "CORPUS=./midi")
    assert ready.make(*words).returncode == 0
    run = "[-m][zoo][compare-optimizers][note_lstm][--corpus][./midi][--preset][tuned][--optimizers][sgd,adam][--seed]"
    assert ready.calls()[1:] == [*(f"{run}[{seed}]" for seed in (0, 1)), "[-m][zoo][report][--corpus][./midi]"]


def test_presets_are_compared_and_reported(ready):
    assert ready.make("compare-presets", "MODEL=note_lstm", "CORPUS=./midi", "SEEDS=4").returncode == 0
    assert ready.calls()[1:] == [
        "[-m][zoo][compare-presets][note_lstm][--corpus][./midi][--seed][4]",
        "[-m][zoo][report][--corpus][./midi]",
    ]


@pytest.mark.parametrize("target", ["report", "train-all"])
def test_a_failed_seed_stops_nothing_but_is_told(ready, target):
    done = ready.make(target, "SEEDS=0,1", "ARGS=--epochs 1", FAILING_SEED="0")
    assert done.returncode == 2
    calls = ready.calls()
    assert [call for call in calls if "[--seed][1]" in call]
    assert ("report" in calls[-1]) == (target == "report")


@pytest.mark.parametrize(
    "target", ["report", "train-all", "published", "train", "compare-presets", "compare-optimizers"]
)
def test_a_mistake_is_the_last_that_is_said(ready, target):
    done = ready.make(target, "SEEDS=0,1", "MODEL=note_lstm", FAILING_SEED="0", FAILING_WITH="2")
    assert done.returncode == 2 and len(ready.calls()) == 2, "the corpus, and what was wrong"


@pytest.mark.parametrize("seeds", ["", " ", ","])
@pytest.mark.parametrize(
    "target", ["report", "train-all", "published", "train", "compare-presets", "compare-optimizers"]
)
def test_without_seeds_one_sentence(ready, target, seeds):
    done = ready.make(target, f"SEEDS={seeds}", "MODEL=note_lstm")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"Which seeds? Name some, as in: make {target} SEEDS=0,1"
    assert ready.calls() == ["[-m][zoo][corpus][bach-chorales]"]


def test_seeds_and_optimizers_are_words_not_commands(ready):
    words = ("SEEDS=0;touch,gone", "OPTIMIZERS=sgd;touch,`touch gone`", "MODEL=note_lstm")
    assert ready.make("compare-optimizers", *words).returncode == 0
    calls = "".join(ready.calls())
    assert (
        "[--seed][0;touch]" in calls and "[--seed][gone]" in calls and "[--optimizers][sgd;touch,`touch gone`]" in calls
    )
    assert not (ready.folder / "gone").exists()


def test_clean_keeps_corpora_and_runs(ready):
    for name in ("zoo/__pycache__/a.pyc", "tests/a.py", "datasets/a/b.mid", "reports/a/index.html"):
        path = ready.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert ready.make("clean").returncode == 0
    left = sorted(path.name for path in ready.folder.rglob("*") if path.is_file() and path.parent != ready.bin)
    assert left == ["Makefile", "a.py", "b.mid", "index.html", "requirements.txt"]
