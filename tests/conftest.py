"""What all tests share: markers that skip, with the reason, where something is not at hand."""

import os

# Before any import of a backend. The tests multiply tiny matrices, which threads only slow down,
# and compile many small functions once, which optimising only delays.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import pytest

from keras_xmr.datasets.locate import data_root

# The example in this docstring reads real data.
DOCTESTS_ON_REAL_DATA = (
    "keras_xmr.datasets.digits.digits",
    "keras_xmr.datasets.modelnet10.modelnet10",
    "keras_xmr.datasets.tiny_imagenet.tiny_imagenet",
    "keras_xmr.datasets.wikipedia.wikipedia",
)


def pytest_collection_modifyitems(config, items):
    """Skip tests on real data where there are none."""
    if data_root() is not None:
        return
    skip = pytest.mark.skip(reason="KERAS_XMR_DATA is unset: the real data are not at hand")
    for item in items:
        # Not `item.keywords`, which also holds the names of the folders above.
        if item.get_closest_marker("data") or item.name in DOCTESTS_ON_REAL_DATA:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def backend():
    """Name of the backend this process runs on."""
    import keras

    return keras.config.backend()


@pytest.fixture
def no_data(monkeypatch):
    """A machine without real data."""
    monkeypatch.delenv("KERAS_XMR_DATA", raising=False)
