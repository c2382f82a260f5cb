"""Figures of a comparison: SVGs with texts, the same each time, whatever names and numbers say."""

import warnings
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from keras_xmr.comparison import plots
from keras_xmr.comparison.drawing import COLOURS, GREY

# What matplotlib, XML or LaTeX could take for something else.
ODD = ["_private", "cost in $ or $", "a<b>&amp;", "猫在睡觉"]
METHODS = [*ODD, *(f"method {k}" for k in range(12))]


def texts(svg):
    """All texts of an SVG, which has to be XML."""
    return [text.strip() for text in ElementTree.fromstring(svg).itertext() if text.strip()]


def whole(svg):
    return " ".join(texts(svg))


def curves(labels, directions=("image->text", "text->image")):
    rng = np.random.default_rng(0)
    return {label: {d: sorted(rng.random(11))[::-1] for d in directions} for label in labels}


def per_class(methods, classes):
    rng = np.random.default_rng(0)
    return {f"m{k}": rng.random(classes) for k in range(methods)}, [f"c{k}" for k in range(classes)]


def space(classes, per=4):
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(classes), per)
    points = {medium: rng.normal(size=(len(of), 2)) for medium in ("image", "text")}
    return points, dict.fromkeys(points, of), [f"class {k}" for k in range(classes)]


FIGURES = {
    "precision_recall": lambda: plots.precision_recall(curves(METHODS)),
    "cost": lambda: plots.cost({m: (k + 0.5, k / 20) for k, m in enumerate(METHODS)}),
    "per_class": lambda: plots.per_class(*per_class(3, 5)),
    "learning_curves": lambda: plots.learning_curves({m: {"loss": [2.0, 1.0]} for m in METHODS}),
    "map_of_space": lambda: plots.map_of_space(*space(5)),
    "tuning": lambda: plots.tuning({m: [0.1, 0.3, 0.2] for m in METHODS}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_equal_inputs_give_equal_svgs(name, monkeypatch):
    first = FIGURES[name]()
    assert first.startswith("<svg")
    # Whatever else the program draws, and how.
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 20.0)
    assert FIGURES[name]() == first
    assert matplotlib.rcParams["font.size"] == 20.0


@pytest.mark.parametrize("name", FIGURES)
def test_no_parts_of_two_figures_have_the_same_name(name):
    def names(svg):
        return {e.get("id") for e in ElementTree.fromstring(svg).iter()} - {None}

    others = set().union(*(names(draw()) for other, draw in FIGURES.items() if other != name))
    assert not names(FIGURES[name]()) & others


@pytest.mark.parametrize("name", ["precision_recall", "cost", "learning_curves", "tuning"])
def test_all_methods_are_named(name):
    found = whole(FIGURES[name]())
    assert all(method in found for method in METHODS)


def test_precision_recall_has_a_panel_for_each_direction_and_few_colours():
    svg = plots.precision_recall(curves(METHODS))
    assert {"image->text", "text->image", "recall"} <= set(texts(svg))
    assert all(colour.lower() in svg for colour in (*COLOURS, GREY))


@pytest.mark.parametrize("count", [1, 8])
def test_few_methods_have_no_grey(count):
    assert "grey" not in whole(plots.precision_recall(curves(METHODS[:count])))


def test_directions_that_one_method_lacks():
    some = curves(["a"]) | curves(["b"], directions=["image->text"])
    assert {"a", "b"} <= set(texts(plots.precision_recall(some)))


def test_the_front_is_named_however_close_its_points_are():
    points = {f"front {k}": (1 + k / 1000, 0.5 + k / 1000) for k in range(12)}
    rest = {f"rest {k}": (1.1, 0.4) for k in range(12)}
    found = texts(plots.cost(rest | points))
    assert set(points) <= set(found)
    assert len(set(rest) & set(found)) < len(rest)


def test_cost_of_no_time_and_of_no_map():
    found = texts(plots.cost({"at once": (0.0, 0.4), "failed": (3.0, float("nan"))}))
    assert "at once" in found
    assert "failed" not in found
    assert "1 ms" in found


def test_per_class_hatches_what_is_not_known():
    rows, names = per_class(2, 3)
    rows["m1"] = np.array([0.25, np.nan, 1.0])
    svg = plots.per_class(rows, names)
    assert {"m0", "m1", "c0", "c1", "c2", ".25"} <= set(texts(svg))
    assert "nan" not in whole(svg)
    assert "<pattern" in svg


def test_per_class_of_many_classes_writes_no_numbers():
    rows, names = per_class(16, 100)
    svg = plots.per_class(rows, names)
    assert set(names) <= set(texts(svg))
    assert not any(text.startswith(".") for text in texts(svg))
    assert len(svg) < 600_000


def test_per_class_of_nothing_but_nan():
    assert "c" in texts(plots.per_class({"m": np.array([np.nan])}, ["c"]))


def test_losses_are_those_of_the_method():
    found = whole(
        plots.learning_curves(
            {
                "one": {"loss": [1.0, float("nan"), 0.5], "aux_loss": [1.0] * 3},
                "two": {"domain_loss": [1.0], "label_loss": [1.0], "MAP": [0.3]},
                "none": {"MAP": [0.1]},
            }
        )
    )
    assert all(name in found for name in ("one", "two", "domain_loss", "label_loss"))
    assert not any(name in found for name in ("none", "aux_loss", "MAP"))


@pytest.mark.parametrize("classes", [1, 8, 20])
def test_classes_are_named(classes):
    points, of, names = space(classes)
    assert {*names, "image", "text"} <= set(texts(plots.map_of_space(points, of, names)))


def test_of_100_classes_the_largest_have_a_colour():
    points, of, names = space(100)
    of = {medium: np.where(k == 0, 99, k) for medium, k in of.items()}
    found = texts(plots.map_of_space(points, of, names))
    assert "class 99" in found
    assert sum(text.startswith("class") for text in found) == plots.CLASSES


def test_many_points_are_thinned():
    points, of, names = space(2, per=5000)
    assert len(plots.map_of_space(points, of, names)) < 500_000


def test_tuning_shows_the_best_so_far_past_a_trial_that_failed():
    assert plots.tuning({"a": [float("nan"), 0.2, 0.1]}) == plots.tuning(
        {"a": [float("nan"), 0.2, float("nan")]}
    )


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.precision_recall({}),
        lambda: plots.cost({}),
        lambda: plots.learning_curves({}),
        lambda: plots.tuning({}),
        lambda: plots.per_class({}, ["a"]),
    ],
)
def test_nothing_to_show(draw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ElementTree.fromstring(draw())


def test_project_is_the_plane_of_most_variance():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 5)) * [9, 5, 0.1, 0.1, 0.1]
    found = plots.project({"image": rows[:20], "text": 3 * rows[20:]})
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    centred = unit - unit.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[[0, 1], np.abs(axes[:2]).argmax(1)])[:, None]
    joined = np.concatenate([found["image"], found["text"]])
    np.testing.assert_allclose(joined, centred @ axes.T, atol=1e-6)


def test_project_zeros_one_dimension_and_bits():
    assert plots.project({"image": np.zeros((3, 4))})["image"].tolist() == [[0, 0]] * 3
    line = plots.project({"image": np.ones((3, 1)), "text": -np.ones((2, 1))})
    assert line["text"].shape == (2, 2)
    bits = np.eye(4, dtype=np.uint8)
    assert np.isfinite(plots.project({"image": bits})["image"]).all()
