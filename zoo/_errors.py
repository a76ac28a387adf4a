"""The one exception that means: a person asked for something that cannot be done as asked."""


class UserError(Exception):
    """A mistake the user can mend. Its text is one sentence that names the thing and the way out.

    The command line prints the text without a traceback and exits with code 2.
    """


class Busy(UserError):
    """Another process is doing the same; a user may wait for it or stop it."""


class CannotWrite(UserError):
    """A disk is full, a folder is read-only, or the like."""


class Unreadable(UserError):
    """Music of which a model can read nothing: a fact about the music, which leaves the model out."""
