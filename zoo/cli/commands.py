"""What each command does."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import zoo
from zoo._cores import cores
from zoo._errors import Unreadable, UserError
from zoo.cli.corpora import CORPUS, corpus_of, read_corpus
from zoo.cli.flags import flag, with_flags
from zoo.corpora import Corpus
from zoo.experiments.description import ComparisonStep
from zoo.experiments.engine import side_by_side
from zoo.experiments.folders import newest_run, results_folder
from zoo.experiments.run_folder import RunFolder

if TYPE_CHECKING:
    from zoo.experiments.job import Job
    from zoo.models._base import MusicModel

FAILED, USER_ERROR, BUSY = 1, 2, 3


def list_models(options: argparse.Namespace) -> None:
    """The command `list`."""
    for name in zoo.names():
        model = zoo.find(name)
        first, _, _ = model.about().partition("\n\n")
        print(f"{name}\n    {' '.join(first.split())}\n    presets: {', '.join(model.presets)}")


def train(options: argparse.Namespace) -> int:
    """The command `train`."""
    zoo.find(options.model)  # says which models there are
    overrides = _overrides(options)
    model = _untrained(options, options.model, options.preset, overrides)
    weights = None
    if options.weights:
        weights = (zoo.load(options.weights), options.weights)
        if weights[0].model_name() != options.model:
            raise UserError(f"--weights: {options.weights} holds a {weights[0].model_name()}, not a {options.model}.")
    step = ComparisonStep(options.training_of, options.representation_of)
    comparison = step if step != ComparisonStep() else None
    job = _job(options, model, read_corpus(options.corpus, options.pedal), overrides, weights, comparison)
    print(job.run())
    return FAILED if job.missing() else 0


def _overrides(options: argparse.Namespace) -> dict[str, str]:
    """The hyperparameters that were given, as they were written."""
    return {key: getattr(options, key) for key in options.hyperparameters if hasattr(options, key)}


def _untrained(options: argparse.Namespace, name: str, preset: str, overrides: dict[str, Any]) -> MusicModel:
    """The model to train; made, and so checked, before a corpus is built or read."""
    if options.checkpoint_every < 0:
        raise UserError(f"--checkpoint-every must be at least 0, not {options.checkpoint_every}.")
    there = next(place for place in (options.out, *options.out.parents) if place.exists())
    if not there.is_dir():
        raise UserError(f"--out: {there} is no folder; choose another one.")
    return zoo.create(name, preset, options.seed, **overrides)


def _job(
    options: argparse.Namespace,
    model: MusicModel,
    corpus: Corpus,
    overrides: dict[str, Any],
    weights: tuple[MusicModel, Path] | None = None,
    comparison: ComparisonStep | None = None,
) -> Job:
    from zoo.experiments.job import Job

    return Job(
        model=model,
        corpus=corpus,
        results=results_folder(options.corpus, options.out),
        overrides={key: getattr(model, key) for key in overrides},
        weights=weights,
        checkpoint_every=options.checkpoint_every,
        message=getattr(options, "message", ""),  # compare-presets gives each run its own
        tensorboard=options.tensorboard,
        comparison=comparison,
    )


class Plan(NamedTuple):
    """A run to be trained in a process of its own."""

    model: str
    preset: str
    overrides: dict[str, Any]
    message: str
    comparison: ComparisonStep | None = None


def train_all(options: argparse.Namespace) -> int:
    """The command `train-all`."""
    if options.weights:
        raise UserError("--weights belongs to one model: use train MODEL --weights RUN.")
    from zoo.training import hyperparameters

    overrides, plans, left_out, notes = _overrides(options), [], [], []
    for name in zoo.names():
        model = zoo.find(name)
        known = {key: value for key, value in overrides.items() if key in hyperparameters.options(model)}
        if options.preset not in model.presets:
            left_out.append(f"{name} has no preset {options.preset!r}, only {', '.join(model.presets)}")
        else:
            plans.append(Plan(name, options.preset, known, options.message))
            for key in sorted(overrides.keys() - known.keys()):
                notes.append(f"{name} has no {flag(key)}; trained without")
    if not plans:
        raise UserError(f"no model has the preset {options.preset!r}: {'; '.join(left_out)}.")
    return _train_each(options, plans, [*notes, *(f"left out: {reason}" for reason in left_out)])


def compare_presets(options: argparse.Namespace) -> int:
    """The command `compare-presets`: what representation, network and training contribute between two presets.

    On the representation of one, the other is also measured as it: larger frames need more temperatures.
    """
    from zoo.training import hyperparameters

    model, plans = zoo.find(options.model), []
    first, last = options.one, options.other
    for preset in (first, last):
        if preset not in model.presets:
            there = ", ".join(model.presets)
            raise UserError(f"{options.model} has no preset {preset!r}; name two with --one and --other, of {there}.")
    one, other = (_untrained(options, options.model, preset, {}) for preset in (first, last))
    retrained, rewritten = ComparisonStep(training_of=last), ComparisonStep(representation_of=first)
    steps: tuple[tuple[str, dict[str, MusicModel], str, ComparisonStep | None], ...] = (
        (first, {}, first, None),
        (first, {"training": other}, f"{first} with the training of {last}", retrained),
        (last, {"representation": one, "measuring": one}, f"{last} on the representation of {first}", rewritten),
        (last, {}, last, None),
    )
    for preset, taken, message, comparison in steps:
        own = model(**model.presets[preset])
        overrides = {
            key: getattr(source, key)
            for part, source in taken.items()
            for key in hyperparameters.of_part(model, part)
            if getattr(source, key) != getattr(own, key)
        }
        plans.append(Plan(options.model, preset, overrides, message, comparison))
    return _train_each(options, plans, [])


def _train_each(options: argparse.Namespace, plans: Sequence[Plan], notes: Sequence[str]) -> int:
    """Train runs side by side, each in a process of its own."""
    if options.jobs is not None and options.jobs < 1:
        raise UserError(f"--jobs must be 1 or more, not {options.jobs}.")
    models = [_untrained(options, plan.model, plan.preset, plan.overrides) for plan in plans]
    corpus, failed, left_out = read_corpus(options.corpus, options.pedal), [], []
    for note in notes:
        print(f"zoo: {note}", file=sys.stderr)

    def to_train() -> Iterator[tuple[Job, str, list[str]]]:
        for plan, model in zip(plans, models, strict=True):
            job = _job(options, model, corpus, plan.overrides, comparison=plan.comparison)
            if job.state() == "done":
                job.run()  # says so
                continue
            try:
                job.check_readable()
            except Unreadable as reason:  # no failure, but a fact about the corpus, which the report tells too
                left_out.append(plan)
                print(f"zoo: left out: {plan.model}, for {with_flags(reason)}", file=sys.stderr)
            else:
                yield job, job.title, _command(options, plan)

    busy = False
    with contextlib.closing(side_by_side(to_train(), options.jobs or cores())) as ended:
        for job, code in ended:
            if code == BUSY:  # another process trains it; the one that was started here has reported that
                busy = True
                break
            if code and job.state() != "done":
                run = job.run_folder
                failed.append(run.model)
                if code != USER_ERROR and run.path.is_dir() and not run.read_error():
                    run.write_error(f"its process ended with code {code}, without a word.\n")
    if failed:
        print(f"zoo: failed: {', '.join(failed)}; error.txt in the run's folder says why.", file=sys.stderr)
    if busy:
        return BUSY
    return FAILED if failed or len(left_out) == len(plans) else 0


def _command(options: argparse.Namespace, plan: Plan) -> list[str]:
    """The command that trains one run."""
    words = [sys.executable, "-m", "zoo", "train", plan.model, "--corpus", options.corpus, "--preset", plan.preset]
    words += [
        "--seed",
        str(options.seed),
        "--checkpoint-every",
        str(options.checkpoint_every),
        "--out",
        str(options.out),
    ]
    words += [f"--message={plan.message}"] + ["--tensorboard"] * options.tensorboard
    if plan.comparison:
        step = plan.comparison
        words += [f"--training-of={step.training_of}", f"--representation-of={step.representation_of}"]
    words += ["--no-pedal"] * (not options.pedal)
    return words + [f"{flag(key)}={_as_word(value)}" for key, value in plan.overrides.items()]


def _as_word(value: object) -> str:
    """A hyperparameter's value as it is written behind its flag."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


def chosen_run(word: str, corpus: str | None = None, preset: str | None = None, train_seed: int | None = None) -> Path:
    """The run that a person means.

    Args:
        word: name of a model, for its newest finished run; or a run's folder.
        corpus: of the run, for a name; None is the default.
        preset: of the run, for a name; None is any.
        train_seed: likewise.

    Raises:
        UserError: when there is none.
    """
    results = results_folder(corpus or CORPUS)
    trained = word.isidentifier() and (results / "runs" / word).is_dir()  # perhaps one from outside
    if word in zoo.names() or trained:
        return newest_run(results, word, preset, train_seed)
    folder = Path(word)
    if RunFolder(folder).is_described:
        return folder
    if os.sep in word or folder.exists():
        raise UserError(
            f"{folder} is no run folder: it holds no model.json; runs lie in reports/<corpus>/runs/<model>/."
        )
    zoo.find(word)  # says which models there are
    raise AssertionError


def load_run(options: argparse.Namespace) -> tuple[Path, MusicModel]:
    """The run that the options of a command name, and its model."""
    run = chosen_run(options.model, options.corpus, options.preset, options.train_seed)
    if options.epoch is not None:
        kept = RunFolder(run).kept_epochs()
        if options.epoch not in kept:
            there = f"it kept {', '.join(map(str, kept))}" if kept else "train with --checkpoint-every N to keep some"
            raise UserError(f"{run} kept no checkpoint of epoch {options.epoch}; {there}.")
    return run, zoo.load(run, options.epoch)


def score(options: argparse.Namespace) -> None:
    """The command `score`."""
    run, model = load_run(options)
    result = model.score(getattr(corpus_of(run, options), options.split))
    if options.json:
        print(json.dumps({"run": str(run), "split": options.split, **dataclasses.asdict(result)}, indent=1))
        return
    error = f" ± {result.standard_error:.4f}" if result.standard_error else ""
    print(f"{run}, {options.split}: {result.nats_per_beat:.4f}{error} nats per beat ({result.kind})")
    print(
        f"  {result.codes:,} codes, {result.beats:,.1f} beats"
        + (f", accuracy {result.accuracy:.1%}" if result.accuracy is not None else "")
    )
    covered = result.coverage
    print(f"  expressed: {covered.songs:.1%} of songs, {covered.lines:.1%} of lines, {covered.notes:.1%} of notes")


def report(options: argparse.Namespace) -> None:
    """The command `report`."""
    from zoo.report import check_target, publish, write_report

    folder = results_folder(options.corpus)
    if options.publish:
        check_target(folder, options.publish)  # before anything is written
    print("\n".join(write_report(folder, options.ratings)))
    print(f"\n{folder / 'index.html'}")
    if options.publish:
        size = publish(folder, options.publish)
        print(f"{options.publish / 'index.html'}, {size / 1e6:.1f} MB in all")


def published(options: argparse.Namespace) -> None:
    """The command `published`."""
    from zoo.report import write_published

    folder = results_folder(options.corpus)
    print("\n".join(write_published(folder)))
    print(f"\n{folder / 'published.md'}")
