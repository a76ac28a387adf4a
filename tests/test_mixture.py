"""The mean of several networks, against every frame there is and against its members, each on its own."""

import numpy as np
import pytest
from machines import arrays, assert_comes_back_from_its_config, assert_draws, randomised, states
from songs import TRAIN, VALID

import zoo
from zoo.layers.biaxial import Biaxial
from zoo.layers.mixture import Ensemble, Mixture
from zoo.layers.pitch_axis import PitchAxis
from zoo.layers.relative import Relative

PITCHES, CHANNELS = 3, 2
VISIBLE = PITCHES * CHANNELS
RELATIVE = Relative(units=3, reach=2, memory=2, pitches=PITCHES)
EVERY = states(VISIBLE).astype(np.float32)
UPSIDE_DOWN = EVERY.reshape(-1, CHANNELS, PITCHES)[:, :, ::-1].reshape(-1, VISIBLE)


def axes(count):
    return [PitchAxis(2, 4, (3,), relative=RELATIVE, name=f"axis_{index}") for index in range(count)]


@pytest.fixture(scope="module")
def mixture():
    """Three members, parameters, and the probability of every frame under each member, as that one reads it."""
    layer = randomised(Mixture(axes(3)), (None, VISIBLE))
    parameters = np.random.default_rng(4).normal(size=(1, sum(layer.sizes))).astype(np.float32)
    rows = np.repeat(parameters, len(EVERY), axis=0)
    parts = np.split(rows, np.cumsum(layer.sizes)[:-1], axis=1)
    reads = [EVERY, UPSIDE_DOWN, EVERY]
    nats = [arrays(member.loss(*each))[0] for member, *each in zip(layer.members, reads, parts, strict=True)]
    return layer, parameters, np.exp(-np.array(nats, np.float64))


def test_the_probability_is_the_mean_of_the_members(mixture):
    layer, parameters, p = mixture
    (nats,) = arrays(layer.loss(EVERY, np.repeat(parameters, len(EVERY), axis=0)))
    np.testing.assert_allclose(np.exp(-nats.astype(np.float64)), p.mean(axis=0), rtol=1e-4)
    assert np.exp(-nats).sum() == pytest.approx(1, abs=1e-4)
    assert np.abs(p[0] - p[2]).max() > 0.01  # they are not one and the same


def test_each_learns_as_if_alone(mixture):
    layer, parameters, p = mixture
    (loss,) = arrays(layer.loss(EVERY, np.repeat(parameters, len(EVERY), axis=0), True))
    np.testing.assert_allclose(loss, -np.log(p).mean(axis=0), rtol=1e-4)


def test_draws_have_the_distribution(mixture):
    layer, parameters, p = mixture
    rng, draws = np.random.default_rng(5), 20_000
    uniform, ones = rng.random((draws, layer.noise), np.float32), np.ones((draws, 1), np.float32)
    before = np.zeros((draws, VISIBLE), np.float32)
    (drawn,) = arrays(layer.draw(before, np.repeat(parameters, draws, axis=0), uniform, ones))
    assert_draws(drawn, p.mean(axis=0))


def test_others_are_drawn_given_the_given_by_all_members(mixture):
    layer, parameters, p = mixture
    wanted = np.array([0, -1, 1, 0, 0, 0], np.float32)
    possible = ((EVERY * 2 - 1) * wanted >= 0).all(axis=1)
    shares = p[:, possible].sum(axis=1) / p[:, possible].sum()  # of each member, given that
    assert shares.min() > 0.1
    draws, rng = 8000, np.random.default_rng(3)
    uniform, ones = rng.random((draws, 100 * layer.noise + 1), np.float32), np.ones((draws, 1), np.float32)
    rows, given = np.repeat(parameters, draws, axis=0), np.tile(wanted, (draws, 1))
    (drawn,) = arrays(layer.draw_given(np.zeros_like(given), rows, uniform, ones, given))
    assert (drawn[:, 1] == 0).all() and (drawn[:, 2] == 1).all()
    assert_draws(drawn, p[:, possible].mean(axis=0).sum() ** -1 * p.mean(axis=0) * possible)


def test_the_biases_start_where_each_reads_them(mixture):
    layer = randomised(Mixture(axes(2)), (None, VISIBLE))
    share = np.linspace(0.1, 0.6, VISIBLE)
    layer.start(share)
    one, other = (1 / (1 + np.exp(-arrays(member.b)[0])) for member in layer.members)
    np.testing.assert_allclose(one, share, rtol=1e-5)
    np.testing.assert_allclose(other, share.reshape(CHANNELS, PITCHES)[:, ::-1].ravel(), rtol=1e-5)


def biaxial(name):
    return Biaxial(PitchAxis(2, 4, (3,), relative=RELATIVE), (3, 2), places=3, name=name)


@pytest.fixture(scope="module")
def ensemble():
    return randomised(Ensemble([biaxial("one"), biaxial("other")]), (1, None, VISIBLE))


def test_members_read_the_same_music_every_second_one_from_above(ensemble):
    frames = np.random.default_rng(0).integers(0, 2, (2, 5, VISIBLE)).astype(np.float32)
    turned = frames.reshape(2, 5, CHANNELS, PITCHES)[..., ::-1].reshape(2, 5, VISIBLE)
    one, other = (arrays(member(x))[0] for member, x in zip(ensemble.members, (frames, turned), strict=True))
    np.testing.assert_allclose(arrays(ensemble(frames))[0], np.concatenate([one, other], axis=-1), atol=1e-6)


def test_music_read_step_by_step_is_music_read_at_once(ensemble):
    frames = np.random.default_rng(1).integers(0, 2, (2, 6, VISIBLE)).astype(np.float32)
    (whole,), past, states = arrays(ensemble(frames)), np.zeros((2, 2, VISIBLE), np.float32), ensemble.initial_states(2)
    assert [state.shape[1] for state in states] == ensemble.state_sizes
    for step in range(6):
        np.testing.assert_allclose(arrays(ensemble.upcoming(past, states))[0], whole[:, step], atol=1e-5)
        past = np.concatenate([past[:, 1:], frames[:, step : step + 1]], axis=1)
        states = ensemble.advance(past, states)
    first, between = ensemble.read(frames[:, :4], np.zeros((2, 2, VISIBLE)), ensemble.initial_states(2))
    second, after = ensemble.read(frames[:, 4:], frames[:, 2:4], between)
    np.testing.assert_allclose(np.concatenate(arrays(first, second), axis=1), whole, atol=1e-5)
    for one, other in zip(arrays(*after), arrays(*states), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("make", [lambda: Mixture(axes(2)), lambda: Ensemble([biaxial("one"), biaxial("other")])])
def test_layers_are_registered_and_come_back_from_their_config(make):
    assert_comes_back_from_its_config(make(), np.ones((2, 3, VISIBLE), np.float32))


def test_a_model_of_two_members_scores_their_mean_and_comes_back_from_disk(tmp_path):
    model = zoo.create("biaxial_lstm", "smoke", members=2, updates=20)
    model.fit(TRAIN, VALID)
    lines = [line for song in VALID for line in model.codec.encode(song)]
    frames = np.concatenate([line.codes for line in lines]).astype(np.float32)
    parameters = np.concatenate(model.reader.parameters([line.codes for line in lines]))
    mixture = model.distribution
    log_p = [
        -arrays(member.loss(mixture.turned(frames, index), own))[0].astype(np.float64)
        for index, (member, own) in enumerate(zip(mixture.members, mixture.split(parameters), strict=True))
    ]
    score = model.score(VALID)
    assert score.nats == pytest.approx(-(np.logaddexp(*log_p) - np.log(2)).sum(), rel=1e-4)
    assert score.nats < -np.mean(log_p, axis=0).sum()
    model.save(tmp_path / "two")
    again = zoo.load(tmp_path / "two")
    assert again.score(VALID).nats == score.nats
    drawn = [[song.pitch.tolist() for song in each.sample(count=2, beats=4, seed=1)] for each in (model, again)]
    assert drawn[0] == drawn[1]
