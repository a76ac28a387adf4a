"""The commands that train: one run here, or many side by side, on this machine or on a cluster."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import zoo
from zoo._cores import cores
from zoo._errors import Unreadable, UserError
from zoo.cli.corpora import read_corpus
from zoo.cli.flags import flag, with_flags
from zoo.cli.runs import chosen_run
from zoo.corpora import Corpus
from zoo.experiments.description import ComparisonStep
from zoo.experiments.engine import BUSY, side_by_side
from zoo.experiments.folders import results_folder
from zoo.training import preset_files

if TYPE_CHECKING:
    from zoo.experiments.job import Job
    from zoo.models._base import MusicModel

FAILED, USER_ERROR = 1, 2
TUNED = "tuned"  # the preset where none is named
BLOG = "blog"
OURS = (TUNED, "smoke", "studio", "best", "sixteenths", "performance")  # presets that nobody has published
ENGINES = ("local", "ray")


def train(options: argparse.Namespace) -> int:
    """The command `train`."""
    zoo.find(options.model)  # says which models there are
    overrides, weights = _overrides(options), None
    if options.weights:
        run = chosen_run(options.weights, options.corpus)
        weights = (zoo.load(run), run)
        if weights[0].model_name() != options.model:
            raise UserError(f"--weights: {options.weights} holds a {weights[0].model_name()}, not a {options.model}.")
    preset = options.preset or TUNED
    if weights and not options.preset:
        preset, overrides = _as_before(weights[0], overrides)
    model = _untrained(options, options.model, preset, overrides)
    step = ComparisonStep(options.training_of, options.representation_of)
    comparison = step if step != ComparisonStep() else None
    job = _job(options, model, read_corpus(options.corpus, options.pedal, options.out), overrides, weights, comparison)
    print(job.run())
    return FAILED if job.missing() else 0


def _as_before(weights: MusicModel, overrides: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The preset of trained weights, and what is to be set otherwise, so that they fit: it may differ in both."""
    from zoo.training import hyperparameters

    preset = weights.preset if weights.preset in weights.presets else TUNED
    there, plain = hyperparameters.values(weights), hyperparameters.values(zoo.create(weights.model_name(), preset))
    kept = [name for part in ("representation", "network") for name in hyperparameters.of_part(type(weights), part)]
    return preset, {name: there[name] for name in kept if there[name] != plain[name]} | overrides


def _overrides(options: argparse.Namespace) -> dict[str, str]:
    """The hyperparameters that were given, as they were written."""
    return {key: getattr(options, key) for key in options.hyperparameters if hasattr(options, key)}


def _untrained(options: argparse.Namespace, name: str, preset: str, overrides: dict[str, Any]) -> MusicModel:
    """The model to train; made, and so checked, before a corpus is built or read."""
    if options.checkpoint_every < 0:
        raise UserError(f"--checkpoint-every must be at least 0, not {options.checkpoint_every}.")
    check_out(options.out)
    return zoo.create(name, preset, options.seed, **overrides)


def check_out(out: Path) -> None:
    """Look whether --out can be a folder, before anything takes time."""
    there = next(place for place in (out, *out.parents) if place.exists())
    if not there.is_dir():
        raise UserError(f"--out: {there} is no folder; choose another one.")


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


Command = tuple["Job", str, list[str]]  # with the title it goes by
Engine = Callable[[Iterable[Command]], Generator[tuple["Job", int], None, None]]


class Plan(NamedTuple):
    """A run to be trained in a process of its own."""

    model: str
    preset: str
    overrides: dict[str, Any]
    message: str
    comparison: ComparisonStep | None = None


def train_all(options: argparse.Namespace) -> int:
    """The command `train-all`."""
    from zoo.training import hyperparameters

    preset = options.preset or TUNED
    overrides, plans, left_out, notes = _overrides(options), [], [], []
    for name in zoo.names():
        model = zoo.find(name)
        known = {key: value for key, value in overrides.items() if key in hyperparameters.options(model)}
        try:
            preset_files.find(name, model.presets, preset)
        except UserError as reason:
            left_out.append(str(reason).rstrip("."))
        else:
            plans.append(Plan(name, preset, known, options.message))
            for key in sorted(overrides.keys() - known.keys()):
                notes.append(f"{name} has no {flag(key)}; trained without")
    if not plans:
        raise UserError(f"no model has the preset {preset!r}: {'; '.join(left_out)}.")
    return _train_each(options, plans, [*notes, *(f"left out: {reason}" for reason in left_out)])


def compare_presets(options: argparse.Namespace) -> int:
    """The command `compare-presets`: what representation, network and training contribute between two presets.

    On the representation of one, the other is also measured as it: larger frames need more temperatures.
    """
    from zoo.training import hyperparameters

    model, plans = zoo.find(options.model), []
    published = min((name for name in model.presets if name not in OURS), key=lambda name: name != BLOG, default="")
    first, last = options.one or published, options.other
    if not first:
        raise UserError(
            f"no preset of {options.model} is a published one; name one with --one: {', '.join(model.presets)}."
        )
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


def compare_optimizers(options: argparse.Namespace) -> int:
    """The command `compare-optimizers`: one model under several optimizers, each at its own default rate."""
    kinds = [word.strip() for word in options.optimizers.split(",") if word.strip()]
    if not kinds:
        raise UserError("--optimizers names none; say which, as in --optimizers sgd,adam.")
    own = {"learning_rate": None} | _overrides(options)
    plans = [Plan(options.model, options.preset or TUNED, own | {"optimizer": kind}, options.message) for kind in kinds]
    return _train_each(options, plans, [])


def _train_each(options: argparse.Namespace, plans: Sequence[Plan], notes: Sequence[str]) -> int:
    """Train runs side by side, each in a process of its own."""
    if options.jobs is not None and options.jobs < 1:
        raise UserError(f"--jobs must be 1 or more, not {options.jobs}.")
    if getattr(options, "weights", None):
        raise UserError("--weights belongs to one run: use train MODEL --weights RUN.")
    if options.address and options.engine != "ray":
        raise UserError("--address belongs to --engine ray.")
    models = [_untrained(options, plan.model, plan.preset, plan.overrides) for plan in plans]
    corpus, failed, left_out = read_corpus(options.corpus, options.pedal, options.out), [], []
    for note in notes:
        print(f"zoo: {note}", file=sys.stderr)

    engine, command = _engine(options, plans, corpus)

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
                yield job, job.title, command(plan)

    busy = False
    with contextlib.closing(engine(to_train())) as ended:
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


def _engine(
    options: argparse.Namespace, plans: Sequence[Plan], corpus: Corpus
) -> tuple[Engine, Callable[[Plan], list[str]]]:
    """What runs commands, and the command of a plan as it is where that runs it."""
    if options.engine == "local":
        return (lambda commands: side_by_side(commands, options.jobs or cores())), (
            lambda plan: _command(options, plan)
        )
    from zoo.experiments import ray_engine, worker

    there = argparse.Namespace(**vars(options) | {"corpus": ray_engine.corpus_there(corpus), "out": worker.REPORTS})
    files = {plan.preset: Path(plan.preset) for plan in plans if preset_files.is_file(plan.preset)}

    def command(plan: Plan) -> list[str]:
        return _command(there, plan._replace(preset=files[plan.preset].name) if plan.preset in files else plan)

    carried = {path.name: path.read_bytes() for path in files.values()}
    return (lambda given: ray_engine.on_cluster(given, options.jobs, address=options.address, files=carried)), command


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
