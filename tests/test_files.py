"""Writing whole files: what a killed process leaves is hidden, and removed by the next that writes there."""

import os
import subprocess
import sys
import time

import filelock
import pytest

from zoo._errors import Busy, UserError
from zoo._files import locked, remove_leftovers, replacing, write_text


def number_of_a_dead_process():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    dead = number_of_a_dead_process()
    (tmp_path / f".zoo-{dead}.text").write_text("hal")
    (tmp_path / f".zoo-{dead}.folder").mkdir()
    (tmp_path / f".zoo-{dead}.folder" / "file").write_text("hal")
    kept = [f".zoo-{os.getppid()}.text", f".{dead}.text", "text", ".hidden"]
    for name in kept:
        (tmp_path / name).write_text("mine")
    write_text(tmp_path / "text", "whole")
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
    assert (tmp_path / "text").read_text() == "whole"


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="zombies are told by /proc")
def test_a_zombie_runs_no_more(tmp_path):
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    left = tmp_path / f".zoo-{zombie.pid}.text"
    left.write_text("hal")
    deadline = time.monotonic() + 60
    while left.exists() and time.monotonic() < deadline:  # until it has ended; nobody has asked how
        remove_leftovers(tmp_path)
        time.sleep(0.01)
    assert not left.exists()
    zombie.wait()


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    write_text(tmp_path / "text", "old")
    for error, told in (
        (OSError(28, "many\nlines"), "No space left on device; free some space"),
        (OSError("odd"), "odd; "),
    ):
        with (
            pytest.raises(UserError, match=rf"^cannot write .*text: {told}"),
            replacing(tmp_path / "text") as temporary,
        ):
            temporary.write_text("half")
            assert (tmp_path / "text").read_text() == "old"
            raise error
    assert os.listdir(tmp_path) == ["text"] and (tmp_path / "text").read_text() == "old"


def test_a_lock(tmp_path):
    with (
        filelock.FileLock(tmp_path / ".lock"),
        pytest.raises(Busy, match=r"^another process is testing .*; wait for it, or stop it\.$"),
        locked(tmp_path, "testing"),
    ):
        pytest.fail("two at once")
    with locked(tmp_path / "new", "testing"), locked(tmp_path, "testing"):
        pass
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"^cannot write to .*file: .*; free some"),
        locked(tmp_path / "file", "testing"),
    ):
        pass


def test_the_second_waits(tmp_path, capfd):
    lock = filelock.FileLock(tmp_path / ".lock")
    lock.acquire()
    code = "import pathlib, sys; from zoo._files import locked\n"
    code += "with locked(pathlib.Path(sys.argv[1]), 'testing', wait=True): print('mine')"
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert other.stderr.readline() == f"zoo: another process is testing {tmp_path}; waiting for it\n"
    lock.release()
    assert other.communicate() == ("mine\n", "")
