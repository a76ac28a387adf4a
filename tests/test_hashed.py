"""Uniform numbers by hashing, against the hash in whole numbers of Python and against what chance does."""

import numpy as np
from machines import arrays, hashed_noise, lowbias32

from zoo.layers import hashed


def some_noise(rows):
    return np.random.default_rng(0).random((rows, 2), np.float32)


def drawn(rows, steps, *shape):
    """(steps, rows, *shape) uniform numbers, as a chain has them."""
    (keys,) = arrays(hashed.keys(some_noise(rows), steps))
    (places,) = hashed.places((), *shape)
    return np.stack([arrays(hashed.uniform(places, key[:, None]))[0] for key in keys.T])


def test_numbers_are_those_of_the_hash():
    noise = np.concatenate([some_noise(5), [[0, 0], [1 - 2**-24, 1 - 2**-24]]]).astype(np.float32)
    (keys,) = arrays(hashed.keys(noise, 3))
    places = hashed.places((), 4, 7)
    for key, expected in zip(keys.T, hashed_noise(noise, 3, 4, 7), strict=True):
        for of_place, uniform in zip(places, expected, strict=True):
            np.testing.assert_array_equal(*arrays(hashed.uniform(of_place, key[:, None])), uniform)


def test_places_are_hashed_numbers_each_another():
    one, two = arrays(*hashed.places((3, 5), 7, 11))
    assert one.shape == (3, 5, 7) and two.shape == (3, 5, 11) and one.dtype == two.dtype == np.uint32
    assert [*one.ravel(), *two.ravel()] == [lowbias32(number) for number in range(3 * 5 * 18)]
    assert len({*one.ravel(), *two.ravel()}) == 3 * 5 * 18


def test_no_step_and_no_row_shares_its_key():
    (keys,) = arrays(hashed.keys(some_noise(500), 40))
    assert keys.dtype == np.uint32 and len(np.unique(keys)) >= keys.size - 1  # two of 20,000 may meet by chance


def test_numbers_are_uniform_and_those_of_other_places_steps_and_rows_tell_nothing_of_them():
    found = drawn(400, 30, 60)
    assert found.min() >= 0 and found.max() < 1
    pairs = {
        "place": (found[..., :-1], found[..., 1:]),
        "step": (found[:-1], found[1:]),
        "row": (found[:, :-1], found[:, 1:]),
    }
    for name, (one, other) in pairs.items():
        counts, *_ = np.histogram2d(one.ravel(), other.ravel(), bins=16, range=[[0, 1]] * 2)
        expected = one.size / 256
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert 255 - 4 * np.sqrt(2 * 255) < chi_squared < 255 + 4 * np.sqrt(2 * 255), name
    # Sums over all places, or all steps, spread as those of independent numbers: nothing is shared out evenly.
    for axis in range(3):
        spread = found.sum(axis).var() / (found.shape[axis] / 12)
        assert 0.9 < spread < 1.1
