import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from zoo.experiments import progress
from zoo.experiments.progress import TrainingDisplay, clock, counting
from zoo.report import pieces


@pytest.fixture
def time(monkeypatch):
    """A clock that stands still until it is set."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal of 200 columns is sent."""
    sent = io.StringIO()
    make = lambda stderr: Console(file=sent, force_terminal=True, width=200, stderr=stderr)  # noqa: E731
    monkeypatch.setattr(progress, "Console", make)
    return sent


def row(epoch, validation, seconds=0.0):
    return {"epoch": epoch, "loss": 1.23456, "val_loss": 2.0, "val_nats_per_beat": validation, "seconds": seconds}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (5.4, "0:05"), (59.6, "1:00"), (65, "1:05"), (3599, "59:59"), (3600, "1:00:00"), (7203, "2:00:03")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_counting_in_a_log_says_something_every_five_seconds(time, capsys):
    with counting("corpus tunes") as say:
        for second in range(12):
            time.seconds = second
            say(second * 10, 400)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["corpus tunes: 50 of 400, 0:35 left", "corpus tunes: 100 of 400, 0:30 left"]


def test_counting_survives_that_nothing_is_done_yet(time, capsys):
    with counting("corpus tunes") as say:
        time.seconds = 60
        say(0, 400)
    assert capsys.readouterr().err.startswith("corpus tunes: 0 of 400, ")


@pytest.mark.parametrize("name", ["tunes", "my {songs} {0} [red] [/]"])
def test_counting_on_a_terminal_shows_a_bar_and_the_name_as_it_is(name, terminal):
    with counting(f"corpus {name}") as say:
        say(3, 400)
    assert f"corpus {name}" in terminal.getvalue() and "3/400" in terminal.getvalue()


def test_training_in_a_log_is_a_line_an_epoch(capsys):
    with TrainingDisplay("note_lstm smoke-seed0", epochs=4, minutes=0) as display:
        for epoch, validation in enumerate((9.0, 7.5, 8.0)):
            display.batch(epoch, 1, 1, 10.0 * (epoch + 1))
            display.epoch([row(1, 9.0), row(2, 7.5), row(3, validation, 30.0)][: epoch + 1], None)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and len(lines) == 3
    assert lines[0].startswith("note_lstm smoke-seed0  epoch   1 of 4  loss 1.2346  val_loss 2.0000  validation 9.0000")
    assert "(best 9.0000, epoch 1)" in lines[0]
    assert lines[2].endswith("validation 8.0000 nats/beat (best 7.5000, epoch 2)  0:30, 0:10 left")


def test_a_long_epoch_says_how_far_it_is_every_twenty_seconds(time, capsys):
    with TrainingDisplay("note_lstm smoke-seed0", epochs=2, minutes=0) as display:
        for done in range(1, 51):
            time.seconds = done
            display.batch(0, done, 50, float(done))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "note_lstm smoke-seed0  epoch 1 of 2, 20 of 50 batches, 0:20, 1:20 left",
        "note_lstm smoke-seed0  epoch 1 of 2, 40 of 50 batches, 0:40, 1:00 left",
    ]


@pytest.mark.parametrize(
    ("epochs", "minutes", "updates", "seconds", "left"),
    [
        (4, 0, 0, 30, 30),  # half of the epochs
        (4, 2, 0, 90, 30),  # three quarters of the minutes are more than half of the epochs
        (4, 60, 0, 30, 30),  # half of the epochs are more than a hundredth of the minutes
        (4, 1, 0, 75, 0),  # over time
        (2, 0, 0, 30, 0),
        (4, 0, 21, 30, 15),  # 14 of 21 batches
    ],
)
def test_time_left_is_until_epochs_minutes_or_updates_are_used_up(epochs, minutes, updates, seconds, left):
    with TrainingDisplay("", epochs, minutes, updates) as display:
        display.batch(1, 7, 7, seconds)
    assert display.left == pytest.approx(left)


@pytest.mark.parametrize(
    ("epochs", "updates", "ends"), [(100_000, 21, 3), (100_000, 22, 4), (2, 21, 2), (5, 0, 5), (100_000, 3, 1)]
)
def test_epochs_are_as_many_as_the_updates_come_to(time, capsys, epochs, updates, ends):
    with TrainingDisplay("note_lstm", epochs, minutes=0, updates=updates) as display:
        time.seconds = 30
        display.batch(0, 7, 7, 30.0)
        display.epoch([row(1, 9.0)], None)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"note_lstm  epoch 1 of {ends}, 7 of 7 batches")
    assert second.startswith(f"note_lstm  epoch   1 of {ends}  loss")


def test_pieces_of_a_report_are_counted(terminal, monkeypatch):
    heard = []
    monkeypatch.setattr(pieces, "_render", heard.append)
    pieces._render_all([])
    assert terminal.getvalue() == "", "nothing to do is not worth a line"
    pieces._render_all(["a", "b", "c"])
    assert heard == ["a", "b", "c"]
    assert "pieces rendered" in terminal.getvalue() and "3/3" in terminal.getvalue()


@pytest.mark.parametrize("title", ["note_lstm smoke-seed0", "note_lstm weights={0}[red][/]"])
def test_training_on_a_terminal(title, terminal, capsys):
    with TrainingDisplay(title, epochs=2, minutes=0) as display:
        display.batch(0, 5, 10, 30.0)
        display.board.live.refresh()
        assert f"{title}" in terminal.getvalue()
        assert "epoch 1 of 2, 5 of 10 batches, 0:30, 1:30 left" in terminal.getvalue()
        display.epoch([row(1, 9.0)], None)
    assert f"{title}  epoch   1 of 2  loss 1.2346" in terminal.getvalue()
    assert capsys.readouterr().err == "", "all of it goes through the live display"


def test_the_display_ends_with_an_interruption(terminal):
    with pytest.raises(KeyboardInterrupt), TrainingDisplay("note_lstm", epochs=2, minutes=0) as display:
        raise KeyboardInterrupt
    assert not display.board.live.live.is_started
