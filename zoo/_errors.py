"""The exceptions that mean: a person wants something that cannot be done so."""

import re
from collections.abc import Callable

ARGUMENT = re.compile(r"`([^\W\d]\w*)(?:=([^`]*))?`")


def worded(text: str, argument: Callable[[re.Match], str] = lambda match: match[0][1:-1]) -> str:
    """A sentence with its arguments, `count` or `transpose=6` in backticks, as `argument` words them: bare by default.

    Args:
        text: of an error, or of a remark to a person.
        argument: makes a word of a match of ARGUMENT, whose groups are the name, and the value or None.
    """
    return ARGUMENT.sub(argument, text)


class UserError(Exception):
    """A mistake the user can mend. Its text is one sentence that names the thing and the way out.

    Arguments in it stand in backticks, as in "`count` must be at least 1"; `str` gives them bare, and the command line,
    which prints the text without a traceback and exits with code 2, as flags.
    """

    def __str__(self) -> str:
        return worded(super().__str__())


class Busy(UserError):
    """Another process is doing the same; a user may wait for it or stop it."""


class CannotWrite(UserError):
    """A disk is full, a folder is read-only, or the like."""


class Unreadable(UserError):
    """Music of which a model can read nothing: a fact about the music, which leaves the model out."""


class NotPlayable(UserError):
    """A model that the page to play on does not know: a fact about the model, which leaves it out."""
