"""What training leaves in a run folder, read back, and an interruption of it."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np

from zoo.experiments.job import Keeper


def interrupt(monkeypatch, epoch, batch=1):
    """Press Ctrl-C after a batch (from 1) of an epoch (from 0)."""

    def pressed(self, now, done, *rest):
        if (now, done) == (epoch, batch):
            raise KeyboardInterrupt

    monkeypatch.setattr(Keeper, "batch", pressed)


def read(path):
    return json.loads(Path(path).read_text())


def history_of(run):
    with open(run / "history.csv", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def weights_of(path):
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    assert arrays
    return arrays


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def contents(paths):
    return [Path(path).read_bytes() for path in paths]
