"""New pieces: rolled out by a compiled network, and as the originals do it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np

import zoo
from bench.measure import Row, line, process, quickly_trained, rates, seconds

SONGS, STEPS, FRAMES = 10, 1000, 300
NAIVE_STEPS, NAIVE_FRAMES = 20, 10  # of one song; all steps cost the same

# `python -m zoo sample` piece by piece, in a process that has just begun.
COLD = """
import sys, time
at = [time.perf_counter()]
import zoo

at.append(time.perf_counter())
model = zoo.load(sys.argv[1])
at.append(time.perf_counter())
for _ in range(2):
    model.sample(10, beats=64)
    at.append(time.perf_counter())
print(*[after - before for before, after in zip(at, at[1:])])
"""


def predict_per_step(network: keras.Model, first: np.ndarray, read) -> None:
    """One song as the originals draw it: `predict` on the whole window for every symbol, which is then moved in."""
    rng, window = np.random.default_rng(0), first
    for _ in range(NAIVE_STEPS):
        share = network.predict(window, verbose=0)[0].astype(np.float64)
        symbol = rng.choice(len(share), p=share / share.sum())
        window = np.concatenate([window[:, 1:], read(symbol)[None, None]], axis=1)


def naive_one_hot(window: int, size: int, units: int) -> list[float]:
    """Steps per second of an LSTM over dense one-hot windows."""
    layers = [keras.Input((window, size)), keras.layers.LSTM(units), keras.layers.Dense(size, "softmax")]
    network, one_hot = keras.Sequential(layers), np.eye(size, dtype=np.float32)
    return rates(lambda: predict_per_step(network, np.zeros((1, window, size)), one_hot.__getitem__), NAIVE_STEPS, 3)


def naive_notes(window: int, size: int) -> list[float]:
    """Steps per second of the note network: three LSTM layers over symbols read as one real number."""
    layers = [keras.Input((window, 1)), keras.layers.LSTM(128, return_sequences=True), keras.layers.Dropout(0.3)]
    layers += [keras.layers.LSTM(64, return_sequences=True), keras.layers.Dropout(0.3), keras.layers.LSTM(128)]
    layers += [keras.layers.Dense(64), keras.layers.Dropout(0.3), keras.layers.Dense(size, "softmax")]
    network = keras.Sequential(layers)
    first = np.zeros((1, window, 1), np.float32)
    return rates(lambda: predict_per_step(network, first, lambda code: np.full(1, code / size)), NAIVE_STEPS, 3)


def symbols_drawn(model, runs: int) -> list[float]:
    """Symbols per second of ten songs of about a thousand symbols, those beyond the songs' ends not counted."""
    codes = model.codec.encode(zoo.load_corpus("bach-chorales").train[0])[0].codes
    grid_steps = round(STEPS * model.codec.advance[codes[codes < model.codec.size]].mean())
    count = sum(map(len, model.generate(SONGS, grid_steps, None, 1.0, None, 0)))
    return rates(lambda: model.generate(SONGS, grid_steps, None, 1.0, None, 0), count, runs)


def both_ways(name: str, runs: int, naive: list[float], carried: float, sliding: float, published: float):
    """Rows of a token model at the blog's size: state carried, window sliding."""
    for context, how, goal in (("song", "state carried", carried), ("window", "window sliding", sliding)):
        ours = symbols_drawn(quickly_trained(name, "blog", context=context), runs)
        what = f"sampling {name}, {how}, {SONGS} songs x {STEPS} steps | predict per step"
        yield Row(what, "steps/s", ours, naive, (f"ratio >= {goal}",), f"naive was measured elsewhere: {published}")


@line("sampling-melody")
def melody(runs: int):
    """melody_lstm at the original's size."""
    model = quickly_trained("melody_lstm", "blog")
    naive = naive_one_hot(model.window, model.codec.size, model.units[0])
    yield from both_ways("melody_lstm", runs, naive, 5000, 2000, 25)


@line("sampling-event")
def event(runs: int):
    """event_lstm at the blog's size."""
    model = quickly_trained("event_lstm", "blog")
    naive = naive_one_hot(model.window, model.codec.size, model.units[0])
    yield from both_ways("event_lstm", runs, naive, 1000, 200, 25)


@line("sampling-note")
def note(runs: int):
    """note_lstm at the blog's size."""
    model = quickly_trained("note_lstm", "blog")
    yield from both_ways("note_lstm", runs, naive_notes(model.window, model.codec.size), 1000, 200, 9)


@line("sampling-rbm")
def rbm(runs: int):
    """rnn_rbm in the blog's form, 25 Gibbs steps a frame."""
    model = quickly_trained("rnn_rbm", "blog")
    steps = FRAMES * model.steps_per_frame
    ours = rates(lambda: model.generate(SONGS, steps, None, 1.0, None, 0), SONGS * FRAMES, runs)
    naive = rates(lambda: frame_after_frame(model), NAIVE_FRAMES, 3)
    what = f"sampling rnn_rbm, {model.sample_steps} Gibbs steps, {SONGS} songs x {FRAMES} frames | Python loop"
    yield Row(what, "frames/s", ours, naive, ("ratio >= 200",))


def frame_after_frame(model) -> None:
    """One song by the same layers, uncompiled: loops over frames and Gibbs steps."""
    rng, machine, conditioned = np.random.default_rng(0), model.distribution, model.conditioned
    frame, states = np.zeros((1, machine.visible), np.float32), conditioned.initial_states(1)
    for _ in range(NAIVE_FRAMES):
        u = keras.ops.concatenate([state[0] for state in conditioned.grouped(states)], axis=-1)
        b_v, b_h = machine.split(conditioned.parameters(u[:, None], frame[:, None])[:, 0])
        for _ in range(model.sample_steps):
            uniform = rng.random((1, machine.hidden), np.float32), rng.random((1, machine.visible), np.float32)
            frame = machine.gibbs_step(frame, b_v, b_h, *uniform)
        states = conditioned.advance(frame, states)
        frame = np.asarray(frame)


@line("sampling-cold")
def cold(runs: int):
    """`python -m zoo sample`, ten songs of 64 beats, from a cold start."""
    for name in zoo.names():
        with tempfile.TemporaryDirectory() as folder:
            quickly_trained(name, "tuned").save(folder)
            words = ("-m", "zoo", "sample", folder, "--out", Path(folder) / "songs")
            ours = seconds(lambda words=words: process(*words), max(1, runs // 2))
            importing, loading, first, again = map(float, process("-c", COLD, folder).split())
        note = f"import {importing:.1f}, model {loading:.1f}, compilation {first - again:.1f}, drawing {again:.2f} s"
        yield Row(f"zoo sample {name}, 10 songs x 64 beats, cold", "s", ours, [], ("ours <= 6",), note)
