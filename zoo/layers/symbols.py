"""Reading symbols, and drawing them: a recurrent network whose input is noise."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from zoo.layers.rules import Allowed, Rules, WithState, after
from zoo.layers.stepwise import state_sizes
from zoo.layers.tensors import Shape, Tensor


class SymbolClock(NamedTuple):
    """How one integer, an *id*, tells a network at a step which symbol came before and what time it is.

    id = symbol + (size + 2) × place in the bar, so that windows stay views of one column of integers.

    Attributes:
        size: known symbols; unknown and start make it size + 2.
        clock: grid steps in a bar; 1 is no clock, and ids are symbols.
    """

    size: int
    clock: int = 1

    @property
    def symbols(self) -> int:
        """Number of symbols."""
        return self.size + 2

    @property
    def places(self) -> int:
        """Number of features that `with_place` adds."""
        return self.clock if self.clock > 1 else 0

    def pack(self, symbols: Tensor, times: Tensor) -> Tensor:
        """Ids of symbols at times (grid steps since the beginning of a piece, or of a bar), of one shape."""
        return symbols + self.symbols * (times % self.clock) if self.clock > 1 else symbols

    def symbols_of(self, ids: Tensor) -> Tensor:
        """The symbols in ids."""
        return ids % self.symbols

    def with_place(self, features: Tensor, ids: Tensor) -> Tensor:
        """Features (..., features) of ids (...), followed by the place in the bar as a one-hot."""
        if not self.places:
            return features
        return ops.concatenate([features, ops.one_hot(ids // self.symbols, self.clock)], axis=-1)


@keras.saving.register_keras_serializable("zoo")
class SymbolInput(keras.layers.Layer):
    """Turns ids into features.

    Args:
        size: known symbols; with unknown and start there are size + 2.
        form: "one-hot"; "scalar", the symbol's code ÷ size as one real number, as the note-sequence original has it;
            "embedding".
        width: of the embedding.
        clock: grid steps in a bar; above 1 the place in the bar follows as a one-hot.

    Call arguments:
        ids: int32 (..., time).

    Returns:
        float32 (..., time, features).
    """

    def __init__(self, size: int, form: str = "one-hot", width: int = 64, clock: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.form, self.width, self.clock = size, form, width, clock
        self.packing = SymbolClock(size, clock)
        self.embedding = keras.layers.Embedding(size + 2, width) if form == "embedding" else None

    @property
    def detail(self) -> str:
        """For the picture of the network."""
        kind = f"embedding {self.width}" if self.embedding else self.form
        return f"{self.size} symbols, {kind}" + (f" + clock {self.clock}" if self.clock > 1 else "")

    def build(self, shape: Shape) -> None:
        if self.embedding:
            self.embedding.build(shape)

    def call(self, ids: Tensor) -> Tensor:
        symbols = self.packing.symbols_of(ids)
        if self.embedding:
            features = self.embedding(symbols)
        elif self.form == "scalar":
            features = ops.cast(symbols, "float32")[..., None] / self.size
        else:
            features = ops.one_hot(symbols, self.packing.symbols)
        return self.packing.with_place(features, ids)

    def compute_output_shape(self, shape: Shape) -> Shape:
        width = {"embedding": self.width, "scalar": 1, "one-hot": self.packing.symbols}[self.form]
        return (*shape, width + self.packing.places)

    def get_config(self) -> dict[str, Any]:
        config = {"size": self.size, "form": self.form, "width": self.width, "clock": self.clock}
        return {**super().get_config(), **config}


class CarriedStep(keras.layers.Layer):
    """One step of a stack of layers with its recurrent state carried along.

    Args:
        layers: from ids to logits.
        rules: of the representation, if the network follows them.

    Call arguments:
        memory: [last id (batch, 1), state of the rules (batch, bits) if there are any, states of each recurrent layer
            (batch, units) …].

    Returns:
        logits (batch, size), memory without the id and the rules' state.
    """

    def __init__(self, layers: list[keras.layers.Layer], rules: Rules | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stack, self.rules = layers, rules
        self.own = [1] if rules is None else [1, rules.bits]
        self.state_size = [*self.own, *(size for layer in layers for size in state_sizes(layer))]
        self.with_state = None if rules is None else WithState(rules)
        self.allowed = None if rules is None else Allowed(rules)

    def call(self, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        x, carried, waiting = ops.cast(memory[0], "int32"), [], list(memory[len(self.own) :])
        for index, layer in enumerate(self.stack):
            sizes = state_sizes(layer)
            if sizes:
                states, waiting = waiting[: len(sizes)], waiting[len(sizes) :]
                output, states = layer.cell(x[:, 0], states, training=False)
                x = output[:, None]  # (batch, 1, units)
                carried += states
            else:
                x = layer(x, training=False) if isinstance(layer, keras.layers.Dropout) else layer(x)
            if self.with_state and not index:
                x = self.with_state([x, memory[1][:, None]])
        logits = x[:, 0]
        return (self.allowed([logits, memory[1]]) if self.allowed else logits), carried

    def push(self, memory: list[Tensor], carried: list[Tensor], codes: Tensor, ids: Tensor) -> list[Tensor]:
        """Memory after one more symbol of each piece.

        Args:
            memory: before.
            carried: what the step gave besides logits.
            codes: (batch,) the symbols.
            ids: (batch, 1), as which they are read.
        """
        return [ids, *([after(self.rules, memory[1], codes)] if self.rules else []), *carried]


class WindowStep(keras.layers.Layer):
    """One step of a network that reads a window from a zero state, as the originals do.

    Call arguments:
        memory: [ids of the window (batch, window)].

    Returns:
        logits (batch, size), and nothing that is carried.
    """

    def __init__(self, network: keras.Model, window: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.state_size = [window]

    def call(self, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        return self.network(ops.cast(memory[0], "int32"), training=False), []

    def push(self, memory: list[Tensor], carried: list[Tensor], codes: Tensor, ids: Tensor) -> list[Tensor]:
        """See `CarriedStep.push`."""
        return [ops.concatenate([memory[0][:, 1:], ids], axis=1)]


class SymbolSampler(keras.layers.Layer):
    """A cell for `keras.layers.RNN` that draws the next symbol: Gumbel-max with noise from its input.

    argmax(logits + T · Gumbel) is a draw from softmax(logits / T); T = 0 is argmax. No random operation is inside, so
    one compiled roll-out serves any length, and the same noise gives the same symbols on every backend.

    Args:
        step: CarriedStep or WindowStep.
        advance: (size,) grid steps by which each symbol moves time on.
        as_input: (size,) what the network reads for each symbol.
        steps_per_beat: grid steps in a beat.
        most_per_beat: after so many symbols in a beat only those that move time on may follow, so that every piece
            ends.
        clock: grid steps in a bar, if the network reads it; else 1.
        top_p: draw from the smallest set of symbols that holds so much of the probability (Holtzman et al. 2020).

    Call arguments:
        inputs: (batch, size + 1) noise, already multiplied by the temperature, and the temperature.
        states: [*step.state_size, time in grid steps within the bar (batch, 1), symbols so far in this beat (batch,
            1)].
    """

    def __init__(
        self,
        step: CarriedStep | WindowStep,
        advance: np.ndarray,
        as_input: np.ndarray,
        steps_per_beat: int,
        most_per_beat: int,
        clock: int = 1,
        top_p: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.step, self.top_p = step, top_p
        self.advance, self.as_input = advance.astype("float32"), as_input.astype("float32")
        self.steps_per_beat, self.most_per_beat = steps_per_beat, most_per_beat
        self.packing = SymbolClock(len(advance), clock)
        self.bar = clock if clock > 1 else steps_per_beat
        self.state_size = [*step.state_size, 1, 1]
        self.output_size = 1

    def build(self, *shapes: Shape) -> None:
        """Nothing to build: the layers inside are the trained network's own."""

    def call(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        size = len(self.advance)
        noise, temperature = inputs[:, :size], inputs[:, size:]
        *memory, time, used = states
        logits, carried = self.step(memory)
        if self.top_p < 1:
            logits = self._nucleus(logits, temperature)
        standing = ops.convert_to_tensor((self.advance == 0).astype("float32"))
        logits = logits - 1e9 * ops.cast(used >= self.most_per_beat, "float32") * standing
        code = ops.argmax(logits + noise, axis=-1)
        then = time + ops.take(ops.convert_to_tensor(self.advance), code)[:, None]
        same_beat = ops.floor(then / self.steps_per_beat) == ops.floor(time / self.steps_per_beat)
        used = ops.where(same_beat, used + 1, ops.zeros_like(used))
        time = then - self.bar * ops.floor(then / self.bar)
        ids = self.packing.pack(ops.take(ops.convert_to_tensor(self.as_input), code)[:, None], time)
        return ops.cast(code, "float32")[:, None], [*self.step.push(memory, carried, code, ids), time, used]

    def _nucleus(self, logits: Tensor, temperature: Tensor) -> Tensor:
        """Logits with all outside the nucleus taken away."""
        share = ops.softmax(logits / ops.maximum(temperature, 1e-6))
        falling = ops.flip(ops.sort(share, axis=-1), axis=-1)
        before = ops.cumsum(falling, axis=-1) - falling  # probability of all more likely symbols
        least = ops.min(ops.where(before < self.top_p, falling, 2.0), axis=-1, keepdims=True)
        return ops.where(share >= least, logits, logits - 1e9)
