"""How long it will take: a live display on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_EVERY = 20.0  # seconds between lines of a log while one thing goes on
LIVE_EVERY = 0.25  # seconds between states that a process tells the one that shows them
CHANNEL = "ZOO_PROGRESS"  # the environment variable with the file descriptor that such a process writes to


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


class Row:
    """One thing that goes on: a row of a live display, states for the process that has one, or lines of a log.

    Args:
        title: what goes on.
        live: the display, if there is one.
    """

    def __init__(self, title: str, live: Progress | None) -> None:
        self.title, self.live = title, live
        self.channel = None if live else os.environ.get(CHANNEL)
        self.printed = time.monotonic()
        if live:
            self.task = live.add_task("starting", total=1.0, title=title)

    def show(self, part: float, text: str) -> None:
        """So much is done, a share of 1; and how to say it."""
        if self.live:
            self.live.update(self.task, completed=part, description=text)
        elif time.monotonic() - self.printed >= (LIVE_EVERY if self.channel else PLAIN_EVERY):
            self.rest()
            if self.channel:
                with contextlib.suppress(OSError):  # nobody looks any more
                    os.write(int(self.channel), (json.dumps([part, text]) + "\n").encode())
            else:
                print(f"{self.title}  {text}", file=sys.stderr, flush=True)

    def rest(self) -> None:
        """Something has just been said of it."""
        self.printed = time.monotonic()

    def end(self) -> None:
        """It is over."""
        if self.live:
            self.live.remove_task(self.task)


class Board:
    """All that goes on: a live display with a row for each on a terminal, else lines on standard error."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        named = TextColumn("{task.fields[title]}", style="bold", markup=False)
        columns = (named, BarColumn(), TextColumn("{task.description}", markup=False))
        self.live = Progress(*columns, console=console, transient=True) if console.is_terminal else None

    @property
    def is_live(self) -> bool:
        """Whether it can show what other processes do."""
        return self.live is not None and os.name == "posix"

    def __enter__(self) -> Board:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.stop()

    def row(self, title: str) -> Row:
        """Begin to show something."""
        return Row(title, self.live)

    def line(self, text: str) -> None:
        """Print a line that stays."""
        if self.live:
            self.live.console.print(text.rstrip("\n"), highlight=False, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)


class TrainingDisplay:
    """A `zoo.training.loop.Callback` that shows the epoch, its figures and the time left.

    Args:
        title: what is trained.
        epochs, minutes, updates: where training ends at the latest; minutes = 0 and updates = 0 are no bounds.
    """

    def __init__(self, title: str, epochs: int, minutes: float, updates: int = 0) -> None:
        self.title, self.epochs, self.minutes, self.updates = title, epochs, minutes, updates
        self.ends = epochs  # the epoch that training ends in at the latest; updates may come to fewer
        self.board = Board()

    def __enter__(self) -> TrainingDisplay:
        self.board.__enter__()
        self.row = self.board.row(self.title)
        return self

    def __exit__(self, *error: object) -> None:
        self.board.__exit__()

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
        self.row.show(part, text)
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
        self.row.rest()
        self.board.line(line)
