"""Reading what listeners answered, and counting it."""

import csv
import io
import json
import re
import shutil
from urllib.parse import unquote

import pytest
from listeners import ASKED, NEWCOMBE, SLEEP, SLEEP_INTERVAL
from made_runs import Page, add_run, write

from zoo._errors import UserError
from zoo._files import write_json
from zoo.cli import main
from zoo.report import write_report
from zoo.report.blind import COLUMNS
from zoo.report.publishing import publish
from zoo.report.ratings import LARGEST, Answer, read_exported, student, tally, to_ratings, wilson

ROW = dict(piece="a.mp3", sound="s1", model="m", run="r", kind="sample", composed=1, liking=4, seconds=12)
ROW |= dict(listener="listener-abc", when="2026-11-21T18:00:00.000Z")


def table(*rows, columns=COLUMNS, delimiter=",", **changes):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, extrasaction="ignore")
    writer.writeheader()
    writer.writerows([ROW | row | changes for row in rows])
    return text.getvalue()


@pytest.fixture
def read(tmp_path):
    """The ratings in files of these contents."""

    def read(*contents):
        paths = [tmp_path / f"{number}.csv" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return to_ratings(read_exported(paths), ASKED)

    return read


@pytest.mark.parametrize("case", NEWCOMBE)
def test_intervals_of_shares_are_the_published_ones(case):
    assert wilson(*case) == pytest.approx(NEWCOMBE[case], abs=5e-5)


def test_intervals_of_means_are_the_published_ones_inside_the_scale():
    assert student(SLEEP) == pytest.approx(SLEEP_INTERVAL, abs=1e-6)
    assert student([1, 5]) == (1, 5) and student([1, 1, 2])[0] == 1
    assert student([4]) == student([4, 4, 4]) == (None, None)


def test_answers_are_counted():
    answers = [
        Answer(ASKED[0], who, composed, liking)
        for who, composed, liking in (("x", True, 2), ("x", False, 4), ("y", True, 3))
    ]
    found = tally(answers)
    assert (found.answers, found.listeners, found.composed.value, found.liking.value) == (3, 2, pytest.approx(2 / 3), 3)
    assert (found.composed.low, found.composed.high) == wilson(2, 3)


def test_each_listener_counts_once_for_a_piece_with_the_latest_answer(read):
    first = table({}, {"piece": "b.mp3", "composed": 0})
    later = table({"liking": 1, "when": "2026-11-21T20:30:00+01:00"}, {"liking": 2, "listener": "listener-x"})
    one, other = read(first, later), read(later, first)
    assert one.answers == other.answers
    assert [(a.question.path, a.listener, a.liking) for a in one.answers] == [
        ("a.mp3", "listener-abc", 1),
        ("a.mp3", "listener-x", 2),
        ("b.mp3", "listener-abc", 4),
    ]
    assert one.listeners == 2 and one.warning == ""


def test_pieces_that_are_not_in_the_report_are_counted_and_named(read):
    rated = read(
        table({}, {"piece": "gone.mp3"}, {"piece": "gone.mp3", "listener": "y"}, {"sound": "s2"}, {"piece": "\x1b"})
    )
    assert len(rated.answers) == 1
    assert rated.warning.startswith("Left out: 4 answers to pieces that are not in this report")
    assert rated.warning.endswith(": ?, a.mp3, gone.mp3.")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", ";").replace("12", "12,5"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace("\r\n", "\n") + "\n\n,,,,,,,,,\n",
        lambda text: table({}, columns=COLUMNS[::-1]),
    ],
    ids=["byte order mark", "semicolons", "tabs", "empty lines", "other order"],
)
def test_what_spreadsheets_make_of_it_is_read_alike(read, change):
    assert read(change(table({}))).answers == read(table({})).answers != ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (table({}, {"composed": "yes"}), "0.csv, line 3: composed must be 1 (by a person) or 0, not 'yes'; correct"),
        (table({"liking": 6}), "line 2: liking must be a whole number from 1 to 5, not '6'"),
        (table({"liking": "4.5"}), "line 2: liking must be"),
        (table({"seconds": "nan"}), "line 2: seconds must be a number of seconds, not 'nan'"),
        (table({"seconds": -1}), "line 2: seconds must be"),
        (table({"when": "21.11.2026"}), "line 2: when must be a date and time such as"),
        (table({"listener": ""}), "line 2: listener must be a name, not ''"),
        (table({"piece": "x" * 2000}), "line 2: piece must be"),
        (table({}) + "a,b\n", "line 3 has 2 cells, not 10"),
        (table({}, columns=(*COLUMNS, "mood")), "has the columns piece, sound, .*, mood, not piece, "),
        (table({}, columns=COLUMNS[1:]), "has the columns sound, "),
        ("", "has the columns of no table"),
        (table({}) + '"open', "line 3 is not CSV"),
        (table({}).encode("utf-16"), "is not UTF-8"),
        (b"x" * (LARGEST + 1), "is larger than 10 MB"),
    ],
)  # fmt: skip
def test_whatever_is_odd_is_said_with_its_line(read, content, words):
    with pytest.raises(UserError, match=words.replace("(", r"\(").replace(")", r"\)")):
        read(content)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*none.csv: No such file"):
        to_ratings(read_exported([tmp_path / "none.csv"]), ASKED)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A report's folder: of two models a sample and three real pieces each, of which only sound is rendered.

    Two of the real pieces are on the page for both models; the third, for the blind test alone, falls to note_lstm.
    """

    def sound(pieces):
        for source, place, title, _ in pieces:
            write(place.with_name(f"{place.name}.mp3"), f"{source.parts[-4:]} {title}")

    monkeypatch.setattr("zoo.report.pieces._render_all", sound)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "reports" / "tunes"
    for model in ("note_lstm", "rnn_rbm"):
        run = add_run(folder, model=model, samples=1)
        for number in (1, 2, 3):
            (run / "real").mkdir(exist_ok=True)
            shutil.copy(run / "samples" / "sample-1.mid", run / "real" / f"real-{number}.mid")
    return folder


def facts(folder):
    """What the page of the blind test is made from."""
    return json.loads(re.search(r'id="facts">(.*)</script>', (folder / "blind.html").read_text())[1])


def answered(folder, **composed):
    """Answers to all pieces; `composed` says of which kinds a person is thought to have made them."""
    write_report(folder)
    rows = [piece | {"piece": piece["path"]} for piece in facts(folder)["pieces"]]
    rows = [row | {"composed": composed[row["model"]][row["kind"] == "real"]} for row in rows]
    path = folder.parent / "answers.csv"
    path.write_text(table(*rows, {"piece": "else.mp3"}))
    return path


def test_ratings_go_into_the_page_the_table_and_the_findings(folder, capsys):
    path = answered(folder, note_lstm=(1, 1), rnn_rbm=(0, 1))
    assert main(["report", "--corpus", "./tunes", "--ratings", str(path)]) == 0
    lines = " ".join(capsys.readouterr().out.split())
    said = (
        "In the blind test (1 listener) the samples of note_lstm tuned were taken for composed by a person most often"
    )
    assert f"{said}, in 100.0% of cases (95% interval 20.7% to 100.0%)" in lines
    assert "Not clearly less often: rnn_rbm tuned." in lines
    assert "Left out: 1 answer to pieces that are not in this report, or sound otherwise in it: else.mp3." in lines
    html = Page((folder / "index.html").read_text())
    text = " ".join(html.text.split())
    assert said in text and "7 answers of 1 listener." in text and "else.mp3" in text
    assert "rnn_rbm tuned samples 1 1 0.0% 0.0% to 79.3% 4.00" in text
    assert "all together samples 2 1 50.0% 9.5% to 90.5% 4.00" in text
    assert "--ratings answers.csv" in text and "blind.html" in html.links
    note, rbm = csv.DictReader((folder / "results.csv").read_text().splitlines())
    assert (note["sample_composed"], rbm["sample_composed"], rbm["real_answers"]) == ("1.0", "0.0", "2")
    assert float(rbm["sample_composed_high"]) == pytest.approx(0.7935, abs=5e-5)
    assert (rbm["real_liking"], rbm["real_liking_low"]) == ("4.0", "")


def test_what_the_blind_test_plays_is_published_with_it(folder, tmp_path):
    write(tmp_path / "secret.txt", "mine")
    for name in ("secret.txt", "model.weights.h5"):  # titles of strangers' music, which the page holds in quotes
        write(folder / "runs/note_lstm/tuned-seed0" / name, "mine")
    settings = json.loads((folder / "runs/note_lstm/tuned-seed0/metrics.json").read_text())
    titles = [str(tmp_path / "secret.txt"), "runs/note_lstm/tuned-seed0/model.weights.h5", "../../secret.txt"]
    write_json(folder / "runs/note_lstm/tuned-seed0/metrics.json", settings | {"real": titles})
    write_report(folder)
    publish(folder, tmp_path / "passed on")
    urls = [piece["url"] for piece in facts(folder)["pieces"]]
    assert len(urls) == 7 and all((tmp_path / "passed on" / unquote(url)).is_file() for url in urls)
    passed = [path for path in (tmp_path / "passed on").rglob("*") if path.is_file()]
    assert not [path for path in passed if "real" in path.parts and "runs" in path.parts]  # no page links to it
    assert not [path for path in passed if path.name in ("secret.txt", "model.weights.h5")]
    assert {piece["song"] for piece in facts(folder)["pieces"]} >= {titles[0], titles[1]}


def test_without_ratings_nothing_is_said_of_listeners(folder):
    add_run(folder, model="deaf_lstm")
    lines = write_report(folder)
    assert {piece["model"] for piece in facts(folder)["pieces"]} == {"note_lstm", "rnn_rbm"}  # there is real music of
    assert "blind test (" not in " ".join(lines)
    assert "sample_answers" not in (folder / "results.csv").read_text()


def test_same_runs_and_ratings_same_bytes(folder, tmp_path):
    path = answered(folder, note_lstm=(1, 0), rnn_rbm=(0, 1))
    copy = tmp_path / "elsewhere" / "tunes"
    shutil.copytree(folder / "runs", copy / "runs")
    names = ("index.html", "blind.html", "results.csv")
    write_report(folder, [path])
    write_report(copy, [shutil.copy(path, copy.parent)])
    assert [(copy / name).read_bytes() for name in names] == [(folder / name).read_bytes() for name in names]


def test_a_faulty_file_leaves_the_report_as_it_was(folder, capsys):
    write_report(folder)
    before = (folder / "index.html").read_bytes()
    path = answered(folder, note_lstm=(7, 0), rnn_rbm=(0, 1))
    assert main(["report", "--corpus", "./tunes", "--ratings", str(path)]) == 2
    assert "line 2: composed" in capsys.readouterr().err
    assert (folder / "index.html").read_bytes() == before
