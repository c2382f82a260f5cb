"""What all tests share: which of them a run takes, and what is skipped where something is missing.

| run | tests |
|---|---|
| `--only plain` | those of what needs no backend; Keras cannot be imported in them |
| `--only keras` | all others: once, on any backend |
| `--only backend` | those among these that look at what may differ from backend to backend |

What the backends compute from the same weights is compared in `tests/parity`, in the second run.
"""

import os
import sys
from pathlib import Path

# Before any import of a backend. The tests multiply tiny matrices, which threads only slow down,
# and compile many small functions once, which optimising only delays.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# And many of these functions are the same: each is compiled once for all processes of a run.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import pytest

from keras_xmr.datasets.locate import data_root
from tests.encoders.folder import with_encoders

ROOT = Path(__file__).parents[1]
# Presets name a sentence encoder, which a package for tests holds.
os.environ.setdefault("KERAS_XMR_ENCODERS", with_encoders(ROOT / ".pytest_cache" / "encoders"))

# Files and folders of tests, and of examples in docstrings, that need no backend.
PLAIN = (
    *("keras_xmr/commands", "keras_xmr/datasets", "keras_xmr/index", "keras_xmr/metrics"),
    *("keras_xmr/comparison", "tests/comparison"),
    *("keras_xmr/contact_sheet.py", "keras_xmr/evaluation.py", "keras_xmr/presets.py"),
    *("keras_xmr/progress.py", "keras_xmr/report.py", "keras_xmr/methods/settings.py"),
    *("keras_xmr/methods/defaults.py", "keras_xmr/methods/space.py", "keras_xmr/tuning"),
    *(f"keras_xmr/methods/{name}.py" for name in ("cca", "cfa", "jrl", "kcca", "lgcfl")),
    *(f"keras_xmr/methods/{name}.py" for name in ("zero_shot", "linear_adapter", "one_space")),
    *("keras_xmr/methods/classifier.py", "keras_xmr/methods/distillation.py"),
    *("tests/methods/test_classifier.py", "tests/methods/test_distillation.py"),
    *("keras_xmr/methods/semantic_matching.py", "keras_xmr/methods/linear_algebra.py"),
    *("tests/contracts/test_imports.py", "tests/contracts/test_sources.py"),
    *("tests/tuning/test_space.py", "tests/tuning/test_tune.py"),
    *("tests/datasets", "tests/index", "tests/metrics"),
    *(f"tests/methods/test_{name}.py" for name in ("cca", "cfa", "jrl", "kcca", "lgcfl")),
    *("tests/methods/test_linear_algebra.py", "tests/methods/test_semantic_matching.py"),
    *("tests/methods/test_blank.py", "tests/transforms/test_given.py"),
    *("keras_xmr/methods/blank.py", "keras_xmr/methods/by_medium.py"),
    *("tests/methods/test_yardstick.py", "tests/methods/test_one_space.py"),
    *(f"tests/methods/ugach/test_{name}.py" for name in ("correlation_graph",)),
    *("tests/test_baselines_table.py", "tests/test_evaluation.py", "tests/test_paper_tables.py"),
    *("tests/test_evaluation_hamming.py", "tests/test_probing.py", "tests/test_progress.py"),
    "tests/test_contact_sheet.py",
    *("tests/test_wheel.py", "tests/test_benchmarks.py", "tests/test_cli_pipes.py"),
    *("tests/transforms/test_audio_vectorizer.py", "tests/transforms/test_feature_cache.py"),
    *("tests/transforms/test_feature_scaler.py", "tests/transforms/test_images.py"),
    *("tests/transforms/test_pixel_vectorizer.py", "tests/transforms/test_preprocessor.py"),
    *("tests/transforms/test_text_rows.py", "tests/transforms/test_text_vectorizer.py"),
    *("tests/transforms/test_texts.py", "tests/transforms/test_word_ids.py"),
    "tests/transforms/test_word_vectors.py",
)
# Files and folders of tests whose outcome may differ from backend to backend.
BACKEND = (
    *("tests/contracts/test_keras_methods.py", "tests/contracts/test_layers.py"),
    "tests/contracts/test_exporting.py",
    *("tests/layers", "tests/losses", "tests/trunks/test_keras_cv.py"),
    *("tests/test_bundled_presets.py", "tests/test_optimizers.py"),
    *("tests/training/test_ahead.py", "tests/training/test_alternating.py"),
    *("tests/training/test_checkpoint.py", "tests/training/test_compiling.py"),
    *("tests/training/test_long_runs.py", "tests/training/test_reading.py"),
    "tests/training/test_targets.py",
    *("tests/trunks/test_convolution.py", "tests/trunks/test_efficientnet_lite.py"),
    *("tests/trunks/test_fine_tuning.py", "tests/trunks/test_squeezenet.py"),
)

# What takes longest starts first, so that no process is left alone with it at the end.
LONGEST = (
    *("tests/parity", "tests/test_benchmarks.py", "tests/test_readme.py"),
    *("tests/training/test_resume.py", "tests/methods/test_adversaries.py"),
    *("tests/contracts/test_keras_methods.py", "tests/training/test_checkpoint.py"),
    *("tests/training/test_compiling.py", "tests/training/test_alternating.py"),
    "tests/test_cli_pictures.py",
)

# The example in this docstring reads real data.
DOCTESTS_ON_REAL_DATA = (
    "keras_xmr.datasets.digits.digits",
    "keras_xmr.datasets.modelnet10.modelnet10",
    "keras_xmr.datasets.tiny_imagenet.tiny_imagenet",
    "keras_xmr.datasets.wikipedia.wikipedia",
)


class NoKeras:
    """An import hook that fails where Keras is imported: what is plain must not need it."""

    def find_spec(self, name, path=None, target=None):
        if name == "keras":
            raise AssertionError("A plain test imports Keras: see PLAIN in tests/conftest.py.")


def pytest_addoption(parser):
    """`--only`: see above."""
    parser.addoption("--only", choices=("plain", "keras", "backend"), default=None)


def pytest_configure(config):
    """Choose the files of the run; Keras is barred from that of what is plain."""
    only = config.getoption("--only")
    # A hook of this file would be asked about the files below its own folder alone.
    config.pluginmanager.register(FilesOf(only))
    if only == "plain":
        sys.meta_path.insert(0, NoKeras())


class FilesOf:
    """Leaves files out of a run before they are imported."""

    def __init__(self, only):
        self.only = only

    def pytest_ignore_collect(self, collection_path):
        """See pytest; `None` leaves it to others."""
        return (collection_path.is_file() and left_out(collection_path, self.only)) or None


def among(path, named):
    """Whether a file is one of those named, or in one of the folders named."""
    file = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return any(file == name or file.startswith(f"{name}/") for name in named)


def left_out(path, only):
    """Whether a run leaves a file out."""
    plain = among(path, PLAIN)
    if only == "plain":
        return not plain
    return only is not None and (plain or (only == "backend" and not among(path, BACKEND)))


def pytest_collection_modifyitems(config, items):
    """Skip tests on real data where there are none, and on further backends what runs once."""
    once = config.getoption("--only") == "backend"
    items[:] = [item for item in items if not (once and item.get_closest_marker("once"))]
    items.sort(key=lambda item: not among(item.path, LONGEST))
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


@pytest.fixture(scope="module")
def eager_on_tensorflow(backend):
    """Skip tracing on TensorFlow, which takes longer than the few steps of a test."""
    if backend != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def no_data(monkeypatch):
    """A machine without real data."""
    monkeypatch.delenv("KERAS_XMR_DATA", raising=False)
