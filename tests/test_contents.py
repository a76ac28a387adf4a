"""Symbols by what they are made of, against plain loops; and a model that reads and draws chords so."""

import keras
import numpy as np
import pytest
from keras import ops
from machines import randomised

import zoo
from zoo import Song, UserError
from zoo.codecs import ChordCodec, ExactChordCodec
from zoo.layers.contents import ContentInput, ContentLogits

PARTS = [[0, 2], [1], [], [0, 1, 3]]
BEAT = 480


def vector(layer, symbol):
    of_part, own = np.asarray(layer.of_part), np.asarray(layer.own)
    return own[symbol] + sum((of_part[part] for part in (PARTS[symbol] if symbol < len(PARTS) else [])), np.zeros(3))


def test_what_is_read_is_the_sum_of_the_parts_and_the_clock():
    layer = randomised(ContentInput(PARTS, 3, clock=2), (None, None))
    ids = np.array([[0, 3, 2, 4, 5, 6, 6 + 3, 6 + 5]], np.int32)  # 4 is unknown, 5 start; from 6 on at the second step
    found = ops.convert_to_numpy(layer(ids))[0]
    for row, id_ in zip(found, ids[0], strict=True):
        np.testing.assert_allclose(row, [*vector(layer, id_ % 6), id_ < 6, id_ >= 6], atol=1e-5)
    assert layer.compute_output_shape((1, 8)) == (1, 8, 5) == layer(ids).shape
    assert ContentInput(PARTS, 3).compute_output_shape((1, 8)) == (1, 8, 3)


def test_what_is_drawn_is_asked_of_the_sum_of_the_parts():
    layer = randomised(ContentLogits(PARTS, 3), (None, None, 2))
    x = np.random.default_rng(1).normal(size=(2, 5, 2)).astype(np.float32)
    found = ops.convert_to_numpy(layer(x))
    W, c, b = (np.asarray(weight) for weight in (layer.W, layer.c, layer.b))
    for symbol in range(len(PARTS)):
        np.testing.assert_allclose(found[..., symbol], (x @ W + c) @ vector(layer, symbol) + b[symbol], atol=1e-5)


@pytest.mark.parametrize("layer", [ContentInput(PARTS, 3, clock=2), ContentLogits(PARTS, 3)])
def test_layers_come_back_from_their_configuration(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again.table, layer.table)


def song(seed):
    rng = np.random.default_rng(seed)
    chords = ([60, 64, 67], [62, 65, 69], [60, 64], [72])
    notes = [(beat * BEAT, BEAT, pitch, 80, 0) for beat in range(16) for pitch in chords[rng.integers(4)]]
    return Song.from_notes(notes)


def test_chords_are_made_of_pitches_and_pitch_classes():
    codec = ExactChordCodec(steps_per_beat=4).fit([song(0), Song.from_notes([(0, 240, 60, 80, 0)], length=BEAT)])
    made = dict(zip(codec.symbols, codec.contents(), strict=True))
    assert made == {
        "60.64.67": [60, 64, 67, 128, 132, 135],
        "62.65.69": [62, 65, 69, 130, 133, 137],
        "60.64": [60, 64, 128, 132],
        "72": [72, 128],
        "60": [60, 128],
        "": [],
        "+2": [140],
        "+4": [141],
    }
    names = ChordCodec(steps_per_beat=4).fit([song(0)])
    made = dict(zip(names.symbols, names.contents(), strict=True))
    assert made["C5"] == [72, 128] and made["0.4.7"] == [60, 64, 67, 128, 132, 135]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("context", ["song", "window"])
def test_a_model_that_reads_and_draws_by_content(exact, context, tmp_path):
    train, valid = [song(seed) for seed in range(6)], [song(9)]
    options = dict(content=True, embedding=8, exact=exact, context=context, window=6, clock_beats=2, epochs=3)
    model = zoo.create("note_lstm", "smoke", dense=0, learning_rate=0.02, **options)
    history = model.fit(train, valid)
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "model")
    loaded = zoo.load(tmp_path / "model")
    assert loaded.score(valid) == model.score(valid)
    for one, other in zip(model.sample(2, beats=8, seed=3), loaded.sample(2, beats=8, seed=3), strict=True):
        assert one.length == 8 * BEAT and np.array_equal(one.pitch, other.pitch)


def test_content_needs_a_width():
    with pytest.raises(UserError, match=r"^content needs the width of its vectors: embedding=64\.$"):
        zoo.create("note_lstm", "smoke", content=True, embedding=0)
