"""`HammingIndex`, against naive sorts and FAISS; what it writes and reads."""

import os
from dataclasses import replace

import numpy as np
import pytest

from keras_xmr import ExactIndex, HammingIndex
from keras_xmr.commands.search import Finder
from keras_xmr.datasets import toy
from keras_xmr.index import hamming
from keras_xmr.index.for_metric import index_for
from keras_xmr.metrics import pack_bits, unpack_bits


def random_codes(count, bits, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, bits // 8)).astype(np.uint8)


def index_of(codes):
    return HammingIndex().add(codes, [f"item{row}" for row in range(len(codes))])


def naive(queries, codes, k):
    """Ids and distances, bit by bit."""
    ids, found = [], []
    for query in queries:
        distances = [int(np.unpackbits(query ^ code).sum()) for code in codes]
        best = sorted(range(len(codes)), key=lambda row: (distances[row], row))[:k]
        ids.append([f"item{row}" for row in best])
        found.append([distances[row] for row in best])
    return ids, found


@pytest.mark.parametrize("bits", [8, 24, 64, 128, 256])
@pytest.mark.parametrize("k", [1, 7, 90])
def test_a_search_finds_what_a_naive_sort_finds(bits, k):
    queries, codes = random_codes(11, bits), random_codes(90, bits, seed=1)
    ids, distances = naive(queries, codes, k)
    ranking = index_of(codes).search(queries, k)
    assert ranking.ids.tolist() == ids
    assert (-ranking.scores).tolist() == distances


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("sample", [1, 10, 40])
def test_a_bound_from_a_part_of_the_items_loses_none(bits, sample, monkeypatch):
    # Many items at each distance, sorted by their codes: the worst for a sample.
    queries, codes = random_codes(9, bits), np.sort(random_codes(500, bits, seed=1), axis=0)
    expected = naive(queries, codes, 12)
    monkeypatch.setattr(hamming, "SAMPLE", sample)
    ranking = index_of(codes).search(queries, 12)
    assert (ranking.ids.tolist(), (-ranking.scores).tolist()) == expected


def test_equal_distances_rank_by_order_of_addition():
    index = HammingIndex().add(np.array([[1], [2], [0]], np.uint8), ["z", "a", "m"])
    index.add(np.array([[4], [0]], np.uint8), ["b", "c"])
    ranking = index.search(np.array([[0]], np.uint8), 5)
    assert ranking.ids.tolist() == [["m", "c", "z", "a", "b"]]
    assert ranking.scores.tolist() == [[0, 0, -1, -1, -1]]


def test_parts_and_blocks_change_nothing(monkeypatch):
    queries, codes = random_codes(10, 64), random_codes(200, 64, seed=1)
    real = np.random.default_rng(0).normal(size=(10, 64))
    index = index_of(codes)
    whole = [index.search(q, 9) for q in (queries, real)]
    monkeypatch.setattr(hamming, "PART_BYTES", 3 * 200)
    monkeypatch.setattr(hamming, "BLOCK_BYTES", 4 * 8 * 200)
    monkeypatch.setattr(hamming, "CHUNK_CODES", 33)
    monkeypatch.setattr("keras_xmr.metrics._bit_words.CHUNK_CODES", 47)
    for found, expected in zip([index.search(q, 9) for q in (queries, real)], whole, strict=True):
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_adding_bit_by_bit_is_adding_at_once():
    queries, codes = random_codes(5, 72), random_codes(50, 72, seed=1)
    index = HammingIndex()
    assert (len(index), index.bits) == (0, 0)
    for start in range(0, 50, 7):
        rows = range(start, min(start + 7, 50))
        assert index.add(codes[rows], [f"item{row}" for row in rows]) is index
    assert (len(index), index.bits) == (50, 72)
    found, expected = index.search(queries, 9), index_of(codes).search(queries, 9)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_what_is_added_is_copied():
    codes = random_codes(5, 64)
    index = index_of(codes)
    first = index.codes.copy()
    codes[:] = 0
    np.testing.assert_array_equal(index.codes, first)
    assert index.search(first[[3]], 1).ids.tolist() == [["item3"]]


def test_more_than_there_are_means_all_and_no_query_gives_no_row():
    index = index_of(random_codes(20, 16))
    assert index.search(random_codes(3, 16), 999).ids.shape == (3, 20)
    assert index.search(random_codes(3, 16)).ids.shape == (3, 10)
    for none in (np.zeros((0, 2), np.uint8), np.zeros((0, 16))):
        assert index.search(none, 4).ids.shape == index.search(none, 4).scores.shape == (0, 4)


@pytest.mark.parametrize("bits", [8, 64, 128])
def test_real_queries_are_ranked_by_inner_product(bits):
    queries = np.random.default_rng(2).normal(size=(7, bits))
    codes = random_codes(90, bits, seed=1)
    ranking = index_of(codes).search(queries, 20)
    signs = unpack_bits(codes).astype(np.float64)
    for query, ids, scores in zip(queries, ranking.ids, ranking.scores, strict=True):
        expected = [(float(sum(query * code)) - bits) / 2 for code in signs]
        best = sorted(range(90), key=lambda row: -expected[row])[:20]
        assert ids.tolist() == [f"item{row}" for row in best]
        np.testing.assert_allclose(scores, [expected[row] for row in best], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bits", [16, 72])
def test_real_queries_of_ones_are_packed_queries(bits, dtype):
    queries, codes = random_codes(7, bits), random_codes(90, bits, seed=1)
    index = index_of(codes)
    real, packed = index.search(unpack_bits(queries).astype(dtype), 90), index.search(queries, 90)
    np.testing.assert_array_equal(real.ids, packed.ids)
    np.testing.assert_array_equal(real.scores, packed.scores)


def test_equal_codes_are_equally_far_from_real_queries():
    # Few codes, each of them many times, at places that a BLAS treats differently.
    kinds = np.random.default_rng(0).integers(0, 3, 1001)
    index = index_of(random_codes(3, 64)[kinds])
    for scale in (1e-150, 1.0, 1e150):
        ranking = index.search(scale * np.random.default_rng(1).normal(size=(5, 64)), 1001)
        for ids, scores in zip(ranking.ids, ranking.scores, strict=True):
            rows = np.array([int(name[4:]) for name in ids])
            blocks = np.split(rows, np.flatnonzero(np.diff(kinds[rows])) + 1)
            assert len(blocks) == 3
            # Beside 32, the smallest values leave no trace in the scores.
            assert len(np.unique(scores)) == (1 if scale < 1e-100 else 3)
            assert all((np.diff(block) > 0).all() for block in blocks)


def test_a_query_of_zeros_is_as_far_from_all():
    ranking = index_of(random_codes(4, 16)).search(np.zeros((1, 16)), 4)
    assert ranking.ids[0].tolist() == ["item0", "item1", "item2", "item3"]
    assert ranking.scores[0].tolist() == [-8] * 4


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("bits", [64, 128])
def test_faiss_finds_the_same_distances(bits):
    faiss = pytest.importorskip("faiss")
    queries, codes = random_codes(20, bits), random_codes(20_000, bits, seed=1)
    peer = faiss.IndexBinaryFlat(bits)
    peer.add(codes)
    distances, rows = peer.search(queries, 50)
    ranking = index_of(codes).search(queries, 50)
    np.testing.assert_array_equal(-ranking.scores, distances)
    for found, theirs, far in zip(ranking.ids, rows, distances, strict=True):
        # The last distance may have more items than either returns.
        sure = far < far[-1]
        assert set(found[sure]) == {f"item{row}" for row in theirs[sure]}


@pytest.fixture
def saved(tmp_path):
    index = index_of(random_codes(30, 64)).add(random_codes(1, 64, seed=9), ["ключ 猫"])
    index.save(tmp_path / "an.index.npz")
    return index, tmp_path / "an.index.npz"


def test_a_loaded_index_is_the_same(saved):
    index, path = saved
    loaded = HammingIndex.load(str(path))
    queries = random_codes(4, 64, seed=3)
    np.testing.assert_array_equal(loaded.codes, index.codes)
    assert loaded.ids.tolist() == index.ids.tolist()
    for found, expected in zip(loaded.search(queries), index.search(queries), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(loaded.add(random_codes(1, 64, seed=5), ["new"])) == 32
    assert os.listdir(path.parent) == ["an.index.npz"]


def test_an_empty_index_can_be_kept(tmp_path):
    HammingIndex().save(tmp_path / "empty.npz")
    assert len(HammingIndex.load(tmp_path / "empty.npz")) == 0


def test_a_file_that_cannot_be_written_leaves_the_old_one(saved, monkeypatch):
    _, path = saved
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        index_of(random_codes(2, 64)).save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", ["codes", "ids", "sha256"])
def test_a_changed_file_is_refused(saved, name):
    _, path = saved
    arrays = dict(np.load(path))
    arrays[name] = arrays[name].copy()
    arrays[name].ravel()[:1] = "other" if name == "ids" else 255 - arrays[name].ravel()[0]
    np.savez(path, **arrays)
    with pytest.raises(
        ValueError, match=r"must have the SHA-256 .* Received: others in .*an\.index"
    ):
        HammingIndex.load(path)


def test_what_is_no_index_is_refused(saved, tmp_path):
    _, path = saved
    np.savez(tmp_path / "other.npz", codes=random_codes(2, 64))
    with pytest.raises(ValueError, match=r"Received: a file without \['ids', 'sha256'\]"):
        HammingIndex.load(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=r"no such file"):
        HammingIndex.load(tmp_path / "nothing.npz")
    damaged = path.read_bytes()
    (tmp_path / "half.npz").write_bytes(damaged[: len(damaged) // 2])
    with pytest.raises(ValueError, match=r"in 'half\.npz'"):
        HammingIndex.load(tmp_path / "half.npz")
    with pytest.raises(ValueError, match=r"a file '\.npz'\. Received: .*index\.bin"):
        HammingIndex().save(tmp_path / "index.bin")


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    ids = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "trap.npz", codes=random_codes(1, 64), ids=ids, sha256=np.zeros(32))
    with pytest.raises(ValueError, match=r"plain arrays"):
        HammingIndex.load(tmp_path / "trap.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("codes", "ids", "message"),
    [
        (np.ones((2, 8)), ["a", "b"], r"packed codes, uint8.*codes\.dtype=float64"),
        (
            random_codes(3, 64),
            ["a", "b"],
            r"one id per item\. Received: codes\.shape=\(3, 8\), 2 ids",
        ),
        (random_codes(1, 32), ["a"], r"codes of 64 bits\. Received: codes\.shape=\(1, 4\)"),
        (random_codes(2, 64), ["new", "item3"], r"Ids must be unique"),
        (random_codes(2, 64), ["new", "new"], r"Ids must be unique"),
    ],
)
def test_what_cannot_be_added_is_refused(codes, ids, message):
    index = index_of(random_codes(20, 64))
    with pytest.raises(ValueError, match=message):
        index.add(codes, ids)
    assert len(index) == len(index.codes) == 20


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        (random_codes(1, 64), 0, r"at least one item\. Received: k=0"),
        (random_codes(1, 32), 1, r"\(queries, 8\), or real values \(queries, 64\)\. .*\(1, 4\)"),
        (random_codes(1, 64)[0], 1, r"Received: queries\.shape=\(8,\)"),
        (np.ones((1, 8)), 1, r"Received: queries\.shape=\(1, 8\), queries\.dtype=float64"),
        (np.ones((1, 64), int), 1, r"Received: .*dtype=int64"),
        (np.ones((1, 8), int), 1, r"packed codes, uint8"),
        (np.full((1, 64), np.nan), 1, r"finite queries"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(queries, k, message):
    with pytest.raises(ValueError, match=message):
        index_of(random_codes(20, 64)).search(queries, k)


def test_searching_an_empty_index_is_refused():
    with pytest.raises(ValueError, match=r"The index is empty\. Received: no items"):
        HammingIndex().search(random_codes(1, 8))


def test_a_model_is_searched_by_its_metric():
    assert isinstance(index_for("hamming"), HammingIndex)
    assert isinstance(index_for("euclidean"), ExactIndex)
    assert index_for("euclidean").metric == "euclidean"
    with pytest.raises(ValueError, match=r"Received: metric='dot'"):
        index_for("dot")


def test_the_command_searches_codes():
    class Hashing:
        metric = "hamming"

        def encode(self, x, media):
            return pack_bits(np.repeat(x.medium(media).labels[:, None], 8, axis=1) - 1.5)

    data = toy()
    data = replace(data, media={"text": data.media["text"]})
    results = Finder(Hashing(), data, "text").results(np.array([[255]], np.uint8), 3)
    labels = data.media["text"].labels
    assert [r["id"] for r in results] == data.media["text"].ids[labels >= 2][:3].tolist()
    assert [r["score"] for r in results] == [0, 0, 0]
