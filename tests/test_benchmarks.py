"""The benchmarks run, on tiny sizes, and find equal values. Their figures are not looked at."""

import importlib
import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.breakages import BREAKAGES

ROOT = Path(__file__).parents[1]


@pytest.mark.once
@pytest.mark.filterwarnings("ignore")
def test_ranking(monkeypatch, capsys):
    pytest.importorskip("torchmetrics")
    ranking = importlib.import_module("benchmarks.ranking")
    monkeypatch.setattr(sys, "argv", ["ranking.py", "--quick"])
    before = ranking.RESULTS.read_bytes() if ranking.RESULTS.exists() else None
    ranking.main()
    table = capsys.readouterr().out
    assert table.count("keras_xmr") == table.count("torchmetrics") == 2 * 4
    assert (ranking.RESULTS.read_bytes() if ranking.RESULTS.exists() else None) == before
    # And it would notice a wrong value.
    monkeypatch.setattr(ranking, "naive", lambda *_: 0.0)
    with pytest.raises(RuntimeError, match="naive differs"):
        ranking.compare(5, 50, 20, 1)


@pytest.mark.once
@pytest.mark.filterwarnings("ignore")
def test_hamming(monkeypatch, capsys):
    pytest.importorskip("faiss")
    hamming = importlib.import_module("benchmarks.hamming")
    monkeypatch.setattr(sys, "argv", ["hamming.py", "--quick"])
    before = hamming.RESULTS.read_bytes() if hamming.RESULTS.exists() else None
    hamming.main()
    table = capsys.readouterr().out
    assert table.count("FAISS") == table.count("keras_xmr") == table.count("sign product") == 2
    assert table.count("product alone") == 2
    assert (hamming.RESULTS.read_bytes() if hamming.RESULTS.exists() else None) == before
    # And it would notice a wrong distance.
    monkeypatch.setattr(hamming, "sign_product", lambda *_: np.zeros((20, 10)))
    with pytest.raises(RuntimeError, match="sign product finds other distances"):
        hamming.compare(*hamming.QUICK, 1, 2**20)


@pytest.mark.once
@pytest.mark.filterwarnings("ignore")
def test_encoders(monkeypatch, capsys):
    pytest.importorskip("sentence_transformers")
    encoders = importlib.import_module("benchmarks.encoders")
    monkeypatch.setattr(sys, "argv", ["encoders.py", "--quick"])
    encoders.main()
    shown = capsys.readouterr().out
    assert shown.count("keras_xmr") == shown.count("library") == 2
    # And it would notice other rows.
    with pytest.raises(RuntimeError, match=r"sentences: rows differ by 1\.0"):
        encoders.compare("sentences", 1, lambda: np.zeros((1, 2)), lambda _: np.ones((1, 2)), 1)


@pytest.mark.once
def test_hamming_map(monkeypatch, capsys):
    hamming_map = importlib.import_module("benchmarks.hamming_map")
    monkeypatch.setattr(sys, "argv", ["hamming_map.py", "--quick"])
    before = hamming_map.RESULTS.read_bytes() if hamming_map.RESULTS.exists() else None
    hamming_map.main()
    assert capsys.readouterr().out.count("MiB") == 2
    assert (hamming_map.RESULTS.read_bytes() if hamming_map.RESULTS.exists() else None) == before
    monkeypatch.setattr(hamming_map, "loop", lambda *_: 0.0)
    with pytest.raises(RuntimeError, match=r"the loop finds 0\.0"):
        hamming_map.main()


@pytest.mark.once
@pytest.mark.filterwarnings("ignore")
def test_baselines(monkeypatch, capsys):
    pytest.importorskip("cca_zoo")
    baselines = importlib.import_module("benchmarks.baselines")
    monkeypatch.setattr(sys, "argv", ["baselines.py", "--quick"])
    before = baselines.RESULTS.read_bytes() if baselines.RESULTS.exists() else None
    baselines.main()
    table = capsys.readouterr().out
    # As they run, and in the table at the end.
    assert table.count("keras_xmr") == table.count("cca-zoo") == 2 * 4
    assert table.count("scikit-learn") == 2 * 2
    assert (baselines.RESULTS.read_bytes() if baselines.RESULTS.exists() else None) == before
    # And it would notice directions that are wrong.
    rows = baselines.make_rows(60, 30, 20)
    methods = {"keras_xmr": lambda: rows, "wrong": lambda: [own + 0.1 for own in rows]}
    with pytest.raises(RuntimeError, match="x: wrong differs"):
        baselines.compare("x", rows, methods, 1)


@pytest.mark.once
@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_train_step(backend):
    # Fails unless the losses of each model and of the hand-written loop agree.
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.train_step", "--quick", backend],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    cases = len(importlib.import_module("benchmarks.train_step").CASES)
    assert output.count("ms per step against") == output.count(f" on {backend}: ") == cases


def test_timing():
    timing = importlib.import_module("benchmarks.timing")
    value, taken = timing.timed(sum, [1, 2])
    assert value == 3
    assert 0 <= taken.wall < 1
    middle = timing.median([timing.Timing(3, 1), timing.Timing(1, 9), timing.Timing(2, 2)])
    assert middle == timing.Timing(2, 2)
    assert timing.median([middle, timing.Timing(4, 4)]) == timing.Timing(3, 3)

    def fill():
        # New pages, whatever the allocator keeps of what was freed before.
        np.frombuffer(mmap.mmap(-1, 2**26), dtype=np.uint8)[:] = 1

    # 64 MiB that are written to, or "unknown".
    peak = timing.peak_mebibytes(fill)
    assert np.isnan(peak) or 60 < peak < 90


@pytest.mark.once
def test_what_breakages_break_is_in_the_package_once():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "keras_xmr").rglob("*.py")]
    wrong = {
        breakage.words: count
        for breakage in BREAKAGES[1:]
        if (count := sum(source.count(breakage.old) for source in sources)) != 1
    }
    assert not wrong
