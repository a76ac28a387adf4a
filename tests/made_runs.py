"""Run folders and runs of figures made by hand, and the report's page as a reader finds it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

from zoo.experiments.description import Description
from zoo.experiments.results import Results
from zoo.experiments.run_folder import RunFolder
from zoo.midi import write_midi
from zoo.report import write_report
from zoo.report.runs import Run
from zoo.song import Song

EVIL = "<script>alert('1')</script>&\"$x$"
VOID = {"meta", "br", "img", "link", "hr", "wbr"}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def add_run(folder, model="note_lstm", run="tuned-seed0", samples=3, nats=6.0, digest="abc", overrides=None):
    """A finished run: order-0 surprise 8 nats per beat, of which `nats` are left."""
    path = folder / "runs" / model / run
    settings = {"format": 1, "model": model, "preset": run.partition("-")[0], "overrides": overrides or {}}
    settings["seed"] = int((re.findall(r"-seed(\d+)", run) or [0])[0])
    corpus = {"name": "tunes", "digest": digest}
    write(path / "model.json", settings | {"hyperparameters": {"units": 64}, "corpus": corpus, "message": ""})
    write(
        path / "history.csv",
        "epoch,seconds,loss,val_loss,val_nats_per_beat,accuracy\n1,2.5,3.0,3.1,6.0,\n2,5.0,2.0,,5.0,0.5\n3,7.5,1.5,2.6,4.5,0.6\n",
    )
    score = {"nats_per_beat": nats, "kind": "exact", "beats": 100, "standard_error": None, "accuracy": 0.75}
    score["coverage"] = {"songs": 1.0, "lines": 0.9, "notes": 0.875}
    write(
        path / "metrics.json",
        {
            "about": "One symbol a chord, `4.7`.\n\nAfter <somebody>.",
            "parameters": 12345,
            "epochs": 3,
            "best_epoch": 2,
            "seconds": 7.5,
            "seconds_to_best": 5.0,
            "peak_memory_mb": 321.0,
            "sampling": {"songs": 10, "beats": 64, "seconds": 2.0, "songs_per_second": 5.0, "first_seconds": 1.0},
            "scores": {"valid": score, "test": score},
            "order0": {"valid": 7.0, "test": 8.0},
            "ngram": {"valid": 4.0, "test": 5.0, "n": 3},
            "network": [{"layer": "LSTM", "detail": "64 units", "shape": "(batch, time, 64)", "parameters": 999}],
            "environment": {"python": "3.11", "backend": "tensorflow"},
            "warnings": [],
        },
    )
    for number in range(samples):
        song = Song.from_notes([(0, 480, 60 + number, 80, 0), (480, 480, 67, 80, 0)])
        write_midi(song, path / "samples" / f"sample-{number + 1}.mid")
    return path


def change(path, **values):
    write(path, json.loads(path.read_text()) | values)


class Page(HTMLParser):
    """Collects tags, texts and links, and fails on a tag that is not closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text, self.links = [], [], "", []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.text += " " if tag in ("br", "td") else ""
        self.links += [value for name, value in attributes if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open[-1] in ("p", "li", "tr", "td", "th") and self.open[-1] != tag:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page(folder):
    write_report(folder)
    return Page((folder / "index.html").read_text())


WRONG = ["", "{", "[]", "3", "{}", '{"scores": [], "order0": 3, "environment": [], "network": {"a": 1}, "about": []}']
WRONG += ['{"scores": {"test": {"nats_per_beat": NaN, "kind": 3, "coverage": 1}}, "network": [1, {}], "epochs": "3"}']
WRONG += ['{"corpus": 1, "overrides": [], "hyperparameters": [1], "message": 7, "seed": {}, "preset": []}']
WRONG += ['{"splits": {"train": 3}, "skipped": [1, ["a"]], "duplicates": {}, "warnings": "x", "folder": 1, "name": []}']
WRONG += ["epoch,seconds,loss\n1,2", "epoch,epoch\nx,y\n", "loss\n1\n", "epoch,loss\n1,nan\n2,inf\n", "\0,\n", "\udcff"]


def damage(path, wrong):
    path.write_bytes(wrong.encode("utf-8", "surrogateescape"))


def add_real(run, *names):
    for number, _ in enumerate(names, 1):
        write_midi(Song.from_notes([(0, number * 480, 60, 80, 0)]), run / "real" / f"real-{number}.mid")
    change(run / "metrics.json", real=list(names))


def run(
    model, nats, *, seed=0, order0=20.0, ngram=10.0, kind="exact", codec="", seconds=60.0, status="finished",
    accuracy=0.8, half=0.05, overlap=0.7, blind=False, made=None, real=None, longest_note=None, own=None,
    errors=(None, None), train=None, **shares,
):  # fmt: skip
    """A run that predicts test music with so many nats per beat; `half` is half the classifier's interval.

    `errors` are the sampling errors of the nats per beat of test music and of own samples.
    """
    mean = {"empty": 0.0, "loops": 0.0, "copies": 0.0}
    distances = {name: {"overlap": overlap, "overlap_interval": [overlap, overlap]} for name in ("pitch", "duration")}
    classifier = {"accuracy": accuracy, "interval": [accuracy - half, accuracy + half]}
    samples = mean | shares | {"songs": 50, "distances": distances, "classifier": classifier} | (made or {})
    test, compared = mean | (real or {}), {"longest_note": longest_note, "own_nats_per_beat": own}
    compared |= {"own_sampling_error": errors[1], "train": train or {}}
    real = mean | {"songs": 40, "distances": distances, "classifier": {"accuracy": 0.52, "interval": [0.4, 0.6]}}
    metrics = {
        "seconds": seconds,
        "scores": {"test": {"nats_per_beat": nats, "kind": kind, "sampling_error": errors[0]}},
        "order0": {"test": order0},
        "ngram": {"test": ngram},
        "comparison": compared
        | {"sets": {"samples": samples, "ngram": real, "real": real}, "test": test, "blind": blind},
    }
    folder = RunFolder(Path("runs") / model / f"tuned-seed{seed}")
    described = Description(model, "tuned", seed, codec=codec or model)
    return Run(folder, status, described, {}, Results.from_json(metrics))
