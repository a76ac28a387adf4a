"""The compiled samplers draw, song by song, what slow and obvious ones in plain NumPy draw with the same noise."""

import numpy as np
import pytest
import references
from machines import randomised, ready, weights_of
from songs import TRAIN

import zoo
from zoo.codecs import Line

SEED, SONGS = 5, 7  # more songs than one core draws at once
PITCHES = 6


def compiled(name, **hyperparameters):
    """An untrained model with weights large enough to matter, and those in double precision, by name."""
    model = zoo.create(name, "smoke", **hyperparameters)
    ready(model, TRAIN)
    randomised(model.network, scale=0.7)
    return model, {key: value.astype(np.float64) for key, value in weights_of(model.network).items()}


def generators():
    return (np.random.default_rng([SEED, row]) for row in range(SONGS))


@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize(
    ("name", "hyperparameters"),
    [
        ("melody_lstm", dict(hold=True)),
        ("event_lstm", dict(split=True, draw_temperature=False, clock_beats=2)),
    ],
)
def test_symbols(name, hyperparameters, temperature):
    model, weights = compiled(name, **hyperparameters)
    model.codec.most_per_beat = 3  # so that time is forced on
    lines = [line for song in TRAIN for line in model.codec.encode(song)][:SONGS]
    for primers in (None, [line._replace(codes=line.codes[:20]) for line in lines]):
        drawn = model.generate(SONGS, 40, temperature, 1.0, primers, SEED)
        for row, rng in enumerate(generators()):
            primer = primers[row].codes if primers else []
            expected = references.symbols(weights, model.codec, model.clock, primer, 40, temperature, rng)
            np.testing.assert_array_equal(drawn[row], expected)


@pytest.mark.parametrize("temperature", [0.7, 1.5])
@pytest.mark.parametrize("name", ["rnn_nade", "rnn_rbm"])
def test_frames(name, temperature):
    small = dict(low=60, high=59 + PITCHES, struck=False, cell="tanh", hidden=4, units=(5,))
    model, weights = compiled(name, **small)
    if name == "rnn_nade":
        draw, noise = references.nade(weights, temperature), PITCHES
    else:
        draw, noise = references.gibbs(weights, model.sample_steps, temperature), 2
    rng = np.random.default_rng(0)
    lines = [Line(rng.integers(0, 2, (length, PITCHES)).astype(np.uint8), length, 1.0, 1) for length in range(1, 8)]
    for primers in (None, lines):
        drawn = model.generate(SONGS, 20, temperature, 1.0, primers, SEED)
        for row, generator in enumerate(generators()):
            primer = primers[row].codes if primers else []
            expected = references.frames(weights, draw, noise, primer, 20, generator)
            np.testing.assert_array_equal(drawn[row], expected)
        assert 0.1 < np.mean(drawn) < 0.9
