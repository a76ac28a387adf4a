"""NADE against every frame there is, and against the loop over bits that defines it."""

import keras
import numpy as np
import pytest
from machines import arrays, assert_draws, randomised, ready, sgd_step, sigmoid, states

from zoo.evaluation.estimators import CompiledBits, ExactBits
from zoo.layers.nade import NADE
from zoo.layers.relative import Relative
from zoo.models.rnn_nade import RNNNADE

VISIBLE, HIDDEN = 8, 5
V = states(VISIBLE)


@pytest.fixture(scope="module")
def nade():
    return randomised(NADE(HIDDEN), (None, VISIBLE))


@pytest.fixture(scope="module")
def parameters():
    return np.random.default_rng(1).normal(size=VISIBLE + HIDDEN).astype(np.float32)


def loop(weights, b, c, decide):
    """Go through the bits as the docstring says: `decide` gives bit i from its logit. The frame and −log p of it."""
    frame, nats = np.zeros(VISIBLE), 0.0
    for i in range(VISIBLE):
        h = sigmoid(c + sum((frame[j] * weights["W"][j] for j in range(i)), np.zeros(HIDDEN)))
        logit = b[i] + weights["V"][i] @ h
        frame[i] = decide(i, logit)
        nats += np.logaddexp(0, -logit if frame[i] else logit)
    return frame, nats


def in_double(nade):
    return {name: np.asarray(getattr(nade, name), np.float64) for name in "WV"}


def nats_of(weights, b, c, frame):
    return loop(weights, b, c, lambda i, logit: frame[i])[1]


def losses(nade, frames, parameters):
    return arrays(nade.loss(nade.targets(frames), np.tile(parameters, (*frames.shape[:-1], 1))))[0]


def test_the_probabilities_of_all_frames_sum_to_one(nade, parameters):
    assert np.exp(-losses(nade, V, parameters)).sum() == pytest.approx(1, abs=1e-4)


def test_the_loss_is_what_the_loop_over_bits_gives(nade, parameters):
    b, c = np.split(parameters, [VISIBLE])
    expected = [nats_of(in_double(nade), b, c, frame) for frame in V]
    np.testing.assert_allclose(losses(nade, V, parameters), expected, atol=1e-4)
    sequences = V[:200].reshape(4, 50, VISIBLE)
    np.testing.assert_allclose(losses(nade, sequences, parameters), np.reshape(expected[:200], (4, 50)), atol=1e-4)


def test_targets_are_the_bits_that_are_on():
    nade = NADE(2)
    nade.build((None, 4))
    frames = np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]], np.uint8)
    expected = [[1, 3, 4, 4], [4, 4, 4, 4], [0, 1, 2, 3], [3, 4, 4, 4]]
    assert nade.targets(frames).tolist() == expected
    assert nade.targets(frames.reshape(2, 2, 4)).tolist() == [expected[:2], expected[2:]]
    assert nade.targets(frames[[0, 3]].astype(np.float32)).tolist() == [[1, 3], [3, 4]]
    assert nade.targets(np.zeros((2, 4))).tolist() == [[4], [4]], (
        "a column for each bit of the fullest frame, at least one"
    )
    assert nade.targets(np.zeros((0, 4))).shape == (0, 1)


def test_draws_have_the_distribution(nade, parameters):
    rng, draws = np.random.default_rng(2), 50_000
    uniform, temperature = rng.random((draws, VISIBLE), np.float32), np.ones((draws, 1), np.float32)
    silence = np.zeros((draws, VISIBLE), np.float32)
    (drawn,) = arrays(nade.draw(silence, np.tile(parameters, (draws, 1)), uniform, temperature))
    assert_draws(drawn, np.exp(-losses(nade, V, parameters)))


def test_a_draw_uses_the_given_noise_and_temperature_and_no_frame_before(nade):
    rng, rows = np.random.default_rng(3), 20
    parameters = rng.normal(size=(rows, VISIBLE + HIDDEN)).astype(np.float32)
    uniform, temperature = rng.random((rows, VISIBLE), np.float32), rng.choice([0.5, 1.0, 2.0], rows)
    before = rng.integers(0, 2, (rows, VISIBLE)).astype(np.float32)
    (drawn,) = arrays(nade.draw(before, parameters, uniform, temperature[:, None].astype(np.float32)))
    for row, (b, c) in enumerate(zip(*np.split(parameters, [VISIBLE], axis=1), strict=True)):
        by_noise = lambda i, logit: uniform[row, i] < sigmoid(logit / temperature[row])  # noqa: E731, B023
        np.testing.assert_array_equal(drawn[row], loop(in_double(nade), b, c, by_noise)[0])


def test_temperature_zero_takes_the_more_probable_bit(nade, parameters):
    greedy, _ = loop(in_double(nade), *np.split(parameters, [VISIBLE]), lambda i, logit: logit > 0)
    uniform = np.random.default_rng(4).random((50, VISIBLE), np.float32)
    cold = np.full((50, 1), 1e-6, np.float32)
    (drawn,) = arrays(nade.draw(np.zeros_like(uniform), np.tile(parameters, (50, 1)), uniform, cold))
    np.testing.assert_array_equal(drawn, np.tile(greedy, (50, 1)))
    assert 0 < greedy.mean() < 1


def test_the_gradient_is_that_of_the_loop(nade, parameters):
    """Against finite differences of the loop, in double precision."""
    for bias, value in zip((nade.b, nade.c), np.split(parameters, [VISIBLE]), strict=True):
        bias.assign(value)
    weights = {name: np.asarray(getattr(nade, name), np.float64) for name in "WVbc"}
    frames = V[[0, 37, 86, 201, 255]]

    def mean_nats():
        matrices = {name: weights[name] for name in "WV"}
        return np.mean([nats_of(matrices, weights["b"], weights["c"], frame) for frame in frames])

    inputs = keras.Input((VISIBLE,))
    model = keras.Model(inputs, nade(inputs))
    model.compile(keras.optimizers.SGD(1.0), loss=nade.loss)
    found, step = sgd_step(model, frames.astype(np.float32), nade.targets(frames)), 1e-4
    for name, value in weights.items():
        expected = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            kept = value[place]
            value[place] = kept + step
            above = mean_nats()
            value[place] = kept - step
            expected[place] = (above - mean_nats()) / (2 * step)
            value[place] = kept
        np.testing.assert_allclose(found[name], expected, atol=1e-5)


def test_units_at_every_pitch_are_dropped_in_training_only():
    nade = randomised(NADE(HIDDEN, 0.5, Relative(units=3, reach=2, pitches=VISIBLE)), (None, VISIBLE))
    targets = nade.targets(np.tile(V[100], (300, 1)))
    parameters = np.tile(np.random.default_rng(5).normal(size=sum(nade.sizes)).astype(np.float32), (300, 1))
    kept, dropped = arrays(nade.loss(targets, parameters), nade.loss(targets, parameters, training=True))
    assert np.ptp(kept) < 1e-5 and len(np.unique(dropped.round(3))) > 10


def test_what_the_model_measures_is_exact():
    """More frames than are measured at once, and no whole number of times as many."""
    model = RNNNADE(hidden=HIDDEN, units=(3,), low=60, high=67, struck=False)
    ready(model)
    nade = randomised(model.distribution)
    rng, frames = np.random.default_rng(6), V.astype(np.uint8)
    parameters = rng.normal(size=(len(V), VISIBLE + HIDDEN)).astype(np.float32)
    measured = ExactBits(CompiledBits(nade, at_once=100), seed=0, draws=40).measure(frames, parameters)
    assert type(model.estimator(thorough=True)) is ExactBits
    expected = [nats_of(in_double(nade), *np.split(row, [VISIBLE]), v) for v, row in zip(V, parameters, strict=True)]
    np.testing.assert_allclose(measured.log_p, -np.array(expected), atol=1e-4)
    assert measured.loss == pytest.approx(np.mean(expected), abs=1e-4)
    assert measured.variance is None
    p = [np.exp(-losses(nade, V, row)) for row in parameters]
    means, drawn = np.array(p) @ V, measured.drawn
    assert drawn.shape == (40, *V.shape) and len(np.unique(drawn, axis=0)) == 40
    error = (drawn.mean(0) - means) / np.sqrt(means * (1 - means) / 40)
    assert 0.9 < error.std() < 1.1, "each frame's draws are of its own distribution"
