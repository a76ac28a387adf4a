"""What each command does."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import zoo
from zoo import pretrained
from zoo._cores import cores
from zoo._errors import Unreadable, UserError
from zoo._files import printable
from zoo.cli.corpora import corpus_of, read_corpus
from zoo.cli.flags import flag, with_flags
from zoo.cli.runs import chosen_run, loaded_run, name_of, results_of
from zoo.corpora import Corpus
from zoo.experiments.description import ComparisonStep
from zoo.experiments.engine import side_by_side
from zoo.experiments.folders import music_folder, results_folder, run_name
from zoo.midi import is_notation, parse_notation, program_of, read_midi
from zoo.render import FORMATS, render
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    from zoo.experiments.job import Job
    from zoo.models._base import MusicModel

FAILED, USER_ERROR, BUSY = 1, 2, 3
TUNED = "tuned"  # the preset where none is named


def list_models(options: argparse.Namespace) -> None:
    """The command `list`."""
    for name in zoo.names():
        model = zoo.find(name)
        first, _, _ = model.about().partition("\n\n")
        print(f"{name}\n    {' '.join(first.split())}\n    presets: {', '.join(model.presets)}")
        if shipped := [each for each in pretrained.names() if each.endswith(f"/{name}")]:
            print(f"    pretrained: {', '.join(shipped)}")


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
    job = _job(options, model, read_corpus(options.corpus, options.pedal), overrides, weights, comparison)
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

    preset = options.preset or TUNED
    overrides, plans, left_out, notes = _overrides(options), [], [], []
    for name in zoo.names():
        model = zoo.find(name)
        known = {key: value for key, value in overrides.items() if key in hyperparameters.options(model)}
        if preset not in model.presets:
            left_out.append(f"{name} has no preset {preset!r}, only {', '.join(model.presets)}")
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


def sample(options: argparse.Namespace) -> None:
    """The command `sample`."""
    formats = [word.strip().lstrip(".") for word in options.format.split(",") if word.strip()]
    for word in formats or [""]:
        if word not in FORMATS:
            raise UserError(f"--format takes {', '.join(FORMATS)}, joined by commas, not {word!r}.")
    program = None if options.instrument is None else program_of(options.instrument)
    if options.tempo is not None and not 10 <= options.tempo <= 1000:
        raise UserError(f"--tempo must be 10 to 1000 beats per minute, not {options.tempo:g}.")
    run, model = loaded_run(options)
    names = ("count", "beats", "temperature", "top_p", "prime_beats", "seed")
    request = {name: getattr(options, name) for name in names}
    model.check_request(**request)  # before primers are drawn by it
    primers = _primers(run, options) if options.prime else None
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", UserWarning)
        songs = model.sample(**request, prime=primers)
    for warning in notes:
        print(f"zoo: note: {printable(str(warning.message))}", file=sys.stderr)
    out = options.out or _samples_folder(run, model.model_name(), options)
    for song in songs:
        if options.without_primer:
            song = song.crop(song.primed, song.length)
        if program is not None:
            song = song.replace(programs=(program,) * len(song.programs))
        song = song.replace(tempo=options.tempo or song.tempo)
        for word in formats:
            path = out / f"{song.name}.{word}"
            render(song, path)
            print(printable(path))


def _samples_folder(run: Path, model: str, options: argparse.Namespace) -> Path:
    """A folder of its own for every request, so that nothing is overwritten by something else."""
    request: dict[str, tuple[object, object]] = {  # what is given, and the default
        "beats": (options.beats, 64),
        "temperature": (options.temperature, None),
        "top_p": (options.top_p, 1.0),
        "prime": (options.prime and _primer_name(options.prime), None),
        "epoch": (options.epoch, None),
        "prime_beats": (options.prime_beats, 16),
        "without_primer": (options.without_primer, False),
        "instrument": (options.instrument, None),
        "tempo": (options.tempo, None),
    }
    given = {key: value for key, (value, default) in request.items() if value != default}
    label = run_name("samples", options.seed, given)
    base = results_of(run)
    with contextlib.suppress(ValueError):
        base = base.relative_to(Path.cwd())
    return music_folder(base) / model / name_of(run) / label


def _primer_name(prime: str) -> str:
    """`validation`, or a file's name, or `pitches`, and four hexadecimal digits of its content."""
    if prime == "validation":
        return prime
    if _is_written(prime):
        return f"pitches-{hashlib.sha256(' '.join(prime.split()).encode()).hexdigest()[:4]}"
    return f"{printable(Path(prime).stem)[:64]}-{hashlib.sha256(Path(prime).read_bytes()).hexdigest()[:4]}"


def _is_written(prime: str) -> bool:
    return is_notation(prime) and not Path(prime).exists()


def _primers(run: Path, options: argparse.Namespace) -> list[Song]:
    if _is_written(options.prime):
        return [parse_notation(options.prime)]
    if options.prime != "validation":
        return [read_midi(options.prime)]
    songs, rng = corpus_of(run, options).valid, np.random.default_rng(options.seed)
    primers = []
    for index in rng.integers(0, len(songs), options.count).tolist():
        first = int(rng.integers(0, max(1, songs[index].beats - options.prime_beats)))
        primers.append(songs[index].crop(first * TICKS_PER_BEAT, songs[index].length))
    return primers


def score(options: argparse.Namespace) -> None:
    """The command `score`."""
    run, model = loaded_run(options)
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
