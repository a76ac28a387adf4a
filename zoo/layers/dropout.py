"""Dropout that costs little however a step is compiled."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers import hashed
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout` with numbers from `zoo.layers.hashed`, for every unit its own."""

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        kept = hashed.draw(ops.shape(inputs), self.seed_generator) >= self.rate
        return ops.where(kept, inputs / (1 - self.rate), 0.0)
