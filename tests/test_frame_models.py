"""Models over frames: every option of them, what they are trained on, and how whole songs are scored."""

import keras
import numpy as np
import pytest
from kinds import BOLTZMANN, FRAMES, known
from machines import arrays, randomised, rbm_log_p, ready
from songs import BEAT, TRAIN, VALID

import zoo
from zoo import Song
from zoo.codecs import Line
from zoo.evaluation import estimators
from zoo.evaluation.annealing import Annealed
from zoo.evaluation.estimators import estimate
from zoo.layers.conditioned import CELLS
from zoo.models._frames import SAMPLER_STEPS, FrameReader

TINY = dict(hidden=5, units=(6,), epochs=2, batch=4, low=47, high=72, steps_per_beat=2)
OF_CHAINS = dict(gibbs_steps=1, sample_steps=2, anneal_steps=20, anneal_chains=5)
OPTIONS = {
    "tanh struck pretrained": dict(cell="tanh", struck=True, pretrain_epochs=1, chain_start="previous"),
    "lstm two layers three steps from zeros": dict(
        cell="lstm", units=(6, 4), struck=False, steps_per_frame=3, chain_start="zeros", pretrain_epochs=0
    ),
    "gru three layers two struck steps relative extra": dict(
        cell="gru", units=(4, 3, 2), struck=True, steps_per_frame=2, dropout=0.2, relative=2, reach=5, memory=3, extra=3
    ),
}  # fmt: skip


def create(name, **options):
    """A tiny model with those of the options that it has."""
    return zoo.create(name, "smoke", **known(name, **(TINY | OF_CHAINS | options)))


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", FRAMES)
def test_every_option_trains_scores_and_samples(name, options):
    model = create(name, **options)
    history = model.fit(TRAIN[:4], VALID[:1])
    assert all(np.isfinite(values).all() for values in history.values())
    assert model.codec.bits == 26 * (1 + model.struck) * model.steps_per_frame
    rnns = [rnn.cell.units for rnn in model.conditioned.rnns if type(rnn) is CELLS[model.cell]]
    assert rnns == list(model.units)
    score = model.score(VALID[:1])
    assert np.isfinite([score.nats, score.accuracy]).all() and score.nats > 0
    assert score.codes == -(-24 * 2 // model.steps_per_frame)
    for song in model.sample(2, beats=7.5, prime=VALID[0], prime_beats=4, seed=1):
        read = 8 // model.steps_per_frame * model.steps_per_frame * BEAT // 2  # whole frames, of two steps a beat
        assert song.primed == read and song.length == read + 7.5 * BEAT
        assert len(song.crop(read, song.length))
    assert model.sample(1, beats=7.5)[0].length == 7.5 * BEAT


def prepared(model, frames):
    """`model`, compiled and prepared with one line of these frames, as `fit` does."""
    ready(model)
    model.prepare([Line(frames, len(frames), 1.0, 1)])
    return model


@pytest.mark.parametrize("name", ["rnn_nade", *BOLTZMANN])
def test_pretraining_teaches_the_recurrent_part_alone(name):
    """Two frames in turn: from the marginal, log 2 a bit, to next to nothing, without a weight of the machine moved."""
    frames = np.tile(np.array([[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]], np.uint8), (20, 1))
    nats, machines = [], []
    for epochs in (0, 150):
        model = create(
            name, struck=False, low=60, high=65, relative=0, dropout=0.0, pretrain_epochs=0, pretrain_recurrent=epochs,
            learning_rate=0.03, optimizer="adam", clip_norm=1.0,
        )  # fmt: skip
        model = prepared(model, frames)
        (parameters,) = arrays(model.network(frames[None].astype(np.float32)))
        logit = parameters[0, 1:, :6]  # nothing tells what the first frame is
        nats.append(float(np.mean(np.logaddexp(0, logit) - frames[1:] * logit)))
        biases = {id(bias) for bias in model.distribution.biases}
        machines.append([np.asarray(w) for w in model.distribution.trainable_weights if id(w) not in biases])
    assert nats[0] == pytest.approx(np.log(2), abs=0.01) and nats[1] < 0.05
    assert machines[0] and all(map(np.array_equal, *machines))


@pytest.mark.parametrize("name", BOLTZMANN)
def test_pretraining_teaches_one_machine_single_frames(name):
    """Two chords, by enumeration: without pretraining the machine knows only how often each bit is on."""
    chords = np.array([[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]], np.uint8)
    found, start = [], np.random.default_rng(0)
    for epochs in (0, 200):
        options = dict(
            low=60, high=65, struck=False, hidden=4, gibbs_steps=7, pretrain_rate=0.5, pretrain_epochs=epochs
        )
        model = prepared(create(name, **options), chords[(start.random(100) < 0.3).astype(int)])
        machine = model.first_machine()
        weights = arrays(machine.W, machine.b_v[None], machine.b_h[None])
        found.append(np.exp(rbm_log_p(*weights)[0])[chords @ (1 << np.arange(6))].sum())
        assert machine.gibbs_steps == 7
        np.testing.assert_allclose(*arrays(keras.ops.sigmoid(machine.base)), [0.7, 0.3] * 3, atol=0.1)
    assert found[0] < 0.2 and found[1] > 0.8


@pytest.mark.parametrize("name", FRAMES)
def test_training_starts_at_how_often_each_bit_is_on(name):
    frames = (np.arange(40)[:, None] % np.array([1, 2, 4, 5, 10, 50]) == 0).astype(np.uint8)
    model = prepared(create(name, low=60, high=65, struck=False, pretrain_epochs=0, dropout=0.0), frames)
    b_v = model.distribution.split(*arrays(model.network(frames[None].astype(np.float32))))[0][0]
    np.testing.assert_allclose(1 / (1 + np.exp(-b_v)), np.tile((frames.sum(0) + 0.5) / 41, (40, 1)), atol=0.01)


@pytest.mark.parametrize("struck", [False, True])
def test_transposed_songs_lose_no_note_and_wrap_nothing_around(struck):
    """A song moves as far as its notes stay inside the range, or stays where it is."""
    model = create("rnn_nade", low=60, high=71, struck=struck, transpose=6, epochs=12)
    rolls, pitches = [], ((60, 64), (66, 71), (60, 71), (63, 66))
    songs = [Song.from_notes([(0, 960, low, 80, 0), (960, 480, high, 80, 0)]) for low, high in pitches]
    batches = model.batches
    model.batches = lambda lines, rng: rolls.append([line.codes.copy() for line in lines]) or batches(lines, rng)
    model.fit(songs, songs[:1])
    for song, (low, high), seen in zip(songs, pitches, zip(*rolls, strict=True), strict=True):
        (whole,) = model.codec.encode(song)
        planes = whole.codes.reshape(6, -1, 12)
        moved = [np.roll(planes, by, axis=2).reshape(6, -1) for by in range(max(60 - low, -6), min(71 - high, 6) + 1)]
        assert all(any(np.array_equal(codes, one) for one in moved) for codes in seen)
        assert len({codes.tobytes() for codes in seen}) > 1 or len(moved) == 1


def some_lines(bits, lengths):
    rng = np.random.default_rng(0)
    return [Line((rng.random((length, bits)) < 0.2).astype(np.uint8), length, float(length), 1) for length in lengths]


@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_is_trained_once_in_an_epoch(name):
    """In pieces of `chunk`, each from the start of its piece, with the targets of the same frames."""
    lines = some_lines(26, [1, 70, 3, 100, 64, 32, 33, 9, 31, 7])
    model = prepared(create(name, struck=False, chunk=32, batch=3), lines[1].codes)
    fullest = max((frame for line in lines for frame in line.codes), key=np.sum)[None]  # as wide as targets are
    expected = sorted(line.codes[at : at + 32].tobytes() for line in lines for at in range(0, len(line.codes), 32))
    found, shapes, batches = [], set(), model.batches(lines, np.random.default_rng(1))
    for x, y, weight in batches:
        shapes.add(x.shape[1])
        for frames, targets, kept in zip(x, y, weight.astype(bool), strict=True):
            length = kept.sum()
            assert kept[:length].all() and not frames[length:].any()
            np.testing.assert_array_equal(targets, model.distribution.targets(np.concatenate([frames, fullest]))[:-1])
            if length:
                found.append(frames[:length].astype(np.uint8).tobytes())
    assert sorted(found) == expected
    assert len(shapes) <= 8 and len(batches) == -(-len(expected) // 3)
    order = [[x.tobytes() for x, _, _ in model.batches(lines, np.random.default_rng(seed))] for seed in (1, 1, 2)]
    assert order[0] == order[1] != order[2]


def test_whole_songs_are_scored_as_the_network_says():
    """More lines than are read at once, longer ones too, and measured a few at a time."""
    lines = some_lines(26, [5, 40, 17, 1, 16] * 8)
    model = prepared(create("rnn_nade", struck=False, cell="lstm"), lines[1].codes)
    randomised(model.conditioned)
    truth = []
    for line in lines:
        (parameters,) = arrays(model.network(line.codes[None].astype(np.float32)))
        truth.append(
            float(np.sum(arrays(model.distribution.loss(model.distribution.targets(line.codes), parameters[0]))))
        )
    read = FrameReader(model.conditioned, steps=16).windows
    for evaluation in (model.evaluate(lines), estimate(model.estimator(True), lines, read, at_once=90)):
        assert evaluation.nats == pytest.approx(sum(truth), rel=1e-5)
        assert evaluation.details["nats_per_frame"] == pytest.approx(sum(truth) / 632, rel=1e-5)
        np.testing.assert_allclose(evaluation.by_line, truth, rtol=1e-4)


def test_frames_are_measured_as_they_are_read(monkeypatch):
    """So what a long line needs in memory does not grow with it; every picked frame meets its own parameters."""
    monkeypatch.setattr(estimators, "HELD_AT_ONCE", 3 * 120)
    rng, read = np.random.default_rng(0), []
    lines = [Line(rng.integers(0, 2, (length, 3), np.uint8), length, 1.0, 1) for length in (700, 20, 3, 450)]
    total = sum(len(line.codes) for line in lines)

    def windows(sequences):
        for begin in range(0, max(map(len, sequences)), 50):
            window = np.full((len(sequences), 50, 3), 9, np.float32)  # which no frame is
            for row, codes in enumerate(sequences):
                window[row, : max(min(50, len(codes) - begin), 0)] = codes[begin : begin + 50]
            read.append(begin)
            yield begin, window

    for count in (total, 400):
        picked, seen = np.arange(count) * total // count, []
        for places, frames, parameters in estimators._picked(lines, picked, windows, at_once=10**6):
            assert len(places) < 120 + 50 * len(lines)
            np.testing.assert_array_equal(frames, parameters)
            np.testing.assert_array_equal(frames, np.concatenate([line.codes for line in lines])[picked[places]])
            seen += places.tolist()
            assert count < total or len(read) <= len(seen) // 50 + len(lines), "no further than it has to"
        assert sorted(seen) == list(range(count))


@pytest.mark.parametrize("name", FRAMES)
def test_pieces_go_on_from_their_primers(name):
    """Frame by frame what the network says of primer and piece so far, drawn with the noise of that piece."""
    model = create(name, struck=False, cell="lstm", relative=2, reach=5, memory=3, low=60, high=67)
    primers = some_lines(8, [2, 9, 4, 1, 6, 3, 8])  # some shorter than the memory, and more than one core draws at once
    model = prepared(model, primers[1].codes)
    randomised(model.conditioned)
    width, temperature = model.distribution.noise, np.full((1, 1), 0.8, np.float32)
    for given in (primers, None):
        pieces = model.generate(7, 5, 0.8, 1.0, given, seed=3)
        assert len(pieces) == 7
        for row, piece in enumerate(pieces):
            noise = np.random.default_rng([3, row]).random((SAMPLER_STEPS, width), np.float32)
            frames = given[row].codes.astype(np.float32) if given else np.zeros((0, 8), np.float32)
            for uniform in noise[:5]:
                (parameters,) = arrays(model.network(np.concatenate([frames, np.ones((1, 8), np.float32)])[None]))
                before = frames[-1:] if len(frames) else np.zeros((1, 8), np.float32)
                drawn = model.distribution.draw(before, parameters[0, -1:], uniform[None], temperature)
                frames = np.concatenate([frames, *arrays(drawn)])
            np.testing.assert_array_equal(piece, frames[-5:])
    assert 0 < np.mean(pieces) < 1


@pytest.mark.parametrize("name", BOLTZMANN)
def test_the_figure_of_every_epoch_is_of_some_frames_and_stands_for_all(name):
    """Machines without couplings, whose likelihood needs no luck."""
    lines = some_lines(26, [5, 40, 17, 1, 16] * 8)
    frames = np.concatenate([line.codes for line in lines])
    model = prepared(create(name, struck=False, pretrain_epochs=0, anneal_steps=200, quick_frames=40), frames)
    for weight in model.network.trainable_weights:
        if weight.path.endswith(("W", "G", "W_u")):
            weight.assign(np.zeros(weight.shape))
    share = (frames.sum(0) + 0.5) / (len(frames) + 1)
    nats = -np.where(frames, np.log(share), np.log1p(-share)).sum(1)
    whole = estimate(model.estimator(True), lines, model.reader.windows, at_once=90)
    assert whole.nats == pytest.approx(nats.sum(), rel=2e-3)
    picked = np.arange(40) * len(frames) // 40
    quick = model.evaluate(lines, thorough=False)
    assert quick.details["frames"] == 40
    assert nats[picked].mean() != pytest.approx(nats.mean(), rel=2e-2)
    assert quick.nats == pytest.approx(nats[picked].mean() * len(frames), rel=4e-3)


def test_twice_the_temperatures_are_tried_on_the_same_frames(monkeypatch):
    monkeypatch.setattr(estimators, "DOUBLED_FRAMES", 30)
    lines = some_lines(26, [40, 17])
    model = prepared(
        create("rnn_rbm", struck=False, anneal_steps=8, anneal_chains=5, anneal_twice=True), lines[0].codes
    )
    asked = []

    def anneal(W, b_v, b_h, base, hints, temperatures, chains, seed):
        assert hints.shape == b_v.shape
        asked.append((temperatures, len(b_v)))
        return Annealed(np.full(len(b_v), 100.0 / temperatures), np.ones(len(b_v)), np.zeros((chains, *b_v.shape), int))

    monkeypatch.setattr(estimators, "anneal", anneal)
    details = model.evaluate(lines).details
    assert asked == [(8, 57), (8, 30), (16, 30)] and model.anneal_steps == 8
    assert details["temperatures"] == 8 and details["frames"] == 57
    moved = details["twice"]["nats_per_frame"] - details["once"]["nats_per_frame"]
    assert moved == pytest.approx(100 / 16 - 100 / 8)
    model.evaluate(lines, thorough=False)
    assert len(asked) == 4
