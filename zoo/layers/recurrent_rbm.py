"""The RNN-RBM: a sequence of RBMs that share their weights and whose biases come from a recurrent network."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.rbm import RBM

CELLS = {"tanh": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


@keras.saving.register_keras_serializable("zoo")
class RecurrentRBM(keras.layers.Layer):
    """Biases of the RBM of each frame, from the frames before it.

        b_v(t) = b_v + u(t−1) W_uv,   b_h(t) = b_h + u(t−1) W_uh,   u(t) = tanh(b_u + v(t) W_vu + u(t−1) W_uu),   u(0)
        learned

    or with an LSTM or GRU in place of tanh (then u(0) is the learned initial output, the LSTM's cell starts at zero).

    Train it with `contrastive_loss` as the Keras loss of (frames, biases).

    Args:
        hidden: hidden units of each RBM.
        units: recurrent units.
        cell: "tanh", "lstm" or "gru".
        dropout: share of u dropped on its way to the biases in training.
        gibbs_steps: k of CD-k.

    Call arguments:
        frames: (batch, time, visible) bits.

    Returns:
        Biases [b_v(t), b_h(t)], (batch, time, visible + hidden); those of frame t depend on frames before t only.

    Reference:
        Boulanger-Lewandowski, Bengio, Vincent, "Modeling temporal dependencies in high-dimensional sequences", ICML
        2012, equations (4) to (7) and section 4; the published tutorial code takes u(t) where u(t−1) belongs, which
        leaks the frame into its biases.
    """

    def __init__(
        self, hidden: int, units: int, cell: str = "tanh", dropout: float = 0.0, gibbs_steps: int = 15, **kwargs
    ):
        super().__init__(**kwargs)
        self.hidden, self.units, self.cell_name, self.dropout_rate = hidden, units, cell, dropout
        self.rbm = RBM(hidden, gibbs_steps, name="rbm")
        self.rnn = CELLS[cell](units, return_sequences=True, return_state=True, name="rnn")
        self.dropout = keras.layers.Dropout(dropout)

    @property
    def detail(self) -> str:
        """For the picture of the network."""
        k = self.rbm.gibbs_steps
        return f"{self.rbm.visible} visible, {self.hidden} hidden, {self.units} recurrent ({self.cell_name}), CD-{k}"

    def build(self, shape):
        self.rbm.build(shape)
        self.rnn.build(shape)
        small = keras.initializers.RandomNormal(stddev=1e-3)
        self.W_uv = self.add_weight(shape=(self.units, shape[-1]), initializer=small, name="W_uv")
        self.W_uh = self.add_weight(shape=(self.units, self.hidden), initializer=small, name="W_uh")
        self.u0 = self.add_weight(shape=(self.units,), initializer="zeros", name="u0")

    def initial_states(self, batch):
        """States before the first frame: u(0), and zeros for an LSTM's cell."""
        u0 = ops.tile(self.u0[None], (batch, 1))
        return [u0, ops.zeros_like(u0)] if self.cell_name == "lstm" else [u0]

    def biases(self, u):
        """[b_v, b_h] of the frame that follows state u, (..., units) → (..., visible + hidden)."""
        b_v, b_h = self.rbm.b_v + ops.matmul(u, self.W_uv), self.rbm.b_h + ops.matmul(u, self.W_uh)
        return ops.concatenate([b_v, b_h], axis=-1)

    def call(self, frames, training=False):
        frames = ops.cast(frames, "float32")
        start = self.initial_states(ops.shape(frames)[0])
        u, *_ = self.rnn(frames, initial_state=start, training=training)
        u = ops.concatenate([start[0][:, None], u[:, :-1]], axis=1)  # u(t−1) belongs to frame t
        return self.biases(self.dropout(u, training=training))

    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + self.hidden)

    def contrastive_loss(self, frames, biases):
        """See `RBM.contrastive_loss`."""
        return self.rbm.contrastive_loss(frames, biases)

    def get_config(self):
        config = {"hidden": self.hidden, "units": self.units, "cell": self.cell_name, "dropout": self.dropout_rate}
        return {**super().get_config(), **config, "gibbs_steps": self.rbm.gibbs_steps}


class FrameSampler(keras.layers.Layer):
    """A cell for `keras.layers.RNN` that draws the next frame by a Gibbs chain whose uniform noise is its input.

    Args:
        machine: a built RecurrentRBM.
        steps: length of the chain.
        from_previous: the chain starts at the frame before; else at silence.

    Call arguments:
        inputs: (batch, steps × (hidden + visible) + 1) uniform noise, and the temperature that divides the energy.
        states: [frame before (batch, visible), recurrent states …].
    """

    def __init__(self, machine: RecurrentRBM, steps: int, from_previous: bool, **kwargs):
        super().__init__(**kwargs)
        self.machine, self.steps, self.from_previous = machine, steps, from_previous
        states = 2 if machine.cell_name == "lstm" else 1
        self.state_size = [machine.rbm.visible, *[machine.units] * states]
        self.output_size = machine.rbm.visible

    def build(self, *shapes):
        """Nothing to build: the machine is the trained network's own."""

    def call(self, inputs, states):
        rbm = self.machine.rbm
        before, *memory = states
        temperature = ops.maximum(inputs[:, -1:], 1e-6)
        noise = ops.reshape(inputs[:, :-1], (-1, self.steps, rbm.hidden + rbm.visible))
        biases = self.machine.biases(memory[0])
        b_v, b_h = biases[:, : rbm.visible], biases[:, rbm.visible :]

        def chain(index, v):
            uniform = ops.take(noise, index, axis=1)
            return rbm.gibbs_step(v, b_v, b_h, uniform[:, : rbm.hidden], uniform[:, rbm.hidden :], temperature)

        v = ops.fori_loop(0, self.steps, chain, before if self.from_previous else ops.zeros_like(before))
        _, memory = self.machine.rnn.cell(v, memory, training=False)
        return v, [v, *memory]
