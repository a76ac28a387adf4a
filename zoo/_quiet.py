"""TensorFlow's messages at start-up are kept from the user's screen."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """While Keras is imported for the first time, drop what compiled libraries write to standard error.

    They write to the file descriptor, past `sys.stderr`. A failure raises, as ever. Once Keras is there, or where the
    process has no standard error, nothing is redirected.
    """
    try:
        kept = None if "keras" in sys.modules else os.dup(2)
    except OSError:  # a program without a console
        kept = None
    if kept is None:
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
