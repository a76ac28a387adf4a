"""The zoo's recurrent layers and dropout, against Keras's own."""

import keras
import numpy as np
import pytest
from machines import arrays

from zoo.layers import hashed, recurrent
from zoo.layers.dropout import Dropout

KINDS = ("LSTM", "GRU", "SimpleRNN")
UNITS, STEPS, WIDTH, BATCH = 6, 7, 5, 3
FALLING_BACK = {
    "backwards": dict(go_backwards=True),
    "another activation": dict(activation="relu"),
    "without bias": dict(use_bias=False),
    "unrolled": dict(unroll=True),
}


def rng():
    return np.random.default_rng(0)


def network(layer: keras.layers.RNN) -> keras.Model:
    """The layer with all of its outputs, between initial states and a sum of everything with random weights."""
    sequence = keras.Input((STEPS, WIDTH))
    initial = [keras.Input((UNITS,)) for _ in range(2 if isinstance(layer, keras.layers.LSTM) else 1)]
    below = keras.layers.Dense(WIDTH, name="below")(sequence)  # its gradient is that of the input
    states = [keras.layers.Dense(UNITS, name=f"state_{index}")(state) for index, state in enumerate(initial)]
    outputs, *last = layer(below, initial_state=states)
    model = keras.Model([sequence, *initial], [outputs, *last])
    draw = rng()
    model.set_weights([draw.normal(0, 0.5, weight.shape) for weight in model.weights])
    return model


def made(kind: str, owner, **settings) -> keras.layers.RNN:
    return getattr(owner, kind)(UNITS, return_sequences=True, return_state=True, **settings)


def given(model: keras.Model) -> list[np.ndarray]:
    draw = rng()
    return [draw.normal(size=(BATCH, *given.shape[1:])).astype(np.float32) for given in model.inputs]


def moved(model: keras.Model) -> list[np.ndarray]:
    """What one step of plain gradient descent makes of the weights, for targets at random for every output."""
    draw = rng()
    targets = [draw.normal(size=(BATCH, *out.shape[1:])).astype(np.float32) for out in model.outputs]
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=["mse"] * len(targets))
    model.train_on_batch(given(model), targets)
    return model.get_weights()


@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_keras(kind):
    ours, theirs = (network(made(kind, owner)) for owner in (recurrent, keras.layers))
    for one, other in zip(arrays(*ours(given(ours))), arrays(*theirs(given(theirs))), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    before = ours.get_weights()
    for one, other, start in zip(moved(ours), moved(theirs), before, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
        assert np.abs(one - start).max() > 1e-4, "every weight has a gradient"


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_and_unusual_settings_do_as_keras_does(kind):
    x = rng().normal(size=(BATCH, STEPS, WIDTH)).astype(np.float32)
    mask = np.arange(STEPS) < np.array([[2], [7], [5]])
    for name, settings in {"a mask": {}, **FALLING_BACK}.items():
        both = [made(kind, owner, **settings) for owner in (recurrent, keras.layers)]
        for layer in both:
            layer.build(x.shape)
        both[1].set_weights(both[0].get_weights())
        masked = {"mask": mask} if name == "a mask" else {}
        for one, other in zip(*(arrays(*layer(x, **masked)) for layer in both), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_comes_back_from_its_configuration(kind):
    layer = getattr(recurrent, kind)(UNITS, return_sequences=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()


def test_dropout_drops_its_share_others_every_time_and_keeps_the_mean():
    layer, x = Dropout(0.3, seed=1), np.ones((100, 40, 25), np.float32)
    first, second = arrays(layer(x, training=True), layer(x, training=True))
    for one in (first, second):
        assert set(np.unique(one)) == {np.float32(0), np.float32(1 / 0.7)}
        assert abs((one == 0).mean() - 0.3) < 4 * np.sqrt(0.21 / one.size)
    assert abs(((first == 0) & (second == 0)).mean() - 0.09) < 4 * np.sqrt(0.0819 / first.size)
    (again,) = arrays(Dropout(0.3, seed=1)(x, training=True))
    np.testing.assert_array_equal(again, first)
    for still in (layer(x), Dropout(0.0)(x, training=True)):
        np.testing.assert_array_equal(*arrays(still), x)


def test_draws_of_a_generator_are_uniform_and_say_nothing_of_one_another():
    generator = keras.random.SeedGenerator(5)
    draws = np.stack(arrays(*(hashed.draw((64, 50), generator) for _ in range(20))))
    assert draws.min() >= 0 and draws.max() < 1 and draws.dtype == np.float32
    for one, other in ((draws[:-1], draws[1:]), (draws[:, :-1], draws[:, 1:]), (draws[..., :-1], draws[..., 1:])):
        counts, *_ = np.histogram2d(one.ravel(), other.ravel(), bins=16, range=[[0, 1]] * 2)
        chi_squared = ((counts - one.size / 256) ** 2 / (one.size / 256)).sum()
        assert 255 - 4 * np.sqrt(2 * 255) < chi_squared < 255 + 4 * np.sqrt(2 * 255)
