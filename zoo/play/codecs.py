"""Representations as JSON with arrays, for `page/codecs.js` and `page/rules.js`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zoo import codecs
from zoo._errors import NotPlayable
from zoo.codecs import Codec, SymbolCodec
from zoo.codecs.rules import Rules

# What tells of the training music, or is written as an array; a reader and writer of music needs none of it.
UNUSED = ("singletons", "epsilon", "parts")


def codec_of(codec: Codec) -> dict[str, Any]:
    """The name of a representation and its fields; of one over symbols also "advance" and "as_input".

    Raises:
        NotPlayable: when the page does not know it.
    """
    name = type(codec).__name__
    if getattr(codecs, name, None) is not type(codec):  # the page has a class for each of zoo/codecs/, and no other
        raise NotPlayable(f"the page does not know the representation {name}.")
    fields = {key: value for key, value in dataclasses.asdict(codec).items() if key not in UNUSED}
    written = {"name": name, **fields}
    if isinstance(codec, SymbolCodec):
        written |= {"advance": codec.advance, "as_input": codec.as_input}
    return written


def rules_of(rules: Rules) -> dict[str, np.ndarray]:
    """What may follow what, as arrays."""
    arrays = {field.name: getattr(rules, field.name) for field in dataclasses.fields(rules)}
    return {name: array.astype(np.uint8) if array.dtype == bool else array for name, array in arrays.items()}
