"""The contract of the models, and the layers, on the other backend; and that the two backends say the same."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from machines import ready

ROOT = Path(__file__).resolve().parents[1]
FILES = ["rules", "models", "layers", "frame_layers", "nade", "dbn"]
REPEATS = 10
OTHER = {"tensorflow": "jax", "jax": "tensorflow"}
# What a process of the other backend does with the paths of what it is given and of what it finds.
COMPUTE = (
    "import sys; sys.path.insert(0, 'tests'); import numpy, test_jax;"
    "numpy.savez(sys.argv[2], **test_jax.figures(numpy.load(sys.argv[1])))"
)


def with_backend(backend: str, *command: str) -> None:
    environment = os.environ | {"KERAS_BACKEND": backend}
    found = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-2000:]


def on_jax(*names: str, processes: str = "0") -> None:
    files = [f"tests/test_{name}.py" for name in names]
    with_backend("jax", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", processes, *files)


def test_the_layers_hold_on_jax():
    on_jax("layers")


@pytest.mark.slow
def test_the_whole_contract_holds_on_jax():
    on_jax(*FILES, processes="auto")  # slow tests run one after another


def figures(given) -> dict[str, np.ndarray]:
    """What this backend makes of frames (rows, bits), uniform noise and a store of numbers for weights; by name.

    The frames come REPEATS times in the same order.
    Figures that rest on the backend's own random numbers are means with their standard errors, and called "mean …".
    """
    import keras
    from kinds import SYMBOLS, known
    from machines import arrays
    from songs import TRAIN

    import zoo
    from zoo.codecs import Line
    from zoo.evaluation.likelihood import EXACT
    from zoo.layers.conditioned import CELLS, Conditioned
    from zoo.layers.dbn import LOWER, TOGETHER, UPPER

    frames, uniform, found = given["frames"], given["uniform"], {}
    rows, bits = frames.shape

    def filled(layer):
        """`layer` with weights from the store."""
        first = 0
        for weight in layer.trainable_weights:
            weight.assign(given["numbers"][first : first + np.prod(weight.shape)].reshape(weight.shape))
            first += np.prod(weight.shape)
        return layer

    def mean(name, values):
        (values,) = arrays(values)
        of_same = values.reshape(REPEATS, -1, *values.shape[1:])  # the same frame again and again
        found[f"mean {name}"] = np.stack([values.mean(0), np.sqrt(of_same.var(0, ddof=1).mean(0) / len(values))])

    options = dict(hidden=5, units=(4, 3), low=60, high=59 + bits, struck=False, relative=2, reach=2, dropout=0.0)
    for name in ("biaxial_lstm", "rnn_rbm", "rnn_nade", "rnn_dbn"):
        model = zoo.create(name, "smoke", **known(name, **options), cell="lstm")
        ready(model)
        filled(model.network)
        distribution = model.distribution
        (parameters,) = arrays(distribution(frames))
        temperature = np.full((rows, 1), 0.9, np.float32)
        drawn = distribution.draw(frames, parameters, uniform[:, : distribution.noise], temperature)
        evaluation = model.evaluate([Line(frames[:70].astype(np.uint8), 70, 1.0, 1)])
        found[f"{name} parameters"] = model.network(frames[None, :20])
        found[f"{name} draws"] = drawn
        if evaluation.standard_error:
            found[f"mean {name}"] = np.array([evaluation.nats, evaluation.standard_error])
        if name == "rnn_rbm":
            found["free energy"] = distribution.free_energy(frames, *distribution.split(parameters))
            mean("CD", distribution.loss(frames, parameters))
            mean("chains", distribution.gibbs(frames, *distribution.split(parameters), 3))
        elif evaluation.kind == EXACT:
            found[f"{name} nats"] = np.array(evaluation.nats / 70)
            found[f"{name} loss"] = distribution.loss(distribution.targets(frames), parameters)
        else:
            lower, upper = distribution.parts(parameters)
            hidden = uniform[:, : distribution.hidden].round()
            found |= {"lower": lower, "upper": upper, "down": distribution.down(hidden, lower[:, :bits])}
            for distribution.stage in (LOWER, UPPER, TOGETHER):
                mean(f"DBN {distribution.stage}", distribution.loss(frames, parameters))
    for cell in CELLS:
        conditioned = Conditioned(model.make_distribution(), (4, 3), cell)
        conditioned.build((1, None, bits))
        found[f"{cell} parameters"] = filled(conditioned)(frames[None, :20])
    for name, context in itertools.product(SYMBOLS, ("song", "window")):
        model = zoo.create(name, "smoke", context=context, window=6, **known(name, units=(5,)))
        ready(model, TRAIN)
        filled(model.network)
        for row, codes in enumerate(model.generate(2, 12 * model.codec.steps_per_beat, 1.0, 1.0, None, 9)):
            found[f"{name} {context} song {row}"] = codes
    found["backend"] = np.array(keras.backend.backend())
    return {name: arrays(value)[0] for name, value in found.items()}


@pytest.mark.slow
def test_both_backends_say_the_same(tmp_path):
    rng = np.random.default_rng(0)
    given = {
        "frames": np.tile(rng.integers(0, 2, (400, 6)), (REPEATS, 1)).astype(np.float32),
        "uniform": rng.random((4000, 400), np.float32),
        "numbers": rng.normal(0, 0.7, 20_000).astype(np.float32),
    }
    np.savez(tmp_path / "given.npz", **given)
    here = figures(given)
    other = OTHER[str(here.pop("backend"))]
    with_backend(other, "-c", COMPUTE, str(tmp_path / "given.npz"), str(tmp_path / "found.npz"))
    with np.load(tmp_path / "found.npz") as file:
        there = dict(file)
    assert there.pop("backend") == other and there.keys() == here.keys()
    for name, one in here.items():
        if name.startswith("mean "):
            (mean, error), (of_other, other_error) = one, there[name]
            assert (np.abs(mean - of_other) < 4 * np.hypot(error, other_error)).all(), name
        else:
            np.testing.assert_allclose(one, there[name], atol=1e-4, err_msg=name)
