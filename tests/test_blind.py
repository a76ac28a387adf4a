"""The blind test in a browser: with the keyboard, from listening to the table."""

import csv
import json
import re
from collections import Counter

import pytest
from listeners import ASKED, NEWCOMBE, SLEEP, SLEEP_INTERVAL

from zoo import render
from zoo.report.blind import COLUMNS, QUESTIONS, Question, write_blind
from zoo.report.ratings import read_exported, to_ratings
from zoo.song import Song

MODELS = ("event_lstm", "note_lstm", 'rnn_rbm</script><b>"')
REAL = 3


def asked(models=MODELS, real=REAL, samples=2):
    """Questions on samples and real music of some models; the real songs are the same in all representations."""
    stems = [*(("sample", f"sample-{n}") for n in range(samples)), *(("real", f"real-{n}") for n in range(real))]
    return [
        Question(
            f"{m}-{stem}.mp3", f"{stem}.mp3", f"s{m}{stem}", f"={m} tuned", f"={m}", "r", kind, stem * (kind == "real")
        )
        for m in models
        for kind, stem in stems
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A report's folder with audio: two seconds with their fading, of one piece eight."""
    folder = tmp_path_factory.mktemp("blind")
    for question in asked():
        if not (folder / question.url).exists():
            beats = 12 if question.url == "real-0.mp3" else 0.1
            render.render(Song.from_notes([(0, round(480 * beats), 60, 80, 0)]), folder / question.url)
    return folder


def test_there_is_no_page_without_pieces(tmp_path):
    assert write_blind(tmp_path, "tunes", ASKED) and (tmp_path / "blind.html").is_file()
    assert not write_blind(tmp_path, "tunes", []) and not (tmp_path / "blind.html").exists()


def test_the_page_is_whole_and_alone(folder):
    write_blind(folder, "<b>tunes", asked())
    page = (folder / "blind.html").read_text()
    assert "&lt;b&gt;tunes" in page and page.count("</script>") == 2 and "http" not in page
    assert not re.search(r"fetch\(|XMLHttp|import |innerHTML|eval\(", page)
    assert len(page) < 40_000


@pytest.fixture
def opened(chromium, folder):
    """Opens the page as a new listener would, with a browser that keeps nothing of others."""
    contexts = []

    def opened(questions, hash="#seed=1", **settings):
        write_blind(folder, "tunes", questions)
        contexts.append(chromium.new_context(**settings))
        page = contexts[-1].new_page()
        page.goto((folder / "blind.html").as_uri() + hash)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_statistics_of_the_page_are_the_published_ones(opened):
    page = opened(asked())
    for case, interval in NEWCOMBE.items():
        assert page.evaluate("(case_) => wilson(...case_)", list(case)) == pytest.approx(interval, abs=5e-5)
    assert page.evaluate("(values) => student(values)", SLEEP) == pytest.approx(SLEEP_INTERVAL, abs=1e-6)
    assert page.evaluate("[student([4, 4]), student([1, 5])]") == [None, [1, 5]]


@pytest.mark.parametrize(
    ("real", "samples", "models", "length"), [(3, 2, 3, 6), (30, 8, 3, 20), (30, 2, 3, 12), (9, 9, 1, 18)]
)
def test_what_is_drawn_is_balanced_and_no_song_is_heard_twice(opened, real, samples, models, length):
    questions = asked(MODELS[:models], real, samples)
    page = opened(questions)
    orders = page.evaluate("[chance(), Math.random, Math.random, chance()].map(draw)")
    assert orders[0] == orders[3] and (orders[1] != orders[2] or length < 8)
    for order in orders:
        drawn = [questions[place] for place in order]
        assert len(drawn) == len(set(drawn)) == length <= QUESTIONS
        counts = Counter((question.source, question.kind) for question in drawn)
        assert all(counts[source, "real"] == counts[source, "sample"] for source, _ in counts)
        assert max(counts.values()) - min(counts.values()) <= 1
        songs = [question.song for question in drawn if question.song]
        assert len(songs) == len(set(songs)) == length / 2


def test_one_model_with_few_pieces_does_not_end_the_others(opened):
    assert len(opened(asked(MODELS[:1], 9, 9) + asked(MODELS[1:2], 1, 1)).evaluate("state.order")) == 18


def test_from_listening_to_the_table_with_the_keyboard(opened, tmp_path):
    """Six questions, one of them skipped; the file is read back by `read_exported`."""
    questions, said = asked(), []
    page = opened(questions)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    press, text = page.keyboard.press, page.inner_text
    press("Tab")
    press("Tab")
    press("Enter")
    given = []
    for number, place in enumerate(page.evaluate("state.order")):
        question = questions[place]
        assert text("#number") == f"Piece {number + 1} of 6"
        assert page.evaluate("document.activeElement.id") == "number"
        assert not re.search("lstm|rbm|real|sample", text("body") + page.title())
        if number == 2:
            page.focus("#skip")
            press("Enter")
            continue
        press("Space")
        page.wait_for_function("!audio.paused")
        if number == 1:
            page.wait_for_function("enough()")
            press("Enter")
            assert text("#message") == "Please say who composed it."
        press("p")
        press("m" if number % 2 else "P")
        press(str(number % 5 + 1))
        if question.url == "real-0.mp3":
            press("Enter")
            assert re.fullmatch(r"Please listen \d more seconds? before you go on\.", text("#message"))
        assert text("#number") == f"Piece {number + 1} of 6"
        page.wait_for_function("enough()")
        press("Enter")
        given.append((question, number % 2 == 0, number % 5 + 1))
        if number == 3:  # come back
            page.reload()
            assert text("#start") == "Go on with piece 5 of 6"
            page.focus("#start")
            press("Enter")
    right = sum(composed == (question.kind == "real") for question, composed, _ in given)
    assert text("#verdict") == f"You were right about {right} of 5"
    page.reload()
    assert text("#verdict") == f"You were right about {right} of 5"

    page.focus("#export")
    with page.expect_download() as download:
        press("Enter")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert all(row["model"].startswith("'=") and row["listener"] == path.stem for row in rows)
    assert all(float(row["seconds"]) >= 1 and row["when"].endswith("Z") for row in rows)
    rated = to_ratings(read_exported([path]), questions)
    found = sorted((answer.question, answer.composed, answer.liking) for answer in rated.answers)
    assert found == sorted(given) and not rated.unknown

    shown = [" ".join(row.inner_text().split()) for row in page.locator("#tally tr").all()]
    for label, found in (("all models", rated.together().sample), ("all real music", rated.together().real)):
        value, low, high = (f"{100 * part:.0f}" for part in found.composed)
        start = f"{label} {found.answers} {value}% [{low}, {high}] {found.liking.value:.1f}"
        assert any(line.startswith(start) for line in shown)
    assert sum(line.startswith("samples") for line in shown) == sum(bool(line.sample) for line in rated.by_source())
    assert [row.inner_text() for row in page.locator("#reveal li small").all()] == [
        f"You said {'a person' if composed else 'a model'}, "
        f"{'rightly' if composed == (question.kind == 'real') else 'wrongly'}; liking {liking}"
        for question, composed, liking in given
    ]
    assert said == []


ANSWER = "record({composed: 1, liking: 3, seconds: 9, when: new Date().toISOString()})"


def test_without_storage_it_works_and_forgets(opened):
    page = opened(asked())
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})")
    page.reload()
    page.click("#start")
    page.evaluate(ANSWER)
    assert page.inner_text("#number") == "Piece 2 of 6"
    page.reload()
    assert page.inner_text("#start") == "Start"


def test_answers_to_other_pieces_and_damaged_ones_are_forgotten(opened):
    page = opened(asked())
    page.click("#start")
    page.evaluate(ANSWER)
    page.reload()
    assert page.inner_text("#start") == "Go on with piece 2 of 6"
    whole = {"listener": "listener-abcdefgh", "order": [0], "answers": []}
    damaged = [
        whole | change for change in ({"listener": "=1"}, {"order": [99]}, {"answers": [{"liking": 9}]}, {"answers": 1})
    ]
    for kept in ("{", "[]", "null", *map(json.dumps, damaged)):
        assert page.evaluate("(kept_) => { localStorage.setItem(KEPT, kept_); return kept(); }", kept) is None
    assert page.evaluate("(whole) => { localStorage.setItem(KEPT, whole); return kept(); }", json.dumps(whole)) == whole


def test_a_sound_that_does_not_play_can_be_skipped(opened):
    page = opened([question._replace(url="none.mp3") for question in asked()])
    page.click("#start")
    page.wait_for_function(
        "document.getElementById('message').innerText === 'This piece cannot be played here. Please skip it.'"
    )
    page.click("#skip")
    assert page.inner_text("#number") == "Piece 2 of 6"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_and_all_is_accessible(opened, scheme):
    from axe_playwright_python.sync_playwright import Axe

    questions = [question._replace(source="a_long_name" * 9) for question in asked()]
    page = opened(questions, viewport={"width": 340, "height": 700}, color_scheme=scheme)
    page.evaluate("document.querySelector('details').open = true")
    for step in ("null", "question()", ANSWER + ", results()"):
        page.evaluate(step)
        assert page.evaluate("document.documentElement.scrollWidth") == 340
        assert Axe().run(page).response["violations"] == []
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].map((box) => box.scrollWidth - box.clientWidth)"
    ) == [0]
