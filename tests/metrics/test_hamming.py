"""Packed codes and their distances, against loops over single bits."""

import numpy as np
import pytest

from keras_xmr.metrics import hamming_distances, pack_bits, unpack_bits


def random_codes(count, bits, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, bits // 8)).astype(np.uint8)


def naive_distance(one, other):
    return sum(bin(int(a) ^ int(b)).count("1") for a, b in zip(one, other, strict=True))


def test_the_first_bit_is_the_highest_of_the_first_byte():
    bits = np.zeros((1, 16), bool)
    bits[0, [0, 11]] = True
    assert pack_bits(bits).tolist() == [[0b10000000, 0b00010000]]


@pytest.mark.parametrize(
    "codes",
    [
        [[1, 1, -1, -1, 1, -1, -1, 1]],
        [[1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0, 1.0]],
        # Zero is a bit of +1, negative zero too.
        [[0.2, 0.0, -0.3, -1e-9, -0.0, -5, -1, 3]],
        [[True, True, False, False, True, False, False, True]],
    ],
)
def test_signs_numbers_and_booleans_pack_alike(codes):
    packed = pack_bits(np.array(codes))
    assert packed.dtype == np.uint8
    assert packed.tolist() == [[0b11001001]]


@pytest.mark.parametrize("bits", [8, 16, 24, 64, 128])
def test_unpacking_undoes_packing(bits):
    signs = np.random.default_rng(bits).choice([-1.0, 1.0], (13, bits)).astype(np.float32)
    packed = pack_bits(signs)
    assert packed.shape == (13, bits // 8)
    assert unpack_bits(packed).dtype == np.float32
    np.testing.assert_array_equal(unpack_bits(packed), signs)


def test_no_code_packs_into_none():
    assert pack_bits(np.zeros((0, 16))).shape == (0, 2)
    assert unpack_bits(np.zeros((0, 2), np.uint8)).shape == (0, 16)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.ones(8), r"one row of bits per item.* Received: codes\.shape=\(8,\)"),
        (np.full((1, 8), "1"), r"one row of bits per item.* codes\.dtype=<U1"),
        (np.ones((1, 0)), r"Received: codes\.shape=\(1, 0\)"),
        (np.ones((2, 12)), r"a multiple of 8\. Received: codes\.shape=\(2, 12\)"),
        (np.eye(8, dtype=int), r"-1 and \+1 where .* Zeros and ones are `codes == 1`"),
        (np.eye(8, dtype=np.uint8), r"-1 and \+1 where .* codes\.dtype=uint8"),
        (np.full((1, 8), np.nan), r"numbers with a sign\. Received: codes with NaN"),
    ],
)
def test_what_is_no_code_is_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        pack_bits(codes)


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 40, 64, 72, 128, 256, 264])
def test_distances_are_those_of_a_loop(bits):
    queries, gallery = random_codes(7, bits), random_codes(30, bits, seed=1)
    gallery[:3] = queries[:3]
    gallery[3] = ~queries[0]
    found = hamming_distances(queries, gallery)
    assert found.dtype == (np.uint8 if bits < 256 else np.uint16)
    assert found.tolist() == [[naive_distance(q, g) for g in gallery] for q in queries]
    assert found[0, 3] == bits


def test_distances_and_inner_products_say_the_same():
    queries, gallery = random_codes(5, 32), random_codes(9, 32, seed=1)
    products = unpack_bits(queries) @ unpack_bits(gallery).T
    np.testing.assert_array_equal(hamming_distances(queries, gallery), (32 - products) / 2)


def test_chunks_and_parts_change_nothing(monkeypatch):
    queries, gallery = random_codes(9, 72), random_codes(50, 72, seed=1)
    whole = hamming_distances(queries, gallery)
    monkeypatch.setattr("keras_xmr.metrics._bit_words.CHUNK_CODES", 7)
    monkeypatch.setattr("keras_xmr.metrics.hamming._PART_BYTES", 100)
    np.testing.assert_array_equal(hamming_distances(queries, gallery), whole)


def test_rows_need_not_lie_together():
    queries, gallery = random_codes(6, 64), random_codes(40, 64, seed=1)
    expected = hamming_distances(queries[::2].copy(), gallery[::-3].copy())
    np.testing.assert_array_equal(hamming_distances(queries[::2], gallery[::-3]), expected)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_nothing_has_no_distances(shape):
    queries, gallery = (random_codes(count, 16) for count in shape)
    assert hamming_distances(queries, gallery).shape == shape


@pytest.mark.parametrize(
    ("queries", "gallery", "message"),
    [
        (np.ones((1, 8)), np.ones((1, 8)), r"packed codes, uint8.* queries\.dtype=float64"),
        (random_codes(2, 16), random_codes(2, 16)[0], r"Received: gallery\.shape=\(2,\)"),
        (random_codes(2, 16), random_codes(2, 24), r"same number of bits\. .*gallery\.shape="),
    ],
)
def test_codes_that_do_not_fit_are_refused(queries, gallery, message):
    with pytest.raises(ValueError, match=message):
        hamming_distances(queries, gallery)
