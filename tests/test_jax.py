"""The contract of the models, and the layers, on the other backend."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ESSENTIAL = "test_score or same_seed or nothing_before or compiled_sampler_does or enumerat or papers or free_energy"


def on_jax(*selection: str) -> None:
    files = ["tests/test_models.py", "tests/test_layers.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, *selection]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-2000:]


def test_the_essence_of_the_contract_holds_on_jax():
    on_jax("-k", ESSENTIAL)


@pytest.mark.slow
def test_the_whole_contract_holds_on_jax():
    on_jax()
