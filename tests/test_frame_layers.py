"""Machines over frames and the recurrent network around them, against every state and every step by hand."""

import keras
import numpy as np
import pytest
from keras import ops
from machines import (
    arrays,
    assert_comes_back_from_its_config,
    assert_draws,
    hashed_noise,
    randomised,
    rbm_joint,
    rbm_log_p,
    sgd_step,
    sigmoid,
    states,
)

from zoo.layers.conditioned import CELLS, Conditioned, FrameSampler
from zoo.layers.dbn import DBN
from zoo.layers.nade import NADE
from zoo.layers.rbm import RBM
from zoo.layers.relative import Relative

VISIBLE, HIDDEN = 6, 4
V = states(VISIBLE).astype(np.float32)
RELATIVE = Relative(units=2, reach=1, memory=2, pitches=3)
MAKE = {
    "rbm": lambda **options: RBM(HIDDEN, gibbs_steps=2, sample_steps=3, **options),
    "nade": lambda **options: NADE(HIDDEN, **options),
    "dbn": lambda **options: DBN(HIDDEN, 2, gibbs_steps=2, sample_steps=3, **options),
}
NETWORKS = [(cell, units) for cell in CELLS for units in ((5,), (5, 4))]
networks = pytest.mark.parametrize(("cell", "units"), NETWORKS)


# The restricted Boltzmann machine.


@pytest.fixture
def rbm():
    """A small machine and its biases."""
    layer = randomised(RBM(HIDDEN, gibbs_steps=3), (None, VISIBLE))
    b_v, b_h = np.split(np.random.default_rng(1).normal(size=VISIBLE + HIDDEN).astype(np.float32), [VISIBLE])
    return layer, b_v, b_h


def log_p(rbm):
    layer, b_v, b_h = rbm
    return rbm_log_p(np.asarray(layer.W), b_v[None], b_h[None])[0]


def test_free_energy_is_that_of_the_sum_over_hidden_states(rbm):
    layer, b_v, b_h = rbm
    summed = np.exp(rbm_joint(np.asarray(layer.W), b_v[None], b_h[None])[0]).sum(-1)
    np.testing.assert_allclose(*arrays(layer.free_energy(V, b_v, b_h)), -np.log(summed), atol=1e-4)


def test_free_energy_is_finite_for_extreme_weights(rbm):
    layer, b_v, b_h = rbm
    layer.W.assign(np.full((VISIBLE, HIDDEN), 300.0))
    assert np.isfinite(*arrays(layer.free_energy(V, b_v, b_h))).all()


def test_gibbs_chain_draws_from_the_machine(rbm):
    layer, b_v, b_h = rbm
    (drawn,) = arrays(layer.gibbs(np.zeros((20_000, VISIBLE), np.float32), b_v, b_h, 40))
    assert_draws(drawn, np.exp(log_p(rbm)))


@pytest.mark.parametrize("start", ["previous", "zeros"])
def test_a_draw_is_a_gibbs_chain_with_the_given_noise_and_temperature(rbm, start):
    layer, rng = rbm[0], np.random.default_rng(0)
    layer.sample_steps, layer.chain_start, W = 2, start, 3 * np.asarray(layer.W)
    layer.W.assign(W)  # so large that the start is not forgotten
    before, temperature = V, rng.choice([0.5, 1.0, 2.0], (len(V), 1)).astype(np.float32)
    uniform = rng.random((len(before), layer.noise), np.float32)
    parameters = rng.normal(size=(len(before), VISIBLE + HIDDEN)).astype(np.float32)
    b_v, b_h = np.split(parameters, [VISIBLE], axis=1)
    v = before if start == "previous" else np.zeros_like(before)
    for of_h, of_v in hashed_noise(uniform, 2, HIDDEN, VISIBLE):
        h = of_h < sigmoid((v @ W + b_h) / temperature)
        v = of_v < sigmoid((h @ W.T + b_v) / temperature)
    np.testing.assert_array_equal(*arrays(layer.draw(before, parameters, uniform, temperature)), v)


def test_an_annealed_draw_goes_from_the_base_to_the_machine(rbm):
    layer, rng = rbm[0], np.random.default_rng(0)
    layer.sample_steps, layer.chain_start, W = 5, "annealed", 3 * np.asarray(layer.W)
    base = rng.normal(size=VISIBLE).astype(np.float32)
    layer.W.assign(W)
    layer.base.assign(base)
    temperature = rng.choice([0.5, 1.0, 2.0], (len(V), 1)).astype(np.float32)
    uniform = rng.random((len(V), layer.noise), np.float32)
    parameters = rng.normal(size=(len(V), VISIBLE + HIDDEN)).astype(np.float32)
    b_v, b_h = np.split(parameters, [VISIBLE], axis=1)
    v = np.zeros_like(V)
    for share, (of_h, of_v) in zip((0.25, 0.5, 0.75, 1, 1), hashed_noise(uniform, 5, HIDDEN, VISIBLE), strict=True):
        h = of_h < sigmoid(share * (v @ W + b_h) / temperature)
        v = of_v < sigmoid((share * (h @ W.T + b_v) + (1 - share) * base) / temperature)
    np.testing.assert_array_equal(*arrays(layer.draw(V, parameters, uniform, temperature)), v)


@pytest.mark.parametrize("start", ["zeros", "annealed"])
def test_draws_are_draws_from_the_machine(rbm, start):
    layer, b_v, b_h = rbm
    layer.sample_steps, layer.chain_start, draws = 40, start, 50_000
    noise = np.random.default_rng(1).random((draws, layer.noise), np.float32)
    silence, temperature = np.zeros((draws, VISIBLE), np.float32), np.ones((draws, 1), np.float32)
    parameters = np.tile(np.concatenate([np.asarray(b_v), np.asarray(b_h)]), (draws, 1))
    assert_draws(*arrays(layer.draw(silence, parameters, noise, temperature)), np.exp(log_p(rbm)))


def test_contrastive_divergence_comes_close_to_the_gradient_of_the_likelihood(rbm):
    layer, b_v, b_h = rbm
    inputs = keras.Input((VISIBLE,))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(1.0), loss=layer.loss)
    W = np.asarray(layer.W).copy()
    frames = np.repeat(V[[5, 13, 62]], 4000, axis=0)  # three frames, each many times: little noise
    p, on = np.exp(log_p(rbm)), sigmoid(V @ W + b_h)
    gradient = np.einsum("s,sv,sh->vh", p, V, on) - frames.T @ sigmoid(frames @ W + b_h) / len(frames)
    errors = []
    for k in (1, 20):
        layer.gibbs_steps = k
        for weight, value in ((layer.W, W), (layer.b_v, b_v), (layer.b_h, b_h)):
            weight.assign(value)
        model.make_train_function(force=True)
        found = sgd_step(model, frames, frames)
        errors.append(np.abs(found["W"] - gradient).max())
    assert errors[1] < 0.02 < errors[0]
    np.testing.assert_allclose(found["b_v"], p @ V - frames.mean(0), atol=0.02)
    np.testing.assert_allclose(found["b_h"], p @ on - sigmoid(frames @ W + b_h).mean(0), atol=0.02)


# The recurrent network.


def some_frames(*shape):
    return np.random.default_rng(0).integers(0, 2, (*shape, VISIBLE)).astype(np.float32)


@networks
@pytest.mark.parametrize("options", [{}, {"relative": RELATIVE}], ids=["", "relative"])
def test_parameters_depend_on_earlier_frames_only(cell, units, options):
    conditioned = randomised(Conditioned(MAKE["rbm"](**options), units, cell), (1, None, VISIBLE))
    frames = some_frames(1, 9)
    changed = frames.copy()
    changed[0, 4] = 1 - changed[0, 4]
    before, after = arrays(conditioned(frames), conditioned(changed))
    np.testing.assert_array_equal(before[0, :5], after[0, :5])
    assert (np.abs(before[0, 5:] - after[0, 5:]).max(axis=1) > 1e-6).all()


def cell_by_hand(cell, weights, x, h, c):
    """Output and inner state of one recurrent cell after x; weights in the order that Keras keeps them in."""
    kernel, recurrent, bias = weights
    if cell == "tanh":
        return np.tanh(bias + x @ kernel + h @ recurrent), c
    if cell == "lstm":
        i, f, new, o = np.split(bias + x @ kernel + h @ recurrent, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        return sigmoid(o) * np.tanh(c), c
    (z, r, new), (z_h, r_h, new_h) = np.split(bias[0] + x @ kernel, 3), np.split(bias[1] + h @ recurrent, 3)
    z, r = sigmoid(z + z_h), sigmoid(r + r_h)
    return z * h + (1 - z) * np.tanh(new + r * new_h), c


@networks
def test_the_recurrence_is_the_papers(cell, units):
    """u(t) from v(t) and u(t−1), parameters from u(t−1), step by step in NumPy."""
    conditioned = randomised(Conditioned(MAKE["rbm"](), units, cell), (1, None, VISIBLE))
    frames, W_u = some_frames(1, 7), np.asarray(conditioned.W_u)
    own = np.concatenate([np.asarray(bias) for bias in (conditioned.distribution.b_v, conditioned.distribution.b_h)])
    layers = [[np.asarray(weight) for weight in rnn.cell.weights] for rnn in conditioned.rnns]
    u, inner, expected = np.split(np.asarray(conditioned.u0), np.cumsum(units)[:-1]), [0.0] * len(units), []
    for v in frames[0]:
        expected.append(own + np.concatenate(u) @ W_u)
        below = v
        for index, weights in enumerate(layers):
            u[index], inner[index] = cell_by_hand(cell, weights, below, u[index], inner[index])
            below = u[index]
    np.testing.assert_allclose(arrays(conditioned(frames))[0][0], expected, atol=1e-4)


@networks
def test_masked_frames_leave_the_state_alone(cell, units):
    conditioned = randomised(Conditioned(MAKE["rbm"](), units, cell), (1, None, VISIBLE))
    frames, past = some_frames(2, 6), np.zeros((2, 1, VISIBLE), np.float32)
    mask, start = np.ones((2, 6), bool), conditioned.initial_states(2)
    mask[0, [2, 4, 5]] = False
    parameters, states = conditioned.read(frames, past, start, mask)
    kept, left = conditioned.read(frames[:, [0, 1, 3]], past, start)
    np.testing.assert_allclose(*(found[0] for found in arrays(parameters[:, :2], kept[:, :2])), atol=1e-6)
    np.testing.assert_allclose(*(found[0] for found in arrays(parameters[:, 3], kept[:, 2])), atol=1e-6)
    whole, ends = conditioned.read(frames, past, start)
    np.testing.assert_allclose(*(found[1] for found in arrays(parameters, whole)), atol=1e-6)
    for state, without, end in zip(arrays(*states), arrays(*left), arrays(*ends), strict=True):
        np.testing.assert_allclose(state[0], without[0], atol=1e-6)
        np.testing.assert_allclose(state[1], end[1], atol=1e-6)
        assert np.abs(state[0] - end[0]).max() > 1e-3


@networks
def test_a_song_read_in_two_parts_is_the_song_read_at_once(cell, units):
    conditioned = randomised(Conditioned(MAKE["rbm"](), units, cell), (1, None, VISIBLE))
    frames, past = some_frames(2, 6), np.zeros((2, 1, VISIBLE), np.float32)
    first, between = conditioned.read(frames[:, :4], past, conditioned.initial_states(2))
    second, after = conditioned.read(frames[:, 4:], frames[:, 3:4], between)
    np.testing.assert_allclose(*arrays(ops.concatenate([first, second], axis=1), conditioned(frames)), atol=1e-5)
    steps = conditioned.initial_states(2)
    for step in range(6):
        steps = conditioned.advance(frames[:, step : step + 1], steps)
    for one, other in zip(arrays(*after), arrays(*steps), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_dropout_is_on_the_way_up_and_to_the_parameters_and_not_in_the_recurrence():
    """Parameters that are u itself, of the same song many times: what of u is kept is doubled."""
    units = (6, 4)  # together as many as the parameters
    conditioned = randomised(Conditioned(MAKE["rbm"](), units, "gru", dropout=0.5), (1, None, VISIBLE))
    conditioned.W_u.assign(np.eye(VISIBLE + HIDDEN))
    for bias in conditioned.distribution.biases:
        bias.assign(np.zeros(bias.shape))
    frames = np.repeat(some_frames(1, 5), 200, axis=0)
    u, dropped = arrays(conditioned(frames), conditioned(frames, training=True))
    np.testing.assert_allclose(u, np.broadcast_to(u[:1], u.shape), atol=1e-6)
    assert 0.45 < (dropped == 0).mean() < 0.55
    below, above = np.split(dropped, [6], axis=2)
    np.testing.assert_allclose(below, np.where(below == 0, 0, 2 * u[..., :6]), atol=1e-5)
    np.testing.assert_allclose(above[:, 0], np.where(above[:, 0] == 0, 0, 2 * u[:, 0, 6:]), atol=1e-5)  # u(0)
    seen = {round(float(value), 4) for value in above[:, 1, 0]} - {0.0}
    assert len(seen) > 10, "the upper layer hears different parts of the lower one"


# Drawing.


@pytest.mark.parametrize(
    ("cell", "units", "kind"),
    [(*network, "rbm") for network in NETWORKS] + [("lstm", (5, 4), "nade"), ("gru", (5,), "dbn")],
)
def test_the_compiled_sampler_does_what_a_plain_loop_does(cell, units, kind):
    distribution, length, rng = MAKE[kind](), 6, np.random.default_rng(0)
    conditioned = randomised(Conditioned(distribution, units, cell), (1, None, VISIBLE))
    noise = rng.random((1, length, distribution.noise + 1), np.float32)
    noise[..., -1] = 0.8
    sampler = FrameSampler(conditioned)
    inputs, memory = keras.Input(noise.shape[1:]), [keras.Input((size,)) for size in sampler.state_size]
    roll_out = keras.layers.RNN(sampler, return_sequences=True)
    compiled = keras.Model([inputs, *memory], roll_out(inputs, initial_state=memory))
    compiled.compile(jit_compile=True)
    silence = np.zeros((1, VISIBLE), np.float32)
    found = np.asarray(compiled.predict_on_batch([noise, silence, *arrays(*conditioned.initial_states(1))]))[0]

    frames = np.zeros((0, VISIBLE), np.float32)
    for row in noise[0]:
        next_one = np.ones((1, VISIBLE), np.float32)  # whatever it is
        (parameters,) = arrays(conditioned(np.concatenate([frames, next_one])[None]))
        before = frames[-1:] if len(frames) else silence
        drawn = distribution.draw(before, parameters[0, -1:], row[None, :-1], row[None, -1:])
        frames = np.concatenate([frames, *arrays(drawn)])
    np.testing.assert_array_equal(found, frames)
    assert 0 < frames.mean() < 1


# Configurations.


@pytest.mark.parametrize("options", [{}, {"relative": RELATIVE}], ids=["", "relative"])
@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("conditioned", [False, True])
def test_layers_are_registered_and_come_back_from_their_config(conditioned, kind, options):
    layer = MAKE[kind](**options)
    layer = Conditioned(layer, (5, 3), "gru", 0.1) if conditioned else layer
    assert_comes_back_from_its_config(layer, np.ones((2, 3, VISIBLE), np.float32))


@pytest.mark.parametrize("make", [MAKE["rbm"], MAKE["dbn"]])
def test_every_option_is_in_the_config(make):
    layer = make(chain_start="zeros", name="mine")
    expected = {"name": "mine", "hidden": HIDDEN, "gibbs_steps": 2, "sample_steps": 3, "chain_start": "zeros"}
    assert layer.get_config().items() >= expected.items()
    expected = {"units": (5, 3), "cell": "lstm", "dropout": 0.25}
    assert Conditioned(layer, (5, 3), "lstm", 0.25).get_config().items() >= expected.items()
    assert NADE(3, 0.25).get_config().items() >= {"hidden": 3, "dropout": 0.25}.items()
