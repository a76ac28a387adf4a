"""What commands need of corpora: reading one, describing one, finding the one that a run was trained on."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import zoo
from zoo import _home
from zoo._errors import UserError
from zoo._files import printable, read_json
from zoo.cli.flags import with_flags
from zoo.corpora import Corpus, recipes
from zoo.corpora.diagnosis import diagnose
from zoo.experiments.folders import corpus_file, results_folder, stored_music
from zoo.experiments.progress import counting
from zoo.experiments.run_folder import RunFolder

CORPUS = "bach-chorales"


def read_corpus(name: str, pedal: bool = True, reports: Path | None = None) -> Corpus:
    """The corpus of that name or folder, with progress on the way; a large one is kept beside its results.

    Args:
        name: as on the command line.
        pedal: whether the sustain pedal is honoured.
        reports: in which all folders of results lie; None is that of `zoo._home`.
    """
    is_folder = os.path.isdir(os.path.expanduser(name))
    store = stored_music(results_folder(name, reports)) if is_folder else None
    with counting(f"corpus {printable(name)}") as progress:
        return zoo.load_corpus(name, progress=progress, pedal=pedal, store=store)


def describe_corpus(options: argparse.Namespace) -> None:
    """The command `corpus`."""
    corpus = read_corpus(options.corpus, options.pedal)
    described = corpus.describe()
    print(f"{corpus.name}, in {printable(corpus.folder)}")
    splits = described["splits"]
    whole = {key: sum(part[key] for part in splits.values()) for key in ("pieces", "beats", "notes")}
    for split, figures in [*splits.items(), ("all", whole)]:
        shares = ", ".join(f"{figures[key] / whole[key]:.0%} of the {key}" for key in ("pieces", "beats"))
        shares = f"   {shares}" * (split != "all")
        counts = f"{figures['pieces']:7,} pieces {figures['beats']:12,.1f} beats {figures['notes']:10,} notes"
        print(f"  {split:6}{counts}{shares}")
    for what, count in corpus.left_out().items():
        print(f"  {count:,} notes {what}")
    for one, other in corpus.duplicates:
        print(f"  the same music: {one} and {other}")
    for path, reason in corpus.skipped:
        print(f"  skipped {path}: {reason}")
    diagnosis = diagnose(corpus)
    for line in diagnosis.lines():
        print(f"  {line}")
    for warning in [*corpus.warnings, *diagnosis.warnings()]:
        print(f"  note: {with_flags(warning)}")


def corpus_of(run: Path, options: argparse.Namespace) -> Corpus:
    """--corpus, or else the corpus that the run was trained on, as its results tell; read as it was for the run."""
    path = corpus_file(RunFolder(run).results)
    facts = read_json(path) if path.is_file() else {}
    pedal = not (isinstance(facts, dict) and facts.get("pedal") is False)
    trained_on = RunFolder(run).read_description().get("corpus")
    if options.corpus or options.model in zoo.names() or not path.is_file():
        name = trained_on.get("name") if isinstance(trained_on, dict) else None
        corpus = read_corpus(options.corpus or (name if name in recipes.NAMES else CORPUS), pedal)
    else:
        name, folder = _name_and_folder(path, facts)
        known = name in recipes.NAMES and Path(folder) == _home.datasets() / name
        corpus = read_corpus(name if known else f"{folder}/", pedal)
    if isinstance(trained_on, dict) and trained_on.get("digest") not in (None, corpus.digest):
        print(f"zoo: note: {run} was trained on another corpus ({trained_on.get('name')}).", file=sys.stderr)
    return corpus


def _name_and_folder(path: Path, facts: object) -> tuple[str, str]:
    """Of the corpus that the corpus.json at `path` describes."""
    name, folder = (facts.get(key) if isinstance(facts, dict) else None for key in ("name", "folder"))
    if not isinstance(name, str) or not isinstance(folder, str):
        raise UserError(f"{path} names no corpus; say which one with --corpus.")
    return name, folder
