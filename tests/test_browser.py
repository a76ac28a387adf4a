"""The report in a real browser: Chromium, without a window and without a network.

Skipped where no Chromium is found; with ZOO_BROWSER=required, as in .ci/run, that is a failure.
"""

import numpy as np
import pytest
from browsing import opened
from made_runs import EVIL, add_run, change, write

from zoo.evaluation.metrics import UNITS
from zoo.midi import write_midi
from zoo.report import write_report
from zoo.song import Song

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with two models, seeds, a failed run, real music, a primer, and strangers' names in every place."""
    folder = tmp_path_factory.mktemp("browser") / "<script>alert(1)<"
    split = {"pieces": 8, "notes": 4321, "beats": 100}
    facts = {"name": EVIL, "folder": f"/{EVIL}", "digest": "abc", "splits": {"train": split, "test": split}}
    write(folder / "corpus.json", facts | {"skipped": [[EVIL, EVIL]], "duplicates": [], "warnings": [EVIL]})
    rng = np.random.default_rng(0)
    histogram = {name: {"values": [1, 2, 3]} for name in UNITS}
    for shares in histogram.values():
        shares |= {key: [0.2, 0.3, 0.5] for key in ("test", "samples", "ngram", "real")}
    for model, nats, seconds in (("rnn_rbm", 4.5, 20), ("note_lstm", 6.0, 3), ("melody_lstm", 5.0, 100)):
        run = add_run(folder, model=model, samples=1, nats=nats)
        change(run / "metrics.json", real=[EVIL], seconds=seconds, comparison={"histograms": histogram})
        notes = [(120 * step, 120, int(rng.integers(48, 79)), 80, 0) for step in range(4 * 32)]
        song = Song.from_notes(notes, primed=16 * 480)
        write_midi(song, run / "samples" / f"{EVIL.replace('/', '')}.mid")
        write_midi(song, run / "real" / "real-1.mid")
    write(add_run(folder, run="tuned-seed1") / "error.txt", EVIL)
    write_report(folder)
    return folder / "index.html"


@pytest.fixture
def page(chromium, report):
    """The report, opened from disk; whatever it complains of, or asks a network for, is a failure."""
    with opened(chromium, report) as page:
        yield page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_every_reader_can_use_it(chromium, report, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with opened(chromium, report, width, scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.name = ''; each.open = true; })")
        found = [
            (violation["id"], [node["html"] for node in violation["nodes"]][:3])
            for violation in Axe().run(page).response["violations"]
            if violation["impact"] in SERIOUS
        ]
        assert found == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # tables and rolls scroll, the page not


def test_every_picture_and_every_sound_is_there(page):
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.name = ''; each.open = true; })")
    page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; })")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)") == []
    seconds = page.evaluate(
        """Promise.all([...document.querySelectorAll("audio")].map(audio => new Promise(done => {
            audio.onloadedmetadata = () => done(audio.duration); audio.onerror = () => done(null); audio.load();
        })))"""
    )
    assert len(seconds) == 9
    assert all(second and 2.4 < second < 19 for second in seconds)


def test_it_plays_one_piece_and_the_roll_follows(page):
    first, second = page.locator("audio").nth(0), page.locator("audio").nth(3)
    place = "document.querySelector('.cursor').style.left"
    assert page.locator(".cursor").first.is_hidden()
    first.evaluate("audio => { audio.muted = true; return audio.play(); }")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.3")
    early = float(page.evaluate(place).rstrip("%"))
    page.wait_for_function("document.querySelector('audio').currentTime > 0.8")
    late = float(page.evaluate(place).rstrip("%"))
    assert page.locator(".cursor").first.is_visible() and 0 < early < late < 100
    second.evaluate("audio => { audio.muted = true; return audio.play(); }")
    page.wait_for_function("(audio => audio.paused && !audio.ended)(document.querySelector('audio'))")
    assert not second.evaluate("audio => audio.paused")


def test_a_click_on_the_roll_jumps_there(page):
    piece = page.locator("details[open] .piece", has=page.locator(".roll")).first
    roll = piece.locator(".roll > div")
    box = roll.bounding_box()
    roll.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    page.wait_for_function("[...document.querySelectorAll('audio')].some(audio => audio.currentTime > 5)")
    begin, end, seconds = (
        float(piece.locator(".roll").get_attribute(f"data-{key}")) for key in ("begin", "end", "seconds")
    )
    time = piece.locator("audio").evaluate("audio => audio.currentTime")
    assert time == pytest.approx((0.5 - begin) / (end - begin) * seconds, abs=1)


def test_tables_sort_by_mouse_and_keyboard(page):
    table = page.locator("table.sortable").first
    head = table.locator("thead th", has_text="nats/beat").first
    names = table.locator("tbody th strong")
    head.locator("button").click()
    assert names.all_text_contents() == ["rnn_rbm", "melody_lstm", "note_lstm"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert names.all_text_contents() == ["note_lstm", "melody_lstm", "rnn_rbm"]
    assert head.get_attribute("aria-sort") == "descending"
    seconds = table.locator("thead th", has_text="training").first
    seconds.locator("button").press("Space")
    assert names.all_text_contents() == ["note_lstm", "rnn_rbm", "melody_lstm"]  # 3, 20, 100: numbers, not words
    assert head.get_attribute("aria-sort") is None


def test_a_piece_opens_by_keyboard_and_closes_its_neighbour(page):
    pieces = page.locator(".pieces").first.locator("> details")
    pieces.nth(1).locator("> summary").press("Enter")
    assert pieces.nth(1).get_attribute("open") is not None and pieces.nth(0).get_attribute("open") is None


def test_it_reads_without_scripts(chromium, report):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("audio[controls]").first.is_visible()
    assert EVIL in page.locator("h1").text_content()
    context.close()
