"""Representations as JSON with arrays, for `page/codecs.js` and `page/rules.js`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zoo._errors import NotPlayable
from zoo.codecs import (
    ChordCodec,
    Codec,
    EventCodec,
    ExactChordCodec,
    MelodyCodec,
    NoteCodec,
    PerformanceCodec,
    PolyphonyCodec,
    RollCodec,
    SymbolCodec,
)
from zoo.codecs.rules import Rules

KNOWN = (
    ChordCodec,
    EventCodec,
    ExactChordCodec,
    MelodyCodec,
    NoteCodec,
    PerformanceCodec,
    PolyphonyCodec,
    RollCodec,
)
# What tells of the training music, or is written as an array; a reader and writer of music needs none of it.
UNUSED = ("singletons", "epsilon", "parts")


def codec_of(codec: Codec) -> dict[str, Any]:
    """The name of a representation and its fields; of one over symbols also "advance" and "as_input".

    Raises:
        NotPlayable: when the page does not know it.
    """
    if type(codec) not in KNOWN:
        raise NotPlayable(f"the page does not know the representation {type(codec).__name__}.")
    fields = {key: value for key, value in dataclasses.asdict(codec).items() if key not in UNUSED}
    written = {"name": type(codec).__name__, **fields}
    if isinstance(codec, SymbolCodec):
        written |= {"advance": codec.advance, "as_input": codec.as_input}
    return written


def rules_of(rules: Rules) -> dict[str, np.ndarray]:
    """What may follow what, as arrays."""
    arrays = {field.name: getattr(rules, field.name) for field in dataclasses.fields(rules)}
    return {name: array.astype(np.uint8) if array.dtype == bool else array for name, array in arrays.items()}
