"""How long it takes to start: loading presets beyond importing Keras, and a search as a process.

Each figure is of processes of their own, on each backend that is installed: the median by the clock
of several, which take turns. `from_preset` is what comes after `import keras`; `search_ratio` is a
whole `keras-xmr search` for a text, divided by a whole `python -c "import keras"`.

Another tree of the package can be measured beside it: its rows are called by the name given.

Usage: python -m benchmarks.startup [--quick] [NAME=PATH of another tree ...]
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import Timing, circumstances, median, timed, write_csv
from keras_xmr.backend import BACKENDS

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("startup.csv")
REPETITIONS = 5
LOADING = """
import time, keras
start = time.perf_counter()
import keras_xmr
keras_xmr.CHTN.from_preset({preset!r})
print(time.perf_counter() - start)
"""
PRESETS = ("pascal", "pascal_mobilenet")
SEARCH = "search --preset chtn_pascal --text dogs -k 5"


def python(tree: Path, backend: str, *arguments: str) -> str:
    """What a process prints that imports the package from `tree`."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "KERAS_BACKEND": backend}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{arguments} failed on {backend} in {tree}:\n{done.stderr}")
    return done.stdout


def loading(tree: Path, backend: str, preset: str) -> Timing:
    """Seconds of `from_preset` beyond `import keras`."""
    seconds = float(python(tree, backend, "-c", LOADING.format(preset=preset)))
    return Timing(seconds, seconds)


def searching(tree: Path, backend: str) -> Timing:
    """Seconds of a whole search."""
    return timed(python, tree, backend, "-m", "keras_xmr.cli", *SEARCH.split())[1]


def importing(tree: Path, backend: str) -> Timing:
    """Seconds of a process that imports Keras alone."""
    return timed(python, tree, backend, "-c", "import keras")[1]


def measure(trees: dict[str, Path], backend: str, repetitions: int) -> list[dict[str, str]]:
    """A row for each tree."""
    found: dict[str, dict[str, list[Timing]]] = {name: {} for name in trees}
    for _ in range(repetitions):
        for name, tree in trees.items():
            turn = {
                "import_keras": importing(tree, backend),
                "search": searching(tree, backend),
                **{preset: loading(tree, backend, preset) for preset in PRESETS},
            }
            for figure, timing in turn.items():
                found[name].setdefault(figure, []).append(timing)
    rows = []
    for name, figures in found.items():
        walls = {figure: median(timings).wall for figure, timings in figures.items()}
        rows.append(
            {
                "code": name,
                "backend": backend,
                "import_keras_s": f"{walls['import_keras']:.2f}",
                **{f"from_preset_{preset}_s": f"{walls[preset]:.2f}" for preset in PRESETS},
                "search_s": f"{walls['search']:.2f}",
                "search_ratio": f"{walls['search'] / walls['import_keras']:.2f}",
            }
        )
    return rows


def main() -> None:
    quick = "--quick" in sys.argv
    others = [argument.partition("=") for argument in sys.argv[1:] if "=" in argument]
    trees = {name: Path(path) for name, _, path in others} | {"keras_xmr": ROOT}
    backends = [name for name in BACKENDS if importlib.util.find_spec(name)]
    rows = []
    for backend in backends[: 1 if quick else None]:
        rows += measure(trees, backend, 1 if quick else REPETITIONS)
        for row in rows[-len(trees) :]:
            print(row)
    if not quick:
        about = circumstances("keras", *(b for b in backends if b != "tensorflow"))
        # Where the other trees lie says nothing.
        about["command"] = "python -m benchmarks.startup"
        write_csv(RESULTS, [row | about for row in rows])


if __name__ == "__main__":
    main()
