"""What every line of the benchmark is made of: a row of figures, clocks, and the machine that they are of."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import keras

import zoo
from zoo.training import hyperparameters

LINES: dict[str, Callable[[int], Iterator[Row]]] = {}
LONG = set()  # lines that take hours: only when asked for
PACKAGES = ("keras", "tensorflow", "jax", "numpy", "symusic", "pretty_midi")


@dataclass
class Row:
    """One figure, beside the naive way of doing the same and the goal.

    Args:
        what: in a few words.
        unit: of both sides; one that ends with "/s" is better when higher, any other when lower.
        ours, naive: one value for each run.
        goals: such as "ratio >= 50" and "ours <= 3".
        note: what explains the figure.
    """

    what: str
    unit: str
    ours: list[float]
    naive: list[float] = field(default_factory=list)
    goals: tuple[str, ...] = ()
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better ours is, by the medians."""
        if not self.naive:
            return None
        ours, naive = statistics.median(self.ours), statistics.median(self.naive)
        return ours / naive if self.unit.endswith("/s") else naive / ours

    def met(self) -> bool | None:
        """Whether all goals are met; None where there is none."""
        values = {"ours": statistics.median(self.ours), "ratio": self.ratio}
        verdicts = []
        for goal in self.goals:
            name, sign, bound = goal.split()
            bound = float(bound.replace(",", ""))
            verdicts.append(values[name] >= bound if sign == ">=" else values[name] <= bound)
        return all(verdicts) if verdicts else None

    def columns(self) -> dict[str, object]:
        """For the CSV."""
        found = {"what": self.what, "unit": self.unit}
        for side, values in (("ours", self.ours), ("naive", self.naive)):
            figures = (statistics.median(values), min(values), max(values)) if values else ("", "", "")
            found |= dict(zip((f"{side}_median", f"{side}_min", f"{side}_max"), figures, strict=True))
            found[f"{side}_runs"] = len(values)
        met = {None: "", True: "yes", False: "no"}[self.met()]
        return found | {"ratio": self.ratio or "", "goal": "; ".join(self.goals), "met": met, "note": self.note}


def line(name: str, long: bool = False):
    """Make a function from the number of runs to rows a line of the benchmark."""

    def register(function):
        LINES[name] = function
        if long:
            LONG.add(name)
        return function

    return register


def seconds(work: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each of some runs of `work`, after one that is not counted."""
    work()
    found = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return found


def rates(work: Callable[[], object], count: float, runs: int) -> list[float]:
    """How many of `count` things that `work` does are done in a second, in each of some runs."""
    return [count / taken for taken in seconds(work, runs)]


def process(*words: object, environment: dict[str, str] | None = None) -> str:
    """What a process of Python prints; None is this one's environment."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


@cache
def chorales() -> zoo.Corpus:
    """The corpus that everything is trained on."""
    return zoo.load_corpus("bach-chorales")


@cache
def quickly_trained(name: str, preset: str, **overrides):
    """A model at its full size after a few batches: it is as fast or slow as any, whatever it has learnt."""
    known = hyperparameters.options(zoo.find(name))
    quick = {key: value for key, value in {"updates": 10, "pretrain_epochs": 0}.items() if key in known}
    model = zoo.create(name, preset, **quick | overrides)
    model.fit(chorales().train[:40], chorales().valid[:2])
    return model


def machine() -> dict[str, object]:
    """What the figures depend on."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((text.split(":")[1].strip() for text in lines if text.startswith("model name")), cpu)
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        **versions,
    }
