"""Layers against brute force: every state of a small machine, every step of a small network."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from zoo.layers.rbm import RBM
from zoo.layers.recurrent_rbm import CELLS, FrameSampler, RecurrentRBM
from zoo.layers.symbols import SymbolInput

VISIBLE, HIDDEN = 6, 4
V = np.array(list(itertools.product([0, 1], repeat=VISIBLE)), np.float32)  # every visible state
H = np.array(list(itertools.product([0, 1], repeat=HIDDEN)), np.float32)  # every hidden state


@pytest.fixture
def rbm():
    """A small machine with weights large enough to matter, and its biases."""
    rng = np.random.default_rng(1)
    layer = RBM(HIDDEN, gibbs_steps=3)
    layer.build((None, VISIBLE))
    layer.W.assign(rng.normal(0, 1, (VISIBLE, HIDDEN)))
    b_v, b_h = rng.normal(0, 1, VISIBLE).astype(np.float32), rng.normal(0, 1, HIDDEN).astype(np.float32)
    return layer, b_v, b_h


def exact(W, b_v, b_h):
    """p(v) of every visible state by summing over every hidden one, (2^VISIBLE,)."""
    energy = -(V @ b_v)[:, None] - (H @ b_h)[None] - V @ W @ H.T
    joint = np.exp(-energy.astype(np.float64))
    return joint.sum(1) / joint.sum(), joint.sum(1)


def test_free_energy_is_that_of_the_sum_over_hidden_states(rbm):
    layer, b_v, b_h = rbm
    _, unnormalised = exact(np.asarray(layer.W), b_v, b_h)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.free_energy(V, b_v, b_h)), -np.log(unnormalised), atol=1e-4)


def test_free_energy_is_finite_for_extreme_weights(rbm):
    layer, b_v, b_h = rbm
    layer.W.assign(np.full((VISIBLE, HIDDEN), 300.0))
    assert np.isfinite(ops.convert_to_numpy(layer.free_energy(V, b_v, b_h))).all()


def test_gibbs_chain_draws_from_the_machine(rbm):
    layer, b_v, b_h = rbm
    p, _ = exact(np.asarray(layer.W), b_v, b_h)
    chains = 20_000
    drawn = ops.convert_to_numpy(layer.gibbs(np.zeros((chains, VISIBLE), np.float32), b_v, b_h, 40)).astype(int)
    found = np.bincount(drawn @ (1 << np.arange(VISIBLE)[::-1]), minlength=len(V)) / chains
    assert np.abs(found - p).sum() / 2 < 0.04, "total variation; its own noise is about 0.02"


def test_gibbs_step_uses_the_given_noise_and_temperature(rbm):
    layer, b_v, b_h = rbm
    W = np.asarray(layer.W)
    v, rng = V[13:14], np.random.default_rng(0)
    for temperature in (0.5, 1.0, 2.0):
        u_h, u_v = rng.random((1, HIDDEN), np.float32), rng.random((1, VISIBLE), np.float32)
        h = u_h < 1 / (1 + np.exp(-(v @ W + b_h) / temperature))
        expected = u_v < 1 / (1 + np.exp(-(h @ W.T + b_v) / temperature))
        found = ops.convert_to_numpy(layer.gibbs_step(v, b_v, b_h, u_h, u_v, temperature))
        np.testing.assert_array_equal(found, expected)


def trained_gradient(layer, frames, k: int):
    """d loss / d W that Keras computes for CD-k, measured as the step that plain SGD takes."""
    inputs = keras.Input((VISIBLE,))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y_true, y_pred: layer.contrastive_loss(y_true, y_pred))
    layer.gibbs_steps = k
    before = np.asarray(layer.W).copy()
    model.train_on_batch(frames, frames)
    after = np.asarray(layer.W)
    layer.W.assign(before)
    return before - after


def test_contrastive_divergence_comes_close_to_the_gradient_of_the_likelihood(rbm):
    layer, b_v, b_h = rbm
    layer.b_v.assign(b_v)
    layer.b_h.assign(b_h)
    W = np.asarray(layer.W).copy()
    rng = np.random.default_rng(2)
    frames = np.repeat(V[rng.integers(0, len(V), 3)], 4000, axis=0)  # three frames, each many times: little noise
    sigmoid = 1 / (1 + np.exp(-(V @ W + b_h)))
    p, _ = exact(W, b_v, b_h)
    data = np.mean(frames[:, :, None] * (1 / (1 + np.exp(-(frames @ W + b_h))))[:, None], axis=0)
    gradient = np.einsum("s,sv,sh->vh", p, V, sigmoid) - data  # of −log p, averaged over frames
    errors = []
    for k in (1, 20):
        layer.b_v.assign(b_v)
        layer.b_h.assign(b_h)
        errors.append(np.abs(trained_gradient(layer, frames, k) - gradient).max())
    assert errors[1] < 0.02 < errors[0]


@pytest.mark.parametrize("cell", CELLS)
def test_biases_depend_on_earlier_frames_only(cell):
    machine = RecurrentRBM(HIDDEN, 5, cell)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 2, (1, 9, VISIBLE)).astype(np.float32)
    machine.build(frames.shape)
    machine.W_uv.assign(rng.normal(size=machine.W_uv.shape))
    machine.W_uh.assign(rng.normal(size=machine.W_uh.shape))
    machine.u0.assign(rng.normal(size=machine.u0.shape))
    biases = ops.convert_to_numpy(machine(frames))
    changed = frames.copy()
    changed[0, 4] = 1 - changed[0, 4]
    after = ops.convert_to_numpy(machine(changed))
    np.testing.assert_array_equal(biases[0, :5], after[0, :5])
    assert (np.abs(biases[0, 5:] - after[0, 5:]).max(axis=1) > 1e-6).all()


def test_the_recurrence_is_the_papers():
    """u(t) = tanh(b_u + v(t) W_vu + u(t−1) W_uu), step by step in NumPy."""
    machine = RecurrentRBM(HIDDEN, 5, "tanh")
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 2, (1, 7, VISIBLE)).astype(np.float32)
    machine.build(frames.shape)
    for variable in machine.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    W_vu, W_uu, b_u = (np.asarray(weight) for weight in machine.rnn.cell.weights)
    u, expected = np.asarray(machine.u0), []
    for v in frames[0]:
        b_v = np.asarray(machine.rbm.b_v) + u @ np.asarray(machine.W_uv)
        b_h = np.asarray(machine.rbm.b_h) + u @ np.asarray(machine.W_uh)
        expected.append(np.concatenate([b_v, b_h]))
        u = np.tanh(b_u + v @ W_vu + u @ W_uu)
    np.testing.assert_allclose(ops.convert_to_numpy(machine(frames))[0], expected, atol=1e-4)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("from_previous", [True, False])
def test_the_compiled_sampler_does_what_a_plain_loop_does(cell, from_previous):
    machine, steps, length = RecurrentRBM(HIDDEN, 5, cell), 3, 6
    rng = np.random.default_rng(0)
    machine.build((1, None, VISIBLE))
    for variable in machine.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    noise = rng.random((1, length, steps * (HIDDEN + VISIBLE) + 1), np.float32)
    noise[..., -1] = 0.8
    sampler = FrameSampler(machine, steps, from_previous)
    inputs = keras.Input(noise.shape[1:])
    memory = [keras.Input((size,)) for size in sampler.state_size]
    roll_out = keras.layers.RNN(sampler, return_sequences=True)
    compiled = keras.Model([inputs, *memory], roll_out(inputs, initial_state=memory))
    start = [np.zeros((1, VISIBLE), np.float32), *map(ops.convert_to_numpy, machine.initial_states(1))]
    found = np.asarray(compiled.predict_on_batch([noise, *start]))[0]

    frames = np.zeros((0, VISIBLE), np.float32)
    for row in noise[0]:
        biases = ops.convert_to_numpy(machine(np.concatenate([frames, frames[:0], np.zeros((1, VISIBLE))])[None]))[
            0, -1
        ]
        v = frames[-1:] if from_previous and len(frames) else np.zeros((1, VISIBLE), np.float32)
        for uniform in row[:-1].reshape(steps, -1):
            v = machine.rbm.gibbs_step(
                v, biases[:VISIBLE], biases[VISIBLE:], uniform[None, :HIDDEN], uniform[None, HIDDEN:], 0.8
            )
        frames = np.concatenate([frames, ops.convert_to_numpy(v)])
    np.testing.assert_array_equal(found, frames)
    assert 0 < frames.mean() < 1


@pytest.mark.parametrize(
    "layer",
    [
        SymbolInput(5, "one-hot"),
        SymbolInput(5, "scalar"),
        SymbolInput(5, "embedding", 3, clock=4),
        RBM(HIDDEN, 2),
        RecurrentRBM(HIDDEN, 5, "gru", 0.1, 7),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_are_registered_and_come_back_from_their_config(layer):
    x = np.zeros((2, 3), np.int32) if isinstance(layer, SymbolInput) else np.ones((2, 3, VISIBLE), np.float32)
    expected = ops.convert_to_numpy(layer(x))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    if not again.built:
        again.build(x.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x)), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert keras.saving.get_registered_name(type(layer)).startswith("zoo>")


def test_symbol_input_reads_symbol_and_clock():
    ids = np.array([[2 + 7 * 3, 6]])  # symbol 2 at clock 3; the start symbol, 6, at clock 0
    found = ops.convert_to_numpy(SymbolInput(5, "one-hot", clock=4)(ids))[0]
    assert found[0].nonzero()[0].tolist() == [2, 7 + 3]
    assert found[1].nonzero()[0].tolist() == [6, 7 + 0]
    assert ops.convert_to_numpy(SymbolInput(5, "scalar")(ids % 7))[0, :, 0] == pytest.approx([2 / 5, 6 / 5])
