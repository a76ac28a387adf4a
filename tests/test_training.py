"""The training loop: schedules, early stopping, best weights, resuming."""

import dataclasses
import io
import json
import zipfile

import keras
import numpy as np
import pytest
from machines import ready

import zoo
from zoo import Song, UserError
from zoo.training import loop
from zoo.training.loop import Callback, State

BEAT = 480


def song(seed: int) -> Song:
    rng = np.random.default_rng(seed)
    return Song.from_notes([(i * 240, 240, 60 + int(rng.integers(0, 5)), 80, 0) for i in range(32)])


TRAIN, VALID = [song(seed) for seed in range(4)], [song(9)]


def smoke(**hyperparameters):
    return zoo.create("melody_lstm", "smoke", **({"units": (4,), "batch": 2} | hyperparameters))


def rows(figures: list[float]) -> list[dict]:
    return [
        {"val_nats_per_beat": figure, "seconds": 10.0 * (i + 1), "updates": i + 1} for i, figure in enumerate(figures)
    ]


def test_constant_learning_rate():
    assert loop.learning_rate(smoke(), 0.5, rows([3, 2])) == 0.5


def test_plateau_halves_after_three_epochs_without_better():
    model = smoke(schedule="plateau")
    rates = [loop.learning_rate(model, 0.8, rows([5, 4, 4, 4, 4, 4, 4, 4, 3][:n])) for n in range(10)]
    #        before:            5    4    4    4    4    4    4    4    3
    assert rates == [0.8, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2]


def test_cosine_goes_to_zero_with_the_epochs_or_the_minutes():
    model = smoke(schedule="cosine", epochs=4)
    rates = [loop.learning_rate(model, 1.0, rows([1.0] * n)) for n in range(5)]
    np.testing.assert_allclose(rates, [1, 0.853553, 0.5, 0.146447, 0], atol=1e-6)
    model = smoke(schedule="cosine", epochs=400, minutes=0.5)  # 10 seconds an epoch: a third of it
    np.testing.assert_allclose(loop.learning_rate(model, 1.0, rows([1.0])), 0.75, atol=1e-6)


def test_every_optimizer_by_name():
    assert set(loop.OPTIMIZERS) >= {"sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"}
    for name, kind in loop.OPTIMIZERS.items():
        optimizer = loop.make_optimizer(smoke(optimizer=name, clip_norm=1.0))
        assert type(optimizer) is kind and optimizer.global_clipnorm == 1.0
        assert float(optimizer.learning_rate) == pytest.approx(float(kind().learning_rate)), "none is its own default"
    assert float(loop.make_optimizer(smoke(learning_rate=0.25)).learning_rate) == 0.25
    assert loop.make_optimizer(smoke(clip_value=5.0)).clipvalue == 5.0


def test_patience_stops_and_the_best_weights_come_back():
    seen = []

    class Spoil(Callback):
        def epoch(self, history, network):
            seen.append([weight.copy() for weight in network.get_weights()])
            if len(history) >= 3:  # from here on it can only get worse
                network.set_weights([-9 * weight for weight in seen[2]])

    model = smoke(epochs=30, patience=4, learning_rate=1e-3)
    history = model.fit(TRAIN, VALID, callback=Spoil())
    best = int(np.argmin(history["val_nats_per_beat"]))
    assert best == 2 and len(history["epoch"]) == best + 1 + 4
    assert all(np.array_equal(a, b) for a, b in zip(model.network.get_weights(), seen[best], strict=True))


@pytest.mark.parametrize(("keep", "kept"), [("best", 1), ("last", 3)])
def test_the_weights_of_the_best_epoch_are_kept_or_those_of_the_last(keep, kept, monkeypatch):
    seen, figures = [], iter([3.0, 1.0, 2.0, 1.5])

    class Look(Callback):
        def epoch(self, history, network):
            seen.append([weight.copy() for weight in network.get_weights()])

    model = smoke(epochs=4, keep=keep)
    evaluate = type(model).evaluate
    monkeypatch.setattr(
        type(model),
        "evaluate",
        lambda self, lines, thorough=True: dataclasses.replace(evaluate(self, lines), nats=next(figures)),
    )
    model.fit(TRAIN, VALID, callback=Look())
    assert all(np.array_equal(a, b) for a, b in zip(model.network.get_weights(), seen[kept], strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(seen[1], seen[3], strict=True))


def test_minutes_end_training():
    history = smoke(epochs=100_000, minutes=0.01).fit(TRAIN, VALID)
    assert history["seconds"][-1] >= 0.6 and len(history["epoch"]) < 100_000


def test_updates_end_training_within_an_epoch():
    model = smoke(epochs=100, chunk=32, updates=10, schedule="cosine", learning_rate=0.01)  # 4 batches an epoch
    history = model.fit(TRAIN, VALID)
    assert history["updates"] == [4, 8, 10]
    assert int(np.asarray(model.network.optimizer.iterations)) == 10
    expected = [0.01 * (1 + np.cos(np.pi * used)) / 2 for used in (0, 0.4, 0.8)]
    assert history["learning_rate"] == pytest.approx(expected)


def test_a_callback_is_told_every_batch():
    told = []

    class Count(Callback):
        def batch(self, epoch, done, total, seconds):
            told.append((epoch, done, total))

    smoke(epochs=2, chunk=32).fit(TRAIN, VALID, callback=Count())
    assert told == [
        (epoch, done, 4) for epoch in range(2) for done in range(1, 5)
    ]  # 4 lines of 64 steps, 2 pieces a batch


class Stop(Exception):
    """Training was interrupted."""


class StopAfter(Callback):
    def __init__(self, epochs: int):
        self.epochs = epochs

    def epoch(self, history, network):
        if len(history) == self.epochs:
            raise Stop


@pytest.mark.parametrize("name", ["melody_lstm", "rnn_rbm", pytest.param("rnn_dbn", marks=pytest.mark.slow)])
def test_a_resumed_training_ends_as_an_uninterrupted_one(name, tmp_path):
    def make():
        extra = {"dropout": 0.3, "schedule": "cosine", "transpose": 2, "optimizer": "adam", "epochs": 5}
        return zoo.create(name, "smoke", seed=4, batch=2, **extra)

    straight = make()
    whole = straight.fit(TRAIN, VALID)
    for _ in range(2):  # stopped twice
        with pytest.raises(Stop):
            make().fit(
                TRAIN,
                VALID,
                callback=StopAfter(2 if not (tmp_path / "state").exists() else 3),
                state_path=tmp_path / "state",
            )
    resumed = make()
    history = resumed.fit(TRAIN, VALID, state_path=tmp_path / "state")
    for column in set(whole) - {"seconds"}:
        assert history[column] == whole[column], column
    pairs = zip(straight.network.get_weights(), resumed.network.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_damaged_state_says_what_to_do(tmp_path):
    path = tmp_path / "state.npz"
    model = smoke(epochs=1)
    model.fit(TRAIN, VALID, state_path=path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match="delete it"):
        smoke(epochs=2).fit(TRAIN, VALID, state_path=path)


def state_with(**fields):
    """Change entries of the JSON in a state file."""

    def tamper(path):
        with np.load(path) as file:
            found = dict(file)
        told = json.loads(found["told"].tobytes()) | fields
        found["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        np.savez(path, **found)

    return tamper


def arrays_with(**changed):
    """Change arrays of a state file; None takes one out."""

    def tamper(path):
        with np.load(path) as file:
            found = dict(file)
        found = {name: array for name, array in (found | changed).items() if array is not None}
        np.savez(path, **found)

    return tamper


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("told.npy", bytes(10**8))


def giant(path):
    """An array that says it has 10¹³ numbers."""
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("told.npy", header.getvalue())


STATES = {
    "empty": lambda path: path.write_bytes(b""),
    "a pickle": arrays_with(weight0=np.array([{}], object)),
    "a bomb": bomb,
    "a giant": giant,
    "of another training": state_with(of="0" * 64),
    "of no training": state_with(of=None),
    "no history": state_with(history=[]),
    "a history of text": state_with(history="abc"),
    "a history with gaps": state_with(history=[{"epoch": 1}]),
    "a history of NaN": state_with(history=[dict.fromkeys(loop.NEEDED, float("nan"))]),
    "more told": state_with(more=1),
    "a weight less": arrays_with(weight0=None),
    "a best less": arrays_with(best0=None),
    "an optimizer's less": arrays_with(optimizer0=None),
    "a weight of another shape": arrays_with(weight0=np.zeros((2, 2))),
    "a best of another shape": arrays_with(best0=np.zeros((2, 2))),
}


@pytest.mark.parametrize("tamper", STATES.values(), ids=STATES)
def test_a_state_that_was_tampered_with_says_what_to_do(tmp_path, tamper):
    path = tmp_path / "state.npz"
    smoke(epochs=2).fit(TRAIN, VALID, state_path=path)
    tamper(path)
    with pytest.raises(UserError, match=r"state\.npz is damaged \(.+\); delete it to train from the beginning\.$"):
        smoke(epochs=2).fit(TRAIN, VALID, state_path=path)


def test_state_holds_weights_and_optimizer(tmp_path):
    model = smoke(epochs=2)
    model.fit(TRAIN, VALID, state_path=tmp_path / "state.npz")
    other = smoke(epochs=2, seed=8)
    ready(other)
    state = State.load(tmp_path / "state.npz", other.network, model.training_identity())
    assert [row["epoch"] for row in state.history] == [1, 2]
    assert (
        int(np.asarray(other.network.optimizer.iterations)) == int(np.asarray(model.network.optimizer.iterations)) > 0
    )


def test_reseed_sets_every_generator():
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.layers.Dropout(0.5)(keras.layers.Dropout(0.5)(inputs)))
    x = np.ones((64, 3), np.float32)
    drawn = []
    for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0)):
        loop.reseed(network, seed, epoch)
        drawn.append(np.asarray(network(x, training=True)))
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2]) and not np.array_equal(drawn[0], drawn[3])


def test_the_loss_of_an_epoch_is_that_of_all_its_music():
    model = smoke(optimizer="sgd", learning_rate=1e-9, dropout=0.0, epochs=1, chunk=40)
    history = model.fit(TRAIN, VALID)
    lines = [line for song in TRAIN for line in model.codec.encode(song)]
    assert history["loss"][0] == pytest.approx(model.evaluate(lines).loss, rel=1e-5)


@dataclasses.dataclass
class Settings:
    """Hyperparameters of training and nothing else."""

    epochs: int = 3
    minutes: float = 0.0
    updates: int = 5
    patience: int = 0
    keep: str = "best"
    schedule: str = "constant"
    optimizer: str = "sgd"
    learning_rate: float | None = 0.25
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    seed: int = 0


def test_whatever_keeps_the_contract_is_trained(tmp_path):
    """A slope w towards 2, by hand: w ← w + 2 · 0.25 · (2 − w), twice in an epoch; hooks are called in their order."""
    settings, calls, slopes = Settings(), [], [0.0]
    inputs = keras.Input((1,))
    network = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(inputs))
    network.compile(loop.make_optimizer(settings), "mse")
    one = np.ones((1, 1), np.float32)

    def validate():
        calls.append("validate")
        slopes.append(float(network.get_weights()[0][0, 0]))
        return {"val_loss": 1.0, "val_nats_per_beat": (4.0, 1.0, 2.0)[len(slopes) - 2]}

    training = loop.Training(
        settings,
        network,
        loop.identity({"of": "this test"}),
        batches=lambda epoch: [(one, 2 * one, one[:, 0])] * 2,
        validate=validate,
        begin_epoch=lambda share, earlier: calls.append((round(share, 3), earlier and round(earlier, 3))),
        end_epoch=lambda: calls.append("end"),
    )
    state = loop.train(training, state_path=tmp_path / "state.npz")
    assert calls == [*((0, None), "end", "validate"), *((0.4, 0), "end", "validate"), *((0.8, 0.4), "end", "validate")]
    assert slopes == pytest.approx([0, 1.5, 1.875, 1.9375])
    assert [row["updates"] for row in state.history] == [2, 4, 5]
    assert network.get_weights()[0] == pytest.approx(1.875), "the best epoch is kept"
    assert loop.train(training, state_path=tmp_path / "state.npz").history == state.history, "it is done already"
