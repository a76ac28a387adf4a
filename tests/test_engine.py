"""Commands side by side, each in a process of its own."""

import io
import os
import signal
import subprocess
import sys

import pytest
from rich.console import Console

from zoo import _cores
from zoo.experiments import progress
from zoo.experiments.engine import INTERRUPTED, side_by_side

MEET = """
import pathlib, sys, time
here, other = (pathlib.Path(sys.argv[1], name) for name in sys.argv[2:])
here.touch()
while not other.exists():
    time.sleep(0.01)
"""


def python(code, *words):
    return [sys.executable, "-c", code, *map(str, words)]


def test_two_run_at_the_same_time_and_a_third_when_there_is_room(tmp_path):
    asked = []

    def commands():
        for key, words in {"a": ("a", "b"), "b": ("b", "a"), "c": ("c", "a")}.items():
            asked.append(key)
            yield key, key, python(MEET, tmp_path, *words)  # a and b wait for one another

    ended = side_by_side(commands(), 2)
    first = next(ended)
    assert asked[:2] == ["a", "b"] and first[0] in "ab"
    assert sorted([first, *ended]) == [("a", 0), ("b", 0), ("c", 0)]


def test_exit_codes_are_told_and_one_that_dies_takes_no_other_with_it():
    codes = {"well": "pass", "two": "raise SystemExit(2)", "killed": "import os; os.kill(os.getpid(), 9)"}
    given = [(key, key, python(code)) for key, code in codes.items()]
    assert dict(side_by_side(given, 3)) == {"well": 0, "two": 2, "killed": -signal.SIGKILL}


def test_each_may_use_one_core():
    code = "import sys; from zoo._cores import cores; sys.exit(10 + cores())"
    assert list(side_by_side([("it", "it", python(code))], 2)) == [("it", 11)]


def test_the_others_are_interrupted_with_one_that_is(tmp_path):
    waits = (
        "import sys, time\ntry: open(sys.argv[1], 'w'); time.sleep(60)\n"
        "except KeyboardInterrupt: open(sys.argv[2], 'w')"
    )
    gone = (
        "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
        f"time.sleep(0.2); sys.exit({INTERRUPTED})"
    )
    there, told = tmp_path / "there", tmp_path / "told"
    given = [("waits", "waits", python(waits, there, told)), ("gone", "gone", python(gone, there))]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background is born deaf to it
    try:
        with pytest.raises(KeyboardInterrupt):
            list(side_by_side(given, 2))
    finally:
        signal.signal(signal.SIGINT, before)
    assert told.exists()


def test_who_stops_asking_waits_for_those_that_run(tmp_path):
    code = "import sys, time; time.sleep(0.3); open(sys.argv[1], 'w')"
    given = [("short", "short", python("pass")), ("long", "long", python(code, tmp_path / "done"))]
    ended = side_by_side(given, 2)
    assert next(ended) == ("short", 0)
    ended.close()
    assert (tmp_path / "done").exists()


def test_on_a_terminal_each_has_a_row_and_what_it_says_stands_above(monkeypatch):
    sent = io.StringIO()
    make = lambda stderr: Console(file=sent, force_terminal=True, width=200, stderr=stderr)  # noqa: E731
    monkeypatch.setattr(progress, "Console", make)
    code = (
        "import sys\nfrom zoo.experiments import progress\nprogress.LIVE_EVERY = 0\n"
        "row = progress.Row('inside', None)\nrow.show(0.5, 'epoch 3 of 6 [half]')\n"
        "print(sys.argv[1], 'is measured', file=sys.stderr)\nimport time; time.sleep(0.5)"
    )
    given = [(name, f"{name} tuned-seed0", python(code, name)) for name in ("one", "two")]
    assert sorted(side_by_side(given, 2)) == [("one", 0), ("two", 0)]
    shown = sent.getvalue()
    for name in ("one", "two"):
        assert f"{name} tuned-seed0" in shown and f"{name} is measured" in shown
    assert "epoch 3 of 6 [half]" in shown and "inside" not in shown


def test_cores_are_those_allowed(monkeypatch):
    monkeypatch.setenv(_cores.VARIABLE, "3")
    assert _cores.cores() == 3
    for nonsense in ("0", "many", ""):
        monkeypatch.setenv(_cores.VARIABLE, nonsense)
        assert 1 <= _cores.cores() <= os.cpu_count()


def test_threads_are_as_many_as_cores_but_what_the_user_set_stays():
    given = {"OMP_NUM_THREADS": "7", "PATH": "/bin"}
    limited = _cores.limited(given, 1)
    assert limited["OMP_NUM_THREADS"] == "7" and limited["TF_NUM_INTRAOP_THREADS"] == "1" and limited["PATH"] == "/bin"
    assert limited[_cores.VARIABLE] == "1" and "eigen=false" in limited["XLA_FLAGS"]
    assert _cores.limited(limited, 1) == limited and "eigen" not in _cores.limited(given, 2)["XLA_FLAGS"]


def test_one_model_trains_with_the_threads_that_it_has_beside_others():
    """Or else its weights would be other bits."""
    code = "import os; from zoo.cli import main; main(['train', 'nosuch']); print(os.environ['TF_NUM_INTRAOP_THREADS'])"
    environment = {key: value for key, value in os.environ.items() if key not in _cores.THREADS}
    done = subprocess.run(python(code), env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
