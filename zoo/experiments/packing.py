"""A trained run as a small folder to pass on: what it is, what was measured, and its weights in half precision."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np

from zoo._errors import UserError
from zoo._files import replacing, write_json
from zoo.experiments.run_folder import RunFolder

HALF = np.dtype("<f2")
MOVED = 0.001  # nats a beat by which half precision may move the score of test music


def pack(run: RunFolder, target: RunFolder, half: bool = True) -> None:
    """Write the model, its figures and its weights; curves, samples and checkpoints stay behind.

    Args:
        run: finished.
        target: where; what an earlier one left there is replaced.
        half: whether weights take 16 bits instead of 32.

    Raises:
        UserError: when the run is not finished or damaged, or the target cannot be written.
    """
    if not run.is_finished:
        raise UserError(f"{run.path} is not a finished run; train it to its end first.")
    described, results = run.read_description(), run.read_results()
    with replacing(target.weights) as temporary:
        _copy(run.weights, temporary, HALF if half else None)
    digest = hashlib.sha256(target.weights.read_bytes()).hexdigest()
    write_json(target.description, described | {"weights_digest": digest})
    target.write_results(results)


def _copy(source: Path, target: Path, kind: np.dtype | None) -> None:
    """Copy a file of weights, its arrays as another kind of number."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                made = new.create_dataset(name, data=item[()].astype(kind or item.dtype))
            else:
                made = new.require_group(name)
            made.attrs.update(item.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)
