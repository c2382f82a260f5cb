"""Two devices that share each batch train to what one device does, on JAX and TensorFlow.

On JAX with `keras.distribution.DataParallel`, on TensorFlow with `tf.distribute.MirroredStrategy`;
the devices are two halves of the processor.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.processes import python_path

pytestmark = pytest.mark.once

NAMED = os.environ.get("KERAS_XMR_BACKENDS", "jax,tensorflow").replace(" ", "").split(",")
BACKENDS = [name for name in ("jax", "tensorflow") if name in NAMED]
WORKER = Path(__file__).with_name("distribution_worker.py")
TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=BACKENDS)
def results(request, tmp_path_factory):
    """What one device and what two arrive at."""
    assert importlib.util.find_spec(request.param), f"{request.param} is not installed"
    folder = tmp_path_factory.mktemp(request.param)
    environment = {
        **os.environ,
        "KERAS_BACKEND": request.param,
        "PYTHONPATH": python_path(),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
    }
    flag = "--xla_force_host_platform_device_count={}"
    found = []
    for devices in (1, 2):
        out = folder / f"{devices}.npz"
        done = subprocess.run(
            [sys.executable, str(WORKER), str(out), str(devices)],
            env={**environment, "XLA_FLAGS": flag.format(devices)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        found.append(dict(np.load(out)))
    return found


def of_kind(found, kind):
    return {name: value for name, value in found.items() if kind in name}


@pytest.mark.parametrize("kind", ["weight", "losses", "evaluated"])
def test_two_devices_are_as_one(results, kind):
    one, two = (of_kind(found, kind) for found in results)
    assert one
    assert one.keys() == two.keys()
    for name, wanted in one.items():
        np.testing.assert_allclose(two[name], wanted, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


def test_the_steps_changed_something(results):
    for name, losses in of_kind(results[0], "losses").items():
        assert np.abs(losses[0] - losses[-1]).max() > 0.01, name
