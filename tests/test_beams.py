"""Beam search against all there is."""

from dataclasses import dataclass

import numpy as np
import pytest
from machines import randomised

import zoo
from zoo import UserError
from zoo.codecs import Line, MelodyCodec

STEPS = 3


@dataclass
class ThreeSymbols(MelodyCodec):
    """One takes no time, one a grid step, one two."""

    def lay_out(self):
        self.symbols, self.most_per_beat = [0, 1, 2], 2

    def steps_of(self, symbol):
        return symbol


def pieces(codec, codes=(), time=0, used=0, offset=0):
    """All that are complete with the symbol that reaches STEPS, and have no more in a beat than the codec says."""
    if time >= STEPS:
        yield np.array(codes, np.int32)
        return
    for code in range(used >= codec.most_per_beat, codec.size):
        before, after = ((offset + at) // codec.steps_per_beat for at in (time, time + code))
        yield from pieces(codec, (*codes, code), time + code, used + 1 if before == after else 0, offset)


@pytest.mark.parametrize("context", ["song", "window"])
def test_beams_of_full_width_find_the_most_probable_pieces(context):
    model = zoo.create("melody_lstm", "smoke", context=context, window=3)
    model.codec = ThreeSymbols(steps_per_beat=2)
    model._compile()
    randomised(model.network)
    everything = list(pieces(model.codec))
    assert len({len(codes) for codes in everything}) > 3 and len(everything) > 20

    def log_p(codes):
        padded = np.pad(codes, (0, 16 - len(codes)))  # one shape
        return model.log_probabilities(padded)[np.arange(len(codes)), codes].sum()

    ranked = sorted(everything, key=log_p, reverse=True)
    assert [codes.tolist() for codes in model.search(3, STEPS, 100, None)] == [codes.tolist() for codes in ranked[:3]]
    (greedy,), (coldest,) = model.search(1, STEPS, 1, None), model.generate(1, STEPS, 0.0, 1.0, None, 0)
    np.testing.assert_array_equal(greedy, coldest)
    # Behind a primer, which ends within a beat, the best pieces are the best ends.
    primer = np.array([1, 2, 0], np.int32)
    ends = sorted(pieces(model.codec, offset=3), key=lambda codes: log_p(np.concatenate([primer, codes])), reverse=True)
    found = model.search(len(ends), STEPS, 100, [Line(primer, 3, 1.5, 3)] * len(ends))
    assert {tuple(codes) for codes in found} == {tuple(codes) for codes in ends} and (found[0] == ends[0]).all()


def test_beams_follow_the_rules_and_the_cap_of_a_beat(here, loading_once):
    model = zoo.load("reports/tunes/runs/polyphony_lstm/smoke-seed0")
    codec = model.codec
    codec.most_per_beat, most = 3, codec.most_per_beat
    model._helpers.pop(("step",), None)
    (codes,) = model.search(1, 4, 3, None)
    codec.most_per_beat = most
    states = codec.rules.states(codes[None])[0]
    assert not codec.rules.forbidden(states[:-1])[np.arange(len(codes)), codes].any()
    beats = codec.times(codes)[:-1] // codec.steps_per_beat
    assert np.bincount(beats).max() <= 3 + codec.steps_per_beat and codec.times(codes)[-1] == 4


def test_pieces_are_the_best_few_and_nothing_is_random(here, loading_once):
    model = zoo.load("reports/tunes/runs/note_lstm/smoke-seed0")
    songs = model.sample(2, beats=4, beams=4)
    assert songs == model.sample(2, beats=4, beams=4, seed=9) and songs[0] != songs[1].replace(name=songs[0].name)
    for wrong in (
        dict(beams=1),
        dict(beams=0),
        dict(beams=2.5),
        dict(beams=4, temperature=1.0),
        dict(beams=4, top_p=0.5),
    ):
        with pytest.raises(UserError, match=r"beams (must be a whole number from 2, the number|searches and draws no)"):
            model.sample(2, beats=4, **wrong)
