"""The command `play`: a page to play on with trained models."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import zoo
from zoo import pretrained
from zoo._errors import NotPlayable, UserError
from zoo._files import printable
from zoo._quiet import quiet_start
from zoo.cli.corpora import CORPUS
from zoo.cli.flags import with_flags
from zoo.cli.runs import chosen_run, name_of, title_of
from zoo.experiments.folders import newest_run, play_page, results_folder, run_folders

if TYPE_CHECKING:
    from zoo.play import Playable


def play(options: argparse.Namespace) -> None:
    """The command `play`: says which runs it took, what is left out and why, and where the page lies."""
    with quiet_start():
        from zoo.play import write_page

    results = results_folder(options.corpus or CORPUS)
    path = options.out or play_page(results)
    if path.is_dir():
        raise UserError(f"--out: {printable(path)} is a folder; name a file, such as {printable(play_page(path))}.")
    named = [(chosen_run(word, options.corpus), True) for word in options.runs]
    models = list(_playable(named or [(run, False) for run in _runs(results, options.corpus or CORPUS)]))
    if not models:
        raise UserError(f"there is no run in {results} to play on; train a model: python -m zoo train melody_lstm.")
    written = write_page(path, models, printable(results.name))
    for name, reason in written.left_out:
        _leave_out(name, reason)
    for model in written.models:
        print(f"{printable(model.label)}: {model.parameters:,} weights")
    print(f"\n{printable(path)}, {written.size / 1e6:.1f} MB")


def _runs(results: Path, corpus: str) -> Iterator[Path]:
    """The newest finished run of each model, and what ships of the other models."""
    own = dict.fromkeys(run.model for run in run_folders(results))
    for name in dict.fromkeys([*own, *zoo.names()]):
        try:
            yield newest_run(results, name)
        except UserError as reason:
            if shipped := pretrained.folder(f"{corpus}/{name}"):
                yield shipped
            elif name in own:
                _leave_out(name, reason)


def _playable(runs: list[tuple[Path, bool]]) -> Iterator[Playable]:
    """What the page can play of runs, each with whether a person named it: then a damaged one is a mistake."""
    with quiet_start():
        from zoo.play import export

    for run, named in runs:
        try:
            yield export(zoo.load(run), name_of(run))
        except NotPlayable as reason:
            _leave_out(title_of(run), reason)
        except UserError as reason:
            if named:
                raise
            _leave_out(title_of(run), reason)


def _leave_out(name: str, reason: str | UserError) -> None:
    print(f"zoo: left out: {printable(name)}, for {with_flags(reason)}", file=sys.stderr)
