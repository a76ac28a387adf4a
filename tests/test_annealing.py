"""Annealed importance sampling, against machines so small that every state of them can be counted."""

import os

import numpy as np
import pytest
from machines import log_sum, randomised, rbm_joint, rbm_log_p, ready, states

from zoo.evaluation.annealing import CHAINS, anneal
from zoo.models.rnn_rbm import RNNRBM

VISIBLE, HIDDEN = 8, 4
FRAMES = 300  # more than one piece of work holds


def enumerated_log_z(W, b_v, b_h):
    return log_sum(rbm_joint(W, b_v, b_h).reshape(len(b_v), -1))


def enumerated_means(W, b_v, b_h):
    """Probability that each visible unit is on, (frames, visible)."""
    return np.exp(rbm_log_p(W, b_v, b_h)) @ states(W.shape[0])


@pytest.fixture(scope="module")
def machines():
    """W, b_v, b_h, base, hints of 300 different machines that share W; of which base and hints know nothing."""
    rng = np.random.default_rng(5)
    W, base = rng.normal(0, 0.8, (VISIBLE, HIDDEN)), rng.normal(-1, 0.5, VISIBLE)
    b_v, b_h = rng.normal(-1, 1, (FRAMES, VISIBLE)), rng.normal(0, 1, (FRAMES, HIDDEN))
    return W, b_v, b_h, base, rng.integers(0, 2, (FRAMES, VISIBLE))


@pytest.fixture(scope="module")
def annealed(machines):
    return anneal(*machines, temperatures=500, chains=40, seed=0)


def test_log_z_is_that_of_enumeration_within_the_error_it_states(machines, annealed):
    W, b_v, b_h, *_ = machines
    assert annealed.log_z.shape == annealed.variance.shape == (FRAMES,)
    several = [annealed, *(anneal(*machines, temperatures=500, chains=40, seed=seed) for seed in (1, 2, 3))]
    error = np.array([one.log_z for one in several]) - enumerated_log_z(W, b_v, b_h)
    variance = np.array([one.variance for one in several])
    assert np.abs(error).max() < 0.05
    # The sum, which is what a score is made of, and each frame: the error is as large as stated, neither more nor less.
    assert abs(error.sum()) < 2 * np.sqrt(variance.sum())
    squared = error**2 / variance
    assert 0.8 < squared.mean() < 1.3
    assert (squared < 4).mean() > 0.9


@pytest.mark.parametrize(
    ("visible", "hidden", "scale"),
    [
        (1, 1, 1.0),
        (9, 6, 0.7),
        *(pytest.param(*shape, marks=pytest.mark.slow) for shape in ((10, 2, 0.5), (3, 7, 1.0))),
    ],
)
def test_other_shapes_of_machine(visible, hidden, scale):
    rng = np.random.default_rng(visible)
    W, b_v, b_h = rng.normal(0, scale, (visible, hidden)), rng.normal(size=(9, visible)), rng.normal(size=(9, hidden))
    found = anneal(W, b_v, b_h, np.zeros(visible), np.zeros((9, visible)), temperatures=500, chains=100, seed=1)
    error = found.log_z - enumerated_log_z(W, b_v, b_h)
    assert np.abs(error).max() < 0.05
    assert abs(error.sum()) < 3 * np.sqrt(found.variance.sum())


def test_a_machine_without_couplings():
    base = np.array([-3.0, 0.0, 2.5])
    found = anneal(np.zeros((3, 2)), np.tile(base, (4, 1)), np.zeros((4, 2)), base, np.zeros((4, 3)), 2000, 20, seed=0)
    # Two hidden units of two equally probable states, and independent visible units: Z is a product.
    np.testing.assert_allclose(found.log_z, 2 * np.log(2) + np.log1p(np.exp(base)).sum(), atol=5e-3)


def test_far_biases_do_not_overflow():
    b_v, b_h = np.array([[200.0, -200.0, 100.0]]), np.array([[-200.0, 150.0]])
    W = np.full((3, 2), 0.5)
    found = anneal(W, b_v, b_h, np.array([3.0, -9.0, 1.0]), np.ones((1, 3)), temperatures=2000, chains=20, seed=0)
    np.testing.assert_allclose(found.log_z, enumerated_log_z(W, b_v, b_h), atol=0.05)


def test_few_temperatures_underestimate_and_more_of_them_help():
    """Machines with some thousands of frames, of which a mixture knows few."""
    rng = np.random.default_rng(7)
    W = rng.normal(0, 6, (12, 5))
    b_v, b_h = (rng.normal(-W.sum(axis) / 2, 0.5, (60, W.shape[1 - axis])) for axis in (1, 0))
    exact = enumerated_log_z(W, b_v, b_h)
    errors = [
        (anneal(W, b_v, b_h, np.zeros(12), np.zeros((60, 12)), temperatures, 5, 0).log_z - exact).mean()
        for temperatures in (2, 10, 300)
    ]
    assert errors[0] < -0.3 and errors[0] < errors[1] - 0.1 < errors[2] - 0.2
    assert abs(errors[2]) < 0.03


def test_a_hint_leads_to_frames_that_no_chain_finds():
    """Machines that know a frame and its opposite as well, far from what the training music has."""
    frame = np.resize([1, -1], (VISIBLE, 1))
    machine = 9 * frame, np.tile(-4.5 * frame.T, (50, 1)), np.full((50, 1), -4.5 * frame.sum())
    exact, base, hint = enumerated_log_z(*machine), -6 * frame[:, 0], np.tile(frame.T > 0, (50, 1))
    lost, found = (anneal(*machine, base, hints, 5, 20, 0).log_z - exact for hints in (1 - hint, hint))
    assert lost.mean() == pytest.approx(-np.log(2), abs=0.03) and lost.max() < -0.4
    assert found.mean() == pytest.approx(0, abs=0.03)


@pytest.mark.slow
def test_the_mean_of_z_is_exact_however_few_chains_and_temperatures_there_are(machines):
    """What annealing promises: Z, not its logarithm, is right on average. Draws used twice break it first."""
    W, b_v, b_h, base, hints = machines
    b_v, b_h, hints = (np.tile(array, (14, 1)) for array in (b_v, b_h, hints))
    several = [anneal(W, b_v, b_h, base, hints, 60, CHAINS, seed).log_z for seed in range(16)]
    found = np.exp(several - enumerated_log_z(W, b_v, b_h))
    stated = found.std() / np.sqrt(found.size)
    assert abs(found.mean() - 1) < 2.5 * stated and stated < 1.5e-4
    # What chance alone does to the mean of a seed, were no draw used twice.
    assert 0.6 < found.mean(axis=1).std(ddof=1) / found.std() * np.sqrt(found.shape[1]) < 1.5


def test_variance_shrinks_with_the_number_of_chains(machines):
    few, many = (anneal(*machines, 50, chains, seed=2).variance.mean() for chains in (20, 80))
    assert many / few == pytest.approx(1 / 4, rel=0.15)


def test_the_chains_end_in_draws_from_the_machines(machines, annealed):
    W, b_v, b_h, *_ = machines
    assert annealed.drawn.shape == (40, FRAMES, VISIBLE) and annealed.drawn.dtype == np.uint8
    means = enumerated_means(W, b_v, b_h)
    error = annealed.drawn.mean(0) - means
    stated = np.sqrt(means * (1 - means) / 40)
    assert np.abs(error.mean(0)).max() < 0.02
    assert 0.85 < (error / stated).std() < 1.15  # of every frame on its own


def test_no_two_chains_and_no_two_frames_share_their_draws():
    one = np.zeros((600, 6))  # the same machine 600 times
    found = anneal(np.ones((6, 2)), one, one[:, :2], np.zeros(6), one, temperatures=4, chains=20, seed=0)
    chains, frames = ({part.tobytes() for part in np.moveaxis(found.drawn, axis, 0)} for axis in (0, 1))
    assert len(chains) == 20 and len(frames) == 600


@pytest.mark.parametrize("cores", [1, 3, 16, None])
def test_the_result_does_not_depend_on_the_number_of_cores(machines, monkeypatch, cores):
    here = anneal(*machines, 20, 2 * CHAINS, seed=3)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    for mine, other in zip(here, anneal(*machines, 20, 2 * CHAINS, seed=3), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_the_same_seed_gives_the_same_result_and_another_another(machines):
    first, again, other = (anneal(*machines, 20, CHAINS, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.log_z, again.log_z)
    np.testing.assert_array_equal(first.drawn, again.drawn)
    assert (first.log_z != other.log_z).all()


@pytest.mark.parametrize("relative", [0, 1])
def test_a_model_measures_what_enumeration_says_within_the_error_it_states(relative):
    """Each of all frames of six bits under a machine of its own, moved or not by units at every pitch."""
    model = RNNRBM(hidden=4, units=(3,), low=60, high=65, struck=False, relative=relative, reach=2)
    ready(model)
    rbm, frames = randomised(model.distribution, scale=0.7), states(6).astype(np.uint8)
    rbm.base.assign(np.full(6, -0.5))
    parameters = np.random.default_rng(6).normal(size=(len(frames), sum(rbm.sizes))).astype(np.float32)
    b_v = parameters[:, :6] + parameters[:, 10:] if relative else parameters[:, :6]
    truth = rbm_log_p(np.asarray(rbm.W), b_v, parameters[:, 6:10])
    measured = model.estimator(thorough=True).measure(frames, parameters)
    error, stated = measured.log_p - truth[np.arange(64), np.arange(64)], np.sqrt(measured.variance)
    assert stated.max() < 0.05 and np.abs(error).max() < 0.1
    # Over thirty seeds the mean of the squares is 1.17 ± 0.25: an error estimated from twenty chains is a little small.
    assert abs(error.sum()) < 2 * np.sqrt(measured.variance.sum()) and 0.5 < (error**2 / stated**2).mean() < 2
    # The training loss: F(v), which is −log p(v) − log Z, less its mean over draws from the machine.
    expected = (np.exp(truth) * truth).sum(1) - np.diag(truth)
    assert measured.loss == pytest.approx(expected.mean(), abs=0.1)
