"""The trained model that a person means: a run of their own, its folder, or weights that ship with the package."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import zoo
from zoo import pretrained
from zoo._errors import UserError
from zoo._files import printable
from zoo.cli.corpora import CORPUS
from zoo.experiments.folders import RUNS, newest_run, results_folder
from zoo.experiments.run_folder import RunFolder
from zoo.training import preset_files

if TYPE_CHECKING:
    from zoo.models._base import MusicModel

PRETRAINED = "pretrained"  # how a run is called that ships


def chosen_run(word: str, corpus: str | None = None, preset: str | None = None, train_seed: int | None = None) -> Path:
    """The run that a person means; when it is one that ships, and nobody named it, standard error says so.

    Args:
        word: name of a model, for its newest finished run, or else what ships; a run's folder; or a name of
            `zoo.pretrained`.
        corpus: of the run, for a name; None is the default.
        preset: of the run, for a name; None is any.
        train_seed: likewise.

    Raises:
        UserError: when there is none.
    """
    results = results_folder(corpus or CORPUS)
    trained = word.isidentifier() and (results / RUNS / word).is_dir()  # perhaps one from outside
    if word in zoo.names() or trained:
        try:
            return newest_run(results, word, preset and preset_files.name_of(preset), train_seed)
        except UserError:
            shipped = pretrained.folder(f"{corpus or CORPUS}/{word}")
            if shipped is None or preset is not None or train_seed is not None:
                raise
            print(
                f"zoo: note: no run of your own, so the pretrained {corpus or CORPUS}/{word} is used; what it is: "
                f"{printable(RunFolder(shipped).card)}",
                file=sys.stderr,
            )
            return shipped
    folder = Path(word)
    if RunFolder(folder).is_described:
        return folder
    if shipped := pretrained.folder(word):
        return shipped
    if os.sep in word or folder.exists():
        there = f"; pretrained are {', '.join(names)}" if (names := pretrained.names()) else ""
        raise UserError(
            f"{folder} is no run folder: it holds no model.json; runs lie in reports/<corpus>/runs/<model>/{there}."
        )
    zoo.find(word)  # says which models there are
    raise AssertionError


def name_of(run: Path) -> str:
    """How a run is called beside its model's name."""
    return PRETRAINED if run.is_relative_to(pretrained.FOLDER) else run.name


def title_of(run: Path) -> str:
    """How a run is called, its model first."""
    return f"{(run if run.is_relative_to(pretrained.FOLDER) else run.parent).name} ({name_of(run)})"


def results_of(run: Path) -> Path:
    """Where what is made with a run belongs: its corpus's folder of results, or its own where it lies elsewhere."""
    if run.is_relative_to(pretrained.FOLDER):
        return results_folder(run.parent.name)
    run = run.resolve()
    return run.parents[2] if run.parents[1].name == RUNS else run


def loaded_run(options: argparse.Namespace) -> tuple[Path, MusicModel]:
    """The run that a command's options choose, and its model."""
    run = chosen_run(options.model, options.corpus, options.preset, options.train_seed)
    if options.epoch is not None:
        kept = RunFolder(run).kept_epochs()
        if options.epoch not in kept:
            there = f"it kept {', '.join(map(str, kept))}" if kept else "train with --checkpoint-every N to keep some"
            raise UserError(f"{run} kept no checkpoint of epoch {options.epoch}; {there}.")
    return run, zoo.load(run, options.epoch)
