"""Frames of which some bits are given, against p(others | given) counted over all frames."""

import numpy as np
import pytest
from machines import arrays, assert_draws, randomised, states

from zoo.layers.bit_by_bit import BitByBit
from zoo.layers.dbn import DBN
from zoo.layers.frames import FrameDistribution, bernoulli_nats
from zoo.layers.nade import NADE
from zoo.layers.pitch_axis import PitchAxis
from zoo.layers.rbm import RBM
from zoo.layers.relative import Relative

VISIBLE, HIDDEN = 6, 3
V = states(VISIBLE).astype(np.float32)
GIVEN = np.array([0, 0, 1, 0, -1, 1], np.float32)  # late in the order, so that what is drawn before must know of it
AROUND = Relative(units=2, reach=2, memory=1, pitches=VISIBLE // 2)
OF_CHAINS = dict(sample_steps=40)


def log_p(distribution: FrameDistribution, parameters: np.ndarray) -> np.ndarray:
    """log of the probability of every frame, up to a constant."""
    rows = np.tile(parameters, (len(V), 1))
    if isinstance(distribution, DBN):
        lower, upper = distribution.parts(rows[:1])
        h = states(HIDDEN).astype(np.float32)
        of_h = -arrays(distribution.upper.free_energy(h, *distribution.upper.split(upper)))[0]
        down = distribution.down(h[:, None], lower[:, :VISIBLE])
        return np.logaddexp.reduce(of_h[:, None] - arrays(bernoulli_nats(V, down))[0], axis=0)
    if isinstance(distribution, RBM):
        return -arrays(distribution.free_energy(V, *distribution.split(rows)))[0]
    return -arrays(distribution.loss(distribution.targets(V), rows))[0]


@pytest.mark.parametrize(
    "distribution",
    [
        RBM(HIDDEN, **OF_CHAINS, chain_start="annealed"),
        DBN(HIDDEN, 1, **OF_CHAINS),
        NADE(HIDDEN, relative=AROUND),
        PitchAxis(2, 4, (3,), relative=AROUND),
    ],
    ids=lambda distribution: type(distribution).__name__,
)
def test_the_others_are_drawn_given_the_given(distribution):
    draws, rng = 8000, np.random.default_rng(3)
    randomised(distribution, (None, VISIBLE), scale=1.5)
    parameters = rng.normal(size=(1, sum(distribution.sizes))).astype(np.float32)
    width = 100 * VISIBLE + 1 if isinstance(distribution, BitByBit) else distribution.noise_given
    before, ones = np.zeros((draws, VISIBLE), np.float32), np.ones((draws, 1), np.float32)
    given, uniform = np.tile(GIVEN, (draws, 1)), rng.random((draws, width), np.float32)
    (drawn,) = arrays(distribution.draw_given(before, np.repeat(parameters, draws, axis=0), uniform, ones, given))
    assert (drawn[:, GIVEN > 0] == 1).all() and (drawn[:, GIVEN < 0] == 0).all()
    p = np.exp(log_p(distribution, parameters)) * ((V * 2 - 1) * GIVEN >= 0).all(axis=1)
    assert_draws(drawn, p / p.sum())
