"""Processes that are killed while they train end, once resumed, where one left alone does.

The kills are SIGKILL, which no program can notice. Some come at a random moment, one while a
checkpoint is half written.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from keras_xmr.training.checkpoint import FILE
from tests.processes import python_path

pytestmark = pytest.mark.once

BACKENDS = os.environ.get("KERAS_XMR_BACKENDS", "jax,torch,tensorflow").replace(" ", "").split(",")
WORKER = Path(__file__).with_name("resume_worker.py")
SECONDS = 0.05
MOST = 300


def start(backend, seconds, *folders):
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": python_path(),
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(seconds), *map(str, folders)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(folder):
    with np.load(folder / "done.npz") as found:
        return dict(found)


def wait_for(condition, process):
    end = time.monotonic() + MOST
    while not condition():
        assert process.poll() is None, process.communicate()[1][-4000:]
        assert time.monotonic() < end, "the process hangs"
        time.sleep(0.002)


def drafts(folder):
    return list(folder.glob(f".*-{FILE}"))


def kill(process):
    process.kill()
    process.communicate()
    assert process.returncode == -9


@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_processes_end_where_one_left_alone_does(backend, tmp_path):
    chance = random.Random(0)
    whole, folder = tmp_path / "whole", tmp_path / "killed"

    # While a checkpoint is written.
    process = start(backend, SECONDS, folder)
    wait_for(lambda: (folder / FILE).exists() and drafts(folder), process)
    kill(process)
    assert drafts(folder)
    before = (folder / FILE).read_bytes()

    # At a random moment, after it has gone on for at least one epoch.
    process = start(backend, SECONDS, folder)
    wait_for(lambda: (folder / FILE).read_bytes() != before, process)
    time.sleep(chance.uniform(0, 6 * SECONDS))
    kill(process)
    assert not (folder / "done.npz").exists()

    process = start(backend, 0, folder, whole)
    _, errors = process.communicate(timeout=MOST)
    assert process.returncode == 0, errors[-4000:]
    resumed, wanted = outcome(folder), outcome(whole)
    assert resumed.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(resumed[name], wanted[name], err_msg=name)
    assert resumed["losses"][-1] < resumed["losses"][0]
