"""What all tests share. The environment is set here, before anything imports Keras."""

import contextlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import filelock
import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the published corpora (`jsb-chorales`, `nottingham`), which the project does not ship."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the checkout: the published corpora are not shipped")
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id) -> Path:
    """A folder of all processes that run the tests together."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def tunes(shared) -> Path:
    """A folder of eight MIDI files: two monophonic voices over twenty beats, no pitch twice in a row."""
    folder = shared / "studio" / "tunes"
    with filelock.FileLock(shared / "tunes.lock"):
        if not folder.exists():
            make_tunes(folder)
    return folder


def make_tunes(folder: Path) -> None:
    """Write the tunes."""
    from zoo import Song, write_midi

    for number in range(8):
        rng, notes = np.random.default_rng(number), []
        for track, keys in enumerate(((72, 74, 76, 77, 79), (55, 57, 59, 60))):
            at, key = 0, 0
            while at < 20 * 480:
                key = (key + int(rng.integers(1, len(keys)))) % len(keys)
                length = min(int(rng.choice([240, 480, 960])), 20 * 480 - at)
                notes.append((at, length, keys[key], 80, track))
                at += length
        write_midi(Song.from_notes(notes, programs=(0, 0)), folder / f"tune-{number}.mid")


@pytest.fixture(scope="session")
def studio(tunes, shared, worker_id) -> Path:
    """The folder around `tunes`, where every model was trained from the command line: `reports/tunes/`. To be read.

    Two processes begin at either end of the list, and find done before what the other has trained.
    """
    import zoo
    from zoo.cli import main

    with contextlib.chdir(tunes.parent):
        for name in sorted(zoo.names(), reverse=worker_id[-1] in "13579"):
            words = ["--corpus", "./tunes", "--preset", "smoke", "--checkpoint-every", "1", "--message", "first try"]
            with filelock.FileLock(shared / f"{name}.lock"):
                assert main(["train", name, *words]) == 0
    return tunes.parent


@pytest.fixture
def unmeasured(monkeypatch):
    """Neither score nor sample: for tests of what comes before."""
    from zoo.experiments import measuring

    monkeypatch.setattr(measuring, "PARTS", {"nothing": lambda measurement: {}})


@pytest.fixture
def instant(monkeypatch, unmeasured):
    """Do not train either: for tests of what is around the training."""
    from zoo.training import loop

    def train(training, *, spent, callback, state_path):
        history = []
        for epoch in range(training.settings.epochs):
            history.append({"epoch": epoch + 1, "seconds": epoch + 0.5, "loss": 3 - epoch, "val_loss": 4 - epoch})
            history[-1]["val_nats_per_beat"] = 5.25 - epoch
            callback.batch(epoch, 1, 1, epoch + 0.25)
            callback.epoch(history, training.network)
        return loop.State(history)

    monkeypatch.setattr(loop, "train", train)


@pytest.fixture(scope="session")
def loaded():
    """Trained models that were read before, by folder and checkpoint: reading one compiles it."""
    return {}


@pytest.fixture
def loading_once(loaded, monkeypatch):
    """A trained model is read once in all tests."""
    import zoo

    load = zoo.load

    def remembered(folder, epoch=None):
        key = Path(folder).resolve(), epoch
        if key not in loaded:
            loaded[key] = load(folder, epoch)
        return loaded[key]

    monkeypatch.setattr(zoo, "load", remembered)


@pytest.fixture
def here(studio, monkeypatch):
    """The studio as working folder; nothing may be changed in it."""
    monkeypatch.chdir(studio)

    def files():
        return {path: path.stat().st_mtime_ns for path in studio.rglob("*") if path.name != ".lock"}

    before = files()
    yield studio
    assert files().keys() == before.keys() and files() == before


@pytest.fixture
def copy(studio, tmp_path, monkeypatch):
    """A copy of the studio as working folder."""
    shutil.copytree(studio, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def nothing_ships(tmp_path_factory, monkeypatch):
    """No weights come with the package: what a test finds it has trained."""
    from zoo import pretrained

    monkeypatch.setattr(pretrained, "FOLDER", tmp_path_factory.getbasetemp() / "nothing")


@pytest.fixture
def say(capsys, loading_once, nothing_ships):
    """Run a command where nothing ships; gives exit code, standard output, standard error."""
    from zoo.cli import main

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err, lines=out.splitlines())

    return run


@pytest.fixture(scope="session")
def corpus(tunes):
    import zoo

    return zoo.load_corpus(tunes)


@pytest.fixture(scope="session")
def chorales(shared):
    """The corpus bach-chorales, built once for all processes; it takes a minute."""
    import zoo

    with filelock.FileLock(shared / "chorales.lock"):
        return zoo.load_corpus("bach-chorales", datasets=shared / "datasets")


@pytest.fixture
def job(corpus, tmp_path):
    """Makes jobs with results in tmp_path."""
    import zoo
    from zoo.experiments.job import Job

    def make(name="note_lstm", seed=0, overrides=None, **fields):
        model = zoo.create(name, "smoke", seed, **overrides or {})
        fields = {"corpus": corpus, "results": tmp_path / "tunes"} | fields
        return Job(model=model, overrides=overrides or {}, **fields)

    return make


@pytest.fixture(scope="session")
def chromium():
    """Chromium, driven by Playwright."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found and os.environ.get("ZOO_BROWSER") == "required":
        pytest.fail(f"none of {', '.join(BROWSERS)} is on the PATH")
    if not found:
        pytest.skip("no Chromium on the PATH: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def folder(tmp_path):
    """The folder of results of a corpus, in which there is no run yet."""
    from made_runs import write

    folder = tmp_path / "tunes"
    split = {"pieces": 8, "notes": 4321, "beats": 100}
    splits = {"train": split, "valid": split, "test": split}
    facts = {"name": "tunes", "folder": "datasets/tunes", "digest": "abc", "splits": splits, "drum_notes": 7}
    skipped = [["broken.mid", "it is damaged"]]
    write(folder / "corpus.json", facts | {"skipped": skipped, "duplicates": [["a.mid", "b.mid"]], "warnings": []})
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """Figures instead of files."""
    from zoo.report import figures

    kept = []
    monkeypatch.setattr(figures, "save_figure", lambda figure, path: kept.append(figure))
    return kept
