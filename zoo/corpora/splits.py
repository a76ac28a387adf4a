"""Three splits of a corpus: its own, by a hash of each piece, or by time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from zoo._errors import UserError
from zoo.song import TICKS_PER_BEAT, Song

SPLITS = ("train", "valid", "test")
BEGIN = {"valid": 0.8, "test": 0.9}  # hash where the held-out ones begin
SHARE = 0.1  # of the hashes, or of a piece, that each of them has
FEWEST_PIECES = 5  # fewer distinct ones are split inside each piece
HELD_OUT = (0.08, 0.12)  # least and most of the pieces, and of the beats, that validation has, and test
FEWEST_HELD_OUT = 5  # pieces of each, where there are ten times as many
MOST_HELD_OUT = 1000  # groups of each
NEAREST = 4000  # groups that may come into a held-out split: all pairs of a large corpus would fill the memory
NEARER = 0.01  # share of the corpus that a split may be farther off rather than take a group from the far end


def official(names: Sequence[str], folder: Path) -> dict[str, list[int]]:
    """The split of a corpus that has folders for it.

    Args:
        names: of the songs, paths below `folder`.
        folder: of the corpus.

    Returns:
        The places of the songs of each split, in order.

    Raises:
        UserError: when a split is empty.
    """
    splits = {split: [at for at, name in enumerate(names) if name.startswith(f"{split}/")] for split in SPLITS}
    for split in SPLITS:
        if not splits[split]:
            raise UserError(
                f"{folder / split} holds no usable MIDI file; fill it, or rename it to have all split anew."
            )
    return splits


def by_hash(groups: dict[bytes, list[int]], beats: Sequence[float]) -> dict[str, list[int]]:
    """80/10/10 by fingerprint; at least five groups, none is parted.

    A group belongs to the split where its hash falls. Where chance has left a held-out split outside of its bounds, of
    pieces or of beats, groups change places with the training split, one or two at a time, near ones rather than far
    ones: so that files that are added move few others. Of more than 10,000 groups validation and test get about a
    thousand each: a tenth would be more than anybody measures.

    Args:
        groups: the places of songs that are the same but for transposition, by fingerprint.
        beats: of each song.

    Returns:
        The places of the songs of each split.
    """
    keys = sorted(groups)  # in order of the hash
    places = np.array([int.from_bytes(key[:8], "big") / 2**64 for key in keys])
    sizes = np.array([(len(groups[key]), sum(beats[at] for at in groups[key])) for key in keys], float)
    total, split = sizes.sum(axis=0), np.full(len(keys), "train")
    held = min(SHARE, MOST_HELD_OUT / len(keys))
    low, high = (bound * (held / SHARE) * total for bound in HELD_OUT)
    fewest = FEWEST_HELD_OUT if total[0] >= 10 * FEWEST_HELD_OUT else 1
    bounds = np.maximum([[np.floor(low[0]), low[1]], [np.ceil(high[0]), high[1]]], [fewest, 0])
    for name, begin in BEGIN.items():
        split[(begin <= places) & (places < begin + held)] = name
    for name, begin in BEGIN.items():
        chosen, free = split == name, np.isin(split, (name, "train"))
        outside = np.maximum(begin - places, places - (begin + held)).clip(0)
        split[free] = np.where(_held(chosen[free], sizes[free], bounds, total, outside[free]), name, "train")
    return {name: [at for index in np.flatnonzero(split == name) for at in groups[keys[index]]] for name in SPLITS}


def _held(
    chosen: np.ndarray, sizes: np.ndarray, bounds: np.ndarray, total: np.ndarray, outside: np.ndarray
) -> np.ndarray:
    """Which groups a held-out split gets, (groups,) bool.

    `chosen` is changed until its sums lie in the bounds or no change of one or two groups brings them nearer.

    Args:
        chosen: (groups,) bool, which it has by their hashes.
        sizes: (groups, 2) pieces and beats of each.
        bounds: (2, 2) least and most pieces and beats of the split.
        total: (2,) pieces and beats of the corpus.
        outside: (groups,) how far the hash of each lies outside of the split's own, 0–1.
    """

    def faults(sums: np.ndarray) -> np.ndarray:
        """How far sums (…, 2) lie outside of the bounds, as shares of the corpus."""
        return (np.maximum(bounds[0] - sums, sums - bounds[1]).clip(0) / total).sum(-1)

    chosen = chosen.copy()
    fault = faults(sizes[chosen].sum(0))
    while fault > 0:
        # Row or column 0 stands for no group: to add one, to give one up, or to exchange two.
        inside, others = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        if len(others) > NEAREST:
            others = np.sort(others[np.argsort(outside[others], kind="stable")[:NEAREST]])
        given, taken = (np.concatenate([np.zeros((1, 2)), sizes[part]]) for part in (inside, others))
        after = faults(sizes[chosen].sum(0) - given[:, None] + taken)
        cost = np.where(after < fault, after + NEARER * np.concatenate([[0], outside[others]]), np.inf)
        give, take = np.unravel_index(np.argmin(cost), cost.shape)
        if after[give, take] >= fault:
            break
        fault = after[give, take]
        chosen[inside[give - 1 : give]] = False
        chosen[others[take - 1 : take]] = True
    return chosen


def by_time(songs: Iterable[Song], folder: Path) -> dict[str, Sequence[Song]]:
    """The first 80 % of each song's beats, the next 10 %, the rest; a part without notes is left out."""
    splits: dict[str, list[Song]] = {split: [] for split in SPLITS}
    for song in songs:
        beats = -(-song.length // TICKS_PER_BEAT)
        first = min(int(0.8 * beats), beats - 2)
        second = max(int(0.9 * beats), first + 1)
        if first < 1:
            splits["train"].append(song)
            continue
        for split, begin, end in zip(SPLITS, (0, first, second), (first, second, beats), strict=True):
            part = song.crop(begin * TICKS_PER_BEAT, end * TICKS_PER_BEAT)
            if len(part):
                splits[split].append(part)
    if not all(splits.values()):
        raise UserError(f"the music in {folder} is too short to be split in three; add more or longer pieces.")
    return {**splits}
