"""Parts of an array, each worked on by one of several threads.

NumPy lets go of the interpreter while it sorts and calculates, so threads use all processors. Each
part is written by one thread alone: results do not depend on their number.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor


def chunks(rows: int, row_bytes: int, chunk_bytes: int) -> Iterator[slice]:
    """Cut `rows` rows into slices of about `chunk_bytes`, at least one row each."""
    step = max(1, chunk_bytes // max(1, row_bytes))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def processors() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def for_each(function: Callable[[slice], object], parts: Iterator[slice]) -> None:
    """Call `function` with each part, on all processors where there are several parts."""
    todo = list(parts)
    workers = min(len(todo), processors())
    if workers < 2:
        for part in todo:
            function(part)
        return
    with ThreadPoolExecutor(workers) as pool:
        # Going through the results raises what a thread raised.
        for _ in pool.map(function, todo):
            pass
