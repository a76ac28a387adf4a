"""What a network consists of, as data for the report to draw."""

from __future__ import annotations

import keras
import numpy as np


def layers(network: keras.Model) -> list[dict]:
    """The layers of a network, from input to output, without inputs and what only picks the last step.

    Returns:
        For each its class, a detail in words, the shape of its output, its number of trained parameters, and of a
        network over frames its structure.
    """
    return [
        _row(layer)
        for layer in network.layers
        if not isinstance(layer, keras.layers.InputLayer) and layer.name != "last_step"
    ]


def _shape(shape: tuple[int | None, ...]) -> str:
    axes = ["batch", "time", "units"][: len(shape)]
    return "(" + ", ".join(name if size is None else str(size) for name, size in zip(axes, shape, strict=True)) + ")"


def _row(layer: keras.Layer) -> dict:
    """One layer."""
    structure = getattr(layer, "structure", None)
    return {
        "layer": type(layer).__name__,
        "detail": "" if structure else getattr(layer, "detail", "") or _detail(layer),
        "shape": _shape(layer.output.shape),
        "parameters": sum(int(np.prod(variable.shape)) for variable in layer.trainable_variables),
        "frame_network": structure,
    }


def _detail(layer: keras.Layer) -> str:
    if hasattr(layer, "units"):
        return f"{layer.units} units"
    return f"rate {layer.rate:g}" if hasattr(layer, "rate") else ""
