"""Runs side by side on the machines of a Ray cluster, which share no disk; Ray need not be installed for all else.

It gives what `zoo.experiments.engine.side_by_side` gives, and leaves what that leaves: run folders come back with the
same weights, bit for bit. What a training has reached comes back on the way, so a machine that is lost takes little
along.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from zoo._cores import THREADS, cores
from zoo._errors import Busy, UserError
from zoo._files import Parcel, read_parcel
from zoo.corpora.corpus import Corpus
from zoo.corpora.files import midi_files
from zoo.experiments import worker
from zoo.experiments.engine import BUSY, INTERRUPTED
from zoo.experiments.progress import Board, Row
from zoo.models import _registry

if TYPE_CHECKING:
    from zoo.experiments.job import Job

TRIES = 4  # of a run whose machine or process is lost
LOOK = 0.5  # seconds to wait for messages, so that an interrupt is heard
ANSWERS = 10.0  # seconds in which a cluster answers
GRACE = 6.0  # seconds that cancelled tasks have to clean up
ADDRESS = "RAY_ADDRESS"  # Ray's own variable, which `ray job submit` sets
PASSED_ON = ("XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL", *THREADS)


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """The module `ray`, connected to a cluster whose machines know this very zoo.

    Args:
        address: of the cluster, `auto` is the one that runs on this machine; None is RAY_ADDRESS, and where that is not
            set, this machine's cores, for as long as it takes.

    Raises:
        UserError: when Ray is not installed, or there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to others unless the user wants it
    try:
        import ray
    except ImportError:
        raise UserError("this needs Ray, which is not installed: pip install 'music-rnn-zoo[ray]'.") from None
    address = address or os.environ.get(ADDRESS) or "local"
    if address.startswith("ray://"):  # Ray's client knows no streams of messages
        raise UserError(f"`address={address}` cannot be used; give `address=auto` on a machine of the cluster.")
    own = {"num_cpus": cores(), "include_dashboard": False} if address == "local" else {}
    carried = {"py_modules": [str(Path(__file__).parents[1])], "excludes": ["**/__pycache__"]}
    try:
        host, _, port = address.rpartition(":")
        if port.isdecimal():  # asked first, for Ray tries for minutes
            socket.create_connection((host, int(port)), ANSWERS).close()
        ray.init(address, runtime_env=carried, log_to_driver=False, logging_level="ERROR", **own)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"there is no Ray cluster at `address={address}`: {reason}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


@dataclass
class _Sent:
    """A run that was handed to the cluster."""

    job: Job
    title: str
    words: list[str]
    messages: Any = None  # Ray's generator of references to messages
    tries: int = 0
    row: Row | None = None
    lock: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


def on_cluster(
    commands: Iterable[tuple[Job, str, list[str]]],
    jobs: int | None = None,
    cores_each: int = 1,
    address: str | None = None,
    files: Parcel | None = None,
) -> Generator[tuple[Job, int], None, None]:
    """Train runs on a cluster, one live display or one log for all.

    Args:
        commands: of each run its job, a title, and the words of a command, python -m zoo …, that reads `corpus_there`
            and writes to `worker.REPORTS`. The next one is asked for when there is room for it.
        jobs: how many are in Ray's hands at once; None is all of them.
        cores_each: cores that each may use.
        address: see `connected`.
        files: that the commands read besides.

    Yields:
        The job and the exit code of each that has ended, its run folder in place.

    Raises:
        KeyboardInterrupt: when interrupted; then the others are cancelled. Who stops asking for more waits for those
            that run.
        UserError: see `connected`.
    """
    with connected(address) as ray, Board() as board, contextlib.ExitStack() as locks:
        cluster = _Cluster(ray, board, cores_each, files or {})
        try:
            for job, title, words in commands:
                while jobs and len(cluster.sent) >= jobs:
                    yield from cluster.look()
                sent = _Sent(job, title, words)
                locks.push(sent.lock)
                cluster.send(sent)
            while cluster.sent:
                yield from cluster.look()
        except GeneratorExit:
            while cluster.sent:
                for _ in cluster.look():
                    pass
            raise
        except BaseException:  # an interrupt, or whatever ends the command: no run may go on for nobody
            cluster.cancel()
            raise


def corpus_there(corpus: Corpus) -> str:
    """The corpus as a worker's command names it."""
    return f"{worker.MUSIC}/{corpus.name}/"


def passed_on() -> dict[str, str]:
    """Variables of ours that a training depends on."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def models_there() -> tuple[Parcel, dict[str, str]]:
    """Files of the models from outside, and the variables by which a worker knows them, and our backend."""
    outside = [source for source in os.environ.get(_registry.VARIABLE, "").split(os.pathsep) if source]
    files = {source: f"{worker.MODELS}/{Path(source).name}" for source in outside if source.endswith(".py")}
    known = os.pathsep.join(files.get(source, source) for source in outside)
    parcel = {there: Path(source).read_bytes() for source, there in files.items()}
    return parcel, {"KERAS_BACKEND": keras.backend.backend(), _registry.VARIABLE: known}


class _Cluster:
    """What was sent and has not ended."""

    def __init__(self, ray: Any, board: Board, cores_each: int, files: Parcel) -> None:
        self.ray, self.board, self.cores_each = ray, board, cores_each
        self.train = ray.remote(num_cpus=cores_each, max_retries=0, num_returns="streaming")(worker.train)
        self.sent: list[_Sent] = []
        self.music: dict[str, Any] = {}  # references to parcels, by the corpus's digest
        models, variables = models_there()
        self.files = ray.put(models | files)
        self.environment = passed_on() | variables

    def send(self, sent: _Sent) -> None:
        """Have a run trained, from where it stands."""
        job, corpus = sent.job, sent.job.corpus
        if corpus.digest not in self.music:
            self.music[corpus.digest] = self.ray.put(pack_corpus(corpus))
        here = {} if job.state() in ("new", "stale") else job.run_folder.to_parcel()
        names = job.run_folder.model, job.run_folder.name
        task = worker.Task(sent.words[3:], corpus.name, *names, self.environment, self.cores_each)
        sent.messages = self.train.remote(task, self.music[corpus.digest], self.files, self.ray.put(here))
        sent.tries += 1
        self.sent.append(sent)

    def look(self) -> Iterator[tuple[Job, int]]:
        """Wait a little for messages; gives what has ended."""
        by_messages = {one.messages: one for one in self.sent}
        ready, _ = self.ray.wait(list(by_messages), timeout=LOOK)
        for sent in map(by_messages.__getitem__, ready):
            code = self._heard(sent)
            if code is not None:
                self.sent.remove(sent)
                self._end(sent)
                yield sent.job, code

    def _heard(self, sent: _Sent) -> int | None:
        """Take one message of a run; gives its exit code if it has ended for good."""
        errors = self.ray.exceptions
        try:
            message: worker.Message = self.ray.get(next(sent.messages))
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:  # no other machine would do better
            self.board.line(f"zoo: {sent.title}: {error}")
            return 1
        except (errors.RayError, StopIteration) as error:
            return self._lost(sent, f"{type(error).__name__}", 1)
        match message:
            case worker.Begun():
                return self._begun(sent)
            case worker.Shown(part, text) if sent.row:
                sent.row.show(part, text)
            case worker.Said(text):
                self.board.line(text.rstrip("\n"))
            case worker.Reached(files):
                _land(sent.job, files)
            case worker.Ended(code, files):
                _land(sent.job, files)
                if code < 0 or code == INTERRUPTED:
                    return self._lost(sent, f"its process ended with code {code}", code)
                if code == 0:
                    print(sent.job.folder, flush=True)
                return code
        return None

    def _begun(self, sent: _Sent) -> int | None:
        if sent.row is None:
            try:
                sent.lock.enter_context(sent.job.run_folder.locked())
            except Busy as error:
                self.board.line(f"zoo: {error}")
                self.ray.cancel(sent.messages)
                return BUSY
            sent.row = self.board.row(sent.title)
        return None

    def _lost(self, sent: _Sent, why: str, code: int) -> int | None:
        """A worker, its process or its machine is gone: have the run go on elsewhere, from the last state there is."""
        if sent.tries == TRIES:
            self.board.line(f"zoo: {sent.title}: lost {TRIES} times ({why})")
            return code
        self.board.line(f"zoo: {sent.title}: lost ({why}), goes on from the last state that came back")
        self.sent.remove(sent)
        self.send(sent)
        return None

    def _end(self, sent: _Sent) -> None:
        if sent.row:
            sent.row.end()
        sent.lock.close()

    def cancel(self) -> None:
        """Stop all that was sent."""
        for sent in self.sent:
            self.ray.cancel(sent.messages)
        ends = [sent.messages.completed() for sent in self.sent]
        if ends:
            self.ray.wait(ends, num_returns=len(ends), timeout=GRACE)


def _land(job: Job, files: Parcel) -> None:
    """Put what came back into its place."""
    if job.state() == "stale":
        job.run_folder.clear()
    job.run_folder.take_over(files)
    job.describe_corpus()


def pack_corpus(corpus: Corpus) -> Parcel:
    """The files that the corpus is read from."""
    paths, _ = midi_files(corpus.folder)
    return read_parcel(corpus.folder, [*paths, "recipe.json"])
