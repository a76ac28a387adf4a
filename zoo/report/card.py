"""The card of a packed model: on one page what it is, what it learnt from, how well, what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from zoo.corpora import recipes
from zoo.experiments.description import CorpusDescription, Description
from zoo.experiments.results import Results
from zoo.experiments.run_folder import RunFolder
from zoo.report.findings import faults_of
from zoo.report.groups import own_ratio
from zoo.report.standing import EVIDENT
from zoo.report.tables import nats, percent

OWN_MUSIC = "a folder of its maker's own; ask the maker what may be done with it"


def write_card(target: RunFolder, corpus: CorpusDescription, command: str) -> None:
    """Write the card of what `zoo.experiments.packing` has packed.

    Args:
        target: the packed run.
        corpus: that it was trained on.
        command: that trained it.
    """
    described, results = Description.from_json(target.read_description()), target.read_results()
    digest = hashlib.sha256(target.weights.read_bytes()).hexdigest()
    target.write_card("\n".join(_lines(described, results, corpus, command, digest)) + "\n")


def _lines(
    described: Description, results: Results, corpus: CorpusDescription, command: str, digest: str
) -> Iterator[str]:
    first, _, _ = results.about.partition("\n\n")
    yield f"# {described.model}, {described.preset}, trained on {described.corpus.name}"
    yield f"\n{' '.join(first.split())}\n"
    yield "| | |"
    yield "|---|---|"
    for what, value in _facts(described, results, corpus, command, digest):
        yield f"| {what} | {value} |"
    faults = [f"Its samples {fault}." for fault in faults_of(results, own_ratio(results))]
    if (results.comparison.sets.samples.classifier.accuracy or 0) >= EVIDENT:
        faults.append("A classifier tells its samples from real music nearly always.")
    yield "\n## Known faults\n"
    yield from [f"- {fault}" for fault in [*faults, *results.warnings]] or ["None of those that the report looks for."]
    yield "\nCopies of the music that it learnt from are not ruled out: look before you publish what it makes."


def _facts(
    described: Description, results: Results, corpus: CorpusDescription, command: str, digest: str
) -> Iterator[tuple[str, str]]:
    recipe = recipes.RECIPES.get(described.corpus.name)
    yield "music", recipe.description if recipe else described.corpus.name
    yield "rights", recipe.rights if recipe else OWN_MUSIC
    sizes = [f"{name} {size.pieces:,} pieces, {size.beats:,.0f} beats" for name, size in corpus.splits.items()]
    yield "split", "; ".join(sizes) or "not known"
    yield "corpus, SHA-256", f"`{described.corpus.digest}`"
    yield "command", f"`{command}`"
    yield "seed", str(described.seed)
    yield "trained weights", f"{results.parameters:,}"
    test = results.scores.test
    yield f"test likelihood ({test.kind})", f"{nats(test.nats_per_beat)} nats a beat"
    yield "the n-gram of the same representation", f"{nats(results.ngram.test)} nats a beat"
    yield "grid", f"{described.steps_per_beat:g} steps a beat" if described.steps_per_beat else "not known"
    if (ratio := own_ratio(results)) is not None:
        yield "nats of its own samples ÷ of test music", f"{ratio.value:.2f}"
    if (accuracy := results.comparison.sets.samples.classifier.accuracy) is not None:
        yield "a classifier tells its samples from test music", f"{percent(accuracy)} (50% is chance)"
    if (copies := results.comparison.sets.samples.copies) is not None:
        yield "samples that copy half of their eight-grams", percent(copies)
    yield "weights, SHA-256", f"`{digest}`"
