"""Make the presets in `weights/`, with cards and the golden encodings that the tests check.

Presets of `pascal` need nothing; the others need KERAS_XMR_DATA: those of `wiki` its `wikipedia/`,
`mhtn_digits` its `digits/` (and the extra `audio`), and two the pictures of Pascal Sentences.
`chtn_pascal_mobilenet` needs those of Caltech-101 and the weights of MobileNetV2, too;
`chtn_pascal_pixels` needs `backbones/efficientnet_lite2_384.onnx`, which
`examples/convert_efficientnet_lite.py` writes, and the sentence encoder all-MiniLM-L6-v2.

The trunk of `chtn_pascal_mobilenet` is trained on those pairs alone that are in the training part
of each of the splits 0 to 4, so that the tables can report on all of these with the same trunk.

Usage: python examples/make_presets.py [--measure] [names of presets]
With --measure they are not trained: those that are there are evaluated, and their cards written
anew.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from paper_tables.pascal_encoders import encoders
from paper_tables.tuned import tuned

import keras_xmr
from keras_xmr import presets
from keras_xmr.datasets import load, pascal_sentences
from keras_xmr.methods.catalogue import method_class, methods
from keras_xmr.trunks import load_trunk, mirrored

ROOT = Path(__file__).parent.parent
SEED = 0
GOLDEN_ROWS = 8

NONE = "No figure of the paper that could be verified is at hand."
# Preset -> data set, source data set, and the average of the paper, of other features.
PRESETS = {
    "chtn_pascal": ("pascal_sentences", "caltech101", 0.472),
    "chtn_wiki": ("wikipedia", None, 0.470),
    "chtn_pascal_mobilenet": ("pascal_sentences", "caltech101", 0.472),
    "chtn_pascal_pixels": ("pascal_sentences", None, 0.472),
    "mhtn_pascal": ("pascal_sentences", "caltech101", None),
    "mhtn_wiki": ("wikipedia", None, None),
    "mhtn_digits": ("digits", None, None),
    "acmr_pascal": ("pascal_sentences", None, 0.541),
    "acmr_wiki": ("wikipedia", None, 0.440),
    "cm_gans_pascal": ("pascal_sentences", None, 0.604),
    "cm_gans_wiki": ("wikipedia", None, 0.494),
    "cca_wiki": ("wikipedia", None, 0.177),
    "cfa_wiki": ("wikipedia", None, 0.318),
    "kcca_wiki": ("wikipedia", None, 0.227),
    "jrl_wiki": ("wikipedia", None, 0.381),
    "lgcfl_wiki": ("wikipedia", None, 0.388),
    "ugach_pascal_64": ("pascal_sentences", None, None),
    "ugach_wiki_64": ("wikipedia", None, None),
    "bimodal_ae_wiki": ("wikipedia", None, 0.284),
    "cmdn_wiki": ("wikipedia", None, 0.387),
    "corr_ae_wiki": ("wikipedia", None, 0.365),
    "deep_sm_wiki": ("wikipedia", None, 0.402),
    "multimodal_dbn_wiki": ("wikipedia", None, 0.175),
}
# Tables of their own; all others are compared with in CHTN's paper, whose figures these are.
TABLES = ("acmr", "chtn", "cm_gans", "mhtn", "ugach")
# Arguments beside those of the settings: KCCA keeps some of the training items only; with fewer
# members all presets together have a place in one wheel.
SMALLER = {
    "kcca_wiki": {"landmarks": 300},
    "chtn_pascal_pixels": {"members": 3},
    "mhtn_pascal": {"members": 3},
}
PICTURE_SIZE = 288
# Width and height of the pictures of a golden file.
SIDE = 96
SPLITS = range(5)

CARD = """# {name}

{method} ({paper}) for {data}, trained by keras_xmr.

```python
import keras_xmr

model = keras_xmr.{method}.from_preset("{short}")
```

{report}

Part: test, {split}. MAP is MAP@all, the whole ranking divided by all relevant items. These are the
figures of this one model; `examples/paper_tables/{table}.csv` has means over seeds and splits.
{published}{ties}

- Inputs: {inputs}.
- Source domain: {source}.
- Settings: `examples/paper_tables/settings/{settings}.json`, chosen on validation.
- Trained on: {licence}. The weights are under Apache-2.0.
- Made with: `python examples/make_presets.py {name}`, seed {seed}.
"""

TIES = "\nDistances of codes tie: figures are those expected over the order of equal distances."
PUBLISHED = (
    "The paper's average is {:.3f}, with other networks and text features: another task, in fact."
)
ELSEWHERE = (
    "CHTN's paper has an average of {:.3f} for it, with other picture and text features: another "
    "task, in fact."
)
WORDS = "; texts as raw sentences or word counts"
MOBILENET = (
    "picture files, resized to 329x329, centre 288; the features of the picture and of its mirror "
    "image are averaged. Trunk: MobileNetV2 1.0 with the ImageNet weights of the public TF2 model "
    "(Apache-2.0, its authors at Google; rounded to int8 by those who converted it), the last "
    "block trained further by this project on pairs of Pascal Sentences and on Caltech-101" + WORDS
)
ENCODERS = (
    "picture files, resized to 384x384; the features of the picture and of its mirror image are "
    "averaged. Network: EfficientNet-Lite2 with the ImageNet weights of the TensorFlow release "
    "(Apache-2.0), in half precision, run by onnxruntime (`keras-xmr[onnx]`). Texts are raw "
    "sentences: a bag of words beside the mean of their sentences by all-MiniLM-L6-v2 "
    "(Apache-2.0), which is named, not stored (`keras-xmr[encoders]`)"
)
RAW = "raw items, made into rows by what `preprocessor.json` names"
SOURCES = {
    "caltech101": "Caltech-101, 25 pictures of each class, through the same extractor",
    None: "none",
}


def trained(method, data, source, changes):
    """A model of bundled or published features, by the settings of its data."""
    settings = tuned(method, data.name)
    return keras_xmr.train(data, method, source, settings=settings, seed=SEED, **changes)


def trained_with_trunk(method, data, source, changes):
    """A model of pictures: first its trunk is trained further, then the rest on its features."""
    trunk = load_trunk("mobilenet_v2", input_size=PICTURE_SIZE)
    keras_xmr.train(
        never_held_out(),
        method,
        source,
        trunks={"image": trunk},
        settings=tuned(method, "pascal_sentences_trunk"),
    )
    trunk.trainable = False
    return keras_xmr.train(
        data,
        method,
        source,
        trunks={"image": mirrored(trunk)},
        settings=tuned(method, "pascal_sentences_mobilenet"),
        seed=SEED,
        **changes,
    )


def trained_with_encoders(method, data, source, changes):
    """A model on frozen encoders: those of `paper_tables/encoders.py`."""
    settings = tuned(method, "pascal_sentences_encoders")
    given = encoders()
    return keras_xmr.train(data, method, encoders=given, settings=settings, seed=SEED, **changes)


def never_held_out():
    """The pairs of Pascal Sentences that are in the training part of every split of the tables."""
    splits = [pascal_sentences(None, split_seed=seed) for seed in SPLITS]
    rows = np.all([data.media["image"].split == "train" for data in splits], axis=0)
    media = {name: medium.rows(rows) for name, medium in splits[0].media.items()}
    return replace(splits[0], media=media)


class FromPictures(NamedTuple):
    """How a preset is made that takes picture files, and what its card says of it."""

    trained: Callable
    inputs: str
    settings: str
    table: str


FROM_PICTURES = {
    "chtn_pascal_mobilenet": FromPictures(
        trained_with_trunk, MOBILENET, "pascal_sentences_mobilenet", "chtn"
    ),
    "chtn_pascal_pixels": FromPictures(
        trained_with_encoders, ENCODERS, "pascal_sentences_encoders", "encoders"
    ),
}


def make(name: str, data_name: str, source_name: str | None, published: float | None) -> None:
    """Train, evaluate and write one preset and its golden encodings."""
    method = method_of(name)
    pictures = name in FROM_PICTURES
    data = load(data_name, raw=pictures)
    source = load(source_name, raw=pictures) if source_name else None
    train = FROM_PICTURES[name].trained if pictures else trained
    model = train(method, data, source, SMALLER.get(name, {}))
    model = presets.as_stored(model.for_retrieval())
    card, metadata = told(name, data, model, source_name, published)
    folder = model.save_to_preset(ROOT / "weights" / name, metadata=metadata, card=card)
    write_golden(name, data.part("test"), type(model).from_preset(folder))
    print(f"{name}: MAP {metadata['map']:.4f}, {size(folder):.1f} MB")


def measure(name: str, data_name: str, source_name: str | None, published: float | None) -> None:
    """Evaluate a preset that is there; its weights stay as they are."""
    folder = ROOT / "weights" / name
    model = presets.load(folder)
    data = load(data_name, raw=name in FROM_PICTURES)
    card, metadata = told(name, data, model, source_name, published)
    before = json.loads((folder / presets.METADATA).read_text(encoding="utf-8"))
    text = json.dumps(before | metadata, indent=1) + "\n"
    (folder / presets.METADATA).write_text(text, encoding="utf-8")
    (folder / presets.CARD).write_text(card, encoding="utf-8")
    print(f"{name}: MAP {before['map']:.4f} -> {metadata['map']:.4f}")


def method_of(name: str) -> str:
    """The method of a preset."""
    return max((m for m in methods() if name.startswith(f"{m}_")), key=len)


def told(name: str, data, model, source_name: str | None, published: float | None):
    """The card of a preset, and its metadata, with the figures of the model."""
    method = method_of(name)
    about = method_class(method).about
    compared, pictures = method not in TABLES, FROM_PICTURES.get(name)
    untransferred = source_name is None and "source" in about.learns_from
    report = keras_xmr.evaluate(model, data)
    inputs = pictures.inputs if pictures else data.provenance.features or RAW
    if data.name == "pascal_sentences" and not pictures:
        inputs += WORDS
    card = CARD.format(
        name=name,
        method=type(model).__name__,
        paper=about.reference,
        short=name.removeprefix(f"{method}_"),
        table=pictures.table if pictures else "baselines" if compared else method,
        data=data.name,
        report=report.table(),
        ties=TIES if model.metric == "hamming" else "",
        split=data.provenance.split,
        published=NONE
        if published is None
        else (ELSEWHERE if compared else PUBLISHED).format(published),
        inputs=inputs,
        settings=f"{pictures.settings if pictures else data.name}/{method}",
        source=SOURCES[source_name] + ", so without the transfer from one" * untransferred,
        licence=f"{data.provenance.citation} ({data.provenance.licence})",
        seed=SEED,
    )
    metadata = {
        "paper": about.reference,
        "data": data.name,
        "source": source_name,
        "features": inputs,
        "split": data.provenance.split,
        "split_hash": data.split_hash(),
        "seed": SEED,
        "command": f"python examples/make_presets.py {name}",
        "map": round(report.map, 4),
        "results": report.rows(),
        "paper_map": published,
        "licence": "Apache-2.0",
    }
    return card, metadata


def write_golden(name: str, part, model) -> None:
    """Some inputs and their encodings by the stored preset, on the backend that runs this."""
    arrays = {}
    for medium, transform in model.preprocessor.transforms.items():
        if name in FROM_PICTURES and medium == "image" and transform.network is None:
            inputs = patterns(SIDE)
            rows = transform(transform.listed(list(inputs)))
        elif transform.network is not None:
            # Pixels: what comes behind the network is the scaler of its features.
            inputs = patterns(transform.network.input_shape[1])
            rows = transform.steps[1](transform.network.predict(inputs, verbose=0))
        else:
            inputs = rows = transform(part.media[medium].items)[:GOLDEN_ROWS]
        arrays[f"{medium}_input"] = inputs
        # Of codes, the numbers whose signs they are: a number near zero may change its sign.
        relaxed = {"as_bits": False} if model.metric == "hamming" else {}
        arrays[medium] = model.encode({medium: rows}, media=medium, **relaxed)
    np.savez_compressed(ROOT / "tests" / "golden" / f"{name}.npz", **arrays)


def patterns(size: int) -> np.ndarray:
    """Pictures of coloured tiles, in the place of photographs that belong to others."""
    tiles = np.random.default_rng(SEED).integers(0, 256, (GOLDEN_ROWS, 9, 9, 3), dtype=np.uint8)
    repeated = tiles.repeat(-(-size // 9), axis=1).repeat(-(-size // 9), axis=2)
    return repeated[:, :size, :size]


def size(folder: Path) -> float:
    """Megabytes in a folder."""
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


if __name__ == "__main__":
    arguments = sys.argv[1:]
    work = measure if "--measure" in arguments else make
    for preset in [name for name in arguments if name != "--measure"] or PRESETS:
        work(preset, *PRESETS[preset])
