"""The command `pack`: a trained run as a small folder to pass on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import zoo
from zoo._errors import UserError
from zoo._files import printable
from zoo.cli.corpora import corpus_of
from zoo.cli.runs import chosen_run, results_of
from zoo.experiments.description import Description
from zoo.experiments.run_folder import RunFolder


def pack(options: argparse.Namespace) -> None:
    """The command `pack`: in half precision, if the score on test music stays what it is."""
    from zoo.experiments import packing
    from zoo.report.card import write_card
    from zoo.report.runs import load_corpus

    run = RunFolder(chosen_run(options.model, options.corpus, options.preset, options.train_seed))
    described = Description.from_json(run.read_description())
    names = [described.corpus.name, described.model]
    if any(name in ("", ".", "..") or Path(name).name != name for name in names):
        raise UserError(f"{printable(run.description)} names no corpus or no model that could be a folder; train anew.")
    target = RunFolder((options.out or results_of(run.path) / "packed").joinpath(*names))
    if target.path.resolve() == run.path.resolve():
        raise UserError(f"--out: {printable(target.path)} is the run itself; choose another folder.")
    packing.pack(run, target)
    before = run.read_results().scores.test.nats_per_beat
    after = zoo.load(target.path).score(corpus_of(run.path, options).test).nats_per_beat
    if before is None or abs(after - before) >= packing.MOVED:
        packing.pack(run, target, half=False)
        print(f"zoo: note: half precision gives {after:.4f} nats a beat, {before} before: kept whole", file=sys.stderr)
    write_card(target, load_corpus(run.results), _command(described))
    print(f"{printable(target.path)}, {target.weights.stat().st_size / 1e6:.2f} MB")


def _command(described: Description) -> str:
    """The command that trains such a run."""
    words = ["zoo train", described.model, f"--corpus {described.corpus.name} --preset {described.preset}"]
    words += [f"--seed {described.seed}"]
    return " ".join(words + [f"--{key.replace('_', '-')}={value}" for key, value in described.overrides.items()])
