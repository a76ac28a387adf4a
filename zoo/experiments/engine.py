"""Commands that train, side by side in processes of their own: one that dies takes no other with it.

A `ProcessPoolExecutor` would be broken by it as a whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, Protocol, TypeVar

from zoo._cores import limited
from zoo.experiments.progress import CHANNEL, Board

INTERRUPTED = 128 + signal.SIGINT  # the exit code of a process that Ctrl-C has ended
BUSY = 3  # that of one that finds another process at its run
OFTEN = 0.05  # seconds between two looks at the processes

Key = TypeVar("Key")


class Display(Protocol):
    """What shows how processes go on, a `Board` or what stands for one on another machine."""

    @property
    def is_live(self) -> bool:
        """Whether it can show what other processes do."""

    def row(self, title: str) -> Shown:
        """Begin to show something."""

    def line(self, text: str) -> None:
        """Show a line that stays."""


class Shown(Protocol):
    """Of one process."""

    def show(self, part: float, text: str) -> None:
        """So much is done, a share of 1; and how to say it."""

    def end(self) -> None:
        """It is over."""


class Running(NamedTuple):
    """A process, and the threads that read what it says."""

    process: subprocess.Popen
    readers: list[threading.Thread]

    def ended(self) -> bool:
        """Whether it has ended, and all that it said is shown."""
        return self.process.poll() is not None and not any(reader.is_alive() for reader in self.readers)


def side_by_side(
    commands: Iterable[tuple[Key, str, list[str]]], jobs: int, cores_each: int = 1
) -> Generator[tuple[Key, int], None, None]:
    """Run commands, so many at once; on a terminal each has a row of one live display, in a log its own lines.

    Args:
        commands: of each a key, a title and the words. The next one is asked for when there is room for it.
        jobs: how many run at once.
        cores_each: cores that each may use.

    Yields:
        The key and the exit code of each that has ended.

    Raises:
        KeyboardInterrupt: when one of them was interrupted; the others are, too. Who stops asking for more waits for
            those that run.
    """
    running: dict[int, tuple[Key, Running]] = {}
    environment = limited(os.environ, cores_each)
    with Board() as board:

        def ended() -> Iterator[tuple[Key, int]]:
            while not (numbers := [number for number, (_, one) in running.items() if one.ended()]):
                time.sleep(OFTEN)
            for number in numbers:
                key, one = running.pop(number)
                if one.process.returncode in (INTERRUPTED, -signal.SIGINT):
                    raise KeyboardInterrupt
                yield key, one.process.returncode

        try:
            for number, (key, title, words) in enumerate(commands):
                while len(running) >= jobs:
                    yield from ended()
                running[number] = key, start(words, environment, board, title)
            while running:
                yield from ended()
        except KeyboardInterrupt:
            for _, one in running.values():
                with contextlib.suppress(ProcessLookupError):
                    one.process.send_signal(signal.SIGINT)
            raise
        finally:
            for _, one in running.values():
                one.process.wait()


def start(
    words: list[str], environment: dict[str, str], board: Display, title: str, folder: Path | None = None
) -> Running:
    """Start a process that shows on `board` how it goes on.

    Args:
        words: of the command.
        environment: of the process.
        board: shows it; in a log, the process speaks for itself.
        title: what goes on.
        folder: in which the process works; None is that of this process.
    """
    if not board.is_live:
        return Running(subprocess.Popen(words, env=environment, cwd=folder), [])
    reading, writing = os.pipe()
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environment | {CHANNEL: str(writing)},
        pass_fds=(writing,),
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    os.close(writing)
    row = board.row(title)

    def follow() -> None:
        with open(reading, encoding="utf-8") as states:
            for state in states:
                row.show(*json.loads(state))
        row.end()

    def repeat(lines: IO[str]) -> None:
        with lines:
            for line in lines:
                board.line(line)

    readers = [
        threading.Thread(target=follow, daemon=True),
        threading.Thread(target=repeat, args=[process.stderr], daemon=True),
    ]
    for reader in readers:
        reader.start()
    return Running(process, readers)
