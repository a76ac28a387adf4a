"""The page to play on, in a real browser: its networks beside Keras's, its representations beside NumPy's."""

import numpy as np
import pytest
from browsing import made
from kinds import NAMES, known
from songs import ONE, TRAIN, VALID, piece

import zoo
from zoo import FrameModel, Song
from zoo._errors import NotPlayable
from zoo.layers.dbn import DBN
from zoo.layers.rbm import RBM
from zoo.play import export, write_page
from zoo.play.arrays import as_text, pack

SMALL = {"units": (6, 5), "hidden": 7, "embedding": 4, "relative": 3, "reach": 5, "dense": 6, "sample_steps": 7}
NEAR = 1e-4
SLOW = [pytest.mark.slow]
FORBIDDEN = -1e8
MUSIC = [*TRAIN[:2], *map(piece, range(4)), ONE]


def variants():
    """Every model as `smoke` has it; as its other presets have it, with small layers; and what no preset has."""
    for name in NAMES:
        presets = zoo.find(name).presets
        for preset, values in presets.items():
            has = {key for key, value in values.items() if value} | {"units", "hidden"}
            small = {key: value for key, value in known(name, **SMALL).items() if key in has and preset != "smoke"}
            yield pytest.param(name, preset, small, id=f"{name}-{preset}", marks=[] if preset == "smoke" else SLOW)
        for one in ({"exact": True, "embedding": 4, "content": True}, {"chain_start": "annealed", "cell": "gru"}):
            if len(known(name, **one)) == len(one):
                yield pytest.param(name, "smoke", one, id=f"{name}-{next(iter(one))}", marks=SLOW)


def playable(model):
    try:
        return export(model)
    except NotPlayable as reason:
        pytest.skip(f"left out: {reason}")


@pytest.fixture(scope="module")
def scripts(chromium, tmp_path_factory):
    """A page of one model, opened, whose scripts can be called."""
    path = tmp_path_factory.mktemp("play") / "play.html"
    write_page(path, [export(made("melody_lstm", "smoke"))])
    page = chromium.new_page()
    troubles = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert troubles == []


def logits_of(model, codes):
    """Of every next code and of the one after the last, (codes + 1, size), by Keras."""
    context = model.sequence_context
    ids = context.ids(codes)
    if model.context == "song":
        inputs = [ids[None], *context.states(codes)]
        return np.asarray(model.network(inputs if model.rules else inputs[0]))[0]
    padded = np.concatenate([np.full(model.window - 1, model.codec.start), ids])
    return np.asarray(model.network(np.lib.stride_tricks.sliding_window_view(padded, model.window)))


LOGITS = """async ([text, codes]) => {
    const model = makeModel(await unpack(text));
    let memory = model.begin();
    const rows = codes.map((code) => {
        const { states, logits } = model.read(memory, true);
        memory = model.push(memory, states, code);
        return Array.from(logits);
    });
    const atOnce = model.read(model.after(codes), true).logits;
    return [...rows, Array.from(atOnce)];
}"""
PARAMETERS = """async ([text, frames]) => {
    const model = makeModel(await unpack(text));
    let memory = model.begin();
    return frames.map((frame) => {
        const parameters = joined(...model.parameters(memory));
        memory = model.push(memory, frame);
        return Array.from(parameters);
    });
}"""


@pytest.mark.parametrize(("name", "preset", "hyperparameters"), list(variants()))
def test_the_page_computes_what_keras_computes(scripts, name, preset, hyperparameters):
    model = made(name, preset, **hyperparameters)
    written = playable(model)
    codes = model.codec.encode(VALID[0])[0].codes[:40]
    text = as_text(pack(written.network, exact=bool(hyperparameters.get("content"))))
    if isinstance(model, FrameModel):
        expected = np.asarray(model.network(codes[None].astype(np.float32)))[0]
        found = np.array(scripts.evaluate(PARAMETERS, [text, codes.tolist()]))
        np.testing.assert_allclose(found, expected, atol=NEAR, rtol=0)
        check_draws(scripts, model, text, codes)
    else:
        expected = logits_of(model, codes)
        found = np.array(scripts.evaluate(LOGITS, [text, codes.tolist()]))
        allowed = expected > FORBIDDEN
        np.testing.assert_array_equal(found > FORBIDDEN, allowed)
        np.testing.assert_allclose(found[allowed], expected[allowed], atol=NEAR, rtol=0)
    check_codec(scripts, model.codec, text)


def check_draws(scripts, model, text, codes, count=12):
    """With the same noise the page draws the same frames."""
    distribution, rng = model.distribution, np.random.default_rng(1)
    codes = codes[: count + 1].astype(np.float32)
    before, parameters = codes[:-1], np.asarray(model.network(codes[None]))[0, 1:]
    # All that is drawn, in the order of the page: a Gibbs step is hidden units, then visible ones.
    machine = distribution.upper if isinstance(distribution, DBN) else distribution
    steps = machine.sample_steps if isinstance(machine, RBM) else 0
    sizes = [machine.hidden, machine.visible] * steps
    if isinstance(distribution, DBN):
        sizes = [distribution.hidden, *sizes, distribution.visible]
    noise = [rng.random((len(before), size), np.float32) for size in sizes or [distribution.visible]]
    expected = drawn(distribution, before, parameters, noise, temperature=0.8)
    found = scripts.evaluate(
        """async ([text, frames, noise]) => {
            const model = makeModel(await unpack(text));
            let memory = model.begin();
            return frames.map((frame, index) => {
                memory = model.push(memory, frame);
                const random = () => noise[index].shift();
                return Array.from(model.distribution.draw(memory.past.at(-1), model.parameters(memory), 0.8, random));
            });
        }""",
        [text, before.tolist(), np.concatenate(noise, axis=1).tolist()],
    )
    assert found == expected.tolist()


def drawn(distribution, before, parameters, noise, temperature):
    """Frames by the layers of the zoo, whose chains take their noise from outside here."""
    heat = np.full((len(before), 1), temperature, np.float32)
    if not isinstance(distribution, RBM | DBN):
        return np.asarray(distribution.draw(before, parameters, noise[0], heat))
    start = before if chain_start(distribution) == "previous" else np.zeros_like(before)
    if isinstance(distribution, RBM):
        return chain(distribution, start, distribution.split(parameters), noise, heat)
    lower, upper = distribution.parts(parameters)
    b_v, b_q = distribution.lower.split(lower)
    h = below(noise[0], start @ np.asarray(distribution.lower.W) + b_q, heat)
    h = chain(distribution.upper, h, distribution.upper.split(upper), noise[1:-1], heat)
    return below(noise[-1], distribution.down(h, b_v), heat)


def chain_start(distribution):
    return distribution.options["chain_start"] if isinstance(distribution, DBN) else distribution.chain_start


def chain(rbm, v, biases, noise, heat):
    for step in range(rbm.sample_steps):
        share = min((step + 1) / (0.8 * rbm.sample_steps), 1) if rbm.chain_start == "annealed" else None
        v = rbm.gibbs_step(v, *biases, noise[2 * step], noise[2 * step + 1], heat, share=share)
    return np.asarray(v)


def below(uniform, logits, heat):
    return (uniform < 1 / (1 + np.exp(-np.asarray(logits) / heat))).astype(np.float32)


def rows(notes):
    return sorted([note[key] for key in ("start", "duration", "pitch", "velocity")] for note in notes)


def notes_of(song: Song):
    columns = (song.start, song.duration, song.pitch, song.velocity)
    keys = ("start", "duration", "pitch", "velocity")
    return [dict(zip(keys, row, strict=True)) for row in np.stack(columns, axis=1).tolist()]


def check_codec(scripts, codec, text):
    """The page encodes as the zoo does, and decodes codes of music and any others to the same notes."""
    skyline = getattr(codec, "voice", "") == "lines"  # the page reads the highest note of all
    rng, cases = np.random.default_rng(2), []
    for music in MUSIC:
        lines = codec.encode(music) if not skyline or len(set(music.track.tolist())) == 1 else []
        cases += [(music, codec.whole(line)) for line in lines]
    size = getattr(codec, "size", 0)
    odd = [rng.integers(0, size + 1, 60).astype(np.int32) for _ in range(3)] if size else []
    odd += [] if size else [rng.integers(0, 2, (20, codec.bits)).astype(np.uint8)]
    given = [{"notes": notes_of(music), "length": music.length} for music, _ in cases]
    codes = [*(codes for _, codes in cases), *odd]
    steps = [max(codec.end(each) - 1, 1) for each in codes]
    encoded, decoded, ends = scripts.evaluate(
        """async ([text, given, codes, steps]) => {
            const { codec } = makeModel(await unpack(text));
            const encoded = given.map(({ notes, length }) => codec.encoded(notes, length));
            return [
                encoded.map((codes) => codes.map((code) => (code.length ? Array.from(code) : code))),
                codes.map((each, index) => codec.decoded(each, steps[index])),
                codes.map((each) => codec.end(each)),
            ];
        }""",
        [text, given, [each.tolist() for each in codes], steps],
    )
    assert ends == [codec.end(each) for each in codes]
    assert encoded == [each.tolist() for _, each in cases]
    for found, each, length in zip(decoded, codes, steps, strict=True):
        assert rows(found) == rows(notes_of(codec.decode(each, length)))
