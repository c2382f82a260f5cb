"""The three backends compute the same from the same weights and the same batch.

Where a backend is meant to be missing, `KERAS_XMR_BACKENDS=jax,torch` names those to compare.
"""

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_xmr
from tests.methods.small import SMALL, batch
from tests.processes import python_path

pytestmark = pytest.mark.once

ALL = ("jax", "torch", "tensorflow")
NAMED = os.environ.get("KERAS_XMR_BACKENDS")
BACKENDS = tuple(NAMED.replace(" ", "").split(",")) if NAMED else ALL
TOLERANCE = 1e-5
PAIRS = list(itertools.combinations(BACKENDS, 2))

ARGUMENTS = {
    **SMALL,
    "pathway_units": (8, 6),
    "num_kernels": 3,
    "input_normalization": ("image", "text"),
    "shared_bn": True,
    "label_smoothing": 0.1,
    "readout": "logits",
}
CASES = {
    "CHTN": {},
    "MHTN": {
        "media": {"image": 5, "text": 4, "audio": 3},
        "partial": ("audio",),
        "edges": "complete",
        "cross_weight": 1e-3,
        "bottleneck_units": 3,
        "discriminator_units": (7,),
        "reversal": "constant",
    },
}
# Results of one kind share a scale: some gradients are zero but for rounding.
COMPARED = ("before", "after", "mmd", "term", "gradient", "losses")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The folder where all backends have left their results, in a folder for each model."""
    folder = tmp_path_factory.mktemp("parity")
    missing = [b for b in BACKENDS if b not in ALL or importlib.util.find_spec(b) is None]
    if missing or len(BACKENDS) < 2:
        pytest.fail(
            f"Parity compares {BACKENDS}, at least two of {ALL}. Not installed: {missing}. Install "
            "them, or name those to compare in KERAS_XMR_BACKENDS."
        )
    for name, arguments in CASES.items():
        model = getattr(keras_xmr, name)(**{**ARGUMENTS, **arguments})
        x, y = batch(model)
        for medium in model.partial:
            x[f"{medium}_present"] = (np.arange(len(x[medium])) % 3 > 0).astype("float32")
        arrays = {f"x/{key}": rows for key, rows in x.items()}
        arrays |= {f"y/{key}": rows for key, rows in y.items()}
        arrays |= {f"weight/{i}": weight for i, weight in enumerate(model.get_weights())}
        (folder / name).mkdir()
        np.savez(folder / name / "case.npz", config=json.dumps(model.get_config()), **arrays)
    for i, backend in enumerate(BACKENDS):
        start(folder, backend, *BACKENDS[:i])
    return folder


@pytest.fixture(scope="module", params=CASES)
def folder(everything, request):
    return everything / request.param


def start(folder, backend, *earlier, worker="worker.py"):
    """Run a worker on one backend, at full precision wherever it runs."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": python_path(),
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "NVIDIA_TF32_OVERRIDE": "0",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
    }
    path = Path(__file__).with_name(worker)
    done = subprocess.run(
        [sys.executable, str(path), str(folder), backend, *earlier],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{backend}: {done.stderr[-4000:]}"


@pytest.fixture(scope="module")
def results(folder):
    return {backend: dict(np.load(folder / f"{backend}.npz")) for backend in BACKENDS}


def of_kind(found, kind):
    return {name: value for name, value in found.items() if name.split("/")[0] == kind}


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("kind", COMPARED)
def test_backends_agree(results, kind, one, other):
    first, second = of_kind(results[one], kind), of_kind(results[other], kind)
    assert first
    assert first.keys() == second.keys()
    scale = max(np.abs(value).max() for value in second.values())
    assert scale > 1e-3
    for name in second:
        distance = np.abs(first[name] - second[name]).max()
        assert distance <= TOLERANCE * scale, f"{name}: {distance:.2e} of {scale:.2e}"


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_steps_changed_the_encodings(results, backend):
    found = results[backend]
    assert np.abs(found["after/text"] - found["before/text"]).max() > 0.05
    assert found["losses"][-1] < found["losses"][0]


@pytest.mark.parametrize(("trained", "loading"), PAIRS)
def test_weights_of_one_backend_load_on_another(results, trained, loading):
    for medium in ("image", "text"):
        loaded = results[loading][f"loaded from {trained}/{medium}"]
        wanted = results[trained][f"after/{medium}"]
        np.testing.assert_allclose(loaded, wanted, rtol=0, atol=TOLERANCE * np.abs(wanted).max())


@pytest.mark.parametrize("trained", BACKENDS)
def test_weights_of_once_load_here(folder, results, trained):
    case = np.load(folder / "case.npz")
    model = getattr(keras_xmr, folder.name).from_config(json.loads(str(case["config"])))
    model.load_weights(folder / f"{trained}.weights.h5")
    for medium in ("image", "text"):
        wanted = results[trained][f"after/{medium}"]
        loaded = model.encode({medium: case[f"x/{medium}"]}, medium)
        np.testing.assert_allclose(loaded, wanted, rtol=0, atol=TOLERANCE * np.abs(wanted).max())
