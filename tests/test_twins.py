"""Melodies that come again: by hand, and the 49 clean test pieces of the JSB chorales."""

from types import SimpleNamespace

import numpy as np
from songs import BEAT

import zoo
from zoo import Song
from zoo.codecs import RollCodec
from zoo.evaluation.likelihood import EXACT, Evaluation
from zoo.evaluation.twins import common, have_twins, intervals
from zoo.experiments.measuring import _without_twins

TUNE = [60, 62, 64, 65, 67, 69, 67, 65, 64, 62, 60]


def tune(pitches, bass=40):
    """A note a beat, over a bass that is held throughout."""
    notes = [(BEAT * beat, BEAT, pitch, 80, 0) for beat, pitch in enumerate(pitches)]
    return Song.from_notes([*notes, (0, BEAT * len(pitches), bass, 80, 0)])


def test_intervals_are_those_of_the_highest_voice_without_repetitions():
    assert intervals(tune([60, 60, 64, 62, 62, 62, 72])).tolist() == [4, -2, 10]
    assert intervals(tune([50, 48], bass=55)).tolist() == []
    assert intervals(Song.from_notes([(0, BEAT, 60, 80, 0), (2 * BEAT, BEAT, 60, 80, 0)])).tolist() == [-61, 61]
    assert intervals(Song.from_notes([])).tolist() == []


def test_the_longest_common_subsequence_is_that_of_all_choices():
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.integers(0, 3, 7), rng.integers(0, 3, 6)
        kept = [other[np.flatnonzero([choice >> bit & 1 for bit in range(6)])] for choice in range(64)]
        assert common(one, other) == max(len(part) for part in kept if is_within(part, one))


def is_within(part, whole):
    rest = iter(whole.tolist())
    return all(value in rest for value in part.tolist())


def test_twins_are_found_in_every_key_and_with_another_bass_and_no_others():
    longer = [*TUNE, 59]
    other = [72, 60, 71, 61, 70, 62, 69, 63, 68, 64, 67]
    songs = [tune([pitch + 5 for pitch in TUNE], bass=30), tune(longer), tune(other), tune([*TUNE, *TUNE[1:]])]
    found = have_twins([*songs, Song.from_notes([])], [tune(TUNE), tune(other[:-3])])
    assert found.tolist() == [True, True, False, False, False]


def test_what_is_measured_without_twins_is_of_those_pieces_alone():
    songs = [tune(TUNE), tune([72, 60, 71, 61]), tune([pitch + 2 for pitch in TUNE])]
    codec = RollCodec(steps_per_beat=1)
    lines = {"test": [line for song in songs for line in codec.encode(song)]}
    of_test = Evaluation(111.0, EXACT, 1.0, details={"frames": 26}, by_line=np.array([1.0, 10.0, 100.0]))
    measurement = SimpleNamespace(splits={"train": songs[:1], "test": songs}, lines=lines, of_test=of_test)
    assert _without_twins(measurement) == {"without_twins": {"pieces": 1, "frames": 4, "nats_per_frame": 2.5}}
    measurement.splits["train"] = []
    assert _without_twins(measurement) == {}, "all of them are without"
    measurement.splits["train"], of_test.details["frames"] = songs[:1], 20
    assert _without_twins(measurement) == {}, "only some of the frames were measured"


def test_the_clean_test_pieces_of_the_jsb_chorales(shared_data):
    corpus = zoo.load_corpus(shared_data / "jsb-chorales")
    listed = (shared_data / "jsb-chorales-clean-test.txt").read_text().split()
    clean = {int(line.split("/")[1]) for line in listed}
    found = have_twins(corpus.test, corpus.train)
    assert [song.name for song in corpus.test] == [f"test/{index:04}" for index in range(77)]
    assert set(np.flatnonzero(~found).tolist()) == clean and len(clean) == 49
