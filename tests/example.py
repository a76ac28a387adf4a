"""The README's example of a model, put into a copy of the project: one file adds a model, and the tests pass with it.

    python tests/example.py [arguments of pytest]

Without arguments it runs the tests that go over all models.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "melody_gru"
NOT_COPIED = (".git", ".venv", ".hypothesis", "__pycache__", ".*_cache", "runs")
OF_ALL_MODELS = [f"tests/test_{name}.py" for name in ("imports", "models", "cli", "mistakes", "job", "hyperparameters")]


def example() -> str:
    """The source of the model that README.md shows."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{NAME}.py`" in text, "README.md names the file of its example"
    return re.search(r"```python\n(\"\"\"A melody model.*?)```", text, re.DOTALL)[1]


def main(arguments: list[str]) -> int:
    """Copy the project with the example in it and run pytest there; returns its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(ROOT, Path(folder) / "zoo", ignore=shutil.ignore_patterns(*NOT_COPIED))
        (copy / "zoo" / "models" / f"{NAME}.py").write_text(example(), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "-m", "not slow", *(arguments or OF_ALL_MODELS)]
        return subprocess.run(command, cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
