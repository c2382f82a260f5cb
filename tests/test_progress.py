"""`Progress`: a line every tenth of the way on standard error, or a bar in a terminal."""

import io
import sys

import pytest

from keras_xmr.progress import Progress


def test_a_line_every_tenth_of_the_way(capsys):
    progress = Progress("things")
    with progress.over(50):
        for done in range(1, 51):
            progress.move_to(done, f"loss {done}.5")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", ")[:2] for line in lines] == [
        [f"things: {done}/50", f"loss {done}.5"] for done in range(5, 51, 5)
    ]
    assert lines[-1].endswith(", 0 s left")


def test_large_steps_and_standing_still(capsys):
    progress = Progress("things")
    with progress.over(7):
        for done in (0, 3, 3, 7):
            progress.move_to(done)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["things: 3/7", "things: 7/7"]


def test_nothing_to_do_and_nothing_shown(capsys):
    with Progress("things").over(0):
        pass
    silent = Progress("things", shown=False)
    with silent.over(2):
        silent.move_to(2)
    silent.say("done")
    assert capsys.readouterr() == ("", "")


def test_a_bar_in_a_terminal_which_errors_leave(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    progress = Progress("things")

    def fail():
        progress.move_to(3, "loss 0.5")
        raise KeyError

    with pytest.raises(KeyError), progress.over(4):
        fail()
    shown = terminal.getvalue()
    assert "things" in shown
    assert "3/4" in shown
    assert "loss 0.5" in shown
    assert not progress.bar.live.is_started
