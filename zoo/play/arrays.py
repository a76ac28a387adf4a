"""Arrays as the page reads them: JSON beside one run of bytes, compressed.

Matrices of weights take a byte a number and a scale for each column; vectors and whole numbers stay as they are. So six
models of half a million weights fit into a page.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import numpy as np

STEPS = 127  # of a byte, to either side of zero
# Base 85 in letters that mean nothing in HTML.
LETTERS = str.maketrans("&<>`{", ".,:[]")
ALIGNED = 4  # bytes: a script reads numbers only where they begin at a multiple of their size


def quantise(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights as whole numbers, and what they are multiples of.

    Args:
        weights: (…, columns) float.

    Returns:
        (…, columns) int8 and the scale of each column (columns,) float32; their product is the weights, each moved by
        half a scale at most.
    """
    largest = np.abs(weights).max(axis=tuple(range(weights.ndim - 1)), initial=0)
    scale = np.where(largest > 0, largest / STEPS, 1).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale


def quantised(weights: np.ndarray) -> np.ndarray:
    """Weights (…) as the page has them, float32: those of a vector as they are, those of a matrix rounded."""
    if weights.ndim < 2:
        return weights.astype(np.float32)
    whole, scale = quantise(weights)
    return whole.astype(np.float32) * scale


def pack(value: Any, exact: bool = False) -> bytes:
    """JSON with arrays for leaves as bytes, which `arrays.js` reads.

    They are, compressed by zlib: the length of the JSON, the JSON, the arrays. In the JSON {"array": [type, first byte,
    shape]} stands for an array, and a matrix of weights has "scale", such a pair again, beside it.

    Args:
        value: of dicts, lists, texts, numbers and arrays, of float, of int8, uint8 or int32.
        exact: whether matrices stay float32.
    """
    data = bytearray()

    def written(array: np.ndarray) -> dict[str, Any]:
        if array.dtype.kind == "f" and array.ndim > 1 and not exact:
            whole, scale = quantise(array)
            return written(whole) | {"scale": written(scale)}
        if array.dtype.kind == "f":
            array = array.astype("<f4")
        first = len(data)
        data.extend(np.ascontiguousarray(array).tobytes())
        data.extend(bytes(-len(data) % ALIGNED))
        return {"array": [array.dtype.name, first, list(array.shape)]}

    def as_json(part: Any) -> Any:
        if isinstance(part, np.ndarray):
            return written(part)
        if isinstance(part, dict):
            return {key: as_json(each) for key, each in part.items()}
        return [as_json(each) for each in part] if isinstance(part, (list, tuple)) else part

    text = json.dumps(as_json(value), allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNED)
    return zlib.compress(struct.pack("<I", len(text)) + text + bytes(data), 9)


def as_text(packed: bytes) -> str:
    """Bytes as letters that may stand in a page as they are, five for four bytes; base 64 takes a third more."""
    return base64.b85encode(packed).decode().translate(LETTERS)
