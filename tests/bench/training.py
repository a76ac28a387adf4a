"""Training to quality, scoring, and how much of the machine's arithmetic training uses."""

from __future__ import annotations

import csv
import functools
import statistics
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np

import zoo
from bench.measure import Row, chorales, line, quickly_trained, rates
from zoo._files import read_json
from zoo.evaluation.likelihood import encode_all
from zoo.training import hyperparameters

RUNS = Path("reports/bach-chorales/runs")
BENCHMARK = (Path("jsb-chorales"), Path("../shared/data/jsb-chorales"))  # see datasets/README.md
SIDE = 1024  # of the square matrices whose product is this machine's measure


@line("training", long=True)
def training(runs: int):
    """Seconds until tuned, on blog's representation, has blog's final validation likelihood, from the runs of
    `make compare-presets`; runs that are not there yet are trained, which takes hours."""
    for name in (name for name in zoo.names() if "blog" in zoo.find(name).presets):
        if not (_run(name, "blog") and _run(name, "tuned")):
            subprocess.run([sys.executable, "-m", "zoo", "compare-presets", name], check=True)
        blog, tuned = (_history(_run(name, preset)) for preset in ("blog", "tuned"))
        wanted = blog[-1][1]
        reached = next((spent for spent, figure in tuned if figure <= wanted), None)
        what = f"training {name} to {wanted:.3f} nats per beat on blog's representation: tuned | blog"
        best = min(figure for _, figure in tuned)
        if reached is None:
            yield Row(what, "s", [tuned[-1][0]], [], (), f"not reached: {best:.3f} at best")
        else:
            yield Row(what, "s", [reached], [blog[-1][0]], ("ratio >= 15",), f"goes on to {best:.3f}")


def _run(name: str, preset: str) -> Path | None:
    """The finished run of seed 0 with that preset, on the representation of blog."""
    blog = zoo.create(name, "blog")
    parts = ("representation", "measuring")
    taken = {key: getattr(blog, key) for part in parts for key in hyperparameters.of_part(type(blog), part)}
    wanted = zoo.create(name, preset, **taken).to_json()
    for folder in (RUNS / name).glob(f"{preset}-seed0*"):
        described = read_json(folder / "model.json") if (folder / "metrics.json").exists() else {}
        if {key: described.get(key) for key in wanted} == wanted:
            return folder
    return None


def _history(folder: Path) -> list[tuple[float, float]]:
    """(seconds since training began, validation figure) of every epoch."""
    with open(folder / "history.csv", newline="") as file:
        return [(float(row["seconds"]), float(row["val_nats_per_beat"])) for row in csv.DictReader(file)]


@line("scoring")
def scoring(runs: int):
    """The test split of the chorales, each model, compilation included."""
    for name in zoo.names():
        model = quickly_trained(name, "tuned")
        first = seconds_once(lambda model=model: model.score(chorales().test))
        yield Row(f"scoring {name} tuned, test split, once, with compilation", "s", [first], [], ("ours <= 10",))


@line("annealing")
def annealing(runs: int):
    """AIS of the paper's RNN-RBM on the test split of the JSB chorales, 500 temperatures x 20 chains."""
    folder = next((path for path in BENCHMARK if path.is_dir()), None)
    if not folder:
        return
    corpus = zoo.load_corpus(folder)
    model = zoo.create(
        "rnn_rbm", "paper", updates=100, pretrain_epochs=0, anneal_steps=500, anneal_chains=20, anneal_twice=False
    )
    model.fit(corpus.train, corpus.valid[:2])
    taken = seconds_once(lambda: model.score(corpus.test))
    yield Row("AIS of rnn_rbm paper on JSB test, 500 x 20", "s", [taken], [], ("ours <= 180",))


def seconds_once(work) -> float:
    """Seconds of the first call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@line("arithmetic")
def arithmetic(runs: int):
    """Multiplications and additions of training as a share of what the machine's matrix product does in that time."""
    whole = product(SIDE, SIDE, SIDE, runs)
    for name in ("event_lstm", "melody_lstm", "note_lstm"):
        model = quickly_trained(name, "tuned")
        network, units = model.network, model.units[-1]
        lines, _ = encode_all(model.codec, chorales().train[:40])
        x, *rest = next(iter(model.batches(lines, np.random.default_rng(0))))
        # Forward once, backward twice; a multiplication and an addition for each weight of a matrix and each symbol.
        matrices = [v for v in network.trainable_variables if len(v.shape) == 2 and v.name != "embeddings"]
        forward = 2e-9 * x.size * sum(int(np.prod(matrix.shape)) for matrix in matrices)
        trained = rates(functools.partial(network.train_on_batch, x, *rest), 3 * forward, max(runs, 10))
        read = rates(functools.partial(network.predict_on_batch, x), forward, max(runs, 10))
        one_step = product(model.batch, units, 4 * units, runs)
        share = statistics.median(trained) / statistics.median(whole)
        note = (
            f"{share:.1%} of it; forward alone {statistics.median(read):.1f} Gflop/s; what a step of the recurrence "
            f"multiplies, {model.batch} x {units} by {4 * units}, alone {statistics.median(one_step):.1f} Gflop/s"
        )
        yield Row(f"arithmetic of training {name} tuned | matrix product", "Gflop/s", trained, whole, (), note)


def product(rows: int, inner: int, columns: int, runs: int) -> list[float]:
    """Gflop/s of a product of matrices of these sizes on this backend."""
    one, other = (keras.random.normal(shape) for shape in ((rows, inner), (inner, columns)))
    times = max(1, 10**8 // (rows * inner * columns))

    def work():
        for _ in range(times):
            found = keras.ops.matmul(one, other)
        return np.asarray(found)

    return rates(work, times * 2e-9 * rows * inner * columns, max(runs, 5))
