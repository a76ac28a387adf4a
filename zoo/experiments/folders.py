"""Where results lie: `reports/<corpus>/runs/<model>/<run>/`, in the working folder or in ZOO_HOME."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zoo import _home
from zoo._errors import UserError
from zoo._files import printable, read_json
from zoo.corpora import recipes
from zoo.experiments.run_folder import RunFolder, natural

RUNS = "runs"
NAMED = 5  # runs in one sentence
LONGEST = 220  # bytes of overrides in a folder's name; file systems take 255 in all


def results_folder(corpus: str, reports: Path | None = None, datasets: Path | None = None) -> Path:
    """The folder of results of a corpus.

    A folder's results are named after it; when the name belongs to a named corpus, or to another folder's results, four
    hexadecimal digits of its path follow.

    Args:
        corpus: as on the command line: a name, or a folder with a slash.
        reports: in which all folders of results lie; None is that of `zoo._home`.
        datasets: in which named corpora lie; likewise.
    """
    reports = _home.reports() if reports is None else reports
    datasets = _home.datasets() if datasets is None else datasets
    if corpus in recipes.NAMES:
        return reports / corpus
    folder = Path(corpus).expanduser().resolve()
    name = printable(folder.name) or "corpus"
    if folder == (datasets / name).resolve() and name in recipes.NAMES:
        return reports / name
    owner = _owner(reports / name)
    if name in recipes.NAMES or (owner and owner.resolve() != folder):
        return reports / f"{name}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:4]}"
    return reports / name


def _owner(results: Path) -> Path | None:
    """The corpus folder whose results these are, if there are any."""
    try:
        described = read_json(corpus_file(results))
    except UserError:
        return None
    folder = described.get("folder") if isinstance(described, dict) else None
    return Path(folder) if isinstance(folder, str) else None


def run_name(preset: str, seed: int, overrides: dict[str, object]) -> str:
    """Name of a run's folder: `<preset>-seed<S>`, and `-<key>=<value>` for every override, in order of the key.

    When the overrides are longer than LONGEST, their end is cut off, and eight hexadecimal digits of all of them
    follow, the same for every seed.

    Args:
        preset: of the run.
        seed: of its training.
        overrides: hyperparameters set otherwise than the preset has them, by name.
    """
    return f"{preset}-seed{seed}{_written(overrides)}"


def variant_name(preset: str, overrides: dict[str, object]) -> str:
    """The same without the seed: what runs that differ only by seed have in common."""
    return f"{preset}{_written(overrides)}"


def _written(overrides: dict[str, object]) -> str:
    text = ""
    for key, value in sorted(overrides.items()):
        word = ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
        text += f"-{key}={word.replace('/', ':')}"
    if len(whole := text.encode("utf-8", "backslashreplace")) > LONGEST:
        text = whole[: LONGEST - 9].decode("utf-8", "ignore") + f"-{hashlib.sha256(whole).hexdigest()[:8]}"
    return text


def corpus_file(results: Path) -> Path:
    """Where what is known of the corpus stands in its folder of results."""
    return results / "corpus.json"


def stored_music(results: Path) -> Path:
    """Where the music of a corpus is kept that is too large for memory, in its folder of results."""
    return results / "stored"


def music_folder(results: Path) -> Path:
    """Where music lies that was rendered for the report, or sampled by a command, in a folder of results."""
    return results / "samples"


def play_page(results: Path) -> Path:
    """Where the page to play on lies in a folder of results."""
    return results / "play.html"


def run_folder(results: Path, model: str, name: str) -> RunFolder:
    """The folder of one run, which need not exist.

    Args:
        results: the corpus's folder of results.
        model: its name.
        name: of the run; see `run_name`.
    """
    return RunFolder(results / RUNS / model / name)


def run_folders(results: Path, model: str = "*") -> list[RunFolder]:
    """The run folders there are, of one model or of all, by model, then by name, numbers in order of size."""
    paths = [path for path in results.glob(f"{RUNS}/{model}/*") if path.is_dir() and not path.name.startswith(".")]
    return [RunFolder(path) for path in sorted(paths, key=lambda path: (path.parent.name, natural(path.name)))]


def newest_run(results: Path, model: str, preset: str | None = None, seed: int | None = None) -> Path:
    """The run of a model that was finished last; one whose model.json is damaged is none.

    Args:
        results: the corpus's folder of results.
        model: its name.
        preset: of the run; None is any.
        seed: of its training; None is any.

    Raises:
        UserError: saying how to train one, when there is none.
    """
    matching: list[RunFolder] = []
    finished: list[str] = []
    begun: list[str] = []
    for run in run_folders(results, model):
        try:
            described = run.read_description()
        except UserError:
            continue
        wanted = preset in (None, described.get("preset")) and seed in (None, described.get("seed"))
        if not run.is_finished:
            begun += [run.name] * wanted
        elif wanted:
            matching.append(run)
        else:
            finished.append(run.name)
    if not matching:
        named = {key: value for key, value in (("preset", preset), ("seed", seed)) if value is not None}
        conditions = " with " * bool(named) + " and ".join(f"{key} {value}" for key, value in named.items())
        flags = "".join(f" --{key} {value}" for key, value in named.items())
        there = f"others are finished: {_some(finished)}; " * bool(finished)
        there += f"begun, but not finished: {_some(begun)}; " * bool(begun)
        raise UserError(
            f"{model} has no finished run{conditions} in {results}; {there}"
            f"train it: python -m zoo train {model}{flags} (and the same --corpus)."
        )
    return max(matching, key=lambda run: run.finished_at).path


def _some(names: list[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" * (len(names) > NAMED)
    return ", ".join(map(printable, names[:NAMED])) + more
