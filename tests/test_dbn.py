"""Deep belief networks against every state of both machines, and the stages in which they are trained."""

import dataclasses

import numpy as np
import pytest
from machines import (
    arrays,
    assert_draws,
    hashed_noise,
    log_sum,
    randomised,
    rbm_log_p,
    ready,
    sgd_step,
    sigmoid,
    states,
    weights_of,
)

from zoo.layers.conditioned import Conditioned
from zoo.layers.dbn import DBN, LOWER, TOGETHER, UPPER
from zoo.layers.relative import Relative
from zoo.models.rnn_dbn import RNNDBN

VISIBLE, HIDDEN = 6, 3
V = states(VISIBLE)
AROUND = Relative(units=1, reach=2, memory=2, pitches=VISIBLE)


def parts_by_hand(dbn, parameters):
    """b_v, b_q, b_1, b_2 with what the units at every pitch add where it belongs."""
    ends = np.cumsum([dbn.visible, dbn.hidden, dbn.hidden, dbn.visible + dbn.extra])
    b_v, b_q, b_1, b_2, around = np.split(np.asarray(parameters, np.float64), ends, axis=-1)
    if dbn.relative.units:
        b_v, b_2[..., : dbn.visible] = b_v + around, b_2[..., : dbn.visible] + around
    return b_v, b_q, b_1, b_2


def log_p_given_h(dbn, b_v):
    """log p(v | h) of every frame and hidden state, (frames, 2^visible, 2^hidden)."""
    v, logit = states(dbn.visible), b_v[:, None] + states(dbn.hidden) @ np.asarray(dbn.G, np.float64).T
    return v @ logit.transpose(0, 2, 1) - np.logaddexp(0, logit).sum(-1)[:, None]


def dbn_log_p(dbn, parameters):
    """log p of every frame, (parameter vectors, 2^visible), by summing over both layers of hidden units."""
    b_v, _, b_1, b_2 = parts_by_hand(dbn, parameters)
    return log_sum(log_p_given_h(dbn, b_v) + rbm_log_p(np.asarray(dbn.upper.W), b_1, b_2)[:, None])


def some_parameters(dbn, rows, scale=1.0):
    return np.random.default_rng(1).normal(0, scale, (rows, sum(dbn.sizes))).astype(np.float32)


@pytest.mark.parametrize("relative", [Relative(), AROUND], ids=["", "relative"])
@pytest.mark.parametrize("extra", [0, 3])
def test_unrolled_it_says_what_the_lower_machine_says(extra, relative):
    """For whatever state the recurrent network is in; units of the upper machine beyond the visible ones are idle."""
    conditioned = randomised(Conditioned(DBN(HIDDEN, extra, relative=relative), (4,)), (1, None, VISIBLE))
    dbn, rng = conditioned.distribution, np.random.default_rng(2)
    upper = np.array(dbn.upper.W)
    upper[:, VISIBLE:] = 0
    dbn.upper.W.assign(upper)
    dbn.unroll(conditioned.W_u)
    u, past = rng.normal(size=(1, 5, 4)), rng.integers(0, 2, (1, 4 + conditioned.memory, VISIBLE))
    (parameters,) = arrays(conditioned.parameters(u.astype(np.float32), past.astype(np.float32)))
    b_v, b_q, b_1, b_2 = parts_by_hand(dbn, parameters[0])
    for part, by_hand in zip(arrays(*dbn.parts(parameters[0])), ((b_v, b_q), (b_1, b_2)), strict=True):
        np.testing.assert_allclose(part, np.concatenate(by_hand, -1), atol=1e-5)
    lower = rbm_log_p(*arrays(dbn.lower.W), b_v, b_q)
    np.testing.assert_allclose(dbn_log_p(dbn, parameters[0]), lower, atol=1e-4)
    assert np.ptp(lower, axis=0).max() > 1


def test_the_units_beyond_the_visible_ones_keep_their_weights():
    conditioned = randomised(Conditioned(DBN(HIDDEN, 3), (4,)), (1, None, VISIBLE))
    dbn = conditioned.distribution
    before = [np.array(weight) for weight in (dbn.upper.W, dbn.upper.b_h, conditioned.W_u)]
    dbn.unroll(conditioned.W_u)
    for weight, kept in zip((dbn.upper.W, dbn.upper.b_h, conditioned.W_u), before, strict=True):
        np.testing.assert_array_equal(np.asarray(weight)[..., -3:], kept[..., -3:])


def test_draws_have_the_distribution():
    dbn, draws = randomised(DBN(HIDDEN, 2, sample_steps=40), (None, VISIBLE), scale=0.8), 50_000
    parameters = some_parameters(dbn, 1, 0.8)
    uniform = np.random.default_rng(3).random((draws, dbn.noise), np.float32)
    silence, temperature = np.zeros((draws, VISIBLE), np.float32), np.ones((draws, 1), np.float32)
    (drawn,) = arrays(dbn.draw(silence, np.tile(parameters, (draws, 1)), uniform, temperature))
    assert_draws(drawn, np.exp(dbn_log_p(dbn, parameters)[0]))


@pytest.mark.parametrize("start", ["previous", "zeros"])
def test_a_draw_shakes_the_upper_machine_and_comes_down(start):
    """With the noise and temperature given, from what the lower machine finds in the frame before."""
    steps, extra, rng = 2, 2, np.random.default_rng(4)
    dbn = randomised(DBN(HIDDEN, extra, sample_steps=steps, chain_start=start), (None, VISIBLE))
    before, parameters = V[::3].astype(np.float32), some_parameters(dbn, len(V[::3]))
    uniform, temperature = rng.random((len(before), dbn.noise), np.float32), rng.choice([0.5, 2.0], (len(before), 1))
    (b_v, b_q, b_1, b_2), U, G = parts_by_hand(dbn, parameters), np.asarray(dbn.upper.W), np.asarray(dbn.G)
    first, chain, last = np.split(uniform, [HIDDEN, HIDDEN + 2], axis=1)
    h = first < sigmoid((before * (start == "previous") @ np.asarray(dbn.lower.W) + b_q) / temperature)
    for of_top, of_h in hashed_noise(chain, steps, VISIBLE + extra, HIDDEN):
        top = of_top < sigmoid((h @ U + b_2) / temperature)
        h = of_h < sigmoid((top @ U.T + b_1) / temperature)
    expected = last < sigmoid((h @ G.T + b_v) / temperature)
    (found,) = arrays(dbn.draw(before, parameters, uniform, temperature.astype(np.float32)))
    np.testing.assert_array_equal(found, expected)


# The bound.


def small_model(scale=1.0, **hyperparameters):
    """A compiled RNN-DBN of six pitches with random weights."""
    small = dict(hidden=HIDDEN, units=(4,), low=60, high=65, struck=False, extra=2, optimizer="sgd", learning_rate=1.0)
    model = RNNDBN(**(small | hyperparameters))
    ready(model)
    randomised(model.network, scale=scale)
    return model


@pytest.mark.parametrize("relative", [0, 1])
def test_the_bound_lies_below_the_truth_and_comes_closer_with_many_draws(relative):
    """Each of the frames under a distribution of its own."""
    gaps = []
    for draws in (5, 20, 500):
        model = small_model(0.6, relative=relative, reach=2, anneal_steps=300, anneal_chains=40)
        parameters = some_parameters(model.distribution, len(V), 0.6)
        truth = dbn_log_p(model.distribution, parameters)
        estimator = dataclasses.replace(model.estimator(thorough=True), draws=draws)
        measured = estimator.measure(V.astype(np.uint8), parameters)
        assert measured.details["draws"] == draws and measured.loss == pytest.approx(-measured.log_p.mean())
        gap = np.diag(truth) - measured.log_p
        assert gap.mean() > -2 * gap.std() / np.sqrt(len(V)), "below, but for the noise of annealing and of the draws"
        gaps.append(gap)
    assert gaps[0].mean() > gaps[1].mean() > gaps[2].mean() and gaps[0].mean() > 0.3
    assert abs(gaps[2].mean()) < 0.05 and np.abs(gaps[2]).max() < 1
    expected = np.exp(truth) @ V
    error = (measured.drawn.mean(0) - expected) / np.sqrt(expected * (1 - expected) / len(measured.drawn))
    assert 0.85 < error.std() < 1.15, "draws of each frame's distribution"


def test_the_bound_is_the_truth_when_the_recognition_is_the_posterior():
    model = small_model(anneal_steps=500, anneal_chains=20)
    dbn = model.distribution
    upper = np.array(dbn.upper.W)
    upper[:, VISIBLE:] = 0
    dbn.upper.W.assign(upper)
    dbn.unroll(model.conditioned.W_u)
    own, W_u = arrays(dbn.own_biases(), model.conditioned.W_u)
    parameters = own + np.random.default_rng(5).normal(size=(len(V), 4)).astype(np.float32) @ W_u
    truth = dbn_log_p(dbn, parameters)[np.arange(len(V)), np.arange(len(V))]
    measured = model.estimator(thorough=True).measure(V.astype(np.uint8), parameters)
    error = measured.log_p - truth
    assert abs(error.sum()) < 2 * np.sqrt(measured.variance.sum())
    assert 0.5 < (error**2 / measured.variance).mean() < 1.5 and np.abs(error).max() < 0.2


# The stages.


OF_LOWER, OF_UPPER = (
    {"dbn/lower/W", "dbn/lower/b_v", "dbn/lower/b_h"},
    {"dbn/upper/W", "dbn/upper/b_v", "dbn/upper/b_h"},
)


def shares(epoch, epochs):
    """What is behind an epoch, and behind the one before."""
    return epoch / epochs, (epoch - 1) / epochs if epoch else None


@pytest.mark.parametrize("relative", [0, 3])
def test_a_stage_trains_its_own_weights_only(relative):
    model = small_model(epochs=3, lower_share=0.33, upper_share=0.33, gibbs_steps=1, relative=relative)
    frames = np.random.default_rng(6).integers(0, 2, (8, 12, VISIBLE)).astype(np.float32)
    moved, columns = [], []
    for epoch in range(3):
        model.begin_epoch(*shares(epoch, 3))
        steps = sgd_step(model.network, frames, frames, np.ones(frames.shape[:2], np.float32))
        moved.append({name for name, step in steps.items() if np.any(step)})
        columns.append(np.any(steps["W_u"], axis=0))
    every = set(weights_of(model.network))
    network = {name for name in every if name.startswith(("rnn_", "context"))} | {"u0", "W_u"}
    assert moved[0] == OF_LOWER | network
    assert moved[1] == OF_UPPER | {"W_u"}
    assert moved[2] == every
    of_lower = np.arange(len(columns[0])) < VISIBLE + HIDDEN
    np.testing.assert_array_equal(columns, [of_lower, ~of_lower, np.ones_like(of_lower)])


@pytest.mark.parametrize(
    ("epochs", "shares", "stages"),
    [
        (10, (0.6, 0.1), [LOWER] * 6 + [UPPER] + [TOGETHER] * 3),
        (3, (0.33, 0.33), [LOWER, UPPER, TOGETHER]),
        (4, (0.0, 0.0), [TOGETHER] * 4),
        (4, (1.0, 0.5), [LOWER] * 4),
        (4, (0.0, 0.5), [UPPER] * 2 + [TOGETHER] * 2),
    ],
)
def test_stages_by_share_of_the_training(epochs, shares, stages):
    model = RNNDBN(epochs=epochs, lower_share=shares[0], upper_share=shares[1])
    assert [model.stage(epoch / epochs) for epoch in range(epochs)] == stages


def test_the_optimizer_forgets_where_a_stage_ends():
    model = small_model(epochs=4, lower_share=0.5, upper_share=0.0, optimizer="adam", learning_rate=0.25)
    frames, optimizer = np.ones((2, 4, VISIBLE), np.float32), model.network.optimizer

    def remembered():
        return [np.array(variable) for variable in optimizer.variables if variable is not optimizer._learning_rate]

    for epoch in range(4):
        model.begin_epoch(*shares(epoch, 4))
        assert any(map(np.any, remembered())) == (epoch in (1, 3))  # 2 is the first of a stage, 0 the very first
        model.network.train_on_batch(frames, frames)
    assert float(optimizer.learning_rate) == 0.25


def test_while_the_lower_machine_is_trained_the_upper_one_follows():
    model = small_model(epochs=2, lower_share=1.0)
    model.begin_epoch(0.0, None)
    model.end_epoch()
    dbn = model.distribution
    np.testing.assert_array_equal(np.asarray(dbn.upper.W)[:, :VISIBLE], np.asarray(dbn.lower.W).T)
    np.testing.assert_array_equal(np.asarray(dbn.G), np.asarray(dbn.lower.W))
    dbn.stage = TOGETHER
    dbn.lower.W.assign(np.zeros(dbn.lower.W.shape))
    model.end_epoch()
    assert np.any(dbn.G)
