"""A training step of the models over symbols beside PyTorch's, and training on ten times as much music."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import sys

import zoo
from bench.measure import Row, chorales, line, process
from zoo._cores import limited
from zoo.training.loop import Callback

NAMES = ("event_lstm", "note_lstm", "melody_lstm")
STEPS, WARM = 60, 10  # timed, and before
EPOCHS = 4  # of which the first is not counted

# Each in a process of its own, on one core; it prints milliseconds of every step, and ours before them its shape.
OURS = """
import json, sys
import zoo
from zoo.training.loop import Callback
name, steps, warm = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
class Enough(Exception):
    pass
class Clock(Callback):
    def __init__(self):
        self.at = []
    def batch(self, epoch, done, total, seconds):
        self.at.append(seconds)
        if len(self.at) > warm + steps:
            raise Enough
corpus, clock = zoo.load_corpus("bach-chorales"), Clock()
model = zoo.create(name, "tuned")
try:
    model.fit(corpus.train, corpus.valid[:2], callback=clock)
except Enough:
    pass
shape = [model.codec.size, getattr(model, "embedding", 0) or model.codec.size, model.units, model.batch]
shape += [model.chunk, model.learning_rate, model.clip_norm]
print(json.dumps([shape, [1000 * (b - a) for a, b in zip(clock.at[warm:-1], clock.at[warm + 1:])]]))
"""

TORCH = """
import json, sys, time
import torch
from torch import nn
size, embedding, units, batch, chunk, rate, clip, steps, warm = json.loads(sys.argv[1])
torch.set_num_threads(1)
torch.manual_seed(0)
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(size, embedding)
        self.lstm = nn.LSTM(embedding, units[0], len(units), batch_first=True)
        self.dense = nn.Linear(units[-1], size)
    def forward(self, x):
        return self.dense(self.lstm(self.embedding(x))[0])
network = Network()
optimizer = torch.optim.Adam(network.parameters(), rate)
x = torch.randint(0, size, (batch, chunk + 1))
found = []
for step in range(warm + steps):
    started = time.perf_counter()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(network(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimizer.step()
    float(loss.detach())
    found.append(1000 * (time.perf_counter() - started))
print(json.dumps(found[warm:]))
"""


@line("steps")
def steps(runs: int):
    """A training step of tuned, its batch included, beside embedding, LSTM, dense and Adam in PyTorch."""
    if importlib.util.find_spec("torch") is None:
        print("steps: PyTorch is not there; pip install 'music-rnn-zoo[bench]' brings it", file=sys.stderr)
        return
    environment = limited(os.environ, 1)
    for name in NAMES:
        ours, torchs = [], []
        for _ in range(min(runs, 3)):  # in turns, so that both meet the same machine
            shape, found = json.loads(process("-c", OURS, name, STEPS, WARM, environment=environment))
            ours += found
            torchs += json.loads(process("-c", TORCH, json.dumps([*shape, STEPS, WARM]), environment=environment))
        size, _, units, batch, chunk, *_ = shape
        what = f"training step of {name} tuned | PyTorch: {batch} x {chunk} of {size} symbols, {units} units"
        yield Row(what, "ms", ours, torchs, ("ratio >= 1",))


@line("growth")
def growth(runs: int):
    """Whether training takes ten times as long on ten times as much music."""
    songs = list(chorales().train[:30])
    for name in NAMES:
        found = []
        for count in (1, 10):
            model = zoo.create(name, "tuned", epochs=EPOCHS, updates=0, patience=0)
            clock = Epochs()
            model.fit(count * songs, chorales().valid[:2], callback=clock)
            found.append(clock.later)
        yield Row(
            f"an epoch of {name} tuned on ten times {len(songs)} songs | ten on {len(songs)}",
            "s",
            found[1],
            [10 * value for value in found[0]],
            ("ratio >= 0.9",),
        )


class Epochs(Callback):
    """Seconds of every epoch after the first, which compiles."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def epoch(self, history: list[dict[str, float]], network) -> None:
        """Note when it ended."""
        self.at.append(history[-1]["seconds"])

    @property
    def later(self) -> list[float]:
        """Those seconds."""
        return [after - before for before, after in itertools.pairwise(self.at)]
