"""Models: one approach a file, whose name is the model's only name; what carries them begins with an underscore.

Importing this imports no Keras; `create`, `find` and `load` do.
"""

from zoo.models._registry import create, find, load, names, register
from zoo.models._requests import Request

__all__ = ["Request", "create", "find", "load", "names", "register"]
