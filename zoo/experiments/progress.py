"""How long it will take: a live display on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_EVERY = 20.0  # seconds between lines of a log while one thing goes on


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many are done, and the time left; yields what to call with (done, total)."""
    console = Console(stderr=True)
    if console.is_terminal:
        named = TextColumn("{task.description}", markup=False)  # a folder's name may hold brackets and braces
        columns = (named, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("left"))
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        return
    started = printed = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= PLAIN_EVERY / 4:
            printed = now
            left = (now - started) / max(done, 1) * (total - done)
            print(f"{what}: {done} of {total}, {clock(left)} left", file=sys.stderr, flush=True)

    yield line


def clock(seconds: float) -> str:
    """1:05 or 2:00:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class TrainingDisplay:
    """A `zoo.training.loop.Callback` that shows the epoch, its figures and the time left.

    Args:
        title: what is trained.
        epochs, minutes, updates: where training ends at the latest; minutes = 0 and updates = 0 are no bounds.
    """

    def __init__(self, title: str, epochs: int, minutes: float, updates: int = 0) -> None:
        self.title, self.epochs, self.minutes, self.updates = title, epochs, minutes, updates
        self.console = Console(stderr=True)
        self.live = None
        if self.console.is_terminal:
            named = TextColumn("{task.fields[title]}", style="bold", markup=False)
            columns = (named, BarColumn(), TextColumn("{task.description}"))
            self.live = Progress(*columns, console=self.console, transient=True)
        self.ends = epochs  # the epoch that training ends in at the latest; updates may come to fewer
        self.printed = time.monotonic()

    def __enter__(self) -> TrainingDisplay:
        if self.live:
            self.live.start()
            self.task = self.live.add_task("starting", total=1.0, title=self.title)
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.stop()

    def batch(self, epoch: int, done: int, total: int, seconds: float) -> None:
        """A batch is done.

        Args:
            epoch: from 0.
            done: batches of the epoch that are done.
            total: batches of the epoch.
            seconds: since training began.
        """
        part = (epoch + done / total) / self.epochs
        if self.minutes:
            part = max(part, seconds / (60 * self.minutes))
        if self.updates:
            part = max(part, (epoch * total + done) / self.updates)
            self.ends = min(self.epochs, math.ceil(self.updates / total))
        part = min(part, 1.0)
        left = seconds / part - seconds
        text = f"epoch {epoch + 1} of {self.ends}, {done} of {total} batches, {clock(seconds)}, {clock(left)} left"
        if self.live:
            self.live.update(self.task, completed=part, description=text)
        elif time.monotonic() - self.printed >= PLAIN_EVERY:
            self.printed = time.monotonic()
            print(f"{self.title}  {text}", file=sys.stderr, flush=True)
        self.left = left

    def epoch(self, history: list[dict[str, float]], network: object) -> None:
        """An epoch is done; the last row of `history` tells of it."""
        row = history[-1]
        best = min(history, key=lambda row: row["val_nats_per_beat"])
        line = (
            f"{self.title}  epoch {row['epoch']:3d} of {self.ends}"
            f"  loss {row['loss']:.4f}  val_loss {row['val_loss']:.4f}"
            f"  validation {row['val_nats_per_beat']:.4f} nats/beat"
            f" (best {best['val_nats_per_beat']:.4f}, epoch {best['epoch']})"
            f"  {clock(row['seconds'])}, {clock(self.left)} left"
        )
        self.printed = time.monotonic()
        if self.live:
            self.live.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)
