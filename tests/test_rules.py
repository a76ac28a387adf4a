"""What may follow what: every piece obeys, what obeys is the encoding of a piece, and a network gives it all."""

import itertools

import numpy as np
import pytest
from codings import CODECS, fitted, song
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from songs import tune

import zoo
from zoo.codecs import NoteCodec, PerformanceCodec, PolyphonyCodec
from zoo.layers.rules import Allowed, after

RULED = {name: codec for name, codec in CODECS.items() if getattr(codec, "rules", None) is not None}
ruled = pytest.mark.parametrize("codec", RULED.values(), ids=RULED)
# Those whose every sequence that the rules allow is an encoding; of a NoteCodec a pitch may be struck while it sounds.
EXACT = {name: codec for name, codec in RULED.items() if not isinstance(codec, NoteCodec)}


def walk(codec, rng, length):
    """A random sequence of symbols that the rules allow."""
    state, codes = codec.rules.first[None], []
    for _ in range(length):
        allowed = np.flatnonzero(~codec.rules.forbidden(state)[0])
        if not len(allowed):  # a velocity where all pitches above sound already
            return codes[:-1], codec.rules.states(np.array([codes[:-1]]))[0, -1]
        codes.append(int(rng.choice(allowed)))
        state = codec.rules.after(state, np.array(codes[-1:]))
    return codes, state[0]


def closed(codec, codes, state):
    """`codes` and what ends them: releases of what sounds, or the end of a step."""
    if isinstance(codec, PolyphonyCodec):
        return [*codes, codec.symbols.index(["step"])]
    shift = codec.symbols.index(["s", codec.longest_shift * codec.steps_per_beat])
    if state[384 + (codec.velocity_bins if codec.velocity_bins > 1 else 0)]:  # a velocity without its note
        codes = codes[:-1]
        state = codec.rules.states(np.array([codes]))[0, -1]
    offs = [codec.symbols.index(["nf", int(pitch)]) for pitch in np.flatnonzero(state[:128])]
    if state[-1]:  # a rest has just ended: its shift is made the longest one
        codes = [*codes[:-1], shift]
    return [*codes, shift, *offs]


def test_some_representations_have_rules():
    assert {type(codec) for codec in RULED.values()} == {NoteCodec, PerformanceCodec, PolyphonyCodec}


@ruled
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_piece_breaks_them(codec, data):
    rows = data.draw(
        st.lists(
            st.tuples(st.integers(0, 90), st.integers(1, 40), st.integers(0, 127), st.integers(1, 127)), min_size=1
        )
    )
    piece = song(*((start, start + length, pitch, velocity) for start, length, pitch, velocity in rows))
    codec = fitted(codec, piece)
    (line,) = codec.encode(piece)
    states = codec.rules.states(line.codes[None])[0]
    assert not codec.rules.forbidden(states[:-1])[np.arange(len(line.codes)), line.codes].any()


@pytest.mark.parametrize("codec", EXACT.values(), ids=EXACT)
@pytest.mark.parametrize("seed", range(20))
def test_what_they_allow_is_the_encoding_of_what_it_decodes_to(codec, seed):
    codes = closed(codec, *walk(codec, np.random.default_rng(seed), 60))
    steps = codec.end(np.array(codes))
    again = codec.encode(codec.decode(np.array(codes), steps))
    if again:
        assert again[0].codes.tolist() == codes
    else:
        assert not any(symbol[0] in ("no", "new", "hold") for symbol in codec.known(np.array(codes)))


@ruled
def test_a_state_moves_in_a_network_as_in_numpy(codec):
    rng = np.random.default_rng(0)
    walks = [walk(codec, rng, 30)[0] for _ in range(4)]
    shortest = min(map(len, walks))
    states = codec.rules.states(np.array([codes[:shortest] for codes in walks]))
    codes = rng.integers(0, codec.size, 4)
    for step in (0, 3, shortest - 1):
        moved = ops.convert_to_numpy(after(codec.rules, ops.cast(states[:, step], "float32"), codes))
        assert np.array_equal(moved, codec.rules.after(states[:, step], codes))
        logits = ops.convert_to_numpy(Allowed(codec.rules)([np.zeros((4, codec.size), np.float32), states[:, step]]))
        assert np.array_equal(logits < 0, codec.rules.forbidden(states[:, step]))


@pytest.mark.parametrize("name, options", [("event_lstm", {"split": True, "masked": True}), ("polyphony_lstm", {})])
def test_a_model_gives_all_to_what_may_follow_and_draws_nothing_else(name, options):
    model = zoo.create(name, "smoke", epochs=1, **options)
    model.fit([tune(seed) for seed in range(3)], [tune(3)])
    codes = model.generate(2, 40, 3.0, 1.0, None, seed=1)
    for piece in codes:
        states = model.codec.rules.states(piece[None])[0]
        forbidden = model.codec.rules.forbidden(states[:-1])
        assert not forbidden[np.arange(len(piece)), piece].any()
        p = np.exp(model.log_probabilities(piece))
        assert p[forbidden].max() == 0
        assert p.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_the_probabilities_of_all_pieces_of_a_small_world_sum_to_one():
    """Two steps of time and a vocabulary of two pitches: every piece has one encoding, and all together they have 1."""
    codec = PolyphonyCodec(steps_per_beat=1)
    pitches, step = (60, 62), codec.symbols.index(["step"])
    rng, total = np.random.default_rng(0), 0.0
    table = rng.normal(size=(40, codec.size))  # some logits for each number of symbols so far

    def log_p(codes):
        states = codec.rules.states(np.array([codes]))[0, :-1]
        logits = np.where(codec.rules.forbidden(states), -np.inf, table[: len(codes)])
        far = [i for i, symbol in enumerate(codec.symbols) if symbol[1:] and symbol[1] not in pitches]
        logits[:, far] = -np.inf
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits[np.arange(len(codes)), codes].sum()

    frames = list(itertools.product(("", "new", "hold"), repeat=2))
    for first, second in itertools.product(frames, repeat=2):
        if "hold" in first or any(b == "hold" and not a for a, b in zip(first, second, strict=True)):
            continue
        codes = []
        for frame in (first, second):
            named = [[kind, pitch] for kind, pitch in zip(frame[::-1], pitches[::-1], strict=True) if kind]
            codes += [*map(codec.symbols.index, named), step]
        total += np.exp(log_p(codes))
    assert total == pytest.approx(1, abs=1e-9)
