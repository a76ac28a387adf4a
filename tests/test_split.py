"""The split of a corpus without one of its own: its shares, what stays together, what adding files moves."""

import numpy as np
import pytest

from zoo.corpora.splits import SPLITS, by_hash


def groups(count, seed=0, copies=0):
    """Pieces of very different lengths, each a group of its own but for the first, with `copies`; beats of each."""
    rng = np.random.default_rng(seed)
    lengths = np.ceil(rng.lognormal(4.5, 0.9, count))
    found = {rng.bytes(32): [number] for number in range(count)}
    found[next(iter(found))] += range(count, count + copies)
    return found, [*lengths.tolist(), *[lengths[0]] * copies]


def shares(found, lengths):
    split = by_hash(found, lengths)
    pieces = np.array([len(split[side]) for side in SPLITS])
    beats = np.array([sum(lengths[at] for at in split[side]) for side in SPLITS])
    return pieces, beats / beats.sum()


@pytest.mark.parametrize("count", [40, 50, 92, 353, 2000])
@pytest.mark.parametrize("seed", range(5))
def test_validation_and_test_have_a_tenth_of_the_pieces_and_of_the_beats(count, seed):
    pieces, beats = shares(*groups(count, seed))
    assert pieces.sum() == count
    for held_out in (1, 2):
        assert np.floor(0.08 * count) <= pieces[held_out] <= np.ceil(0.12 * count)
        assert pieces[held_out] >= 5 or count < 50
        assert 0.08 <= beats[held_out] <= 0.12


@pytest.mark.parametrize("count", [5, 6, 9, 12, 29])
@pytest.mark.parametrize("seed", range(20))
def test_no_side_of_a_very_small_corpus_is_empty_or_far_off(count, seed):
    pieces, _ = shares(*groups(count, seed))
    assert pieces.sum() == count
    for held_out in (1, 2):
        assert max(1, int(0.08 * count)) <= pieces[held_out] <= max(1, np.ceil(0.12 * count))


@pytest.mark.parametrize("seed", range(5))
def test_copies_stay_together(seed):
    split = by_hash(*groups(60, seed, copies=4))
    sides = {side for side in SPLITS if {0, 60, 61, 62, 63} & set(split[side])}
    assert len(sides) == 1


@pytest.mark.parametrize("count", [50, 92, 353])
def test_a_file_that_is_added_moves_few_others(count):
    moved = []
    for seed in range(10):
        more, beats = groups(count + 1, seed)
        without = dict(list(more.items())[:-1])
        sides = [
            {at: side for side in SPLITS for at in split[side]}
            for split in (by_hash(without, beats), by_hash(more, beats))
        ]
        moved.append(sum(sides[0][at] != sides[1][at] for at in sides[0]))
    assert np.mean(moved) <= 1.5 and max(moved) <= 6


def test_a_corpus_whose_shares_are_right_is_split_by_its_hashes_alone():
    regular = {int(2**64 * (index + 0.5) / 100).to_bytes(8, "big"): [index] for index in range(100)}
    split = by_hash(regular, [64] * 100)
    assert [split[side] for side in SPLITS] == [
        list(range(80)),
        list(range(80, 90)),
        list(range(90, 100)),
    ]


@pytest.mark.parametrize("count", [10_000, 20_000, 100_000])
def test_of_many_pieces_a_thousand_are_held_out(count):
    pieces, beats = shares(*groups(count))
    assert pieces.sum() == count
    for held_out in (1, 2):
        assert 800 <= pieces[held_out] <= 1200
        assert 800 <= beats[held_out] * count <= 1200
