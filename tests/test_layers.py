"""Reading symbols: registered layers that read what they are given."""

import numpy as np
import pytest
from keras import ops
from machines import assert_comes_back_from_its_config

from zoo.layers.symbols import SymbolInput


@pytest.mark.parametrize(
    "layer",
    [SymbolInput(5, "one-hot"), SymbolInput(5, "scalar"), SymbolInput(5, "embedding", 3, clock=4)],
    ids=lambda layer: layer.form,
)
def test_layers_are_registered_and_come_back_from_their_config(layer):
    assert_comes_back_from_its_config(layer, np.zeros((2, 3), np.int32))


def test_symbol_input_reads_symbol_and_clock():
    ids = np.array([[2 + 7 * 3, 6]])  # symbol 2 at clock 3; the start symbol, 6, at clock 0
    found = ops.convert_to_numpy(SymbolInput(5, "one-hot", clock=4)(ids))[0]
    assert found[0].nonzero()[0].tolist() == [2, 7 + 3]
    assert found[1].nonzero()[0].tolist() == [6, 7 + 0]
    assert ops.convert_to_numpy(SymbolInput(5, "scalar")(ids % 7))[0, :, 0] == pytest.approx([2 / 5, 6 / 5])
