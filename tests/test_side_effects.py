"""What is asked of a model changes nothing but what it says it changes."""

import random

import keras
import numpy as np
import pytest

import zoo
from zoo import Song, UserError

BEAT = 480
NAMES = zoo.names()


def tune(seed: int) -> Song:
    rng, at, notes = np.random.default_rng(seed), 0, []
    while at < 12 * BEAT:
        length = int(rng.choice([BEAT // 2, BEAT]))
        notes.append((at, length, int(rng.choice([60, 62, 64, 65, 67])), 80, 0))
        at += length
    return Song.from_notes(notes)


TRAIN, VALID = [tune(seed) for seed in range(3)], [tune(3)]


def fitted(name: str, **hyperparameters):
    model = zoo.create(name, "smoke", **{"epochs": 1} | hyperparameters)
    model.fit(TRAIN, VALID)
    return model


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    return fitted(request.param)


def generators() -> tuple:
    """Where Python's, NumPy's and Keras's global generators stand; Keras's is moved on by looking."""
    _, keys, *place = np.random.get_state()
    return random.getstate(), keys.tolist(), place


def unseeded() -> list[float]:
    """What Keras's global generator draws next."""
    return np.asarray(keras.random.uniform((4,))).tolist()


def weights_of(model) -> list[bytes]:
    return [weight.tobytes() for weight in model.network.get_weights()]


def test_fitting_and_loading_neither_move_nor_use_the_global_generators(model, tmp_path):
    def work():
        again = fitted(model.model_name())
        model.save(tmp_path)
        loaded = zoo.load(tmp_path)
        loaded.score(VALID)
        loaded.sample(1, beats=4)
        zoo.create(model.model_name(), "smoke", epochs=1).check_weights(loaded)
        return weights_of(again)

    keras.utils.set_random_seed(5)
    unseeded()
    expected = unseeded()
    keras.utils.set_random_seed(5)
    unseeded()
    before = generators()
    assert work() == weights_of(model), "which was fitted with the generators somewhere else"
    assert generators() == before and unseeded() == expected


def test_scoring_and_sampling_change_no_weight(model):
    before = weights_of(model)
    model.score(VALID)
    model.score(VALID, thorough=False)
    model.sample(1, beats=4)
    assert weights_of(model) == before


def test_scoring_changes_no_weight_while_a_lower_machine_is_trained_alone():
    model = fitted("rnn_dbn", lower_share=1.0)
    model.distribution.lower.W.assign(np.zeros(model.distribution.lower.W.shape))  # so that it would have to follow
    before = weights_of(model)
    model.score(VALID)
    assert weights_of(model) == before


def test_building_again_breaks_nothing(model):
    parts = dict(vars(model))
    first, second = model.build(), model.build()
    assert vars(model) == parts, "the model is as it was"
    assert {id(weight) for weight in first.weights}.isdisjoint(id(weight) for weight in second.weights)
    assert model.sample(1, beats=4, seed=1) == model.sample(1, beats=4, seed=1)
    assert model.score(VALID) == model.score(VALID)


def test_looking_whether_weights_fit_changes_nothing(model):
    other = zoo.create(model.model_name(), "smoke", epochs=2)
    parts = dict(vars(other))
    other.check_weights(model)
    assert vars(other) == parts
    wider = zoo.create(model.model_name(), "smoke", units=(24,))
    parts = dict(vars(wider))
    with pytest.raises(UserError, match="another shape"):
        wider.check_weights(model)
    assert vars(wider) == parts
