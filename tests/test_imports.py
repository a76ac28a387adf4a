"""The architecture: who may import whom, and what nobody may."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from sources import imports

from zoo import AUTHORS

ROOT = Path(__file__).resolve().parents[1]

# The rooms from bottom to top: a room imports only from those listed before it.
ROOMS = [
    "_version",
    "_quiet",
    "_home",
    "_cores",
    "_errors",
    "_files",
    "pretrained",
    "song",
    "midi",
    "codecs",
    "corpora",
    "layers",
    "training",
    "evaluation",
    "models",
    "experiments",
    "render",
    "report",
    "play",
    "search",
    "__init__",
    "cli",
    "__main__",
]
# Rooms that know less than everything below them.
KNOWS = {
    "codecs": {"_errors", "song"},
    "layers": {"_errors"},
    "training": {"_version", "_errors", "_files"},
    "render": {"_errors", "_files", "song", "midi"},
    "report": {"_cores", "_errors", "_files", "song", "midi", "corpora", "evaluation", "experiments", "render"},
}
KERAS = {"layers", "training", "evaluation", "models", "experiments", "play"}
BANNED = {
    "pickle": "pickles run code when they are read",
    "cloudpickle": "pickles run code when they are read",
    "joblib": "pickles run code when they are read",
    "dill": "pickles run code when they are read",
    "tensorflow": "use keras.ops, which works on every backend",
    "jax": "use keras.ops, which works on every backend",
    "torch": "use keras.ops, which works on every backend",
}
LONGEST = 400


def room_of(name: str, package: Path) -> str:
    """The room behind a dotted name that begins with zoo; what is no file or folder of zoo/ is `__init__`'s own."""
    first = name.split(".")[1] if "." in name else "__init__"
    return first if (package / first).is_dir() or (package / f"{first}.py").is_file() else "__init__"


def faults(package: Path) -> list[str]:
    """Everything in the folder `package`, a package named zoo, that breaks the architecture; one sentence each."""
    found = []
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        is_package = path.name == "__init__.py"
        module = ".".join(["zoo", *relative.with_suffix("").parts]).removesuffix(".__init__")
        room = relative.with_suffix("").parts[0]

        def fault(what: str, where: Path = relative) -> None:
            found.append(f"zoo/{where} {what}")

        if (lines := text.count("\n")) > LONGEST:
            fault(f"has {lines} lines, more than {LONGEST}")
        if room not in ROOMS:
            fault(f"has no place: write {room!r} into ROOMS in tests/test_imports.py, after all that it imports")
            continue
        below = KNOWS.get(room, set(ROOMS[: ROOMS.index(room)]))
        for name in imports(tree, module, is_package):
            name = f"{AUTHORS[end]}.{end}" if (end := name.removeprefix("zoo.")) in AUTHORS else name
            top = name.split(".")[0]
            if top == "zoo":
                target = room_of(name, package)
                inside = name.removeprefix("zoo.models.")
                if target == room == "models" and inside != name and not inside.startswith("_"):
                    fault(f"imports {name}: models do not know one another")
                elif target != room and target not in below:
                    fault(f"imports {name}, which is not below it")
            elif top in BANNED:
                fault(f"imports {name}: {BANNED[top]}")
            elif top == "keras" and room not in KERAS:
                fault(f"imports {name}, but knows no Keras")
            elif (top == "symusic" and room != "midi") or (top == "pretty_midi" and room not in {"midi", "render"}):
                fault(f"imports {name}: MIDI libraries are known to zoo/midi only")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tf":
                fault(f"line {node.lineno} uses tf.{node.attr}: {BANNED['tensorflow']}")
            elif isinstance(node, ast.keyword) and ast.unparse(node) in {"allow_pickle=True", "safe_mode=False"}:
                fault(f"line {node.value.lineno} reads pickles: {ast.unparse(node)}")
    return found


def test_zoo_keeps_its_architecture():
    assert faults(ROOT / "zoo") == []


def build(folder: Path, files: dict[str, str]) -> Path:
    """A package named zoo in `folder`, with a few innocent rooms and `files`."""
    innocent = ("_errors.py", "song.py", "midi.py", "training.py", "codecs/__init__.py", "layers/symbols.py")
    rooms = dict.fromkeys([*innocent, "models/a.py"], "")
    for name, text in {**rooms, **files}.items():
        path = folder / "zoo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "zoo"


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("song.py", "from zoo.midi import read_midi", "imports zoo.midi.read_midi, which is not below it"),
        ("song.py", "from zoo import midi", "imports zoo.midi, which is not below it"),
        ("song.py", "import zoo.midi", "imports zoo.midi, which is not below it"),
        ("song.py", "from . import midi", "imports zoo.midi, which is not below it"),
        ("song.py", "from .midi import read_midi", "imports zoo.midi.read_midi, which is not below it"),
        ("song.py", "def f():\n    import zoo", "imports zoo, which is not below it"),
        ("training.py", "from zoo import names", "imports zoo.names, which is not below it"),
        ("training.py", "from zoo import SymbolModel", "imports zoo.models._symbols.SymbolModel, which is not below"),
        ("codecs/__init__.py", "from ..midi import x", "imports zoo.midi.x, which is not below it"),
        ("codecs/event.py", "from ..midi import x", "imports zoo.midi.x, which is not below it"),
        ("layers/rbm.py", "from zoo.song import Song", "imports zoo.song.Song, which is not below it"),
        ("models/b.py", "from zoo.models.a import A", "imports zoo.models.a.A: models do not know one another"),
        ("models/b.py", "from .a import A", "imports zoo.models.a.A: models do not know one another"),
        (
            "report/page.py",
            "from zoo.models._base import MusicModel",
            "imports zoo.models._base.MusicModel, which is not below it",
        ),
        ("report/page.py", "import keras", "imports keras, but knows no Keras"),
        ("report/page.py", "from keras.saving import x", "imports keras.saving.x, but knows no Keras"),
        ("training.py", "import tensorflow as tf", "imports tensorflow: use keras.ops"),
        ("training.py", "x = tf.zeros(3)", "line 1 uses tf.zeros"),
        ("training.py", "import jax.numpy as jnp", "imports jax.numpy: use keras.ops"),
        ("training.py", "import pickle", "imports pickle"),
        ("training.py", "from joblib import dump", "imports joblib.dump"),
        ("training.py", "np.load(p, allow_pickle=True)", "line 1 reads pickles: allow_pickle=True"),
        ("training.py", "load_model(p, safe_mode=False)", "line 1 reads pickles: safe_mode=False"),
        ("training.py", "import symusic", "imports symusic: MIDI libraries are known to zoo/midi only"),
        ("render.py", "from symusic import Score", "imports symusic.Score: MIDI libraries"),
        ("training.py", "import pretty_midi", "imports pretty_midi: MIDI libraries"),
        ("training.py", "x = 1\n" * 401, "has 401 lines, more than 400"),
        ("utils.py", "", "has no place: write 'utils' into ROOMS"),
        ("helpers/x.py", "", "has no place: write 'helpers' into ROOMS"),
    ],
)
def test_a_fault_is_found(tmp_path, file, text, complaint):
    (found,) = faults(build(tmp_path, {file: text}))
    assert found.startswith(f"zoo/{file} {complaint}")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("midi.py", "import symusic\nimport pretty_midi\nfrom zoo.song import Song\nfrom . import _errors"),
        (
            "codecs/__init__.py",
            "from zoo.codecs.event import EventCodec\nfrom .event import x\nfrom ..song import Song",
        ),
        ("codecs/event.py", "from zoo.codecs import _base\nfrom . import _base"),
        (
            "models/b.py",
            "import keras\nfrom zoo.models._base import MusicModel\nfrom zoo.codecs.event import EventCodec",
        ),
        ("models/b.py", "from zoo import MelodyCodec, SymbolInput, SymbolModel, option"),
        ("render.py", "import pretty_midi\nfrom zoo import song"),
        ("training.py", "np.load(p, allow_pickle=False)\n" * 400),
        ("__init__.py", "from zoo.models._base import MusicModel\ndef f():\n    from zoo import midi, names"),
        ("__main__.py", "import zoo\nfrom zoo.cli import main\nfrom zoo.models._base import MusicModel"),
    ],
)
def test_innocent_code_passes(tmp_path, file, text):
    assert faults(build(tmp_path, {"cli.py": "", file: text})) == []


@pytest.mark.parametrize("then", ["", "zoo.names()", "dir(zoo)", "zoo.MelodyCodec, zoo.option"])
def test_importing_zoo_is_light(then):
    heavy = {"keras", "tensorflow", "jax", "music21"}
    code = f"import sys, zoo\n{then}\nprint(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_zoo_exports_is_there():
    import zoo

    assert len(set(zoo.__all__)) == len(zoo.__all__) and set(zoo.__all__) <= set(dir(zoo))
    assert all(getattr(zoo, name) is not None for name in zoo.__all__)
    carriers = {"Codec", "SymbolCodec"}
    assert {name for name in zoo.codecs.__all__ if name.endswith("Codec")} - carriers <= AUTHORS.keys()
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'nosuch'"):
        zoo.nosuch  # noqa: B018


def test_no_test_imports_another():
    """What tests share stands in modules that are none."""
    for path in Path(__file__).parent.glob("*.py"):
        shared = set(imports(ast.parse(path.read_text(encoding="utf-8")), path.stem, False))
        assert not [name for name in shared if name.startswith("test_")], path.name
