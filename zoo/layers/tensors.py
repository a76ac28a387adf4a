"""Names of what passes between layers, for annotations."""

from typing import Any, TypeAlias

import keras

Tensor: TypeAlias = keras.KerasTensor  # while a network is built; when it runs, the backend's own
Shape: TypeAlias = tuple[Any, ...]  # int, or None where it is open: the batch, the time
