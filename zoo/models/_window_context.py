"""The last symbols as what a network over symbols sees of a piece; see `zoo.models._contexts`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from zoo.codecs import Line
from zoo.evaluation.likelihood import Read
from zoo.layers.contents import ContentLogits
from zoo.layers.symbols import WindowStep
from zoo.models._batches import WindowBatches
from zoo.models._contexts import Pick, SymbolContext, check_logits

WINDOWS_AT_ONCE = 1024
# Layers that treat every step alike: after the others a window's last step is all that counts.
OF_ONE_STEP = (
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    ContentLogits,
)
LAST_STEP, LAST_LOGITS = "last_step", "last_logits"  # layers that a window adds


@dataclass(frozen=True)
class WindowContext(SymbolContext):
    """The last symbols, read from a zero state for every next one, as the originals do.

    Left of a piece stand start symbols.

    Args:
        window: how many.
    """

    window: int

    def build(self, layers: list[keras.Layer]) -> keras.Model:
        last = max((index for index, layer in enumerate(layers) if not isinstance(layer, OF_ONE_STEP)), default=0)
        x = inputs = keras.Input((self.window,), dtype="int32", name="ids")
        for index, layer in enumerate(layers):
            x = layer(x)
            if index == last:
                x = keras.layers.Cropping1D((self.window - 1, 0), name=LAST_STEP)(x)
        check_logits(x, self.codec.size)
        return keras.Model(inputs, keras.layers.Reshape((self.codec.size,), name=LAST_LOGITS)(x))

    def stack(self, network: keras.Model) -> list[keras.Layer]:
        added = ("ids", LAST_STEP, LAST_LOGITS)
        return [layer for layer in network.layers if layer.name not in added]

    def batches(self, lines: list[Line], batch: int, rng: np.random.Generator) -> WindowBatches:
        return WindowBatches(self.windows(lines), self.codec.size, batch, rng)

    def windows(self, lines: list[Line]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All windows of all lines.

        Returns:
            Where each begins (windows,) int32; all windows as views of one column of ids (starts, window), and the
            column of targets: the window that begins at s is views[s], its target targets[s + window − 1].
        """
        pad = np.full(self.window - 1, self.codec.start, np.int32)
        ids = np.concatenate([part for line in lines for part in (pad, self.ids(line.codes)[:-1])])
        targets = np.concatenate([part for line in lines for part in (pad, line.codes)])
        starts, at = [], 0
        for line in lines:
            starts.append(np.arange(at, at + len(line.codes), dtype=np.int32))
            at += len(line.codes) + len(pad)
        return np.concatenate(starts), np.lib.stride_tricks.sliding_window_view(ids, self.window), targets

    def log_probabilities(self, network: keras.Model, codes: np.ndarray) -> np.ndarray:
        starts, views, _ = self.windows([Line(codes, 0, 0, 0)])
        return np.asarray(ops.log_softmax(network.predict_on_batch(views[starts]), axis=-1))

    def make_reader(self, network: keras.Model) -> keras.Model:
        """Windows (batch, window) and targets (batch,) → what `Pick` gives."""
        targets = keras.Input((), dtype="int32")
        return keras.Model([network.inputs[0], targets], Pick(self.codec)([network.outputs[0], targets]))

    def read(self, reader: keras.Model, lines: list[Line]) -> Iterator[Read]:
        starts, views, targets = self.windows(lines)
        numbers = np.repeat(np.arange(len(lines)), [len(line.codes) for line in lines])
        places = np.concatenate([np.arange(len(line.codes)) for line in lines])
        for begin in range(0, len(starts), WINDOWS_AT_ONCE):
            piece = starts[begin : begin + WINDOWS_AT_ONCE]
            padded = np.resize(piece, WINDOWS_AT_ONCE)  # one shape, one compilation
            following = targets[padded + self.window - 1]
            picked = reader.predict_on_batch([views[padded], following])
            log_p, hit, log_music, log_any = (np.asarray(part)[: len(piece)] for part in picked)
            read = slice(begin, begin + len(piece))
            yield Read(log_p, hit, following[: len(piece)], numbers[read], places[read], log_music, log_any)

    def step(self, network: keras.Model) -> WindowStep:
        return WindowStep(network, self.window)

    def push(
        self, memory: list[np.ndarray], carried: list[np.ndarray], codes: np.ndarray, ids: np.ndarray
    ) -> list[np.ndarray]:
        return [np.concatenate([memory[0][:, 1:], ids], axis=1)]

    def memory(self, reader: keras.Model, pieces: list[np.ndarray]) -> list[np.ndarray]:
        histories = [self.ids(codes)[-self.window :] for codes in pieces]
        pads = [np.full(self.window - len(history), self.codec.start) for history in histories]
        return [np.stack(list(map(np.concatenate, zip(pads, histories, strict=True)))).astype(np.float32)]
