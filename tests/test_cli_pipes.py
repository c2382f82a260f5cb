"""The command line where nobody reads on: it ends quietly, and what it was to write is there."""

import os
import subprocess
import sys

import pytest


def run_unread(arguments, unread):
    """Run with one of the standard streams a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {unread: writer}
    command = [sys.executable, "-m", "keras_xmr.cli", *map(str, arguments)]
    try:
        return subprocess.run(command, **streams, text=True, check=False)
    finally:
        os.close(writer)


@pytest.mark.parametrize("arguments", ["list", "list --json"])
def test_a_closed_pipe_ends_a_command_quietly(arguments):
    done = run_unread(arguments.split(), "stdout")
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_closed_pipe_ends_help_quietly(command):
    assert run_unread([command, "--help"], "stdout").stderr == ""


def test_an_error_that_nobody_reads_ends_quietly():
    done = run_unread(["evaluate", "--preset", "nothing"], "stderr")
    assert (done.returncode, done.stdout) == (141, "")


def test_what_was_trained_is_saved_though_nobody_reads_its_report(tmp_path):
    train = ["train", "cca", "--data", "toy", "--out", tmp_path / "x"]
    done = run_unread(train, "stdout")
    assert done.returncode == 141
    assert "rror" not in done.stderr
    assert (tmp_path / "x" / "metadata.json").is_file()
    done = run_unread(["evaluate", "--preset", tmp_path / "x", "--json"], "stdout")
    assert (done.returncode, done.stderr) == (141, "")
