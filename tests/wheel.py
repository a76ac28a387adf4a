"""The package as its users get it: built, installed into an empty environment outside of the checkout, and used there.

    python tests/wheel.py [PYTHON ...]

For each Python, by default the one that runs this: makes an environment with the wheel, in the versions of the lock,
and runs the command line and the README's example in an empty folder. Prints what was run and how long it took.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOUND = ["--no-deps", "tinysoundfont==0.3.7"]  # as the README says
START_UP = re.compile("TensorFlow|absl|Traceback")
TUNES = """
import numpy as np, zoo
for number in range(8):
    rng = np.random.default_rng(number)
    notes = [(240 * at, 240, int(rng.choice([60, 62, 64, 65, 67])), 80, 0) for at in range(64)]
    zoo.write_midi(zoo.Song.from_notes(notes), f"tunes/{number}.mid")
"""
INSTALLED = """
import zoo
zoo.find("rnn_rbm")
assert zoo.__file__.startswith({prefix!r}), f"{{zoo.__file__}} is not the one installed"
"""


def example() -> str:
    """The README's example of the Python interface."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"```python\n(import zoo\n.*?)```", text, re.DOTALL)[1]


def run(*words: str | Path, folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a command and print its time; in an environment of its own, nothing is said of starting up."""
    begin = time.perf_counter()
    shown = " ".join(word.name if isinstance(word, Path) else " ".join(word.split()) for word in words)[:110]
    done = subprocess.run(list(map(str, words)), cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{shown}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    if environment and START_UP.search(done.stderr):
        sys.exit(f"{shown} says:\n{done.stderr}")
    print(f"{time.perf_counter() - begin:7.1f} s  {shown}", flush=True)
    return done.stdout


def build(python: str, folder: Path) -> Path:
    """The wheel, made from the source distribution."""
    environment = folder / "build" / "bin" / "python"
    run(python, "-m", "venv", "build", folder=folder)
    run(environment, "-m", "pip", "install", "--quiet", "build", folder=folder)
    run(environment, "-m", "build", "--outdir", folder / "dist", ROOT, folder=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    for path in sorted((folder / "dist").iterdir()):
        print(f"{path.stat().st_size / 1000:7.0f} kB {path.name}")
    return wheel


def use(python: str, wheel: Path, folder: Path) -> None:
    """Install the wheel with this Python and use it in an empty folder."""
    place, work = folder / "venv", folder / "work"
    work.mkdir(parents=True)
    print(run(python, "--version", folder=folder).strip())
    run(python, "-m", "venv", place, folder=folder)
    python_there, zoo = place / "bin" / "python", place / "bin" / "zoo"
    pip = (python_there, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--constraint", ROOT / "requirements.txt", wheel, folder=folder)
    run(*pip, *SOUND, folder=folder)

    alone = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "KERAS_", "TF_", "ZOO_"))}

    def there(*words: str | Path) -> str:
        return run(*words, folder=work, environment=alone)

    there(python_there, "-c", INSTALLED.format(prefix=str(place)))
    assert there(zoo, "--version").startswith("Music RNN Zoo ")
    assert there(zoo, "list") == there(python_there, "-m", "zoo", "list")
    there(python_there, "-c", TUNES)
    smoke = ["--corpus", "./tunes", "--preset", "smoke"]
    for model in ("melody_lstm", "rnn_rbm"):
        there(zoo, "train", model, *smoke)
    pieces = there(
        zoo, "sample", "rnn_rbm", *smoke, "--count", "2", "--beats", "8", "--format", "mid,mp3,png,sheet.svg"
    )
    assert len(pieces.splitlines()) == 8 and all((work / piece).stat().st_size for piece in pieces.splitlines())
    there(zoo, "report", "--corpus", "./tunes")
    assert (work / "reports/tunes/index.html").is_file() and (work / "reports/tunes/blind.html").is_file()
    there(python_there, "-c", example())
    assert sorted(path.name for path in (work / "my-model").iterdir()) == ["model.json", "model.weights.h5"]
    assert (work / "datasets/bach-chorales/recipe.json").is_file()
    there(zoo, "--home", "elsewhere", "train", "note_lstm", *smoke)
    assert (work / "elsewhere/reports/tunes/runs/note_lstm/smoke-seed0/model.json").is_file()


def main(pythons: list[str]) -> None:
    """Build once, use with each Python."""
    with tempfile.TemporaryDirectory() as name:
        wheel = build(pythons[0], Path(name))
        for number, python in enumerate(pythons):
            (folder := Path(name) / str(number)).mkdir()
            use(python, wheel, folder)


if __name__ == "__main__":
    main([os.path.abspath(shutil.which(name) or name) for name in sys.argv[1:] or [sys.executable]])
