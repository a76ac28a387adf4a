"""A model's samples beside real music: what each set is measured on, and what the figures say where they are known."""

import numpy as np
import pytest

from zoo import Song
from zoo.codecs import ChordCodec, MelodyCodec, RollCodec
from zoo.evaluation import comparison

BEAT = 480
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def tune(seed, beats=32, voices=1, pitches=SCALE):
    """Random quarter notes of a scale, in each voice."""
    rng = np.random.default_rng(seed)
    places = [(voice, beat) for voice in range(voices) for beat in range(beats)]
    notes = [(beat * BEAT, BEAT, int(rng.choice(pitches)) - 24 * voice, 80, voice) for voice, beat in places]
    return Song.from_notes(notes, programs=(0,) * voices)


def tunes(first, count, **kwargs):
    return [tune(first + seed, **kwargs) for seed in range(count)]


@pytest.fixture(scope="module")
def sides():
    return {"train": tunes(0, 20), "valid": tunes(100, 20), "test": tunes(200, 20)}


@pytest.fixture(scope="module")
def found(sides):
    """Samples of the same source as the music; an n-gram that knows other notes."""
    codec = RollCodec(steps_per_beat=4, low=24, high=101, struck=True).fit(sides["train"])
    wrong = tunes(400, 20, pitches=(61, 63, 66, 68, 70))
    return comparison.compare(codec, sides, tunes(300, 20), wrong, beats=16)


def test_samples_like_the_music_are_no_farther_than_the_music_itself(found):
    sets = found["sets"]
    for feature in ("pitch", "pitch_class", "duration", "density"):
        overlap = {name: sets[name]["distances"][feature]["overlap"] for name in sets}
        assert overlap["samples"] == pytest.approx(overlap["real"], abs=0.1)
    assert sets["ngram"]["distances"]["pitch_class"]["overlap"] == pytest.approx(0)
    accuracy = {name: sets[name]["classifier"]["accuracy"] for name in sets}
    assert accuracy["ngram"] > 0.7 and not found["blind"]
    assert 0.2 < accuracy["samples"] < 0.8 and 0.2 < accuracy["real"] < 0.8
    assert found["test"]["scalars"]["scale_consistency"] == 1 == sets["samples"]["scalars"]["scale_consistency"]


def test_the_training_music_is_told_of_as_it_is_cropped(sides):
    codec = RollCodec(steps_per_beat=4, struck=True).fit(sides["train"])
    half = [song.replace(pitch=np.where(song.start < 16 * BEAT, song.pitch, 60)) for song in sides["train"]]
    silence = Song.from_notes([], length=32 * BEAT)  # says nothing of the notes, as in every other set
    found = comparison.compare(codec, sides | {"train": [*half, silence]}, tunes(300, 20), tunes(500, 20), beats=16)
    spans = [np.ptp(song.pitch[song.start < 16 * BEAT]) for song in sides["train"]]
    assert found["train"]["pitch_span"] == pytest.approx(np.mean(spans))
    assert found["train"]["notes_per_beat"] == found["train"]["notes_at_once"] == 1


def test_a_set_that_no_classifier_can_tell_makes_it_blind(sides):
    codec = RollCodec(steps_per_beat=4, struck=True).fit(sides["train"])
    assert comparison.compare(codec, sides, tunes(300, 20), tunes(500, 20), beats=16)["blind"]


def test_copies_loops_and_silence_are_counted(sides):
    codec = RollCodec(steps_per_beat=4, struck=True).fit(sides["train"])
    silence = Song.from_notes([], length=32 * BEAT)
    stuck = Song.from_notes([(i * BEAT, BEAT, 60, 80, 0) for i in range(32)])
    samples = [sides["train"][3].transpose(2), silence, stuck, *tunes(300, 5)]
    found = comparison.compare(codec, sides, samples, tunes(400, 8), beats=32)["sets"]["samples"]
    assert found["songs"] == 8 and found["empty"] == 1 / 8
    assert found["copies"] == found["loops"] == 1 / 7
    assert found["longest_copy"] >= 31 / 7


def test_all_songs_are_heard_for_the_same_time(sides):
    codec = RollCodec(steps_per_beat=4, struck=True).fit(sides["train"])
    primed = tune(1, beats=40).replace(primed=8 * BEAT)
    sides = sides | {"test": [tune(seed, beats=beats) for seed, beats in enumerate((12, 24, 24, 24, 40))]}
    found = comparison.compare(codec, sides, [primed], [primed], beats=64)
    assert found["beats"] == 24  # three of four last as long
    assert found["sets"]["samples"]["distances"]["density"]["unit"] == "notes per beat"
    assert comparison.crop(primed, 10 * BEAT) == primed.crop(8 * BEAT, 18 * BEAT)
    assert comparison.compare(codec, sides, [primed], [primed], beats=16)["beats"] == 16


def test_what_a_representation_keeps():
    songs = [tune(0, voices=2), tune(1, voices=2)]
    whole = comparison.kept(RollCodec(steps_per_beat=4, struck=True).fit(songs), songs)
    assert whole == {"onset_f1": 1, "note_f1": 1, "pitch_class_f1": 1}
    assert comparison.kept(MelodyCodec(steps_per_beat=4, hold=True).fit(songs), songs) == whole  # lines taken together
    chords = comparison.kept(ChordCodec(steps_per_beat=4).fit(songs), songs)
    assert chords["note_f1"] < 0.5  # every symbol lasts half a beat
    low = comparison.kept(
        RollCodec(steps_per_beat=4, low=60, high=101, struck=True).fit(songs), [songs[0], tune(2).transpose(-24)]
    )
    assert 0 < low["onset_f1"] < 0.5  # of the second song nothing is left


def test_lines_are_songs_of_their_own():
    songs = [tune(0, voices=2), tune(1, voices=1)]
    lines = comparison.express(MelodyCodec(steps_per_beat=4, hold=True).fit(songs), songs)
    assert [len(line) for line in lines] == [32, 32, 32] and {line.length for line in lines} == {32 * BEAT}


def test_the_same_seed_gives_the_same_figures(sides, found):
    codec = RollCodec(steps_per_beat=4, low=24, high=101, struck=True).fit(sides["train"])
    wrong = tunes(400, 20, pitches=(61, 63, 66, 68, 70))
    assert comparison.compare(codec, sides, tunes(300, 20), wrong, beats=16) == found
    other = comparison.compare(codec, sides, tunes(300, 20), wrong, beats=16, seed=1)
    assert other != found and other["kept"] == found["kept"]


def test_histograms_are_the_distributions_that_overlap(found):
    for feature, shares in found["histograms"].items():
        columns = {name: np.array(column) for name, column in shares.items()}
        assert list(columns["values"]) == sorted(set(shares["values"]))
        for name in ("samples", "ngram", "real"):
            assert columns[name].sum() == pytest.approx(1, abs=1e-3)
            overlap = np.minimum(columns[name], columns["test"]).sum()
            assert overlap == pytest.approx(found["sets"][name]["distances"][feature]["overlap"], abs=1e-3)


def test_real_music_is_cropped_as_the_representation_gives_it_back():
    codec = MelodyCodec(steps_per_beat=4)
    chord = Song.from_notes([(0, BEAT, pitch, 80, 0) for pitch in (60, 64)], length=40 * BEAT, name="no line")
    short, long = tune(1, beats=8).replace(name="short"), tune(2, beats=40, voices=2).replace(name="long")
    excerpts = comparison.real_excerpts(codec, [short, chord, long], count=2, beats=16)
    assert [(song.name, song.beats) for song in excerpts] == [("long", 16), ("short", 8)]
    first = long.select(long.track == 0).crop(0, 16 * BEAT)
    assert list(excerpts[0].pitch) == list(first.pitch)  # one line of two
    assert [song.name for song in comparison.real_excerpts(codec, [chord, short], 1, 16)] == ["short"]


def test_of_one_song_no_classifier_is_tried(sides):
    codec = RollCodec(steps_per_beat=4, struck=True).fit(sides["train"])
    found = comparison.compare(codec, sides | {"test": sides["test"][:1]}, tunes(300, 5), tunes(400, 5), beats=16)
    assert [found["sets"][name]["classifier"] for name in ("samples", "ngram", "real")] == [None] * 3
    assert found["blind"] is False
