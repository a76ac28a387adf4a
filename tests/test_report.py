import csv
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import unquote

import pytest
from made_runs import EVIL, WRONG, Page, add_run, change, damage, page, write

from zoo._errors import UserError
from zoo.report import load_runs, publish, table, write_report


def contents(folder):
    pictures = [*(folder / "figures").iterdir(), *(path for path in (folder / "samples").rglob("*") if path.is_file())]
    outputs = [folder / "index.html", folder / "results.csv", *sorted(pictures)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in outputs}


def test_without_a_run_the_user_is_told_to_train(folder, tmp_path):
    with pytest.raises(UserError, match=r"train first: python -m zoo train-all --corpus tunes$"):
        write_report(folder)
    with pytest.raises(UserError, match="--corpus nothing"):
        write_report(tmp_path / "nothing")
    assert not (folder / "index.html").exists()


def test_a_finished_run_in_numbers(folder):
    add_run(folder)
    lines = write_report(folder)
    head, _, row = (line.replace("order 0", "order0").split() for line in lines[:3])
    assert dict(zip(head, row, strict=True)) == {
        "model": "note_lstm",
        "run": "tuned-seed0",
        "epochs": "3",
        "seconds": "7.5",
        "valid": "6.000",
        "test": "6.000",
        "order0": "8.000",
        "n-gram": "5.000!",
        "skill": "25.0%",
        "status": "finished",
    }
    (row,) = csv.DictReader((folder / "results.csv").read_text().splitlines())
    expected = {
        "model": "note_lstm",
        "preset": "tuned",
        "seed": "0",
        "status": "finished",
        "parameters": "12345",
        "seconds_to_best": "5.0",
        "peak_memory_mb": "321.0",
        "songs_per_second": "5.0",
        "test_nats_per_beat": "6.0",
        "test_kind": "exact",
        "test_order0": "8.0",
        "test_skill": "0.25",
        "test_ngram": "5.0",
        "beats_ngram": "False",
        "valid_standard_error": "",
        "test_coverage_notes": "0.875",
        "environment_backend": "tensorflow",
    }
    assert {name: row[name] for name in expected} == expected
    text = " ".join(Page((folder / "index.html").read_text()).text.split())
    for words in ("6.000 exact", "8.000 25.0% 12,345 3 8 5 321", "8 4,321 100", "broken.mid: it is damaged"):
        assert words in text
    explained = "One symbol a chord, 4.7. After <somebody>."
    for words in (explained, "comparable only inside one representation", "python 3.11"):
        assert words in text
    assert "tuned 100.0% 90.0% 87.5% 75.0%" in text
    assert "python -m zoo train note_lstm --corpus tunes --preset tuned --seed 0" in text
    assert "python -m zoo report --corpus tunes" in text
    finding = "note_lstm tuned does not beat the n-gram of its own representation: 6.000 against 5.000"
    assert finding in text and any(line.startswith(f"- {finding}") for line in lines)


def test_every_run_folder_is_a_row_whatever_its_state(folder):
    add_run(folder, run="blog-seed10")
    add_run(folder, run="blog-seed9", digest="older")
    (add_run(folder, run="blog-seed11") / "metrics.json").unlink()
    failed = add_run(folder, model="rnn_rbm")
    (failed / "metrics.json").unlink()
    write(failed / "error.txt", 'Traceback (most recent call last):\n  File "x"\nValueError: loss is NaN\n')
    write(add_run(folder, model="event_lstm") / "metrics.json", '{"parameters": ')
    (folder / "runs" / "event_lstm" / "tuned-seed1").mkdir()
    states = [(run.model, run.name, run.status) for run in load_runs(folder)]
    assert states == [
        ("event_lstm", "tuned-seed0", "broken"),
        ("event_lstm", "tuned-seed1", "unfinished"),
        ("note_lstm", "blog-seed9", "stale"),
        ("note_lstm", "blog-seed10", "finished"),
        ("note_lstm", "blog-seed11", "unfinished"),
        ("rnn_rbm", "tuned-seed0", "failed"),
    ]
    lines = write_report(folder)
    assert [line.split()[-1] for line in lines[2:8]] == [status for _, _, status in states]
    printed = " ".join(lines)
    assert "rnn_rbm/tuned-seed0 failed: ValueError: loss is NaN" in printed
    assert "event_lstm/tuned-seed0 broken: metrics.json cannot be read as JSON" in printed
    text = Page((folder / "index.html").read_text()).text
    assert "ValueError: loss is NaN" in text
    assert "Left out: blog-seed9 (stale)" in text
    assert str(folder) not in text
    unfinished = load_runs(folder)[4]
    assert (unfinished.epochs, unfinished.seconds, unfinished.results.skill()) == (3, 7.5, None)


def test_pictures_of_current_runs_only(folder):
    add_run(folder, run="tuned-seed0", samples=4)
    add_run(folder, run="tuned-seed1")
    add_run(folder, run="blog-seed0", digest="older")
    write_report(folder)
    names = sorted(path.name for path in (folder / "figures").iterdir())
    learning = ["cost.svg", "curves-note_lstm-epoch.svg", "curves-note_lstm-seconds.svg"]
    overview = ["skill-epoch.svg", "skill-seconds.svg"]
    assert names == [*learning, "network-note_lstm-tuned.svg", *overview]
    curves = (folder / "figures" / "curves-note_lstm-seconds.svg").read_text()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", curves)
    assert {"training", "validation", "order-0 baseline", "tuned", "training time (seconds)"} <= set(texts)
    assert "blog" not in texts
    network = (folder / "figures" / "network-note_lstm-tuned.svg").read_text()
    assert "LSTM · 64 units" in network
    assert "999 parameters" in network
    shutil.rmtree(folder / "runs" / "note_lstm")
    add_run(folder, model="rnn_rbm")
    write_report(folder)
    now = sorted(path.name.replace("rnn_rbm", "note_lstm") for path in (folder / "figures").iterdir())
    assert now == names


def points(path):
    """Corners of an SVG path of straight lines."""
    corners = [(0.0, 0.0)]
    for command, x, y in re.findall(r"([MLHV])([-\d.]+) ?([-\d.]*)", path):
        before_x, before_y = corners[-1]
        corners.append({"H": (x, before_y), "V": (before_x, x)}.get(command, (x, y)))
    return [(float(x), float(y)) for x, y in corners[1:]]


def test_curves_go_through_the_points_of_the_history(folder):
    add_run(folder)
    write_report(folder)
    drawing = (folder / "figures" / "curves-note_lstm-epoch.svg").read_text()
    lines = re.findall(r'<path d="([^"]*)" clip-path[^>]*style="fill: none;[^"]*stroke: #0072b2', drawing)
    training, validation, nats, baseline = drawn = [points(line) for line in lines]
    assert [len(line) for line in drawn] == [3, 2, 3, 2]  # an epoch without validation loss is left out
    assert [x for x, _ in training] == [x for x, _ in nats]
    assert [x for x, _ in validation] == [training[0][0], training[2][0]]
    unit = nats[1][1] - nats[0][1]  # from 6 to 5 nats per beat, downwards
    assert unit > 0
    assert nats[0][1] - baseline[0][1] == pytest.approx(unit, rel=1e-3)  # the baseline lies at 7


def test_runs_differing_by_an_override_are_told_apart(folder):
    add_run(folder)
    add_run(
        folder, run="tuned-seed0-learning_rate=0.5", overrides={"learning_rate": None, "units": [8, 4], "note": "a b"}
    )
    text = page(folder).text
    command = "python -m zoo train note_lstm --corpus tunes --preset tuned --seed 0"
    assert f"{command} --learning-rate=none --units=8,4 '--note=a b'" in text
    assert [run.variant for run in load_runs(folder)] == ["tuned", "tuned-learning_rate=None-note=a b-units=8,4"]


def test_the_command_of_a_run_from_other_weights_says_so(folder):
    change(add_run(folder) / "model.json", weights={"model": "note_lstm"})
    assert "--preset tuned --seed 0 --weights RUN<" in page(folder).text.replace("\n", "<")


def test_what_is_half_written_is_not_read(folder):
    run = add_run(folder)
    pages = [page(folder).text]
    (run / "samples" / ".zoo-99999999.sample-04.mid").write_bytes(b"MTh")
    (folder / "figures" / ".zoo-99999999.cost.svg").write_text("<svg")
    assert [*pages, page(folder).text] == 2 * pages and not list(folder.glob("figures/.zoo-*"))


def test_a_folder_as_corpus_is_named_as_a_folder(folder):
    add_run(folder)
    change(folder / "corpus.json", folder="/home/me/my tunes")
    assert "--corpus '/home/me/my tunes/' --preset" in page(folder).text


def test_estimates_and_bounds_are_marked(folder):
    for run, kind in (("tuned-seed0", "AIS estimate"), ("tuned-seed1", "bound")):
        score = {"nats_per_beat": 4, "kind": kind, "standard_error": 0.03125}
        change(add_run(folder, run=run) / "metrics.json", scores={"valid": score, "test": score})
    lines = write_report(folder)
    assert "~4.000" in lines[2]
    assert "≤4.000" in lines[3]
    text = " ".join(Page((folder / "index.html").read_text()).text.split())
    assert "4.000 AIS estimate ± 0.031" in text
    assert "4.000 bound ± 0.031" in text


def test_terminal_table_fits_100_columns(folder):
    add_run(folder, run="tuned-seed0-optimizer=sgd-learning_rate=0.001-message=long", nats=123.4)
    path = add_run(folder, model="a_model_with_quite_a_long_name", run="unheard_of-seed3" * 5)
    write(path / "error.txt", "word " * 100 + "\x1b[31mred")
    lines = table(load_runs(folder))
    assert max(map(len, lines)) <= 100
    assert len(lines[0]) == len(lines[1]) or len(lines[1]) <= 100
    assert "\x1b" not in "".join(lines)


def test_every_name_is_escaped(folder):
    name = '<script>alert(1)<script>&"$x$#?%41'
    path = add_run(folder, model=name, run=f"{name}-seed0", overrides={EVIL: EVIL})
    change(path / "model.json", message=EVIL, hyperparameters={EVIL: EVIL})
    network = [{"layer": EVIL, "detail": EVIL, "shape": EVIL, "parameters": 3}]
    change(path / "metrics.json", about=EVIL, network=network, environment={EVIL: EVIL}, warnings=[EVIL])
    for number in (1, 2):
        (path / "samples" / f"sample-{number}.mid").rename(path / "samples" / f"{name}{number}.mid")
    (path / "samples" / "sample-3.mid").write_text(EVIL)
    write(add_run(folder, run=f"{name}-seed1") / "error.txt", EVIL)
    facts = {"skipped": [[EVIL, EVIL]], "duplicates": [[EVIL, EVIL]], "warnings": [EVIL], "name": EVIL}
    change(folder / "corpus.json", **facts)
    html = page(folder)
    assert html.tags.count("script") == 1  # our own
    assert html.text.count(EVIL) >= 12
    assert "audio" in html.tags
    for figure in [*(folder / "figures").iterdir(), *folder.glob("samples/*/*/*.svg")]:
        assert not [element for element in ElementTree.parse(figure).iter() if "script" in element.tag]
    assert_links_lead_somewhere(html, folder)


def assert_links_lead_somewhere(html, folder):
    assert len(html.links) > 5
    for link in html.links:
        if not link.startswith(("#", "data:")):
            assert (folder / unquote(link)).is_file(), link


def test_links_are_relative_and_lead_somewhere(folder):
    add_run(folder, samples=5)
    html = page(folder)
    assert_links_lead_somewhere(html, folder)
    assert sum(link.endswith(".mid") for link in html.links) == 5
    assert "http" not in re.sub("http://www.w3.org", "", (folder / "index.html").read_text())


def test_a_sample_that_cannot_be_read_is_said(folder):
    path = add_run(folder)
    (path / "samples" / "sample-2.mid").write_text("no music")
    html = page(folder)
    assert "sample-2.mid" in html.text
    assert str(path) not in html.text
    assert sum(tag == "audio" for tag in html.tags) == 2


def test_same_runs_same_bytes_wherever_they_lie(folder, tmp_path):
    add_run(folder)
    write(add_run(folder, run="tuned-seed1") / "metrics.json", "{")
    copy = tmp_path / "elsewhere" / "tunes"
    shutil.copytree(folder, copy)
    write_report(folder)
    first = contents(folder)
    write_report(folder)
    write_report(copy)
    assert contents(folder) == contents(copy) == first
    assert len(first) > 6


def test_no_damaged_run_stops_the_report(folder):
    add_run(folder, run="healthy")
    for name in ("model.json", "history.csv", "metrics.json"):
        for number, wrong in enumerate(WRONG):
            damage(add_run(folder, run=f"{name}-{number}", samples=0) / name, wrong)
    html = page(folder)
    lines = write_report(folder)
    assert sum(line.startswith("note_lstm  ") for line in lines) == 1 + 3 * len(WRONG)
    for name in ("model.json", "history.csv", "metrics.json"):
        for number in range(len(WRONG)):
            assert f"{name}-{number}" in html.text
    assert {run.name for run in load_runs(folder) if run.status == "broken"} >= {"model.json-1", "metrics.json-2"}


@pytest.mark.parametrize("wrong", WRONG)
def test_no_damaged_corpus_facts_stop_the_report(wrong, folder):
    shutil.rmtree(add_run(folder) / "samples")
    damage(folder / "corpus.json", wrong)
    assert "note_lstm" in page(folder).text


def test_without_corpus_facts_there_is_still_a_report(folder):
    add_run(folder)
    (folder / "corpus.json").unlink()
    assert page(folder).text.strip().startswith("tunes")


def test_a_published_report_shows_the_same_without_weights(folder, tmp_path):
    add_run(folder)
    run = folder / "runs/note_lstm/tuned-seed0"
    for name in ("model.weights.h5", "state.npz", "checkpoints/epoch-00001.weights.h5", ".lock"):
        write(run / name, "heavy")
    write_report(folder)
    assert "play.html" not in (folder / "index.html").read_text()
    write(folder / "play.html", "a page to play on")
    write_report(folder)
    target = tmp_path / "passed on"
    for _ in range(2):  # the second takes the place of the first
        size = publish(folder, target)
        copied = {path.relative_to(target): path.read_bytes() for path in target.rglob("*") if path.is_file()}
        assert size == sum(map(len, copied.values())) and b"heavy" not in copied.values()
        assert {target.name} == {path.name for path in tmp_path.iterdir()} - {folder.name}
    links = [unquote(link) for link in re.findall(r'(?:href|src)="([^"#:]+)"', (target / "index.html").read_text())]
    assert len(links) > 5 and "play.html" in links and all((target / link).exists() for link in links)


def test_what_is_no_report_is_not_replaced(folder, tmp_path):
    add_run(folder)
    write_report(folder)
    write(tmp_path / "taken/song.txt", "mine")
    write(tmp_path / "trained/index.html", "a report")
    write(tmp_path / "trained/runs/note_lstm/tuned-seed0/model.weights.h5", "a night's work")
    for target in ("taken", "taken/song.txt", "trained", folder.name, f"{folder.name}/inside", "."):
        with pytest.raises(UserError, match="publish to"):
            publish(folder, tmp_path / target)
    assert (tmp_path / "taken/song.txt").read_text() == "mine"


def test_the_report_imports_no_deep_learning():
    root = Path(__file__).parents[1]
    program = "import sys, zoo.report; print({'keras', 'tensorflow', 'jax', 'torch', 'music21'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_explanation_is_escaped_and_its_code_marked(folder):
    add_run(folder)
    write_report(folder)
    html = (folder / "index.html").read_text()
    assert '<p class="lead">One symbol a chord, <code>4.7</code>.</p>' in html
    assert "<p>After &lt;somebody&gt;.</p>" in html
