"""What each command does."""

from __future__ import annotations

import argparse
import dataclasses
import json

import zoo
from zoo import pretrained
from zoo.cli.corpora import corpus_of, read_corpus
from zoo.cli.runs import loaded_run
from zoo.experiments.folders import results_folder


def list_models(options: argparse.Namespace) -> None:
    """The command `list`."""
    for name in zoo.names():
        model = zoo.find(name)
        first, _, _ = model.about().partition("\n\n")
        print(f"{name}\n    {' '.join(first.split())}\n    presets: {', '.join(model.presets)}")
        if shipped := [each for each in pretrained.names() if each.endswith(f"/{name}")]:
            print(f"    pretrained: {', '.join(shipped)}")


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
    from zoo.evaluation.voices import CountedVoices, count_voices
    from zoo.report import benchmark, benchmark_voices, load_runs, write_published, write_voices

    def count() -> dict[str, CountedVoices] | None:
        corpus = read_corpus(options.corpus)
        return count_voices(corpus.train, corpus.valid, corpus.test)

    if options.presets:
        print(*(benchmark_voices.PRESETS if count() else benchmark.PRESETS))
        return
    folder = results_folder(options.corpus)
    counted = count() if any(run.description.preset in benchmark_voices.PRESETS for run in load_runs(folder)) else None
    print("\n".join(write_voices(folder, counted) if counted else write_published(folder)))
    print(f"\n{folder / 'published.md'}")
