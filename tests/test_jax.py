"""The contract of the models, and of the layers, on the other backend."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def test_the_contract_holds_on_jax():
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "test_models.py", "test_layers.py"]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    found = subprocess.run(command, cwd=TESTS, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-2000:]
