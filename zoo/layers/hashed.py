"""Uniform numbers by hashing: each is a function of where it is needed and of a key, and is made on the spot.

A random key for each step, and another number for each place, give all the noise of a long chain inside a compiled
loop, while the units are at hand. A backend's own generator, or noise made outside and brought along, takes several
times as long as all the rest: compiled by XLA, TensorFlow's takes half a microsecond a number. The same keys give the
same numbers on every backend.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from zoo.layers.tensors import Shape, Tensor


def places(shape: tuple[int, ...], *sizes: int) -> list[Tensor]:
    """uint32 numbers, each another, in one array (*shape, size) for every size."""
    ends = np.cumsum([0, *sizes]) * math.prod(shape)
    numbers = _mixed(ops.cast(ops.arange(int(ends[-1]), dtype="int32"), "uint32"))
    parts = zip(sizes, ends[:-1], ends[1:], strict=True)
    return [ops.reshape(numbers[first:end], (*shape, size)) for size, first, end in parts]


def keys(noise: Tensor, steps: int) -> Tensor:
    """A key for each of some steps, by two uniform numbers in [0, 1) as NumPy draws them, multiples of 2⁻²⁴.

    Args:
        noise: (batch, 2) float32.
        steps: how many.

    Returns:
        (batch, steps) uint32.
    """
    high, low = (ops.cast(ops.cast(noise[:, i : i + 1] * 2**24, "int32"), "uint32") for i in (0, 1))
    seed = ops.bitwise_xor(ops.left_shift(high, np.uint32(8)), low)
    return _mixed(ops.bitwise_xor(seed, _mixed(ops.cast(ops.arange(steps, dtype="int32"), "uint32"))))


def uniform(places: Tensor, key: Tensor) -> Tensor:
    """A multiple of 2⁻²⁴ in [0, 1) for every place, float32, and others with another key.

    Args:
        places: uint32, one of the arrays of `places`.
        key: uint32, one for all, or of a shape that goes with that of the places, such as (batch, 1) beside (units,).
    """
    drawn = ops.right_shift(_mixed(ops.bitwise_xor(places, key)), np.uint32(8))
    return ops.cast(ops.cast(drawn, "int32"), "float32") * np.float32(2**-24)


def draw(shape: Shape, generator: keras.random.SeedGenerator) -> Tensor:
    """Multiples of 2⁻²⁴ in [0, 1), float32, and others with every call.

    Args:
        shape: of the result; a dimension may be a tensor.
        generator: its next state is the key.
    """
    first, second = ops.split(ops.cast(generator.next(), "uint32"), 2)
    numbers = _mixed(ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32"))
    return ops.reshape(uniform(numbers, _mixed(ops.bitwise_xor(_mixed(first), second))), shape)


def _mixed(x: Tensor) -> Tensor:
    """A bijection of 32-bit numbers after which near ones lie anywhere.

    Source: lowbias32 (C. Wellons, hash prospector, 2018).
    """
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x = ops.bitwise_xor(x, ops.right_shift(x, np.uint32(shift))) * np.uint32(factor)
    return x
