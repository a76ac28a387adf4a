"""What a machine of a cluster does: train one run in a folder of its own, and tell how it goes.

Its disk is nobody else's: music, models from outside and what there is of the run come as parcels, and the run folder
goes back as one. Knows no Keras; the process that trains does, one for each run, with the threads that it was given.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from zoo import _home
from zoo._cores import THREADS, limited
from zoo._files import TEMPORARY, Parcel, remove_leftovers, write_parcel
from zoo.experiments.engine import start
from zoo.experiments.folders import results_folder, run_folder
from zoo.experiments.run_folder import RunFolder

MUSIC, MODELS, REPORTS = "music", "models", "reports"  # folders of a worker
SENT_EVERY = 20.0  # seconds between two looks for a newer state of the training
PATIENCE = 5.0  # seconds that an interrupted process has to end
# `python -m zoo`, which on Linux ends when its worker does, however that was killed.
PROGRAM = """
import ctypes, runpy, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
runpy.run_module("zoo", run_name="__main__", alter_sys=True)
"""


class Task(NamedTuple):
    """A run to be trained elsewhere.

    Args:
        words: of the command, behind `python -m zoo`; its corpus lies in MUSIC, its results go to REPORTS.
        corpus: name of the corpus.
        model: of the run.
        run: its name.
        environment: variables that the run depends on.
        cores: that it may use.
    """

    words: list[str]
    corpus: str
    model: str
    run: str
    environment: dict[str, str]
    cores: int


class Begun(NamedTuple):
    """A worker has taken the task."""


class Shown(NamedTuple):
    """So much is done, a share of 1; and how to say it."""

    part: float
    text: str


class Said(NamedTuple):
    """A line that stays."""

    text: str


class Reached(NamedTuple):
    """The run folder as it is now."""

    files: Parcel


class Ended(NamedTuple):
    """The process has ended with a code; and its run folder."""

    code: int
    files: Parcel


Message = Begun | Shown | Said | Reached | Ended


def train(task: Task, music: Parcel, files: Parcel, run: Parcel) -> Iterator[Message]:
    """Train a run here.

    Args:
        task: what to train.
        music: files of the corpus.
        files: those that the command reads besides, and of models from outside.
        run: files of the run folder, as far as there are any.

    Yields:
        How it goes, from Begun to Ended.
    """
    yield Begun()
    with own_folder() as folder:
        write_parcel(music, folder / MUSIC / task.corpus)
        write_parcel(files, folder)
        place = results_folder(f"{folder / MUSIC / task.corpus}{os.sep}", folder / REPORTS)
        there = run_folder(place, task.model, task.run)
        write_parcel(run, there.path)
        board = _Messages()
        running = start([sys.executable, "-c", PROGRAM, *task.words], _environment(task), board, task.run, folder)
        try:
            looked, seen = time.monotonic(), _changed(there)
            while not (running.ended() and board.queue.empty()):
                with contextlib.suppress(Empty):
                    yield board.queue.get(timeout=0.1)
                if time.monotonic() - looked > SENT_EVERY:
                    looked, before, seen = time.monotonic(), seen, _changed(there)
                    if seen > before:
                        yield Reached(there.to_parcel())
        finally:  # an interrupt, perhaps
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.process.wait(PATIENCE)
                running.process.kill()
                running.process.wait()  # until then it may write, and its folder goes away
        ended = Ended(running.process.returncode, there.to_parcel())
    yield ended  # last, for whoever takes it may let this worker go


class _Messages:
    """A `zoo.experiments.engine.Display` of one process: what it shows becomes messages."""

    is_live = True

    def __init__(self) -> None:
        self.queue: SimpleQueue[Message] = SimpleQueue()

    def row(self, title: str) -> _Messages:
        return self

    def show(self, part: float, text: str) -> None:
        self.queue.put(Shown(part, text))

    def line(self, text: str) -> None:
        self.queue.put(Said(text))

    def end(self) -> None:
        """There is nothing to be said of it: the process ends, too."""


def _changed(run: RunFolder) -> int:
    """When something was reached last from which training or measuring goes on, in nanoseconds; 0 is never."""
    return max((path.stat().st_mtime_ns for path in (run.state, run.metrics) if path.exists()), default=0)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for one task. What killed workers of this user and machine left is removed."""
    place = Path(tempfile.gettempdir(), f"zoo-{getpass.getuser()}-{platform.node()}")
    place.mkdir(mode=0o700, exist_ok=True)
    remove_leftovers(place)
    folder = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{os.getpid()}.", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(task: Task) -> dict[str, str]:
    """This machine's, with what the run depends on: threads are what the task says or else as many as its cores."""
    own = {key: value for key, value in os.environ.items() if key not in (*THREADS, _home.VARIABLE)}
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]  # where this zoo lies
    return limited(own | task.environment | {"PYTHONPATH": os.pathsep.join(filter(None, path))}, task.cores)
