"""Members of a CHTN are independent networks whose posteriors are averaged."""

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, datasets

MEMBERS = 3
SHAPE = {
    "media": {"image": 6, "text": 5},
    "num_classes": 4,
    "pathway_units": (7, 6),
    "shared_units": (6, 5),
    "input_normalization": (),
}


def member(model, number):
    """A CHTN of one member with the weights of member `number` of `model`."""
    single = CHTN(**SHAPE, readout=model.readout)

    def part(weight, shape):
        if weight.ndim == 3:
            return weight[number]
        width = shape[-1]
        return weight[..., number * width : (number + 1) * width]

    single.set_weights(
        [part(w, s.shape) for w, s in zip(model.get_weights(), single.get_weights(), strict=True)]
    )
    return single


@pytest.fixture(scope="module")
def model():
    return CHTN(**SHAPE, members=MEMBERS, seed=0)


def test_posterior_is_the_mean_of_the_members(model):
    rows = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
    singles = [member(model, k).encode({"image": rows}, media="image") for k in range(MEMBERS)]
    assert np.abs(singles[0] - singles[1]).max() > 0.01
    together = model.encode({"image": rows}, media="image")
    np.testing.assert_allclose(together, np.mean(singles, axis=0), atol=1e-6)


def test_loss_terms_are_the_means_of_the_members(model):
    rng = np.random.default_rng(1)
    x = {name: rng.normal(size=(8, d)).astype("float32") for name, d in SHAPE["media"].items()}
    y = dict.fromkeys(SHAPE["media"], np.eye(4, dtype="float32")[rng.integers(0, 4, 8)])

    def terms(of):
        found = of.loss_terms(y, of(x, training=True))
        return {k: float(keras.ops.convert_to_numpy(v)) for k, v in found.items()}

    singles = [terms(member(model, k)) for k in range(MEMBERS)]
    for name, value in terms(model).items():
        mean = np.mean([single[name] for single in singles])
        assert value == pytest.approx(mean, rel=1e-4), name


def test_members_train_and_are_saved(tmp_path):
    data, source = datasets.toy(), datasets.toy(["image"], num_classes=3)
    model = CHTN.for_data(
        data, source, members=2, pathway_units=(16, 16), shared_units=(16, 16), seed=0
    )
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(model.batches(data, source, batch_size=20), epochs=15, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert history["text_accuracy"][-1] > 0.8
    model.for_retrieval().save_to_preset(tmp_path / "preset")
    again = CHTN.from_preset(tmp_path / "preset")
    np.testing.assert_allclose(again.encode(data, "text"), model.encode(data, "text"), atol=2e-3)


def test_a_model_has_at_least_one_member():
    with pytest.raises(ValueError, match=r"at least one member\. Received: members=0"):
        CHTN(**SHAPE, members=0)
