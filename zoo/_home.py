"""Where corpora and results lie: in the working folder, or in the one that ZOO_HOME names."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ZOO_HOME"


def datasets() -> Path:
    """The folder of named corpora, one in each of its folders."""
    return _home() / "datasets"


def reports() -> Path:
    """The folder of results, a folder per corpus."""
    return _home() / "reports"


def _home() -> Path:
    return Path(os.environ.get(VARIABLE, "")).expanduser()
