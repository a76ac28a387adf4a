"""Several networks in place of one: of every frame, the mean of what they say."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.bit_by_bit import BitByBit
from zoo.layers.conditioned import Conditioned
from zoo.layers.tensors import Shape, Tensor


@keras.saving.register_keras_serializable("zoo")
class Mixture(BitByBit):
    """A distribution p(v) = (1/K) Σ_k p_k(v) of distributions that each have their own parameters.

    Every second one reads and writes frames upside down, from the highest pitch to the lowest, so that what each of
    them decides first differs. In training the loss is the mean of their own losses: each learns as if alone.
    Otherwise it is −log p(v). A draw is a draw of one of them.

    Args:
        members: the distributions, of the same number of bits and pitches; their targets are frames.

    Reference:
        The idea of several orders: Uria, Murray, Larochelle, "A deep and tractable density estimator", ICML 2014.
    """

    def __init__(self, members: list[BitByBit], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members, self.relative = list(members), members[0].relative

    def build(self, shape: Shape) -> None:
        for member in self.members:
            if not member.built:
                member.build(shape)
        self.visible = shape[-1]

    @property
    def noise(self) -> int:
        return self.visible + 1  # which of them, too

    @property
    def biases(self) -> list:
        return [bias for member in self.members for bias in member.biases]

    @property
    def sizes(self) -> list[int]:
        return [sum(member.sizes) for member in self.members]

    def call(self, frames: Tensor) -> Tensor:
        return ops.concatenate([member(frames) for member in self.members], axis=-1)

    def make_context(self, dropout: float) -> None:
        """None: each has its own."""

    def turned(self, frames: Tensor, member: int) -> Tensor:
        """Frames as a member reads them, and back again: every second one upside down.

        Args:
            frames: (..., visible), channel by channel all pitches.
            member: its place, from 0.

        Returns:
            (..., visible).
        """
        if member % 2 == 0:
            return frames
        places = np.arange(self.visible).reshape(-1, self.relative.pitches)[:, ::-1]
        return ops.take(frames, places.ravel(), axis=-1)

    def start(self, share: np.ndarray) -> None:
        for index, member in enumerate(self.members):
            member.start(ops.convert_to_numpy(self.turned(share, index)))

    def loss(self, targets: Tensor, parameters: Tensor, training: bool = False) -> Tensor:
        nats = ops.stack(
            [
                member.loss(self.turned(targets, index), own, training)
                for index, (member, own) in enumerate(zip(self.members, self.split(parameters), strict=True))
            ]
        )
        if training:
            return ops.mean(nats, axis=0)
        return math.log(len(self.members)) - ops.logsumexp(-nats, axis=0)

    def through(
        self, parameters: Tensor, uniform: Tensor, temperature: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        uniform, last = uniform[:, : self.visible], uniform[:, self.visible :]
        which = ops.floor(last * len(self.members))  # `last` is below 1
        frame, log_p = ops.zeros_like(uniform), ops.zeros_like(temperature)
        for index, (member, own) in enumerate(zip(self.members, self.split(parameters), strict=True)):
            of_given = None if given is None else self.turned(given, index)
            drawn, nats = member.through(own, uniform, temperature, of_given)
            frame = ops.where(which == index, self.turned(drawn, index), frame)
            log_p = ops.where(which == index, nats, log_p)
        return frame, log_p

    def get_config(self) -> dict[str, Any]:
        members = [keras.saving.serialize_keras_object(member) for member in self.members]
        return {**super().get_config(), "members": members}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Mixture:
        members = [keras.saving.deserialize_keras_object(member) for member in config["members"]]
        return cls(**{**config, "members": members})


@keras.saving.register_keras_serializable("zoo")
class Ensemble(Conditioned):
    """Several networks that read the same frames, each of which sets its own member of a `Mixture`.

    Args:
        members: the networks, of the same memory; every second one reads frames upside down.
    """

    def __init__(self, members: list[Conditioned], **kwargs: Any) -> None:
        super().__init__(Mixture([member.distribution for member in members]), (), **kwargs)
        self.members = list(members)

    @property
    def structure(self) -> None:
        """None: the picture is the one of any layer, with `detail`."""

    @property
    def detail(self) -> str:
        """What it is made of in words."""
        return f"{len(self.members)} networks, each {self.members[0].detail}"

    def build(self, shape: Shape) -> None:
        for member in self.members:
            if not member.built:
                member.build(shape)
        if not self.distribution.built:
            self.distribution.build(shape)

    @property
    def memory(self) -> int:
        return self.members[0].memory

    @property
    def state_sizes(self) -> list[int]:
        return [size for member in self.members for size in member.state_sizes]

    def initial_states(self, batch: int) -> list[Tensor]:
        return [state for member in self.members for state in member.initial_states(batch)]

    def parts(self, frames: Tensor, states: list[Tensor]) -> list[tuple[Conditioned, Tensor, list[Tensor]]]:
        """Of every member itself, `frames` (batch, time, visible) as it reads them, and its own among the `states`."""
        each = len(self.members[0].state_sizes)
        return [
            (member, self.distribution.turned(frames, index), states[index * each : (index + 1) * each])
            for index, member in enumerate(self.members)
        ]

    def read(
        self, frames: Tensor, past: Tensor, states: list[Tensor], mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        parameters, after = [], []
        for index, (member, own, memory) in enumerate(self.parts(frames, states)):
            own_parameters, final = member.read(own, self.distribution.turned(past, index), memory, mask, training)
            parameters.append(own_parameters)
            after += final
        return ops.concatenate(parameters, axis=-1), after

    def upcoming(self, past: Tensor, states: list[Tensor]) -> Tensor:
        return ops.concatenate(
            [member.upcoming(own, memory) for member, own, memory in self.parts(past, states)], axis=-1
        )

    def advance(self, past: Tensor, states: list[Tensor]) -> list[Tensor]:
        return [state for member, own, memory in self.parts(past, states) for state in member.advance(own, memory)]

    def get_config(self) -> dict[str, Any]:
        members = [keras.saving.serialize_keras_object(member) for member in self.members]
        return {"name": self.name, "trainable": self.trainable, "members": members}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Ensemble:
        members = [keras.saving.deserialize_keras_object(member) for member in config["members"]]
        return cls(**{**config, "members": members})
