"""The contract that every model of the zoo keeps, on the backend that KERAS_BACKEND names."""

import csv
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from kinds import FRAMES, NAMES, SYMBOLS, known
from machines import randomised, ready
from songs import BEAT, TRAIN, VALID, scale

import zoo
from zoo import CanonicalMusic, FrameModel, MusicModel, Song, SymbolModel, UserError, canonical_score
from zoo.codecs import ChordCodec
from zoo.evaluation.canonical import curve
from zoo.evaluation.likelihood import AIS, BOUND, EXACT

EPOCHS = 20


@pytest.fixture(scope="module", params=NAMES)
def model(request) -> MusicModel:
    """Each model after a training of seconds."""
    extra = known(request.param, embedding=8, dense=0)
    model = zoo.create(request.param, "smoke", seed=3, epochs=EPOCHS, updates=0, learning_rate=0.02, batch=2, **extra)
    model.history = model.fit(TRAIN, VALID)
    return model


def predictions(model: MusicModel, codes: np.ndarray) -> np.ndarray:
    """What the model says of every step given the steps before, (steps, parameters)."""
    if isinstance(model, SymbolModel):
        return model.log_probabilities(codes)
    return np.asarray(model.network.predict_on_batch(codes[None].astype(np.float32)))[0]


def code_of(model: MusicModel, song: Song) -> np.ndarray:
    return model.codec.encode(song)[0].codes


def test_history_has_a_row_for_every_epoch(model):
    history = model.history
    assert history["epoch"] == list(range(1, EPOCHS + 1))
    for column in ("seconds", "loss", "val_loss", "val_nats_per_beat", "val_accuracy", "learning_rate"):
        assert len(history[column]) == EPOCHS and np.isfinite(history[column]).all(), column
    assert history["seconds"] == sorted(history["seconds"])
    assert min(history["val_nats_per_beat"]) < history["val_nats_per_beat"][0], "it learns"


def test_score(model):
    score = model.score(VALID)
    assert score.kind == (model.kind() if isinstance(model, FrameModel) else EXACT) and (
        score.standard_error is None
    ) == (score.kind == EXACT)
    assert score.nats_per_beat == pytest.approx(score.nats / score.beats)
    lines = [line for song in VALID for line in model.codec.encode(song)]
    assert score.beats == sum(line.beats for line in lines)
    assert score.codes == sum(len(line.codes) for line in lines)
    assert score.coverage.songs == 1 and 0 < score.coverage.notes <= 1
    assert model.score(VALID) == score


def test_the_same_music_is_charged_as_to_any_other_model(model):
    """A representation says what it leaves out, and is on the scale of all models; or one sentence says why not."""
    music = CanonicalMusic.fit(TRAIN)
    try:
        score = canonical_score(model, VALID, music)
    except UserError as reason:
        assert model.codec.coding.lost and str(reason).endswith(".")
        return
    assert score.kept == 1 and (score.steps_per_beat, score.offered) == (2, len(VALID))
    assert score.beats.tolist() == [song.beats for song in VALID]
    assert np.isfinite(score.nats) and (score.residual >= 0).all() and (score.apart >= 0).all()
    assert score.kind != EXACT or model.codec.coding.unique
    own, (scale, offset) = model.score(VALID), curve(model.codec, VALID, music)
    velocities = score.nats_per_beat - scale * own.nats_per_beat - offset
    assert -score.apart.sum() / score.beats.sum() - 1e-4 <= velocities <= 1e-4, "curves are on that scale as well"


def test_what_is_known_of_the_likelihood():
    kinds = {name: zoo.create(name, "smoke").kind() for name in FRAMES}
    assert kinds["rnn_nade"] == kinds["biaxial_lstm"] == EXACT and kinds["rnn_rbm"] == AIS and kinds["rnn_dbn"] == BOUND


def test_the_best_weights_are_kept(model):
    score = model.score(VALID)
    if score.kind == EXACT:  # an estimate for every epoch is made in another way than the final one
        assert score.nats_per_beat == pytest.approx(min(model.history["val_nats_per_beat"]), rel=1e-5)


def test_the_same_seed_gives_the_same_pieces_and_another_seed_others(model):
    songs = model.sample(7, beats=12, seed=7)  # more than one core draws at once
    assert songs == model.sample(7, beats=12, seed=7)
    assert len({(song.pitch.tobytes(), song.start.tobytes()) for song in songs}) == 7
    assert songs[:2] == model.sample(2, beats=12, seed=7), "the first of many are the few"
    others = model.sample(7, beats=12, seed=8)
    assert all(
        not np.array_equal(a.pitch, b.pitch) or not np.array_equal(a.start, b.start)
        for a, b in zip(songs, others, strict=True)
    )
    assert songs[0] != songs[1]


def test_samples_are_midi_that_others_read(model, tmp_path):
    import pretty_midi

    grid = BEAT / model.codec.steps_per_beat
    for song in model.sample(10, beats=9.5, seed=1):
        assert abs(song.length - 9.5 * BEAT) <= grid
        assert song.primed == 0
        zoo.write_midi(song, tmp_path / "song.mid")
        midi = pretty_midi.PrettyMIDI(str(tmp_path / "song.mid"))
        found = sorted((note.pitch, round(note.start * 2 * BEAT)) for part in midi.instruments for note in part.notes)
        assert found == sorted(zip(song.pitch.tolist(), song.start.tolist(), strict=True)), "a note is lost or hangs"


def test_a_primed_piece_holds_the_primer_then_new_music(model):
    songs = model.sample(2, beats=6, prime=VALID[0], prime_beats=4, seed=5)
    grid = BEAT / model.codec.steps_per_beat
    lines = model.codec.encode(VALID[0].crop(0, 4 * BEAT))
    heard = [model.codec.decode(line.codes) for line in lines]
    for index, song in enumerate(songs):  # a second piece goes on from the second line, where there is one
        before = heard[index % len(lines)]
        assert song.primed == before.length, "new music begins where the codes end"
        assert before.length == 4 * BEAT or isinstance(model.codec, ChordCodec)  # chords without their time
        assert abs(song.length - song.primed - 6 * BEAT) <= grid
        assert song.crop(0, song.primed).pitch.tolist() == before.pitch.tolist()


@pytest.mark.filterwarnings("ignore:.* leaves out what is not in its vocabulary")
def test_another_primer_gives_another_continuation(model):
    primers = TRAIN[0], TRAIN[1].transpose(3)
    songs = [model.sample(8, beats=12, prime=primer, prime_beats=8, seed=5) for primer in primers]
    new = [[song.crop(song.primed, song.length) for song in pieces] for pieces in songs]
    assert any(one.pitch.tolist() != other.pitch.tolist() for one, other in zip(*new, strict=True))


def test_temperature(model):
    coldest, cold = (model.sample(3, beats=8, temperature=t, seed=2) for t in (0, 1e-6))
    assert coldest == cold, "T → 0 is argmax"
    assert coldest[0].replace(name="") == coldest[1].replace(name=""), "argmax does not depend on noise"

    def entropy(temperature: float) -> float:
        codes = np.concatenate(model.generate(16, 16 * model.codec.steps_per_beat, temperature, 1.0, None, 2))
        if codes.ndim == 1:
            share = np.bincount(codes) / len(codes)
            return float(-(share[share > 0] * np.log(share[share > 0])).sum())
        share = codes.mean(0).clip(1e-6, 1 - 1e-6)
        return float(-(share * np.log(share) + (1 - share) * np.log1p(-share)).sum())

    assert entropy(0.3) < entropy(1.0) < entropy(2.0)


def test_nothing_before_or_at_a_change_knows_of_it(model):
    codes = code_of(model, VALID[0])
    at = len(codes) // 2
    changed = codes.copy()
    if isinstance(model, SymbolModel):
        changed[at] = (codes[at] + 1) % model.codec.size
        if (
            model.codec.advance[changed[at]] != model.codec.advance[codes[at]]
        ):  # the clock may know the time, not the code
            assert model.clock == 1
    else:
        changed[at, :20] ^= 1
    before, after = predictions(model, codes), predictions(model, changed)
    np.testing.assert_array_equal(before[: at + 1], after[: at + 1])
    assert np.abs(before[at + 1 :] - after[at + 1 :]).max() > 0


def test_predictions_are_what_is_scored(model):
    if isinstance(model, SymbolModel):
        line = model.codec.encode(VALID[1])[0]
        known = line.codes < model.codec.size
        log_p = predictions(model, line.codes)[known, line.codes[known]] + np.log1p(-model.codec.epsilon)
        nats = -log_p.sum() + (~known).sum() * -np.log(model.codec.epsilon or 1) + line.unknown_nats.sum()
        assert model.evaluate([line]).nats == pytest.approx(nats, rel=1e-5)
    elif model.kind() == EXACT:
        line = model.codec.encode(VALID[1])[0]
        nats = model.distribution.loss(model.distribution.targets(line.codes), predictions(model, line.codes))
        assert model.evaluate([line]).nats == pytest.approx(float(np.sum(nats)), rel=1e-5)


@pytest.mark.parametrize("context", ["song", "window"])
@pytest.mark.parametrize("name", SYMBOLS)
def test_the_compiled_sampler_draws_what_the_scored_probabilities_say(name, context):
    """Every symbol drawn is the argmax of log p given the symbols so far + T × the noise of that song, step by step,
    among those that the nucleus holds and, after so many in a beat, those that move time on."""
    model = zoo.create(name, "smoke", seed=1, context=context, window=6)
    ready(model, TRAIN)
    randomised(model.network, scale=0.7)  # untrained weights would hardly matter beside the noise
    primer = model.codec.encode(VALID[2].crop(0, 4 * BEAT))[0]
    start, forced = int(model.codec.times(primer.codes)[-1]), 0
    for primers, temperature, top_p, most in ((None, 0.7, 1.0, 10**6), ([primer, primer], 1.3, 0.8, 2)):
        model.codec.most_per_beat = most
        drawn = model.generate(2, 12 * model.codec.steps_per_beat, temperature, top_p, primers, 9)
        for row, codes in enumerate(drawn):
            rng = np.random.default_rng([9, row])
            noise = []
            while sum(map(len, noise)) < len(codes):  # as generated: a chunk at a time
                noise.append(-np.log(np.maximum(rng.standard_exponential((128, model.codec.size), np.float32), 1e-38)))
                model.temperatures(rng, 128)
            before = primer.codes if primers else np.zeros(0, np.int32)
            log_p = model.log_probabilities(np.concatenate([before, codes]))[len(before) :]
            wanted = log_p + temperature * np.concatenate(noise)[: len(codes)]
            beats, used = (model.codec.times(codes) + start * bool(primers)) // model.codec.steps_per_beat, 0
            for step, choice in enumerate(wanted):
                share = np.exp(log_p[step] / temperature)
                likely = np.argsort(-share, kind="stable")
                choice[likely[np.cumsum(share[likely]) - share[likely] >= top_p * share.sum()]] -= 1e9
                if used >= most:
                    choice[model.codec.advance == 0] -= 1e9
                    forced += (model.codec.advance == 0).any()
                used = used + 1 if beats[step + 1] == beats[step] else 0
            margin = wanted.max(-1) - wanted[np.arange(len(codes)), codes]
            assert margin.max() < 1e-4
    assert forced or model.codec.advance.all(), "time was forced on where symbols stand still"


def test_save_and_load(model, tmp_path):
    model.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", "model.weights.h5"}
    loaded = zoo.load(tmp_path)
    assert type(loaded) is type(model) and loaded.to_json() == model.to_json()
    assert loaded.sample(2, beats=8, seed=4) == model.sample(2, beats=8, seed=4)
    assert loaded.score(VALID).nats == model.score(VALID).nats


def test_damaged_files_are_one_sentence(model, tmp_path):
    model.save(tmp_path)
    weights, described = tmp_path / "model.weights.h5", tmp_path / "model.json"
    whole, text = weights.read_bytes(), described.read_text()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"does not fit|missing"):
        zoo.load(tmp_path)
    weights.unlink()
    with pytest.raises(UserError, match="missing"):
        zoo.load(tmp_path)
    weights.write_bytes(whole)
    for change in (
        {"model": "no_such"},
        {"format": 99},
        {"hyperparameters": {"no_such": 1}},
        {"codec": {"codec": "no"}},
    ):
        described.write_text(json.dumps(json.loads(text) | change))
        with pytest.raises(UserError):
            zoo.load(tmp_path)


def test_bad_requests_are_one_sentence(model):
    for wrong in ({"beats": 0}, {"temperature": -1}, {"top_p": 0}, {"top_p": 2}, {"prime_beats": 0}, {"seed": -1}):
        with pytest.raises(UserError):
            model.sample(**({"count": 1, "beats": 4, "prime": VALID[0]} | wrong))
    with pytest.raises(UserError):
        model.sample(0)
    nothing = Song.from_notes([])
    with pytest.raises(UserError):
        model.score([nothing])
    with pytest.raises(UserError):
        zoo.create(model.model_name(), "smoke").fit([nothing], [nothing])


def test_the_network_is_described(model):
    rows = model.picture()
    assert sum(row["parameters"] for row in rows) >= model.parameters > 0
    assert all(row["layer"] and row["shape"].startswith("(batch") for row in rows)
    assert len(model.about()) > 100, "the report explains the approach with the docstring of its file"


@pytest.mark.parametrize("name", NAMES)
def test_training_is_repeatable(name, studio, corpus):
    """Against what the command line trained, with the same seed; another seed starts from other weights."""
    model, run = zoo.create(name, "smoke"), studio / f"reports/tunes/runs/{name}/smoke-seed0"
    history = model.fit(corpus.train, corpus.valid)
    with (run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for column in ("loss", "val_loss", "val_nats_per_beat"):
        assert history[column] == [float(row[column]) for row in rows]
    weights = model.network.get_weights()
    assert all(map(np.array_equal, weights, zoo.load(run).network.get_weights()))

    def first_weights(seed: int) -> list[np.ndarray]:
        untrained = zoo.create(name, "smoke", seed)
        untrained.codec = model.codec
        untrained._compile()
        return untrained.network.get_weights()

    once, again, other = map(first_weights, (5, 5, 6))
    assert all(map(np.array_equal, once, again)) and not all(map(np.array_equal, once, other))


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_builds(name):
    assert {"smoke", "tuned"} <= set(zoo.find(name).presets)
    for preset in zoo.find(name).presets:
        model = zoo.create(name, preset)
        model.codec = model.make_codec().fit(TRAIN)
        assert model.build().count_params() > 0


@pytest.mark.parametrize("context", ["song", pytest.param("window", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SYMBOLS)
def test_a_model_fitted_on_an_endless_scale_continues_it(name, context):
    """Off by one in the targets, the window, the sampler's state or the primer, and it does not."""
    extra = known(name, dense=0, embedding=16, units=(48,), dropout=0.0)
    epochs, rate = (40, 0.03) if context == "song" else (10, 0.01)
    model = zoo.create(
        name, "smoke", context=context, window=8, epochs=epochs, learning_rate=rate, batch=8,
        updates=0, chunk=56, clip_norm=1.0, **extra,
    )  # fmt: skip
    model.fit([scale(28, first) for first in range(8)], [scale(28, 3)])
    (song,) = model.sample(1, beats=14, temperature=0, prime=scale(28, 5), prime_beats=7)
    truth = scale(21, 5)
    assert song.pitch.tolist() == truth.pitch.tolist()
    assert song.start.tolist() == truth.start.tolist()


def test_a_fresh_process_loads_and_draws_the_same(studio):
    """The samples beside the weights were drawn by the process that trained; the first of many are the few."""
    folders = [studio / f"reports/tunes/runs/{name}/smoke-seed0" for name in NAMES]
    code = (
        "import sys, zoo, json; models = map(zoo.load, sys.argv[1:]);"
        "print(json.dumps([model.sample(1, beats=64, seed=0)[0].pitch.tolist() for model in models]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, folders)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept = [zoo.read_midi(folder / f"samples/{name}-01.mid") for folder, name in zip(folders, NAMES, strict=True)]
    assert json.loads(done.stdout) == [song.pitch.tolist() for song in kept]


def test_unknown_names_say_what_there_is():
    with pytest.raises(UserError, match="melody_lstm"):
        zoo.create("melody_lstn")
    with pytest.raises(UserError, match="smoke"):
        zoo.create("melody_lstm", "no_such")
    with pytest.raises(UserError, match="units"):
        zoo.create("melody_lstm", "smoke", no_such=1)


def test_backend():
    assert keras.backend.backend() == os.environ["KERAS_BACKEND"]
