"""Runs the notebook docs/tour.ipynb from top to bottom, as a reader would, and says how long it took.

    python tests/tour.py [FILE]

FILE is where the notebook is written with what it showed; by default it is thrown away. Corpora are taken from, and
built in, the folder that ZOO_HOME names, or else the checkout.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "tour.ipynb"
LONGEST = 600  # seconds of one cell
SHOWN = {"image/svg+xml": 2, "text/html": 2, "image/png": 1}  # how often the cells show what: rolls, players, curves


def main(arguments: list[str]) -> None:
    """Run all cells; one that fails raises."""
    os.environ.setdefault("ZOO_HOME", str(ROOT))
    notebook, begin = nbformat.read(NOTEBOOK, as_version=4), time.perf_counter()
    assert all(not cell.get("outputs") for cell in notebook.cells), "the notebook is kept without what it shows"
    NotebookClient(notebook, timeout=LONGEST, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    for kind, times in SHOWN.items():
        count = sum(kind in output.get("data", {}) for output in outputs)
        assert count == times, f"{count} outputs are {kind}, not {times}"
    said = [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert not said, f"it says {said[0]}"
    if arguments:
        nbformat.write(notebook, arguments[0])
    print(f"{NOTEBOOK.relative_to(ROOT)}: {len(notebook.cells)} cells in {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
