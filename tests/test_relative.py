"""Units at every pitch: against plain loops over pitches and intervals, and against every frame there is."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from machines import randomised, ready

from zoo.layers.conditioned import Conditioned, FrameSampler
from zoo.layers.nade import NADE
from zoo.layers.rbm import RBM
from zoo.layers.relative import PitchBiases, PitchContext, Relative
from zoo.models._frames import READER_STEPS
from zoo.models.rnn_nade import RNNNADE

RELATIVE = Relative(units=2, reach=3, memory=2, pitches=4)
CHANNELS = 2
VISIBLE = CHANNELS * RELATIVE.pitches
EVERY = np.array(list(itertools.product([0, 1], repeat=VISIBLE)), np.float32)


def heard(kernel, frame, pitch):
    """Σ over intervals and channels of kernel (intervals, channels, units) times what sounds that far from `pitch`."""
    total = np.zeros(RELATIVE.units)
    for channel, away in itertools.product(range(CHANNELS), range(-RELATIVE.reach, RELATIVE.reach + 1)):
        if 0 <= pitch + away < RELATIVE.pitches:
            total += kernel[away + RELATIVE.reach, channel] * frame[channel * RELATIVE.pitches + pitch + away]
    return total


def test_the_biases_are_what_a_loop_over_frames_pitches_and_intervals_gives():
    rng, time = np.random.default_rng(1), 5
    frames = rng.integers(0, 2, (1, RELATIVE.memory + time - 1, VISIBLE)).astype(np.float32)
    u = rng.normal(size=(1, time, 3)).astype(np.float32)
    layer = randomised(PitchContext(RELATIVE), frames.shape, u.shape)
    S, W, d = (np.asarray(weight) for weight in (layer.S, layer.W, layer.d))
    found = ops.convert_to_numpy(layer(frames, u)).reshape(time, RELATIVE.pitches, RELATIVE.units)
    for at, pitch in itertools.product(range(time), range(RELATIVE.pitches)):
        past = sum(heard(S[back], frames[0, at + back], pitch) for back in range(RELATIVE.memory))
        np.testing.assert_allclose(found[at, pitch], d + u[0, at] @ W + past, atol=1e-4)


def test_visible_units_hear_every_unit_at_their_pitch():
    rng, time = np.random.default_rng(2), 4
    frames = rng.integers(0, 2, (1, RELATIVE.memory + time - 1, VISIBLE)).astype(np.float32)
    u = rng.normal(size=(1, time, 3)).astype(np.float32)
    layer = randomised(PitchBiases(RELATIVE, dropout=0.5), frames.shape, u.shape)
    units = ops.convert_to_numpy(layer.context(frames, u)).reshape(time, RELATIVE.pitches, RELATIVE.units)
    expected = np.maximum(units, 0) @ np.asarray(layer.A)  # (time, pitches, channels)
    found = ops.convert_to_numpy(layer(frames, u)).reshape(time, CHANNELS, RELATIVE.pitches)
    np.testing.assert_allclose(found, expected.transpose(0, 2, 1), atol=1e-5)
    assert np.ptp(found) > 1
    dropped = ops.convert_to_numpy(layer(frames, u, training=True)).reshape(found.shape)
    assert np.abs(dropped - found).max() > 0.1


def test_the_units_at_every_pitch_move_the_visible_biases_of_an_rbm():
    rbm = randomised(RBM(2, relative=RELATIVE), (None, VISIBLE))
    b_v, b_h, around = np.split(np.arange(2.0 * VISIBLE + 2), [VISIBLE, VISIBLE + 2])
    found = rbm.split(np.concatenate([b_v, b_h, around]))
    for part, expected in zip(found, (b_v + around, b_h), strict=True):
        np.testing.assert_array_equal(part, expected)
    own = np.concatenate([np.asarray(rbm.b_v), np.asarray(rbm.b_h), np.zeros(VISIBLE)])
    np.testing.assert_allclose(rbm(np.zeros((1, VISIBLE)))[0], own, rtol=1e-6)


@pytest.fixture(scope="module")
def nade():
    """A NADE with units at every pitch, parameters, and the probability of every frame."""
    layer = randomised(NADE(3, relative=RELATIVE), (None, VISIBLE))
    parameters = np.random.default_rng(4).normal(size=(1, sum(layer.sizes))).astype(np.float32)
    nats = layer.loss(layer.targets(EVERY), np.repeat(parameters, len(EVERY), axis=0))
    return layer, parameters, np.exp(-ops.convert_to_numpy(nats))


def test_the_probabilities_of_all_frames_sum_to_one(nade):
    _, _, p = nade
    assert p.sum() == pytest.approx(1, abs=1e-4)


def test_the_loss_is_what_a_loop_over_bits_gives(nade):
    layer, parameters, p = nade
    W, V, K = (np.asarray(weight) for weight in (layer.W, layer.V, layer.K))
    b, c, g, a = (part[0] for part in layer.split(parameters))
    g, a = g.reshape(CHANNELS, -1), a.reshape(RELATIVE.pitches, -1)
    for index in (3, 77, 170, 255):
        frame, log_p = EVERY[index], 0.0
        for bit in range(VISIBLE):
            channel, pitch = divmod(bit, RELATIVE.pitches)
            before = np.where(np.arange(VISIBLE) < bit, frame, 0)
            units = np.maximum(heard(K[:, :, channel], before, pitch) + a[pitch], 0)
            logit = b[bit] + V[bit] @ (1 / (1 + np.exp(-(c + before @ W)))) + g[channel] @ units
            log_p -= np.log1p(np.exp(-logit if frame[bit] else logit))
        assert np.log(p[index]) == pytest.approx(log_p, abs=1e-4)


def test_draws_are_of_that_distribution(nade):
    layer, parameters, p = nade
    rng, draws = np.random.default_rng(5), 50_000
    uniform = rng.random((draws, VISIBLE), np.float32)
    silence, ones = np.zeros((draws, VISIBLE), np.float32), np.ones((draws, 1), np.float32)
    drawn = ops.convert_to_numpy(layer.draw(silence, np.repeat(parameters, draws, axis=0), uniform, ones)).astype(int)
    found = np.bincount(drawn @ (1 << np.arange(VISIBLE)[::-1]), minlength=len(EVERY)) / draws
    noise = np.sqrt(2 / np.pi / draws * p * (1 - p)).sum() / 2  # expected total variation
    assert np.abs(found - p).sum() / 2 < 1.5 * noise


@pytest.mark.parametrize("distribution", [RBM(3, sample_steps=2, relative=RELATIVE), NADE(3, relative=RELATIVE)])
def test_transposed_music_has_transposed_biases(distribution):
    """As far as the units at every pitch go, and where the borders of the roll are out of reach."""
    relative = RELATIVE._replace(pitches=30)
    distribution = type(distribution).from_config(distribution.get_config() | {"relative": relative})
    conditioned = randomised(Conditioned(distribution, (5,)), (1, None, 30))
    frames = np.zeros((2, 6, 30), np.float32)
    chord = np.random.default_rng(6).integers(0, 2, (6, 10))
    frames[0, :, 8:18], frames[1, :, 11:21] = chord, chord
    past = np.zeros((2, relative.memory, 30), np.float32)
    u = np.zeros((2, 6, 5), np.float32)
    parameters = conditioned.parameters(u, np.concatenate([past, frames[:, :-1]], axis=1))
    around = ops.convert_to_numpy(parameters)[..., -distribution.context_size :].reshape(2, 6, 30, -1)
    np.testing.assert_allclose(around[0, :, :27], around[1, :, 3:], atol=1e-5)
    assert np.ptp(around[0, 3]) > 1


@pytest.mark.parametrize("distribution", [RBM(3, sample_steps=2, relative=RELATIVE), NADE(3, relative=RELATIVE)])
def test_the_sampler_hears_the_frames_it_drew(distribution):
    """The frame that a plain loop over whole sequences draws with the same noise."""
    distribution = type(distribution).from_config(distribution.get_config())
    conditioned = randomised(Conditioned(distribution, (4, 3), "gru"), (1, None, VISIBLE))
    length, rng = 6, np.random.default_rng(7)
    noise = rng.random((1, length, distribution.noise + 1), np.float32)
    noise[..., -1] = 0.9
    sampler = FrameSampler(conditioned)
    inputs, memory = keras.Input(noise.shape[1:]), [keras.Input((size,)) for size in sampler.state_size]
    roll_out = keras.layers.RNN(sampler, return_sequences=True)
    compiled = keras.Model([inputs, *memory], roll_out(inputs, initial_state=memory))
    silence = np.zeros((1, RELATIVE.memory * VISIBLE), np.float32)
    start = [silence, *map(ops.convert_to_numpy, conditioned.initial_states(1))]
    found = np.asarray(compiled.predict_on_batch([noise, *start]))[0]
    frames = np.zeros((0, VISIBLE), np.float32)
    for row in noise[0]:
        so_far = np.concatenate([frames, np.zeros((1, VISIBLE), np.float32)])
        parameters = ops.convert_to_numpy(conditioned(so_far[None]))[0, -1:]
        before = frames[-1:] if len(frames) else np.zeros((1, VISIBLE), np.float32)
        drawn = distribution.draw(before, parameters, row[None, :-1], row[None, -1:])
        frames = np.concatenate([frames, ops.convert_to_numpy(drawn)])
    np.testing.assert_array_equal(found, frames)
    assert 0 < frames.mean() < 1


def test_long_music_read_in_parts_is_music_read_at_once():
    model = RNNNADE(hidden=3, units=(4,), cell="lstm", relative=2, reach=5, memory=3, low=60, high=67, struck=False)
    ready(model)
    randomised(model.conditioned)
    frames = np.random.default_rng(8).integers(0, 2, (READER_STEPS + 40, 8)).astype(np.uint8)
    expected = ops.convert_to_numpy(model.conditioned(frames[None].astype(np.float32)))[0]
    (found,) = model.reader.parameters([frames])
    np.testing.assert_allclose(found, expected, atol=1e-4)
