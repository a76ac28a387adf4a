"""What each command does."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo import pretrained
from zoo._errors import UserError
from zoo._files import printable
from zoo.cli.corpora import corpus_of
from zoo.cli.runs import loaded_run, name_of, results_of
from zoo.experiments.folders import music_folder, results_folder, run_name
from zoo.midi import is_notation, parse_notation, program_of, read_midi
from zoo.render import FORMATS, render
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    pass


def list_models(options: argparse.Namespace) -> None:
    """The command `list`."""
    for name in zoo.names():
        model = zoo.find(name)
        first, _, _ = model.about().partition("\n\n")
        print(f"{name}\n    {' '.join(first.split())}\n    presets: {', '.join(model.presets)}")
        if shipped := [each for each in pretrained.names() if each.endswith(f"/{name}")]:
            print(f"    pretrained: {', '.join(shipped)}")


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
