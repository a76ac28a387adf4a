"""The manifest of a report: exactly the files that its pages show or link to."""

import json
import re
from urllib.parse import unquote

import pytest
from made_runs import add_real, add_run, damage, write

from zoo._errors import UserError
from zoo.report import publish, write_report
from zoo.report.links import MANIFEST

ADDRESS = re.compile(r'(?:\b(?:href|src)=|"url": ?)"([^"#:<>/][^"#:<>]*)"')


def listed(folder):
    return json.loads((folder / MANIFEST).read_text())["files"]


def test_the_manifest_holds_what_the_pages_show_and_no_more(folder):
    for seed in range(2):
        add_real(add_run(folder, run=f"tuned-seed{seed}", samples=5), "bwv1", "bwv2", "bwv3", "bwv4")
    add_real(add_run(folder, model="deaf_lstm", samples=0), "bwv1", "bwv2", "bwv3")  # is asked about by no test
    write(add_run(folder, model="rnn_rbm") / "error.txt", "no")
    write_report(folder)
    pages = [folder / "index.html", folder / "blind.html"]
    linked = {unquote(address) for page in pages for address in ADDRESS.findall(page.read_text())}
    assert set(listed(folder)) == linked | {"index.html", "blind.html", "results.csv", "corpus.json"}
    rendered = "samples/deaf_lstm/tuned-seed0/real-3.mp3"
    assert (folder / rendered).is_file() and rendered not in linked
    assert {"samples/note_lstm/tuned-seed0/real-4.mp3", "runs/rnn_rbm/tuned-seed0/error.txt"} < linked


def test_a_report_of_before_or_a_damaged_manifest_says_what_to_do(folder, tmp_path):
    add_run(folder)
    write_report(folder)
    for wrong in ("{", "[]", '{"version": 1}', '{"version": 1, "files": [1]}', '{"version": 2, "files": []}'):
        damage(folder / MANIFEST, wrong)
        with pytest.raises(UserError, match=MANIFEST):
            publish(folder, tmp_path / "out")
    (folder / MANIFEST).unlink()
    with pytest.raises(UserError, match="write the report once more"):
        publish(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_outside_of_the_report_is_published(folder, tmp_path):
    add_run(folder)
    write_report(folder)
    write(tmp_path / "secret.txt", "mine")
    (folder / "linked.txt").symlink_to(tmp_path / "secret.txt")
    names = ["index.html", "../secret.txt", str(tmp_path / "secret.txt"), "linked.txt", "gone.txt"]
    write(folder / MANIFEST, {"version": 1, "files": names})
    publish(folder, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["index.html"]
