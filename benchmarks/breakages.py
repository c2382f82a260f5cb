"""Breaks the package in many ways, one at a time, and sees whether the tests notice.

A breakage is a snippet that is exactly once in the source of the package, in whatever file, and
what stands in its place; files may move in between. The tests run in a temporary copy of the tree:
first those that are most likely to notice, which have the name of the broken file or are told
here, and only if they pass all others. A breakage that would hang a test is noticed, too.
Tests on real data are left out.

The first breakage, number 0, is none: where the tests "notice" it, they do not pass anyway.

Usage: python -m benchmarks.breakages [--tree NAME=PATH] [--out PATH] [--quick] [NUMBERS ...]

Of another tree than this with `--tree`, under a name of its own; with `--quick` only the tests that
are likely to notice. Breakages that the table has already are left out: an interrupted run goes on.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("breakages.csv")
LEFT_OUT = (".git", ".venv", ".ci", "*_cache", "__pycache__", "*.egg-info", "runs", "shared")
# Seconds after which tests hang.
PATIENCE = 3600
# What is run when the likely ones pass: the backend, and which of the tests. Those of the wheel and
# of the tables in `examples/` look at files that no breakage changes.
EVERYTHING = (("torch", "plain"), ("torch", "keras"), ("jax", "backend"))
IRRELEVANT = ("tests/test_wheel.py", "tests/test_paper_tables.py")
OPEN = "not quickly"


class Breakage(NamedTuple):
    """What is broken, in words; the snippet and its replacement; and where to look first."""

    words: str
    old: str
    new: str
    # Parts of the names of the tests' files; none is the name of the broken file.
    tests: tuple[str, ...] = ()
    backend: str = "torch"


BREAKAGES = [
    Breakage("nothing", "", ""),
    # Losses
    Breakage(
        "unbiased MMD divided as a biased one",
        "(ops.sum(kernel) - ops.trace(kernel)) / (count * (count - 1.0))",
        "(ops.sum(kernel) - ops.trace(kernel)) / (count * count)",
    ),
    Breakage(
        "gradient through MMD's gamma",
        "gamma = ops.stop_gradient((count * count - count) / ",
        "gamma = ((count * count - count) / ",
    ),
    Breakage(
        "hardest negative among all classes",
        "hardest = ops.argmax(ops.where(same, NEVER, hardness), axis=1)",
        "hardest = ops.argmax(hardness, axis=1)",
    ),
    Breakage(
        "released triplet loss without its hinge",
        "return ops.relu(MARGIN + POSITIVE_WEIGHT * pull - push)",
        "return MARGIN + POSITIVE_WEIGHT * pull - push",
        ("invariance", "acmr"),
    ),
    Breakage(
        "margin loss from the match instead of the query",
        "return ops.relu(margin + near[:, None] - squared_distances(query, others))",
        "return ops.relu(margin + near[:, None] - squared_distances(match, others))",
    ),
    Breakage(
        "baseline of sampled rewards not scaled",
        "rewards = (rewards - mean) * (samples / (samples - 1))",
        "rewards = rewards - mean",
    ),
    Breakage(
        "mean of rows counts missing ones",
        "return ops.sum(present * values) / ops.maximum(ops.sum(present), 1.0)",
        "return ops.mean(present * values)",
        ("modality", "pairwise", "verdict"),
    ),
    Breakage(
        "gradient through samples of contrastive divergence",
        "samples = ops.stop_gradient(machine.gibbs(visible, steps))",
        "samples = machine.gibbs(visible, steps)",
        ("rbm", "contrastive"),
    ),
    # Layers
    Breakage(
        "gradient not reversed",
        "return fixed - factor * (inputs - fixed)",
        "return fixed + factor * (inputs - fixed)",
    ),
    Breakage(
        "running statistics of a single row",
        "share = ops.where(count >= 2.0, 1.0 - self.momentum, 0.0)",
        "share = ops.where(count >= 1.0, 1.0 - self.momentum, 0.0)",
    ),
    Breakage(
        "momentum of statistics the wrong way round",
        "old.assign(old + (1 - MOMENTUM) * (ops.stop_gradient(new) - old))",
        "old.assign(old + MOMENTUM * (ops.stop_gradient(new) - old))",
    ),
    Breakage(
        "hidden bias of a text without its length",
        "bias = ops.sum(visible, axis=-1, keepdims=True) * bias",
        "bias = ops.ones_like(visible[:, :1]) * bias",
    ),
    Breakage(
        "place of a third medium in a joint machine",
        "        before += width\n",
        "        before = width\n",
        ("multimodal_dbn", "cmdn", "rbm"),
    ),
    Breakage(
        "start of a third block of rows",
        "        start = start + rows\n",
        "        start = rows\n",
    ),
    Breakage(
        "sign lost under the root of features in a graph",
        "inputs = ops.sign(inputs) * ops.sqrt(ops.maximum(ops.abs(inputs), SMALLEST_FEATURE))",
        "inputs = ops.sqrt(ops.maximum(ops.abs(inputs), SMALLEST_FEATURE))",
    ),
    # Metrics, indices and evaluation
    Breakage(
        "MAP@k divided by k",
        "divisor = np.minimum(relevant, cut)",
        "divisor = np.full_like(relevant, cut)",
    ),
    Breakage(
        "expected precision of ties counts an item itself",
        "others = (relevant - 1) / np.maximum(items - 1, 1)",
        "others = relevant / np.maximum(items, 1)",
        ("average_precision", "distance_counts"),
    ),
    Breakage(
        "ties rank last first",
        "keys |= np.arange(keys.shape[1], dtype=np.uint64) << np.uint64(1)",
        "keys |= np.arange(keys.shape[1], dtype=np.uint64)[::-1] << np.uint64(1)",
        ("ranking",),
    ),
    Breakage(
        "close scores taken for settled",
        "first = np.flatnonzero(apart < 4)",
        "first = np.flatnonzero(apart < 2)",
        ("ranking", "cosine"),
    ),
    Breakage(
        "recall levels without their rounding",
        "needed = np.ceil(relevant[:, None] * levels * (1 - 1e-12)).astype(np.intp)",
        "needed = np.ceil(relevant[:, None] * levels).astype(np.intp)",
    ),
    Breakage(
        "codes at one distance found in the wrong order",
        "perhaps = np.flatnonzero(row <= row.dtype.type(bound))",
        "perhaps = np.flatnonzero(row <= row.dtype.type(bound))[::-1]",
        ("index/test_hamming",),
    ),
    Breakage(
        "items with one score found in the wrong order",
        'order = np.argsort(-block, axis=1, kind="stable")[:, :k]',
        'order = np.argsort(block, axis=1, kind="stable")[:, ::-1][:, :k]',
        ("index/test_exact",),
    ),
    Breakage(
        "reports of different parts compared",
        "if (report.split_hash, report.split) != (other.split_hash, other.split):",
        "if report.split_hash != other.split_hash:",
    ),
    # Methods
    Breakage(
        "ACMR: invariance over one medium too many",
        "return sum(losses) / (len(self.media) - 1)",
        "return sum(losses) / len(self.media)",
        ("test_acmr",),
    ),
    Breakage(
        "CHTN: cross-modal weight without the members",
        "* (PAPER_WIDTH / (width * self.members))",
        "* (PAPER_WIDTH / width)",
        ("chtn_members", "chtn_loss", "chtn"),
    ),
    Breakage(
        "MHTN: reversal before the bottleneck",
        "logits = discriminator(reversal(bottleneck(raw)))",
        "logits = discriminator(bottleneck(reversal(raw)))",
        ("mhtn",),
    ),
    Breakage(
        "CM-GANs: wrong pairs count twice",
        'verdict_loss(y_pred[f"{name}_verdict_of_wrong"], False, present) / 2,',
        'verdict_loss(y_pred[f"{name}_verdict_of_wrong"], False, present),',
        ("test_cm_gans",),
    ),
    Breakage(
        "CM-GANs: reconstructions pull at what they are held against",
        "given = {name: ops.stop_gradient(x) for name, x in rows.items()}",
        "given = dict(rows)",
        ("test_cm_gans",),
    ),
    Breakage(
        "UGACH: matches count among candidates",
        "hinge = self._hinge(codes, query, target) * (1.0 - masked)",
        "hinge = self._hinge(codes, query, target)",
        ("ugach",),
    ),
    Breakage(
        "UGACH: graph not symmetric",
        "start, end = np.concatenate([start, end]), np.concatenate([end, start])",
        "start, end = np.concatenate([start, start]), np.concatenate([end, end])",
        ("correlation_graph", "ugach"),
    ),
    Breakage(
        "UGACH: items twice in a pool",
        "pool = rng.choice(len(self.graph), size=self.pool_size, replace=False)",
        "pool = rng.choice(len(self.graph), size=self.pool_size)",
        ("candidates", "ugach"),
    ),
    Breakage(
        "UGACH: components not weighted by correlation",
        "projection = kernel * correlations\n",
        "projection = kernel.copy()\n",
        ("canonical_components", "ugach"),
    ),
    Breakage(
        "CCA: covariance not shrunk",
        "whiten(own, 1 - shrinkage, shrinkage * _mean_variance(own))",
        "whiten(own, 1.0, shrinkage * _mean_variance(own))",
    ),
    Breakage(
        "CFA: bias lost",
        "name: (kernel, -mean @ kernel)\n",
        "name: (kernel, 0 * mean @ kernel)\n",
    ),
    Breakage(
        "KCCA: gamma twice the usual one",
        'return 1 / (2 * middle * middle) if name == "rbf" else 1 / middle',
        'return 1 / (middle * middle) if name == "rbf" else 1 / middle',
    ),
    Breakage(
        "correlations divided by the number of media",
        "return values / (len(scores) - 1), np.split(vectors, edges[1:-1])",
        "return values / len(scores), np.split(vectors, edges[1:-1])",
        ("linear_algebra", "test_cca", "canonical_components"),
    ),
    Breakage(
        "JRL: sparsity twice as strong in each step",
        "sparsity / (2 * np.maximum(_lengths(found[name]), SMALLEST))",
        "sparsity / np.maximum(_lengths(found[name]), SMALLEST)",
    ),
    Breakage(
        "LGCFL: penalty without the number of items",
        'self._of("penalty", name) * len(own),',
        'self._of("penalty", name),',
    ),
    Breakage(
        "semantic matching: each label of an item counts fully",
        "shared: FloatArray = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1)",
        "shared: FloatArray = rows",
        ("semantic_matching", "targets", "linear_methods"),
    ),
    Breakage(
        "bimodal AE: a missing medium is ones",
        "zero = ops.zeros_like(next(iter(rows.values()))[:, :1])",
        "zero = ops.ones_like(next(iter(rows.values()))[:, :1])",
        ("autoencoders", "cmdn"),
    ),
    Breakage(
        "Corr-AE: reconstruction at full weight",
        "return weight if term == CORRELATION else 1.0 - weight",
        "return weight if term == CORRELATION else 1.0",
        ("autoencoders",),
    ),
    Breakage(
        "CMDN: normalisation lost before the classifier",
        "hidden = _through([self.machine, self.scale, *self.hidden], beside)",
        "hidden = _through([self.machine, *self.hidden], beside)",
    ),
    Breakage(
        "Deep-SM: error averaged over classes",
        "return ops.sum(ops.square(difference), axis=-1)",
        "return ops.mean(ops.square(difference), axis=-1)",
    ),
    Breakage(
        "multimodal DBN: generated layer never read",
        "hidden if self.readout == JOINT else visible",
        "hidden",
    ),
    Breakage(
        "stages: the same batches in each stage",
        "x.epoch = first + number * self.pretraining_epochs",
        "x.epoch = first",
    ),
    # Training and presets
    Breakage(
        "one order of rows for all epochs",
        "self._order(number, int(turn), length)",
        "self._order(number, 0, length)",
    ),
    Breakage(
        "statistics measured in a game lost on JAX",
        "[scope.get_current_value(v) for v in others]",
        "[v.value for v in others]",
        ("alternating",),
        "jax",
    ),
    Breakage(
        "losses of a phase: the last step alone",
        "values.append(updates[0] if phase.steps == 1 else sum(updates) / phase.steps)",
        "values.append(updates[-1])",
    ),
    Breakage(
        "checkpoints an epoch late",
        "if last or (epoch + 1) % self.every == 0:",
        "if last or epoch % self.every == 0:",
    ),
    Breakage(
        "files not written whole",
        "        write(draft)\n        os.replace(draft, path)\n",
        "        write(path)\n",
        ("presets", "checkpoint", "made_split", "folder"),
    ),
    Breakage(
        "a preset replaces any folder",
        "if path.exists() and not (path / METADATA).is_file():",
        "if path.is_file():",
    ),
    Breakage(
        "decay without the rate of a variable",
        "weight_decay=self.weight_decay * factor)",
        "weight_decay=self.weight_decay)",
    ),
    # Transforms
    Breakage(
        "tf not sublinear",
        "weigh = TfidfTransformer(sublinear_tf=True)",
        "weigh = TfidfTransformer()",
        ("text",),
    ),
    Breakage(
        "equally frequent words by occurrence",
        "ranked = sorted(counts, key=lambda word: (-counts[word], word))",
        "ranked = sorted(counts, key=lambda word: -counts[word])",
    ),
    Breakage(
        "deviation of a sample",
        "deviation = rows.std(axis=0)",
        "deviation = rows.std(axis=0, ddof=1)",
        ("test_feature",),
    ),
    Breakage(
        "damaged rows of the cache pass",
        "if zlib.crc32(digest.encode() + row) != checksum:",
        "if not row:",
    ),
    Breakage(
        "change of coefficients instead of in time",
        "np.gradient(course, axis=1)",
        "np.gradient(course, axis=0)",
    ),
    # Data sets
    Breakage(
        "parts drawn by class overlap",
        "            start += count\n",
        "            start = count\n",
        ("splits", "datasets/test_base"),
    ),
    Breakage(
        "tenths rounded down",
        "tenth = max(1, (len(names) + 5) // 10)",
        "tenth = max(1, len(names) // 10)",
        ("test_folder", "splits"),
    ),
    Breakage(
        "XMedia: validation and test exchanged",
        'return np.repeat(["train", "test", "validation"], counts)',
        'return np.repeat(["train", "validation", "test"], counts)',
    ),
    Breakage(
        "a class without training pictures",
        "ordered[: min(validation_per_class, len(ordered) - 1)]",
        "ordered[:validation_per_class]",
    ),
    # Trunks
    Breakage(
        "SqueezeNet: expand layers in the wrong order",
        "([small, large])",
        "([large, small])",
    ),
    Breakage(
        "AlexNet: statistics without their factor",
        "[mean / factor, variance / factor]",
        "[mean, variance]",
    ),
    Breakage(
        "text CNN: padding takes part",
        "ops.max(_convolution(embedded, width, maps, seed, number, dtype) * there, axis=1)",
        "ops.max(_convolution(embedded, width, maps, seed, number, dtype), axis=1)",
    ),
    Breakage(
        "training begins a layer late",
        "layer.trainable = number >= start and not normalizes",
        "layer.trainable = number > start and not normalizes",
    ),
]


def find(breakage: Breakage, tree: Path) -> Path | None:
    """The one file of the package that has the snippet; none where nothing is broken."""
    if not breakage.old:
        return None
    files = sorted((tree / "keras_xmr").rglob("*.py"))
    counts = {file: file.read_text(encoding="utf-8").count(breakage.old) for file in files}
    if sum(counts.values()) != 1:
        raise RuntimeError(f"{breakage.words!r} is {sum(counts.values())} times in {tree}")
    return max(counts, key=lambda file: counts[file])


def likely_tests(breakage: Breakage, file: Path, tree: Path) -> list[str]:
    """The doctests of the broken file, and files of tests by parts of their names."""
    names = breakage.tests or (file.stem.strip("_"),)
    tests = sorted(path.relative_to(tree) for path in (tree / "tests").rglob("test_*.py"))
    found = [test for name in names for test in tests if name in test.as_posix()]
    return [path.as_posix() for path in dict.fromkeys([file.relative_to(tree), *found])]


def first_failure(tree: Path, backend: str, *arguments: str) -> str:
    """The first test that fails; nothing if none does."""
    # Bytecode of a file that changes twice in a second would be taken for that of the other.
    environment = {
        **{name: value for name, value in os.environ.items() if name != "KERAS_XMR_DATA"},
        "KERAS_BACKEND": backend,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(tree),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments]
    try:
        done = subprocess.run(
            command, env=environment, cwd=tree, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"none that ended within {PATIENCE} s"
    if not done.returncode:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode not in (1, 2) or not failed:
        raise RuntimeError(f"pytest {arguments} gave {done.returncode}:\n{done.stdout[-3000:]}")
    return failed[0].split(" ", 1)[1].split(" - ")[0]


def all_tests(tree: Path) -> str:
    """The first test of all that fails, on any backend."""
    ignored = [f"--ignore={path}" for path in IRRELEVANT]
    for backend, only in EVERYTHING:
        if failed := first_failure(tree, backend, "--only", only, *ignored):
            return f"{failed} ({backend})"
    return ""


def attempt(number: int, tree: Path, everything: bool) -> dict[str, Any]:
    """A row of the table, from the tests in a copy of the tree that is as before afterwards."""
    breakage = BREAKAGES[number]
    file = find(breakage, tree)
    whole = file.read_text(encoding="utf-8") if file else ""
    start = time.perf_counter()
    try:
        if file:
            file.write_text(whole.replace(breakage.old, breakage.new), encoding="utf-8")
        if everything:
            failed = all_tests(tree)
        else:
            tests = likely_tests(breakage, file, tree) if file else []
            failed = first_failure(tree, breakage.backend, *tests) if tests else ""
    finally:
        if file:
            file.write_text(whole, encoding="utf-8")
    return {
        "number": number,
        "broken": breakage.words,
        "file": file.relative_to(tree).as_posix() if file else "",
        "noticed": "yes" if failed else "no" if everything else OPEN,
        "first_test": failed,
        "seconds": round(time.perf_counter() - start, 1),
    }


Rows = dict[tuple[str, int], dict[str, Any]]


def read(path: Path) -> Rows:
    """Name of a tree and number of a breakage to the row."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["code"], int(row["number"])): row for row in csv.DictReader(file)}


def write(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        names = list(next(iter(rows.values())))
        writer = csv.DictWriter(file, fieldnames=names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tree", default=f"keras_xmr={ROOT}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("numbers", type=int, nargs="*")
    arguments = parser.parse_args()
    code, _, path = arguments.tree.partition("=")
    numbers = arguments.numbers or range(len(BREAKAGES))
    for number in numbers:
        find(BREAKAGES[number], Path(path))
    rows = read(arguments.out)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(path, tree, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for everything in (False,) if arguments.quick else (False, True):
            done = ("yes", "no") if everything else ("yes", "no", OPEN)
            for number in numbers:
                before = rows.get((code, number), {})
                if before.get("noticed") in done:
                    continue
                row = {"code": code} | attempt(number, tree, everything)
                # Of both runs of its tests.
                row["seconds"] = round(row["seconds"] + float(before.get("seconds", 0)), 1)
                rows[code, number] = row
                write(arguments.out, rows)
                print(*row.values(), sep=" | ", flush=True)
    found = [rows[code, number]["noticed"] for number in numbers if number]
    print(f"{found.count('yes')} of {len(found)} noticed")


if __name__ == "__main__":
    main()
