"""Exact search of binary codes by Hamming distance: keras_xmr against FAISS and a matrix product.

- FAISS: `IndexBinaryFlat`;
- sign product: codes as -1 and +1 in float32, one product in NumPy for a block of queries, and
  `argpartition` for the nearest: what people do without packed bits;
- product alone: the same without looking for the nearest, which no method of choosing can beat.

All search the same codes in one process with as many threads as there are processors, and take
turns, so that each meets the same load; the distances that they find must be equal. Building an
index is not counted. `*_ratio` is how many times longer than keras_xmr a method takes.

`compared_gb_per_s` is how many bytes of packed codes are compared in a second, and
`share_of_bandwidth` is this, divided by the bytes that large copies read and write in a second,
measured in the same turns. Codes that stay in a cache while several queries are compared with them
need not come from memory each time, so that the share may be above 1.

Usage: python -m benchmarks.hamming, or with --quick for a tiny problem that is not written down.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.timing import (
    Timing,
    circumstances,
    median,
    peak_mebibytes,
    timed,
    write_csv,
)
from keras_xmr import HammingIndex
from keras_xmr.metrics import unpack_bits
from keras_xmr.metrics._threads import chunks, for_each

CODES, QUERIES, BITS, NEAREST = 1_000_000, 1000, 64, 100
QUICK = (3000, 20, BITS, 10)
REPETITIONS = 5
COPIED_BYTES = 2**29  # Far more than any cache.
PRODUCT_BYTES = 2**28  # Of the block of products that is looked through at a time.
RESULTS = Path(__file__).with_name("hamming.csv")


def copy_in_threads(source: np.ndarray, target: np.ndarray) -> None:
    """Each thread copies a part at a time."""

    def copy(part: slice) -> None:
        target[part] = source[part]

    for_each(copy, chunks(len(source), 1, 2**24))


def sign_product(queries: np.ndarray, signs: np.ndarray, nearest: int) -> np.ndarray:
    """Distances of the nearest codes, ascending, from products of -1 and +1."""
    bits = signs.shape[1]
    found = np.empty((len(queries), nearest), np.float32)
    for part, products in sign_products(queries, signs):
        best = np.argpartition(products, -nearest, axis=1)[:, -nearest:]
        found[part] = (bits - np.take_along_axis(products, best, axis=1)) / 2
    return np.sort(found, axis=1)


def sign_products(queries: np.ndarray, signs: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    products = np.empty((max(1, PRODUCT_BYTES // signs.nbytes * signs.shape[1]), len(signs)), "f4")
    for part in chunks(len(queries), 1, len(products)):
        block = products[: part.stop - part.start]
        yield part, np.matmul(unpack_bits(queries[part]), signs.T, out=block)


def compare(
    count: int, queries: int, bits: int, nearest: int, repetitions: int, copied: int
) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    codes, asked = (rng.integers(0, 256, (n, bits // 8)).astype(np.uint8) for n in (count, queries))
    ours = HammingIndex().add(codes, np.arange(count))
    theirs = faiss.IndexBinaryFlat(bits)
    theirs.add(codes)
    signs = unpack_bits(codes)
    source = np.ones(copied, np.uint8)
    target = np.zeros_like(source)
    methods: dict[str, Callable[[], Any]] = {
        "keras_xmr": lambda: -ours.search(asked, nearest).scores,
        "FAISS": lambda: theirs.search(asked, nearest)[0],
        "sign product": lambda: sign_product(asked, signs, nearest),
        "product alone": lambda: deque(sign_products(asked, signs), maxlen=0),
    }
    timings: dict[str, list[Timing]] = {name: [] for name in methods}
    copies, found = [], {}
    for repetition in range(repetitions):
        copies.append(timed(copy_in_threads, source, target)[1])
        for name, search in methods.items():
            found[name], timing = timed(search)
            timings[name].append(timing)
            print(f"{repetition + 1}: {name} {timing.wall:.2f} s")
    del found["product alone"]
    for name, distances in found.items():
        if not np.array_equal(distances, found["keras_xmr"]):
            raise RuntimeError(f"{name} finds other distances")
    bandwidth = 2 * copied / median(copies).wall / 1e9
    fastest = median(timings["keras_xmr"])
    rows = []
    for name, search in methods.items():
        taken = median(timings[name])
        compared = count * queries * bits / 8 / taken.wall / 1e9
        rows.append(
            {
                "codes": count,
                "queries": queries,
                "bits": bits,
                "nearest": nearest,
                "method": name,
                "wall_seconds": round(taken.wall, 3),
                "cpu_seconds": round(taken.cpu, 3),
                "wall_ratio": round(taken.wall / fastest.wall, 2),
                "cpu_ratio": round(taken.cpu / fastest.cpu, 2),
                "compared_gb_per_s": round(compared, 2),
                "copy_gb_per_s": round(bandwidth, 2),
                "share_of_bandwidth": round(compared / bandwidth, 3),
                "peak_mebibytes": round(peak_mebibytes(search)),
                "repetitions": repetitions,
            }
        )
    return rows


def main() -> None:
    quick = "--quick" in sys.argv
    where = circumstances("numpy", "faiss-cpu")
    sizes = QUICK if quick else (CODES, QUERIES, BITS, NEAREST)
    found = compare(*sizes, 1 if quick else REPETITIONS, 2**20 if quick else COPIED_BYTES)
    rows = [{**row, **where} for row in found]
    if not quick:
        write_csv(RESULTS, rows)
    print(f"{'method':>13} {'wall s':>8} {'cpu s':>8} {'ratios':>12} {'GB/s':>7} {'share':>6}")
    for row in rows:
        seconds = f"{row['wall_seconds']:8.2f} {row['cpu_seconds']:8.2f}"
        ratios = f"{row['wall_ratio']:6.2f}{row['cpu_ratio']:6.2f}"
        speed = f"{row['compared_gb_per_s']:7.2f} {row['share_of_bandwidth']:6.2f}"
        print(f"{row['method']:>13} {seconds} {ratios} {speed}")


if __name__ == "__main__":
    main()
