"""The examples in docstrings of the light rooms are true."""

import doctest
import importlib
import pkgutil

import pytest

ROOMS = ("zoo.song", "zoo.midi", "zoo.codecs", "zoo.corpora", "zoo.evaluation.metrics")
FILES = {room: pkgutil.iter_modules(getattr(importlib.import_module(room), "__path__", [])) for room in ROOMS}
MODULES = [*ROOMS, *(f"{room}.{file.name}" for room, files in FILES.items() for file in files)]
WITH_EXAMPLES = ("zoo.song", "zoo.midi.writing", "zoo.codecs.chord", "zoo.codecs.grid", "zoo.codecs.melody")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert not failed
    assert attempted or name not in WITH_EXAMPLES
