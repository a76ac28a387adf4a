"""The biaxial network against plain loops over pitches, intervals and bits, and against every frame there is."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from machines import arrays, assert_comes_back_from_its_config, assert_draws, randomised, sigmoid, states
from songs import TRAIN

import zoo
from zoo.codecs import Line
from zoo.layers.biaxial import Biaxial
from zoo.layers.intervals import Intervals
from zoo.layers.pitch_axis import PitchAxis
from zoo.layers.relative import Relative

PITCHES, CHANNELS = 4, 2
VISIBLE = PITCHES * CHANNELS
RELATIVE = Relative(units=3, reach=2, memory=2, pitches=PITCHES)
EVERY = states(VISIBLE).astype(np.float32)
ORDER = [channel * PITCHES + pitch for pitch in range(PITCHES) for channel in range(CHANNELS)]


def by_hand(layer, frame):
    """What `Intervals` gives for one frame, pitch by pitch, interval by interval."""
    relative, planes = layer.relative, frame.reshape(-1, layer.relative.pitches)
    K, by_class, E, d = (np.asarray(weight, np.float64) for weight in (layer.K, layer.O, layer.E, layer.d))
    units = E + d
    for pitch, other in itertools.product(range(relative.pitches), repeat=2):
        away = other - pitch
        if layer.below and away >= 0:
            continue
        kernel = by_class[away % 12] + (K[away + relative.reach] if abs(away) <= relative.reach else 0)
        units[pitch] += planes[:, other] @ kernel
    return units


@pytest.mark.parametrize("below", [False, True])
def test_intervals_are_what_a_loop_over_pairs_of_pitches_gives(below):
    relative = RELATIVE._replace(pitches=15)
    layer = randomised(Intervals(relative, below), (None, 30))
    frames = np.random.default_rng(1).integers(0, 2, (2, 3, 30)).astype(np.float32)
    (found,) = arrays(layer(frames))
    for row in np.ndindex(2, 3):
        np.testing.assert_allclose(found[row], by_hand(layer, frames[row]), atol=1e-4)


@pytest.fixture(scope="module")
def axis():
    """A small axis of pitch with two LSTMs, parameters, and the probability of every frame."""
    layer = randomised(PitchAxis(5, 4, (3, 2), relative=RELATIVE), (None, VISIBLE), scale=0.8)
    parameters = np.random.default_rng(4).normal(size=(1, sum(layer.sizes))).astype(np.float32)
    (nats,) = arrays(layer.loss(EVERY, np.repeat(parameters, len(EVERY), axis=0)))
    return layer, parameters, np.exp(-nats.astype(np.float64))


def test_the_probabilities_of_all_frames_sum_to_one(axis):
    assert axis[2].sum() == pytest.approx(1, abs=1e-4)


def test_the_loss_is_what_a_loop_over_pitches_gives(axis):
    layer, parameters, p = axis
    W, A, R = (np.asarray(weight, np.float64) for weight in (layer.W, layer.A, layer.R))
    lstms = [[np.asarray(weight, np.float64) for weight in rnn.weights] for rnn in layer.rnns]
    b, u = np.split(parameters[0], [VISIBLE])
    u = u.reshape(PITCHES, 5)
    for index in (3, 77, 170, 255):
        frame, log_p = EVERY[index], 0.0
        below = by_hand(layer.below, frame)
        memory = [(np.zeros(size), np.zeros(size)) for size in layer.units]
        for pitch in range(PITCHES):
            n = x = np.maximum(u[pitch] @ W + below[pitch], 0)
            for place, (kernel, recurrent, bias) in enumerate(lstms):
                h, c = memory[place]
                i, f, new, o = np.split(n @ kernel + h @ recurrent + bias, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
                n = sigmoid(o) * np.tanh(c)
                memory[place] = n, c
            for channel in range(CHANNELS):
                logit = b[channel * PITCHES + pitch] + np.concatenate([x, n]) @ A[:, channel]
                logit += sum(frame[one * PITCHES + pitch] * R[one, channel] for one in range(channel))
                log_p -= np.logaddexp(0, -logit if frame[channel * PITCHES + pitch] else logit)
        assert np.log(p[index]) == pytest.approx(log_p, abs=1e-4)


def test_a_bit_moves_the_logits_of_those_after_it_only(axis):
    """From low to high, and at a pitch first whether it sounds."""
    layer, parameters, _ = axis
    frames = np.tile(EVERY[90], (1 + VISIBLE, 1))
    frames[range(1, 1 + VISIBLE), ORDER] = 1 - EVERY[90, ORDER]  # one more in each row
    (logit,) = arrays(layer.logits(frames, np.repeat(parameters, 1 + VISIBLE, axis=0)))
    for place, moved in enumerate(np.abs(logit[1:] - logit[0])[:, ORDER]):
        assert (moved[: place + 1] == 0).all() and (moved[place + 1 :] > 1e-6).all()


def test_draws_have_the_distribution(axis):
    layer, parameters, p = axis
    rng, draws = np.random.default_rng(5), 20_000
    uniform, ones = rng.random((draws, VISIBLE), np.float32), np.ones((draws, 1), np.float32)
    (drawn,) = arrays(layer.draw(np.zeros_like(uniform), np.repeat(parameters, draws, axis=0), uniform, ones))
    assert_draws(drawn, p)


def test_a_draw_uses_the_given_noise_and_temperature(axis):
    layer, parameters, _ = axis
    rng, rows = np.random.default_rng(6), 30
    uniform = rng.random((rows, VISIBLE), np.float32)
    temperature = rng.choice([1e-6, 0.5, 2.0], (rows, 1)).astype(np.float32)
    parameters = np.repeat(parameters, rows, axis=0)
    (drawn,) = arrays(layer.draw(np.ones_like(uniform), parameters, uniform, temperature))
    (logit,) = arrays(layer.logits(drawn, parameters))
    np.testing.assert_array_equal(drawn, uniform < sigmoid(np.clip(logit / temperature, -500, 500)))


def biaxial(units=(4, 3), cell="lstm", pitches=PITCHES, **options):
    relative = RELATIVE._replace(pitches=pitches)
    distribution = PitchAxis(units[-1], 4, (3,), relative=relative)
    return randomised(Biaxial(distribution, units, cell, **options), (1, None, CHANNELS * pitches))


def some_frames(*shape):
    return np.random.default_rng(0).integers(0, 2, shape).astype(np.float32)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_parameters_depend_on_earlier_frames_only(cell):
    frames = np.repeat(some_frames(1, 9, VISIBLE), 1 + VISIBLE, axis=0)
    frames[range(1, 1 + VISIBLE), 4, range(VISIBLE)] = 1 - frames[0, 4]  # another bit in each row
    (parameters,) = arrays(biaxial(cell=cell, places=3)(frames))
    moved = np.abs(parameters[1:] - parameters[0])
    assert moved[:, :5].max() < 1e-6 and moved[:, 5:].max(axis=2).min() > 1e-5  # rows of a batch round differently


def test_along_time_every_pitch_has_the_recurrence_of_keras():
    """u at one pitch is what the same layers make of what that pitch reads."""
    layer, frames = biaxial(places=3), some_frames(1, 6, VISIBLE)
    (parameters,) = arrays(layer(frames))
    u = parameters[0, :, VISIBLE:].reshape(6, PITCHES, 3)
    E = np.asarray(layer.place)
    padded = np.concatenate([np.zeros((1, VISIBLE)), frames[0]])  # silence before the first
    read = [by_hand(layer.last_frames, np.concatenate(padded[at : at + 2])) + E[(at + 1) % 3] for at in range(6)]
    u0 = np.split(np.asarray(layer.u0), [4])
    np.testing.assert_allclose(u[0], np.tile(u0[1], (PITCHES, 1)), atol=1e-6)
    for pitch in range(PITCHES):
        outputs = np.maximum(np.array(read)[None, :, pitch], 0).astype(np.float32)
        for rnn, start in zip(layer.rnns, u0, strict=True):
            outputs, *_ = rnn(outputs, initial_state=[start[None], np.zeros_like(start[None])])
        np.testing.assert_allclose(u[1:, pitch], arrays(outputs)[0][0, :-1], atol=1e-4)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_masked_frames_leave_states_and_place_alone_and_music_may_be_read_in_parts(cell):
    layer, frames, past = biaxial(cell=cell, places=5), some_frames(2, 8, VISIBLE), np.zeros((2, 2, VISIBLE))
    start, (whole,) = layer.initial_states(2), arrays(layer(frames))
    mask = np.arange(5) < np.array([[3], [5]])
    first, between = layer.read(frames[:, :5], past, start, mask)
    np.testing.assert_allclose(arrays(first)[0][1], whole[1, :5], atol=1e-5)
    assert arrays(between[-1])[0].tolist() == [[3], [0]]
    past = np.stack([frames[0, 1:3], frames[1, 3:5]])
    rest = np.stack([frames[0, 3:6], frames[1, 5:8]])
    second, after = layer.read(rest, past, between)
    np.testing.assert_allclose(arrays(second)[0], np.stack([whole[0, 3:6], whole[1, 5:8]]), atol=1e-5)
    for step in range(3):
        np.testing.assert_allclose(arrays(layer.upcoming(past, between))[0], arrays(second)[0][:, step], atol=1e-5)
        past = np.concatenate([past[:, 1:], rest[:, step : step + 1]], axis=1)
        between = layer.advance(past, between)
    for one, other in zip(arrays(*after), arrays(*between), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_transposed_music_has_transposed_parameters_but_for_what_a_pitch_knows_of_itself():
    layer = biaxial(pitches=40)
    layer.last_frames.E.assign(np.zeros(layer.last_frames.E.shape))
    frames, chord = np.zeros((2, 6, CHANNELS, 40), np.float32), some_frames(6, CHANNELS, 12)
    frames[0, ..., 10:22], frames[1, ..., 13:25] = chord, chord
    u = arrays(layer(frames.reshape(2, 6, -1)))[0][..., 80:].reshape(2, 6, 40, -1)
    np.testing.assert_allclose(u[0, :, :37], u[1, :, 3:], atol=1e-5)
    assert np.ptp(u[0, 3]) > 0.1


def test_what_is_dropped_is_dropped_at_all_times_and_at_all_pitches():
    layer = biaxial(units=(30,), dropout=0.5)
    layer.u0.assign(np.ones(30))
    frames = np.zeros((200, 5, VISIBLE), np.float32)
    dropped = arrays(layer(frames, training=True))[0][..., VISIBLE:].reshape(200, 5, PITCHES, 30) == 0
    assert 0.45 < dropped.mean() < 0.55
    assert (dropped == dropped[:, :1]).all() and not (dropped == dropped[:, :, :1]).all()
    axis = randomised(PitchAxis(3, 6, (3,), 0.5, RELATIVE), (None, VISIBLE))
    row = np.random.default_rng(5).normal(size=sum(axis.sizes)).astype(np.float32)
    kept, lost = (arrays(axis.loss(np.tile(EVERY[90], (99, 1)), np.tile(row, (99, 1)), mode))[0] for mode in (0, 1))
    assert np.ptp(kept) < 1e-4 and len(np.unique(lost.round(3))) > 10


def test_dropped_frames_are_frames_not_read():
    """With all but nothing of the music dropped, training reads silence; otherwise all is read."""
    layer = biaxial(input_dropout=0.999999)
    frames, silence = np.ones((3, 6, VISIBLE), np.float32), np.zeros((3, 6, VISIBLE), np.float32)
    read, unread = (arrays(layer(x, training=True))[0] for x in (frames, silence))
    np.testing.assert_allclose(read, unread, atol=1e-5)
    assert np.abs(arrays(layer(frames))[0] - unread).max() > 0.1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Intervals(RELATIVE, below=True),
        lambda: PitchAxis(3, 4, (3, 2), 0.1, RELATIVE),
        lambda: Biaxial(PitchAxis(3, 4, (2,), 0.1, RELATIVE), (4, 3), "gru", 0.2, places=5, input_dropout=0.1),
    ],
)
def test_layers_are_registered_and_come_back_from_their_config(make):
    assert_comes_back_from_its_config(make(), np.ones((2, 3, VISIBLE), np.float32))


def test_training_sequences_begin_with_the_bar():
    """Of music that only its place in the bar explains, a short training learns when notes come."""
    options = dict(low=60, high=63, struck=False, steps_per_beat=1, clock_beats=3, dropout=0.0)
    model = zoo.create("biaxial_lstm", "smoke", chunk=8, **options)
    model.codec = model.make_codec().fit(TRAIN)
    assert (model.places, model.sequence) == (3, 6)
    lines = [Line(np.arange(80, dtype=np.uint8).reshape(20, 4) % 2, 20, 20.0, 1)]
    model._compile()
    assert sorted(weight.sum() for _, _, weight in model.batches(lines, np.random.default_rng(0))) == [20]
    assert max(x.shape[1] for x, _, _ in model.batches(lines, np.random.default_rng(0))) == 6
    by_three = zoo.create("biaxial_lstm", "smoke", steps_per_frame=6, clock_beats=4, steps_per_beat=4, chunk=7)
    by_three.codec = by_three.make_codec().fit(TRAIN)
    assert (by_three.places, by_three.sequence) == (8, 8)
    assert keras.backend.standardize_dtype(ops.convert_to_tensor(model.conditioned.place).dtype) == "float32"
