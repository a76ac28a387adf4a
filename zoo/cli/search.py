"""The command that looks for better hyperparameters."""

from __future__ import annotations

import argparse
import sys

from zoo._errors import UserError
from zoo.cli.corpora import read_corpus
from zoo.cli.training import check_out
from zoo.models import _registry


def search(options: argparse.Namespace) -> None:
    """The command `search`."""
    if options.trials < 1:
        raise UserError(f"--trials must be at least 1, not {options.trials}.")
    if not 0 <= options.minutes < float("inf"):
        raise UserError(f"--minutes must be at least 0, not {options.minutes:g}.")
    check_out(options.out)
    _registry.create(options.model, "tuned", options.seed)  # says what is wrong before corpora are read
    from zoo.search.outcome import write_outcome
    from zoo.search.searching import Search
    from zoo.search.trials import FINISHED, best

    words = [word.strip() for word in options.corpora.split(",") if word.strip()]
    corpora = [read_corpus(word, options.pedal, options.out) for word in dict.fromkeys(words)]
    names = [corpus.name for corpus in corpora]
    if not names or len(set(names)) < len(names):
        raise UserError(f"--corpora takes corpora of different names, joined by commas, not {options.corpora!r}.")
    looking = Search(options.model, corpora, options.seed, options.out / "searches")
    trials = looking.run(options.trials, options.minutes, options.address)
    path, chosen = write_outcome(looking, trials), best(trials)
    finished = sum(trial.state == FINISHED for trial in trials)
    print(f"{looking.folder}: {len(trials)} trials, {finished} of them finished", file=sys.stderr)
    print(f"the best has {chosen.objective:.4f} of tuned's validation nats per beat: --preset {path}", file=sys.stderr)
    print(path)
