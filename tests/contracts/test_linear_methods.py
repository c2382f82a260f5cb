"""Every fitted baseline: verbs, config, presets, errors. The classes are found, not listed."""

import inspect
import json
from dataclasses import replace

import numpy as np
import pytest

from keras_xmr import CFA, ExactIndex, evaluate
from keras_xmr.datasets import CrossModalData, toy
from keras_xmr.methods.linear_method import LinearMethod
from keras_xmr.transforms import FeatureScaler, Preprocessor
from tests.contracts.public import CLASSES
from tests.methods.planted import planted, shuffled
from tests.tiny import TINY, toy_for

pytestmark = pytest.mark.once

ARRAY_METHODS = {name: kind for name, kind in CLASSES.items() if issubclass(kind, LinearMethod)}
PAIRED = ("CCA", "CFA", "KCCA")
SUPERVISED = [n for n, kind in ARRAY_METHODS.items() if "labels" in kind.about.learns_from]
# Rows of one space find each other whatever is learnt.
LEARNING = [name for name, kind in ARRAY_METHODS.items() if not kind.about.one_space]
DATA = toy()
DATA_OF = {name: toy_for(kind) for name, kind in ARRAY_METHODS.items()}
# In this small world a hundred neighbours are all there are.
SMALL = {"JRL": {"neighbours": 5}}


@pytest.fixture(scope="module", params=ARRAY_METHODS)
def fitted(request):
    return made(request.param)


@pytest.fixture
def data(fitted):
    return DATA_OF[type(fitted).__name__]


def made(name):
    return ARRAY_METHODS[name](**TINY[name].arguments).fit(DATA_OF[name])


def some_planted(name, **options):
    """Rows of one basis for methods that need it."""
    return planted(one_basis=ARRAY_METHODS[name].about.one_space, **options)


def test_they_were_found():
    assert set(ARRAY_METHODS) >= {"CCA", "CFA", "JRL", "KCCA", "LGCFL", "SemanticMatching"}


@pytest.mark.parametrize("name", ARRAY_METHODS)
def test_arguments_are_attributes_and_config_keys(name):
    arguments = TINY[name].arguments
    made = ARRAY_METHODS[name](**arguments)
    config = json.loads(json.dumps(made.get_config()))
    assert set(config) == set(inspect.signature(ARRAY_METHODS[name]).parameters)
    for argument, value in arguments.items():
        assert getattr(made, argument) == config[argument] == value
        default = inspect.signature(ARRAY_METHODS[name]).parameters[argument].default
        assert value != default
    assert ARRAY_METHODS[name].from_config(config).get_config() == made.get_config()


def test_data_raw_items_and_ready_arrays_encode_alike(fitted, data):
    arrays = fitted.preprocess(data)
    assert fitted.media == list(arrays) == ["image", "text"]
    for medium in fitted.media:
        whole = fitted.encode(data, medium)
        assert whole.dtype == np.float32
        assert np.isfinite(whole).all()
        np.testing.assert_array_equal(fitted.encode(data.media[medium].items, medium), whole)
        np.testing.assert_array_equal(fitted.encode(arrays, medium), whole)
    np.testing.assert_array_equal(fitted.encode_text(data), fitted.encode(data, "text"))
    np.testing.assert_array_equal(fitted.encode_image(data), fitted.encode(data, "image"))


def test_media_meet_in_one_space_of_any_number_of_items(fitted, data):
    whole = fitted.encode_image(data)
    assert fitted.encode_text(data.media["text"].items[:1]).shape == (1, whole.shape[1])
    assert fitted.encode_text(data.media["text"].items[:0]).shape == (0, whole.shape[1])
    one = np.concatenate(
        [fitted.encode_image(data.media["image"].items[i : i + 1]) for i in (0, 7)]
    )
    np.testing.assert_allclose(one, whole[[0, 7]], atol=1e-4 * np.abs(whole).max())


def test_a_preset_brings_it_back(fitted, data, tmp_path):
    back = type(fitted).from_preset(fitted.save_to_preset(tmp_path / "preset"))
    assert back.get_config() == json.loads(json.dumps(fitted.get_config()))
    assert back.media == fitted.media
    for medium in fitted.media:
        wanted = fitted.encode(data, medium)
        # Matrices are stored in float16.
        tolerance = 1e-2 * np.abs(wanted).max()
        np.testing.assert_allclose(back.encode(data, medium), wanted, atol=tolerance)


def test_its_items_can_be_searched(fitted, data):
    images = data.media["image"]
    index = ExactIndex(fitted.metric).add(fitted.encode_image(data), images.ids)
    found = index.search(fitted.encode_text(data.media["text"].items[:1]), k=3).ids
    assert found.shape == (1, 3)


@pytest.mark.parametrize("name", ARRAY_METHODS)
def test_fitting_twice_gives_the_same(name):
    once, twice = made(name), made(name)
    data = DATA_OF[name]
    np.testing.assert_array_equal(once.encode_text(data), twice.encode_text(data))


@pytest.mark.parametrize("name", LEARNING)
def test_it_finds_what_is_planted_and_nothing_where_it_is_broken(name):
    data = some_planted(name)
    chance = evaluate(ARRAY_METHODS[name](**SMALL.get(name, {})).fit(shuffled(data)), data).map
    found = evaluate(ARRAY_METHODS[name](**SMALL.get(name, {})).fit(data), data).map
    assert found > (0.9 if name in SUPERVISED else 0.6)
    assert chance < min(0.5, found - 0.3)


@pytest.mark.parametrize("name", PAIRED)
def test_paired_methods_need_pairs_and_learn_from_them_alone(name):
    unpaired = {m: replace(items, pairs=None) for m, items in DATA.media.items()}
    with pytest.raises(ValueError, match=r"medium 'image' of 'toy' with pairs=None"):
        ARRAY_METHODS[name]().fit(replace(DATA, media=unpaired))
    # Rows of a medium in another order are the same pairs.
    rng = np.random.default_rng(0)
    mixed = {m: items.rows(rng.permutation(80)) for m, items in DATA.media.items()}
    expected = ARRAY_METHODS[name]().fit(DATA).encode_text(DATA)
    found = ARRAY_METHODS[name]().fit(replace(DATA, media=mixed)).encode_text(DATA)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)
    unlabelled = {m: replace(x, labels=np.zeros(80, int)) for m, x in DATA.media.items()}
    same = ARRAY_METHODS[name](n_components=4).fit(replace(DATA, media=unlabelled))
    np.testing.assert_allclose(same.encode_text(DATA), expected, atol=1e-5)


@pytest.mark.parametrize("name", PAIRED)
def test_one_medium_is_too_few(name):
    with pytest.raises(ValueError, match=r"defined for two .*media\. Received: \['image'\]"):
        ARRAY_METHODS[name]().fit(toy(["image"]))


@pytest.mark.parametrize("name", [name for name in ARRAY_METHODS if name != "CFA"])
def test_three_media_meet(name):
    data = some_planted(name, media=("image", "text", "audio"))
    report = evaluate(ARRAY_METHODS[name](**SMALL.get(name, {})).fit(data), data)
    assert len(report.directions) == 6
    assert min(d.metrics["MAP@all"] for d in report.directions) > 0.5


def test_cfa_is_of_two_media():
    message = r"CFA is defined for two media\. Received: \['audio', 'image', 'text'\]"
    with pytest.raises(ValueError, match=message):
        CFA().fit(planted(media=("image", "text", "audio")))


@pytest.mark.parametrize("name", ARRAY_METHODS)
def test_constant_columns_and_more_columns_than_items(name):
    data = some_planted(name, classes=3, per_class=8, width=60)
    media = dict(data.media)
    # Those of one space have equal widths.
    for medium in media if ARRAY_METHODS[name].about.one_space else ("image",):
        rows = media[medium].items
        rows = np.concatenate([rows, np.full((len(rows), 3), 7.0, "float32")], axis=1)
        media[medium] = replace(media[medium], items=rows)
    data = replace(data, media=media)
    baseline = ARRAY_METHODS[name](**SMALL.get(name, {})).fit(data)
    assert np.isfinite(baseline.encode_image(data)).all()
    assert evaluate(baseline, data).map > 0.6


@pytest.mark.parametrize("name", PAIRED)
def test_more_components_than_there_are_get_a_warning(name):
    with pytest.warns(UserWarning, match=rf"{name} was asked for 99 components; there are \d+,"):
        encoded = ARRAY_METHODS[name](n_components=99).fit(DATA).encode_text(DATA)
    assert 4 <= encoded.shape[1] < 99
    with pytest.raises(ValueError, match=r"at least one component\. Received: n_components=0"):
        ARRAY_METHODS[name](n_components=0)


@pytest.mark.parametrize("name", PAIRED)
def test_a_medium_of_equal_items_is_refused(name):
    image = DATA.media["image"]
    same = replace(image, items=np.ones((80, 12), "float32"))
    with pytest.raises(ValueError, match="Received: a medium of equal items"):
        ARRAY_METHODS[name]().fit(replace(DATA, media={**DATA.media, "image": same}))


@pytest.mark.parametrize("name", SUPERVISED)
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_class_may_be_missing_in_training_and_items_have_several(name, multi_label):
    data = toy_for(ARRAY_METHODS[name], multi_label=multi_label)

    def keep(medium):
        there = medium.labels[:, 3] > 0 if multi_label else medium.labels == 3
        return medium.rows((medium.split != "train") | ~there)

    data = replace(data, media={m: keep(items) for m, items in data.media.items()})
    baseline = ARRAY_METHODS[name](**SMALL.get(name, {})).fit(data)
    assert np.isfinite(baseline.encode_image(data)).all()
    assert evaluate(baseline, data).map > 0.6


@pytest.mark.parametrize("name", SUPERVISED)
def test_supervised_ones_need_no_pairs(name):
    arguments = {"pair_weight": 0.0, **SMALL["JRL"]} if name == "JRL" else {}
    data = DATA_OF[name]
    rng = np.random.default_rng(0)
    media = {
        m: replace(items.rows(rng.permutation(80)[:size]), pairs=None)
        for (m, items), size in zip(data.media.items(), (80, 60), strict=True)
    }
    unpaired = CrossModalData("unpaired", media, data.class_names)
    assert evaluate(ARRAY_METHODS[name](**arguments).fit(unpaired), unpaired).map > 0.8


def test_before_fit_and_for_other_media_it_refuses(fitted, data, tmp_path):
    name = type(fitted).__name__
    message = rf"{name} must be fitted before it is used\. Call fit\(\)\."
    for use in (
        lambda model: model.encode_text(data.media["text"].items[:1]),
        lambda model: model.preprocess(data),
        lambda model: model.save_to_preset(tmp_path / "preset"),
    ):
        with pytest.raises(RuntimeError, match=message):
            use(type(fitted)())
    assert not list(tmp_path.iterdir())
    message = r"This model has the media \['image', 'text'\]\. Received: media='audio'"
    with pytest.raises(KeyError, match=message):
        fitted.encode(data, "audio")


@pytest.mark.parametrize("name", [*PAIRED, "LGCFL"])
def test_training_items_are_encoded_around_nought(name):
    # Features that are not, as those of a preprocessor are.
    data = planted(classes=4)
    media = {m: replace(x, items=x.items + 5) for m, x in data.media.items()}
    data = replace(data, media=media)
    scalers = {m: FeatureScaler(square_root=False, norm="none", standardize=False) for m in media}
    baseline = ARRAY_METHODS[name](preprocessor=Preprocessor.for_data(data, **scalers)).fit(data)
    for medium in media:
        encoded = baseline.encode(data.part("train"), medium)
        np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-3 * encoded.std())


@pytest.mark.parametrize("name", ARRAY_METHODS)
def test_pictures_are_refused(name):
    image = DATA_OF[name].media["image"]
    pictures = replace(image, items=[f"{row}.jpg" for row in range(len(image))])
    data = replace(DATA_OF[name], media={**DATA_OF[name].media, "image": pictures})
    with pytest.raises(ValueError, match=rf"{name} takes rows\. Received: raw items of \['im"):
        ARRAY_METHODS[name]().fit(data)


@pytest.mark.parametrize("name", ARRAY_METHODS)
def test_a_given_preprocessor_is_fitted_and_used(name):
    data = DATA_OF[name]
    scaler = FeatureScaler(norm="none", square_root=False)
    given = Preprocessor.for_data(data, image=scaler)
    baseline = ARRAY_METHODS[name](**TINY[name].arguments, preprocessor=given).fit(data)
    assert baseline.preprocessor is given
    train = data.part("train").media["image"].items
    np.testing.assert_allclose(scaler.mean, train.mean(axis=0), rtol=1e-5)
