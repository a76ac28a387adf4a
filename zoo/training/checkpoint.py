"""A trained model in a folder: model.json, what it is, and a file of weights.

The files may be anyone's. Nothing in them is executed, and they are held against the network before memory is taken for
it: loading takes no more than they are large.
"""

from __future__ import annotations

import contextlib
import hashlib
import reprlib
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from zoo._errors import UserError
from zoo._files import read_json, replacing, write_json
from zoo._version import VERSION
from zoo.training.names import MODEL, WEIGHTS

FORMAT = 1  # of model.json

Shape = tuple[int, ...]


def write(folder: Path | str, described: dict, network: keras.Model) -> None:
    """Write a trained model: its weights, then model.json.

    Args:
        folder: where; made when it is missing.
        described: what model.json holds, beside the format, the version and the digest of the weights.
        network: whose weights are written.
    """
    folder = _path(folder)
    save_weights(network, folder / WEIGHTS)
    write_json(
        folder / MODEL,
        described | {"format": FORMAT, "zoo": VERSION, "weights_digest": _digest(folder / WEIGHTS)},
    )


def read(folder: Path | str, weights: str = WEIGHTS) -> tuple[dict, Path]:
    """What model.json says, `hyperparameters` being an object, and the path of the weights.

    Raises:
        UserError: when it is missing, damaged or of a newer format, or tells of other weights than lie beside it.
    """
    folder = _path(folder)
    path = folder / MODEL
    described: Any = read_json(path)
    number = described.get("format") if isinstance(described, dict) else None
    if type(number) is not int or number < 1 or not isinstance(described.get("hyperparameters"), dict):
        raise UserError(f"{path} does not describe a model; train it anew.")
    if number > FORMAT:
        raise UserError(
            f"{path} is of format {reprlib.repr(number)}, written by version {reprlib.repr(described.get('zoo'))} of "
            f"the zoo; this one, {VERSION}, reads up to format {FORMAT}: update it to that version or a later one."
        )
    path = folder / weights
    if not path.is_file():
        raise UserError(f"{path} is missing; train the model anew.")
    if weights == WEIGHTS and described.get("weights_digest", _digest(path)) != _digest(path):
        raise UserError(f"{path} does not fit the model.json beside it, which tells of other weights; train anew.")
    return described, path


def save_weights(network: keras.Model, path: Path) -> None:
    """Write the weights of `network` to `path`, `….weights.h5`."""
    with replacing(path) as temporary:
        _bare(network).save_weights(temporary)


def load_weights(network: keras.Model, path: Path) -> None:
    """Read what `save_weights` wrote; to be called after `check_weights`.

    Raises:
        UserError: when the file is damaged.
    """
    with _refusing(path), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras warns of layers that stay as they were
        _bare(network).load_weights(path)
        if not all(np.isfinite(weight).all() for weight in network.get_weights()):
            raise ValueError("it holds numbers that are not finite")


def check_weights(path: Path, build: Callable[[], keras.Model]) -> None:
    """Look whether a file holds the weights of a network; neither is taken into memory.

    Args:
        path: the file.
        build: makes the network.

    Raises:
        UserError: when it does not.
    """
    with _refusing(path):
        if _stored(path) != sorted(outline(build)):
            raise ValueError("it holds weights of other shapes")


def outline(build: Callable[[], keras.Model]) -> list[Shape]:
    """Shapes of all weights of the network that `build` makes, in its order; no memory is taken for them."""

    def shapes() -> list[Shape]:
        with keras.StatelessScope(initialize_variables=False):
            return [tuple(weight.shape) for weight in build().weights]

    # Keras remembers, for each thread, which variables are still without values, and would fill them later.
    with ThreadPoolExecutor(1) as thread_of_its_own:
        return thread_of_its_own.submit(shapes).result()


def _stored(path: Path) -> list[Shape]:
    """Shapes of all arrays in a weights file, in order of size.

    Raises:
        ValueError: when it holds anything but plain arrays: links, other files' data, Python objects, arrays that are
            compressed or larger than the file.
    """
    shapes: list[Shape] = []
    size = 0

    def look(name: str, link: object) -> None:
        nonlocal size
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name} is a link")
        item = file[name]
        if isinstance(item, h5py.Group):
            return
        numbers = isinstance(item, h5py.Dataset) and item.dtype.kind == "f"
        if not numbers or item.is_virtual or item.external or item.id.get_storage_size() != item.nbytes:
            raise ValueError(f"{name} is no plain array of numbers")
        shapes.append(item.shape)
        size += item.nbytes

    with h5py.File(path) as file:
        file.visititems_links(look)
    if size > path.stat().st_size:
        raise ValueError("it names more numbers than it holds")
    return sorted(shapes)


def _path(folder: Path | str) -> Path:
    try:
        return Path(folder)
    except TypeError:
        raise UserError(f"a model lies in a folder, given by its path, not in {folder!r}.") from None


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bare(network: keras.Model) -> keras.Model:
    """The network without its optimizer, whose state has no place in a weights file."""
    return keras.Model(network.inputs, network.outputs)


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn whatever HDF5 and Keras stumble upon in the file at `path` into a UserError."""
    try:
        yield
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} does not fit the model beside it ({reason}); train the model anew.") from None
