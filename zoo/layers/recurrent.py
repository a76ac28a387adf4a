"""Recurrent layers that multiply their whole input by its kernel at once, and only then go along time.

They are Keras's own layers with another loop: weights, configuration, initialisers and cells are those of
`keras.layers.LSTM`, `GRU` and `SimpleRNN`. Keras multiplies input and kernel at every step, and differentiates the loop
operation by operation. Here one step is one matrix product, forwards (state × recurrent kernel) and backwards (the
same, transposed), and the gradients of all kernels are one product each over all steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops

from zoo.layers.tensors import Tensor


class _Step(NamedTuple):
    """One kind of cell, without its matrix products.

    Attributes:
        kept: tensors of (batch, units) that `forward` keeps for `backward`.
        gradients: tensors of gradients by the input part and by the recurrent part: 1 where they are the same, else 2.
        forward: (input part (batch, gates × units), recurrent part, states) → states after, kept.
        backward: (gradients of the states after, states before, kept) → gradients of the input part and of the
            recurrent part, and of the states before, but for what reaches the
            first of them through the recurrent kernel.
    """

    kept: int
    gradients: int
    forward: Callable[[Tensor, Tensor, list[Tensor]], tuple[list[Tensor], list[Tensor]]]
    backward: Callable[[list[Tensor], list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]]]


def _tanh_forward(given: Tensor, inner: Tensor, states: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    h = ops.tanh(given + inner)
    return [h], [h]


def _tanh_backward(d: list[Tensor], before: list[Tensor], kept: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    (h,) = kept
    return [d[0] * (1 - h * h)], [ops.zeros_like(h)]


def _lstm_forward(given: Tensor, inner: Tensor, states: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    i, f, g, o = ops.split(given + inner, 4, axis=-1)
    i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
    c = f * states[1] + i * g
    tanh_c = ops.tanh(c)
    return [o * tanh_c, c], [i, f, g, o, tanh_c]


def _lstm_backward(d: list[Tensor], before: list[Tensor], kept: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    i, f, g, o, tanh_c = kept
    d_h, d_c = d
    d_c = d_c + d_h * o * (1 - tanh_c * tanh_c)
    gates = [d_c * g * i * (1 - i), d_c * before[1] * f * (1 - f), d_c * i * (1 - g * g), d_h * tanh_c * o * (1 - o)]
    return [ops.concatenate(gates, axis=-1)], [ops.zeros_like(d_h), d_c * f]


def _gru_forward(given: Tensor, inner: Tensor, states: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    z, r, n = ops.split(given, 3, axis=-1)
    inner_z, inner_r, inner_n = ops.split(inner, 3, axis=-1)
    z, r = ops.sigmoid(z + inner_z), ops.sigmoid(r + inner_r)
    n = ops.tanh(n + r * inner_n)
    return [z * states[0] + (1 - z) * n], [z, r, n, inner_n]


def _gru_backward(d: list[Tensor], before: list[Tensor], kept: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    z, r, n, inner_n = kept
    (d_h,) = d
    d_n = d_h * (1 - z) * (1 - n * n)
    d_z, d_r = d_h * (before[0] - n) * z * (1 - z), d_n * inner_n * r * (1 - r)
    given, inner = (ops.concatenate([d_z, d_r, last], axis=-1) for last in (d_n, d_n * r))
    return [given, inner], [d_h * z]


_TANH = _Step(1, 1, _tanh_forward, _tanh_backward)
_LSTM = _Step(5, 1, _lstm_forward, _lstm_backward)
_GRU = _Step(4, 2, _gru_forward, _gru_backward)


def along_time(
    step: _Step, given: Tensor, kernel: Tensor, bias: Tensor, initial: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Carries states along time.

    Args:
        step: the kind of cell.
        given: (time, batch, gates × units), the input by its kernel, with its bias.
        kernel: (units, gates × units), recurrent.
        bias: (gates × units,), of the recurrent part.
        initial: states (batch, units) before the first step, the output's first.

    Returns:
        Outputs (time, batch, units), and the states after the last step.
    """

    @ops.custom_gradient
    def run(given: Tensor, kernel: Tensor, bias: Tensor, *initial: Tensor) -> tuple[list[Tensor], Callable]:
        # What a step keeps is one tensor: each costs a write, a read and a copy at every step.
        def forward(carry: list, now: Tensor) -> tuple[list, list]:
            states, kept = step.forward(now, ops.matmul(carry[0][0], kernel) + bias, carry[0])
            after = [states, ops.concatenate(kept, axis=-1)]
            return after, after

        first = [list(initial), ops.tile(ops.zeros_like(initial[0]), (1, step.kept))]
        (last, _), (after, kept) = ops.scan(forward, first, given)

        def gradient(*upstream: Tensor) -> tuple[Tensor, ...]:
            # TensorFlow gives one by one what JAX gives as it was returned.
            d_outputs, *d_last = upstream[-1] if isinstance(upstream[-1], (list, tuple)) else upstream
            before = [ops.concatenate([one[None], some[:-1]], axis=0) for one, some in zip(initial, after, strict=True)]

            def backward(carry: list[list[Tensor]], now: Tensor) -> tuple[list, list]:
                (d_h, *others), _ = carry
                d_output, *now = ops.split(now, 1 + len(initial) + step.kept, axis=-1)
                parts, d_before = step.backward([d_h + d_output, *others], now[: len(initial)], now[len(initial) :])
                d_before = [d_before[0] + ops.matmul(parts[-1], ops.transpose(kernel)), *d_before[1:]]
                return [d_before, parts], [d_before, parts]

            parts = [ops.zeros_like(given[0])] * step.gradients
            wanted = ops.concatenate([d_outputs, *before, kept], axis=-1)
            (d_initial, _), (_, parts) = ops.scan(backward, [d_last, parts], wanted, reverse=True)
            units, gates = kernel.shape
            d_inner = ops.reshape(parts[-1], (-1, gates))
            d_kernel = ops.matmul(ops.transpose(ops.reshape(before[0], (-1, units))), d_inner)
            return parts[0], d_kernel, ops.sum(d_inner, axis=0), *d_initial

        return [after[0], *last], gradient

    outputs, *last = run(given, kernel, bias, *initial)
    return outputs, last


class _InputFirst(keras.layers.RNN):
    """A recurrent layer of Keras whose loop is `along_time`, wherever Keras's own would do the same and no faster."""

    step: ClassVar[_Step]
    usual: ClassVar[dict[str, Any]]  # settings of the cell that `step` is made for

    def inner_loop(self, sequences: Tensor, initial_state: Any, mask: Any, training: bool = False) -> tuple:
        cell = self.cell
        dropped = training and (cell.dropout or cell.recurrent_dropout)
        usual = all(getattr(cell, key) == value for key, value in self.usual.items())
        if dropped or not usual or mask is not None or self.go_backwards or self.unroll or _has_gpu():
            return super().inner_loop(sequences, initial_state, mask, training=training)
        # Copies: a gradient of our own may not take TensorFlow's variables.
        kernel, bias = ops.copy(cell.recurrent_kernel), ops.copy(cell.bias)
        inner_bias = ops.zeros(kernel.shape[1])
        if len(bias.shape) == 2:  # a GRU has one for each product
            bias, inner_bias = bias[0], bias[1]
        given = ops.matmul(ops.transpose(sequences, (1, 0, 2)), cell.kernel) + bias
        states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        outputs, last = along_time(self.step, given, kernel, inner_bias, states)
        return last[0], ops.transpose(outputs, (1, 0, 2)), last


def _has_gpu() -> bool:
    """Where there is one, Keras's own loop is a single operation of cuDNN."""
    return keras.backend.backend() == "tensorflow" and bool(keras.distribution.list_devices("gpu"))


_SIGMOIDS = {"activation": keras.activations.tanh, "recurrent_activation": keras.activations.sigmoid, "use_bias": True}


@keras.saving.register_keras_serializable("zoo")
class SimpleRNN(_InputFirst, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN`, faster: values and gradients are equal but for rounding."""

    step = _TANH
    usual: ClassVar = {"activation": keras.activations.tanh, "use_bias": True}


@keras.saving.register_keras_serializable("zoo")
class LSTM(_InputFirst, keras.layers.LSTM):
    """`keras.layers.LSTM`, faster: values and gradients are equal but for rounding."""

    step = _LSTM
    usual: ClassVar = _SIGMOIDS


@keras.saving.register_keras_serializable("zoo")
class GRU(_InputFirst, keras.layers.GRU):
    """`keras.layers.GRU`, faster: values and gradients are equal but for rounding."""

    step = _GRU
    usual: ClassVar = _SIGMOIDS | {"reset_after": True}
