"""What the benchmarks share: clocks, peak memory, and where and how the figures came about."""

import csv
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import keras_xmr

STATUS = Path("/proc/self/status")


class Timing(NamedTuple):
    """Seconds by the clock on the wall, and of all processors together."""

    wall: float
    cpu: float

    def __add__(self, other: Any) -> "Timing":
        return Timing(self.wall + other.wall, self.cpu + other.cpu)

    def times(self, factor: float) -> "Timing":
        """Of something that takes `factor` times as long."""
        return Timing(self.wall * factor, self.cpu * factor)


class Clock:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self.start = Timing(time.perf_counter(), time.process_time())

    def read(self) -> Timing:
        """Time since the start."""
        return Timing(time.perf_counter(), time.process_time()) + self.start.times(-1)


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Timing]:
    """The result of a call and how long it took."""
    clock = Clock()
    result = function(*arguments)
    return result, clock.read()


def median(values: Iterable[Timing]) -> Timing:
    """The median of wall and of processor time, each for itself."""
    walls, cpus = zip(*values, strict=True)
    return Timing(_middle(walls), _middle(cpus))


def _middle(values: tuple[float, ...]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def peak_mebibytes(function: Callable[..., Any], *arguments: Any) -> float:
    """How far a call raised the memory of this process at most; NaN where that is unknown."""
    try:
        # Linux: forget the highest mark so far.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status("VmRSS")
    except OSError:
        return float("nan")
    function(*arguments)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def circumstances(*packages: str) -> dict[str, str]:
    """Machine, versions, load and command, as columns of a table."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    script = f"benchmarks.{Path(sys.argv[0]).stem}"
    return {
        "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "versions": "; ".join(
            [f"Python {platform.python_version()}", f"keras_xmr {keras_xmr.__version__}", *versions]
        ),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "command": " ".join(["python -m", script, *sys.argv[1:]]),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows with the same columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {path}")
