"""Bimodal AE and Corr-AE: losses and codes against NumPy, variants, and that they learn."""

import numpy as np
import pytest

from keras_xmr import BimodalAE, CorrAE, evaluate
from tests.methods.planted_pairs import planted
from tests.methods.small_stacks import batch, climbed, dense, learned, numpy, small, squared, terms

# Not of two media alone: what holds for three holds for them.
THREE = {"image": 5, "text": 4, "audio": 3}


def bimodal_codes(model, x):
    """Of all media, and of each with zeros for the others."""
    last = climbed(model, x)
    rows = [[last[m] for m in model.media]]
    rows += [[last[m] * (m == known) for m in model.media] for known in model.media]
    return [dense(model, "joint_code", np.concatenate(parts, axis=1)) for parts in rows]


@pytest.mark.parametrize("media", [{"image": 5, "text": 4}, THREE], ids=len)
def test_the_bimodal_code_is_decoded_to_all_media_from_all_and_from_each(media):
    model = small(BimodalAE, media)
    x, _ = batch(media)
    last, codes = climbed(model, x), bimodal_codes(model, x)
    assert len(codes) == len(media) + 1
    found = terms(model)
    for medium in media:
        name = f"joint_{medium}_decoder"
        wanted = np.mean([squared(dense(model, name, code), last[medium]) for code in codes])
        assert found[medium] == pytest.approx(wanted, rel=1e-4)
    total = model.compute_loss(x, batch(media)[1], model(x, training=True))
    assert float(numpy(total)) == pytest.approx(sum(found.values()), rel=1e-5)


def test_the_bimodal_code_of_a_medium_is_that_with_zeros_for_the_others():
    model = small(BimodalAE, THREE)
    x, _ = batch(THREE)
    for medium, wanted in zip(THREE, bimodal_codes(model, x)[1:], strict=True):
        np.testing.assert_allclose(model.encode(x, medium), wanted, rtol=1e-4)


@pytest.mark.parametrize(
    ("variant", "weight", "decoders"),
    [
        ("corr", 0.8, {("image", "image"), ("text", "text")}),
        ("cross", 0.2, {("image", "text"), ("text", "image")}),
        ("full", 0.8, {(a, b) for a in ("image", "text") for b in ("image", "text")}),
    ],
)
@pytest.mark.parametrize("given", [None, 0.3])
def test_correspondence_losses(variant, weight, decoders, given):
    model = small(CorrAE, variant=variant, correlation_weight=given)
    x, y = batch()
    last = climbed(model, x)
    codes = {m: dense(model, f"{m}_code", last[m]) for m in model.media}
    wanted = {
        f"{one}_to_{to}": squared(dense(model, f"{one}_to_{to}", codes[one]), last[to])
        for one, to in decoders
    }
    wanted["correlation"] = squared(codes["image"], codes["text"])
    assert terms(model) == pytest.approx(wanted, rel=1e-4)
    weight = weight if given is None else given
    parts = sum(value for name, value in wanted.items() if name != "correlation")
    total = float(numpy(model.compute_loss(x, y, model(x, training=True))))
    assert total == pytest.approx((1 - weight) * parts + weight * wanted["correlation"], rel=1e-4)
    for medium, code in codes.items():
        np.testing.assert_allclose(model.encode(x, medium), code, rtol=1e-4)


def test_three_media_are_compared_in_all_pairs():
    model = small(CorrAE, THREE, variant="cross")
    x, _ = batch(THREE)
    last = climbed(model, x)
    image, text, audio = (dense(model, f"{m}_code", last[m]) for m in THREE)
    found = terms(model)
    pairs = squared(image, text) + squared(image, audio) + squared(text, audio)
    assert found.pop("correlation") == pytest.approx(pairs, rel=1e-4)
    assert set(found) == {f"{a}_to_{b}" for a in THREE for b in THREE if a != b}


def test_wrong_arguments_are_errors():
    media = {"image": 5, "text": 4}
    with pytest.raises(ValueError, match=r"Variants are .* Received: variant='both'"):
        CorrAE(media, 3, variant="both")
    with pytest.raises(ValueError, match=r"is 0 to 1\. Received: correlation_weight=1\.5"):
        CorrAE(media, 3, correlation_weight=1.5)


def precision(**arguments):
    data = planted(**arguments)
    return evaluate(learned(CorrAE, data, code_units=8), data).map


def test_pairs_are_learned():
    assert precision() > 0.9


@pytest.mark.once
def test_torn_pairs_are_not():
    # Of four classes. Where nothing ties their clusters, some lie close to each other by luck.
    assert np.mean([precision(shuffled=True, seed=seed) for seed in range(10)]) < 0.45


def test_a_constant_column_does_no_harm_and_an_item_is_encoded_alone():
    data = planted(constant=True)
    model = learned(BimodalAE, data, code_units=8)
    assert evaluate(model, data).map > 0.8
    items = data.media["image"].items
    alone, together = (model.encode(rows, "image") for rows in (items[:1], items))
    np.testing.assert_allclose(alone, together[:1], atol=1e-6)
