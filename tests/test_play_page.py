"""The page to play on, played on in a real browser."""

import numpy as np
import pytest
from browsing import made, opened

import zoo
from zoo.play import export, write_page

BEAT = 480
WIDTHS = [390, 1280]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page with two models of symbols and one of frames."""
    path = tmp_path_factory.mktemp("play") / "play.html"
    names = ("melody_lstm", "event_lstm", "rnn_nade")
    write_page(path, [export(made(name, "smoke"), "smoke-seed0") for name in names], "tunes")
    return path


@pytest.fixture
def page(chromium, file):
    with opened(chromium, file) as page:
        yield page


def takes(page):
    return page.evaluate("piece.takes.map(({ by, begin, length, notes }) => ({ by, begin, length, notes }))")


def status(page):
    return page.locator("#status").text_content()


def write_phrase(page):
    """As if a person had played four quarter notes."""
    page.evaluate("""[60, 64, 67, 72].forEach((pitch, index) => {
        recorder.press(pitch, 90, 1000 + 600 * index, 100);
        recorder.release(pitch, 1600 + 600 * index);
    }); recorder.close(4000); show();""")


def go_on(page, model=None, button="Go on"):
    """Let a model go on, to its end; gives what it made."""
    if model is not None:
        page.select_option("#model", f"model-{model}")
    page.get_by_role("button", name=button).click()
    page.wait_for_function("job === null")
    return takes(page)[-1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_player_can_use_it(chromium, file, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with opened(chromium, file, width, scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        write_phrase(page)
        found = Axe().run(page).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("element('piano').getBoundingClientRect().bottom") < 900  # seen without scrolling


def test_a_phrase_by_letters_and_a_model_goes_on(page):
    for letter in "adg":
        page.keyboard.press(letter)
    page.keyboard.press("x")
    page.keyboard.press("a")
    (phrase,) = takes(page)
    assert phrase["by"] == "you" and [note["pitch"] for note in phrase["notes"]] == [60, 64, 67, 72]
    starts = [note["start"] for note in phrase["notes"]]
    assert starts == sorted(starts) and starts[0] == 0 < starts[-1]
    assert all(note["duration"] >= 1 for note in phrase["notes"])
    page.locator("#beats").fill("4")
    model = go_on(page)
    assert model["by"] == "melody_lstm" and model["begin"] % BEAT == 0 and model["begin"] >= phrase["length"]
    assert model["begin"] + model["length"] == -(-phrase["length"] // BEAT) * BEAT + 4 * BEAT
    assert model["notes"] and status(page) == f"melody_lstm went on for 4 beats: {len(model['notes'])} notes."
    label = page.locator("#roll").get_attribute("aria-label")
    assert label.endswith(f"4 notes of yours, {len(model['notes'])} by melody_lstm")


def test_letters_play_only_where_they_may(page):
    page.locator("#seed").focus()
    page.keyboard.press("a")
    page.locator("#letters").uncheck()
    page.locator("h1").click()
    page.keyboard.press("a")
    page.keyboard.press("Control+s")
    assert takes(page) == []


@pytest.mark.parametrize("model", range(3))
def test_the_same_seed_gives_the_same_notes(page, model):
    write_phrase(page)
    first = go_on(page, model)
    page.get_by_role("button", name="Undo").click()
    assert len(takes(page)) == 1 and status(page).startswith("Taken back: ")
    assert go_on(page, model) == first
    other = go_on(page, model, "Try again")
    assert other["notes"] != first["notes"] and len(takes(page)) == 2
    assert page.locator("#seed").input_value() == "1"
    page.locator("#seed").fill("0")
    page.get_by_role("button", name="Undo").click()
    page.locator("#temperature").fill("0")
    most_probable = go_on(page, model)
    page.get_by_role("button", name="Undo").click()
    page.locator("#seed").fill("7")
    assert go_on(page, model) == most_probable != first


def test_a_model_begins_where_nothing_was_played(page):
    first = go_on(page, 2)
    assert (first["begin"], first["length"]) == (0, 16 * BEAT) and first["notes"]
    more = go_on(page, 0)
    assert more["begin"] == 16 * BEAT
    page.get_by_role("button", name="Clear").click()
    assert takes(page) == [] and status(page) == "All cleared."


def test_what_plays_is_heard_follows_loops_and_stops(page):
    page.evaluate("""window.heard = [];
        const start = Sound.prototype.start;
        Sound.prototype.start = function (pitch, velocity, when) {
            heard.push([pitch, when]);
            return start.call(this, pitch, velocity, when);
        }; true""")
    write_phrase(page)
    page.locator("#tempo").fill("240")
    page.locator("#loop").check()
    play = page.locator("#play")
    play.click()
    assert play.text_content() == "Stop"
    page.wait_for_function("heard.length > 6 && player.tick > 100")
    heard = page.evaluate("heard.splice(0)")
    assert [pitch for pitch, _ in heard[:6]] == [60, 64, 67, 72, 60, 64]
    steps = np.diff([when for _, when in heard[:6]])
    np.testing.assert_allclose(steps, 0.25, atol=0.002)  # a beat at 240
    play.click()
    assert play.text_content() == "Play" and status(page) == "Stopped."
    assert page.evaluate("[player.tick, player.sounding.size]") == [None, 0]
    page.locator("#loop").uncheck()
    play.click()
    page.wait_for_function("!player.playing")  # at the end, by itself
    assert [pitch for pitch, _ in page.evaluate("heard")][-1] == 72


def test_what_is_saved_is_what_was_made(page, tmp_path):
    write_phrase(page)
    model = go_on(page, 1)
    page.locator("#tempo").fill("90")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save MIDI").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    song = zoo.read_midi(tmp_path / "piece.mid")
    assert song.tempo == pytest.approx(90, abs=0.01)
    written = np.stack([song.start, song.duration, song.pitch, song.velocity], axis=1).tolist()
    made = [note for take in takes(page) for note in take["notes"]]
    assert sorted(written) == sorted([each[key] for key in ("start", "duration", "pitch", "velocity")] for each in made)
    assert len(model["notes"]) and len(set(song.track.tolist())) == 2


def test_the_piano_by_keyboard_pointer_and_screen_reader(page):
    piano = page.locator("#piano button")
    assert piano.evaluate_all("keys => keys.filter((key) => key.tabIndex === 0).length") == 1
    page.locator('[data-pitch="60"]').focus()
    for key in ("Enter", "ArrowRight", "ArrowRight", "Space", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.ariaLabel") == "D5"
    page.locator('[data-pitch="61"]').click()
    page.locator('[data-pitch="65"]').dispatch_event("click")  # without a pointer
    page.wait_for_function("piano.held.size === 0")
    assert [note["pitch"] for note in takes(page)[0]["notes"]] == [60, 62, 74, 61, 65]
    page.get_by_role("button", name="Octave down").click()
    assert page.locator('[data-pitch="36"]').count() == 1 and status(page) == "The keys begin at C3."


def test_a_midi_keyboard_plays(chromium, file):
    fake = """window.input = { name: "Keys", onmidimessage: null };
        navigator.requestMIDIAccess = async () => ({ inputs: new Map([["1", window.input]]) });"""
    page = chromium.new_page()
    page.add_init_script(fake)
    page.goto(file.as_uri())
    page.get_by_role("button", name="Connect a MIDI keyboard").click()
    page.wait_for_function("input.onmidimessage !== null")
    assert status(page) == "Connected: Keys."
    for message in ([0x90, 50, 33], [0x91, 53, 99], [0x90, 50, 0], [0x81, 53, 64], [0xF8]):
        page.evaluate("data => input.onmidimessage({ data })", message)
    ((first, second),) = [take["notes"] for take in takes(page)]
    assert (first["pitch"], first["velocity"], second["pitch"], second["velocity"]) == (50, 33, 53, 99)
    assert page.evaluate("recorder.open.size") == 0
    page.close()


def test_a_model_without_probabilities_says_so(page):
    page.evaluate("loadModel('model-0').then((model) => { model.layers.at(-1).step = (x) => [x.map(() => NaN), []]; })")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function("job === null")
    assert status(page) == "melody_lstm cannot go on: the model gives no probabilities." and takes(page) == []


def test_draws_have_the_distribution(page):
    logits, count = [0.0, 1.0, -1.0, 2.0, -1e9], 20_000
    drawn = page.evaluate(
        """([logits, count]) => [1, 0.5, 0].map((temperature) => {
            const random = seeded(3);
            const counts = logits.map(() => 0);
            for (let i = 0; i < count; i++) counts[drawn(logits, temperature, random)]++;
            return counts;
        })""",
        [logits, count],
    )
    for counts, temperature in zip(drawn[:2], (1, 0.5), strict=True):
        expected = np.exp(np.array(logits) / temperature)
        expected /= expected.sum()
        spread = np.sqrt(count * expected * (1 - expected))
        assert (np.abs(counts - count * expected) <= 4 * spread).all()
    assert drawn[2] == [0, 0, 0, count, 0]
    first, second = page.evaluate("[1, 2].map((seed) => Array.from({ length: 5000 }, seeded(seed)))")
    assert min(first) >= 0 and max(first) < 1 and abs(np.mean(first) - 0.5) < 0.02
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05 and abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.05


def test_time_goes_on_after_as_many_symbols_as_a_beat_may_have(page):
    counts = page.evaluate("""loadModel("model-1").then((model) => {
        const dense = model.layers.at(-1).step; // time shifts are most improbable
        model.layers.at(-1).step = (x) => [dense(x)[0].map((y, code) => y - (model.codec.advance[code] ? 1e4 : 0)), []];
        const codes = [];
        for (const code of model.goOn({ codes: [], steps: 8, temperature: 1, random: seeded(0) }))
            if (codes.push(code) > 1000) break;
        const beats = [0, 0];
        let time = 0;
        for (const code of codes) {
            beats[Math.floor(time / model.codec.stepsPerBeat)]++;
            time += model.codec.advance[code];
        }
        return [model.codec.mostPerBeat, model.codec.end(codes), ...beats];
    })""")
    most, end, *beats = counts
    assert end >= 8 and max(beats) <= most + 1


def test_a_model_reads_the_last_bars(page):
    phrase = page.evaluate("""(() => {
        const take = piece.add(YOU);
        const note = (start, beats, pitch) => ({ start: 480 * start, duration: 480 * beats, pitch, velocity: 80 });
        take.notes = [...Array.from({ length: 38 }, (_, index) => note(index, 1, index)), note(0, 5, 100)];
        take.length = 38 * 480;
        return piece.ending(32, 4);
    })()""")
    assert (phrase["begin"], phrase["length"]) == (4 * BEAT, 34 * BEAT)
    rows = [[note[key] for key in ("start", "duration", "pitch")] for note in phrase["notes"]]
    assert rows == [*([index * BEAT, BEAT, index + 4] for index in range(34)), [0, BEAT, 100]]
