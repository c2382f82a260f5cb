"""Trunks by name, for the command line."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_xmr import presets
from keras_xmr.datasets.locate import VARIABLE, DataNotFoundError, data_root
from keras_xmr.layers.feature_scaling import FeatureScaling
from keras_xmr.trunks.alexnet import alexnet
from keras_xmr.trunks.application import APPLICATIONS, application
from keras_xmr.trunks.contract import check_trunk
from keras_xmr.trunks.efficientnet_lite import VARIANTS, efficientnet_lite
from keras_xmr.trunks.squeezenet import squeezenet

FOLDER = "backbones"
FILES = {
    "alexnet": "alexnet.npz",
    **{f"efficientnet_{variant}": f"efficientnet_{variant}.npz" for variant in VARIANTS},
    "mobilenet_v2": "mobilenet_v2_1.0_224_from_tf2_ptq.weights.h5",
    "squeezenet": "squeezenet_v1.0_deepcompressed_float32.npz",
}
OWN: dict[str, Callable[..., keras.Model]] = {
    "alexnet": alexnet,
    **{
        f"efficientnet_{variant}": functools.partial(efficientnet_lite, variant=variant)
        for variant in VARIANTS
    },
    "squeezenet": squeezenet,
}


def load_trunk(name: str, weights: str | Path | None = None, **options: Any) -> keras.Model:
    """A pretrained trunk by its name.

    Args:
        name: `"alexnet"`, `"efficientnet_lite0"` to `"efficientnet_lite4"`, `"squeezenet"`, or a
            network of `application`, such as `"mobilenet_v2"`; a preset whose pictures go through a
            trunk, such as `"chtn_pascal_mobilenet"`; or the path of a model of your own that is a
            trunk, a `.keras` file.
        weights: Path of its weights. If `None`, they are looked for in the sub-folder `backbones`
            of the folder that the environment variable `KERAS_XMR_DATA` names; failing that, Keras
            downloads those of the networks it has.
        **options: What the function of the trunk takes besides, such as `input_size`.

    Returns:
        A model from pixels `(n, height, width, 3)`, RGB 0..255, to features `(n, d)`.

    Raises:
        ValueError: If there is no such trunk, or the weights are those of another.
        OSError: If the weights are not found, or cannot be downloaded.

    Example:
        >>> trunk = load_trunk("squeezenet", "squeezenet.npz")  # doctest: +SKIP
        >>> load_trunk("lenet")
        Traceback (most recent call last):
        ValueError: Trunks are ['alexnet', 'convnext_base', ...], ... Received: name='lenet'.
    """
    if name not in OWN and name not in APPLICATIONS:
        return _of_file(name)
    if weights is None:
        weights = _file_of(name)
    if name in OWN:
        return OWN[name](weights, **options)
    return application(name, weights or "imagenet", **options)


def _of_file(name: str) -> keras.Model:
    """The trunk in a `.keras` file, or that of a preset."""
    if Path(name).suffix == ".keras" and Path(name).is_file():
        trunk = keras.saving.load_model(name, compile=False)
        check_trunk(trunk)
        return trunk
    if name not in presets.bundled() and not (Path(name) / presets.METADATA).is_file():
        raise ValueError(
            f"Trunks are {sorted([*OWN, *APPLICATIONS])}, a preset with a trunk, or a .keras file. "
            f"Received: {name=}."
        )
    model = presets.load(name).with_frozen_trunks()
    trunk = model.preprocessor.transforms["image"].network
    if trunk is None:
        raise ValueError(f"That preset is one of features. Received: {name=}, without a trunk.")
    last = trunk.layers[-1]
    # The scaling of features belongs to the preset's own settings.
    return keras.Model(trunk.input, last.input) if isinstance(last, FeatureScaling) else trunk


def _file_of(name: str) -> Path | None:
    """The file of the weights; `None` where there is none and Keras has them."""
    root = data_root()
    path = root / FOLDER / FILES[name] if root is not None and name in FILES else None
    if path is not None and path.is_file():
        return path
    if name in APPLICATIONS:
        return None
    place = "the variable is unset" if root is None else f"{VARIABLE}={str(root)!r}"
    raise DataNotFoundError(
        f"Expected the weights of {name!r} as {FOLDER}/{FILES[name]} in the folder that the "
        f"environment variable {VARIABLE} names. Received: {place}. "
        "Put them there, or give their path as `weights`."
    )
