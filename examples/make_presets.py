"""Make the presets in `weights/`, with cards and the golden encodings that the tests check.

`pascal` needs nothing; `wiki` needs KERAS_XMR_DATA with `wikipedia/`.

Usage: python examples/make_presets.py
"""

import sys
from pathlib import Path

import numpy as np

import keras_xmr
from keras_xmr.datasets.catalogue import load
from keras_xmr.training.train import train_chtn

ROOT = Path(__file__).parent.parent
SEED = 0
GOLDEN_ROWS = 8

# Preset -> data set, source data set, average of the paper's Table 1.
PRESETS = {
    "chtn_pascal": ("pascal_sentences", "caltech101", 0.472),
    "chtn_wiki": ("wikipedia", None, 0.470),
}

CARD = """# {name}

CHTN (Huang, Peng, Yuan: IJCAI 2017) for {data}, trained by keras_xmr.

```python
import keras_xmr

model = keras_xmr.CHTN.from_preset("{short}")
```

{report}

Part: test, {split}. MAP is MAP@all, the whole ranking divided by all relevant items. These are the
figures of this one model; `examples/paper_tables/chtn.csv` has means over seeds and splits.
The paper's average is {paper:.3f}, with AlexNet and other text features: another task, in fact.

- Inputs: {inputs}.
- Source domain: {source}.
- Settings: the recipe of `{data}` in `keras_xmr/training/recipes.py`, chosen on validation.
- Trained on: {licence}. The weights are under Apache-2.0.
- Made with: `python examples/make_presets.py`, seed {seed}.
"""

SOURCES = {
    "caltech101": "Caltech-101, 25 pictures of each class, through the same extractor",
    None: "none, since no labelled pictures exist in this feature space: CHTN without its "
    "single-modal transfer",
}


def make(name: str, data_name: str, source_name: str | None, paper: float) -> None:
    """Train, evaluate and write one preset and its golden encodings."""
    data = load(data_name)
    source = load(source_name) if source_name else None
    trained = train_chtn(data, source, seed=SEED, progress=True)
    model = trained.without_source()
    report = keras_xmr.evaluate(model, data)
    card = CARD.format(
        name=name,
        short=name.removeprefix("chtn_"),
        data=data_name,
        report=report.table(),
        split=data.provenance.split,
        paper=paper,
        inputs=f"{data.provenance.features}; texts as raw sentences or word counts"
        if data_name == "pascal_sentences"
        else data.provenance.features,
        source=SOURCES[source_name],
        licence=f"{data.provenance.citation} ({data.provenance.licence})",
        seed=SEED,
    )
    metadata = {
        "paper": "Huang, Peng, Yuan: IJCAI 2017, arXiv 1706.00153",
        "data": data_name,
        "source": source_name,
        "features": data.provenance.features,
        "split": data.provenance.split,
        "split_hash": data.split_hash(),
        "seed": SEED,
        "command": "python examples/make_presets.py",
        "map": round(report.map, 4),
        "results": report.rows(),
        "paper_map": paper,
        "licence": "Apache-2.0",
    }
    folder = model.save_to_preset(ROOT / "weights" / name, metadata=metadata, card=card)
    write_golden(name, data.part("test"), keras_xmr.CHTN.from_preset(folder))
    print(f"{name}: MAP {report.map:.4f}, {size(folder):.1f} MB")


def write_golden(name: str, part, model) -> None:
    """Some inputs and their encodings by the stored preset, on the backend that runs this."""
    arrays = {}
    for medium, rows in model.preprocess(part).items():
        arrays[f"{medium}_input"] = rows[:GOLDEN_ROWS]
        arrays[medium] = model.encode({medium: rows[:GOLDEN_ROWS]}, media=medium)
    np.savez_compressed(ROOT / "tests" / "golden" / f"{name}.npz", **arrays)


def size(folder: Path) -> float:
    """Megabytes in a folder."""
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


if __name__ == "__main__":
    wanted = sys.argv[1:] or PRESETS
    for preset in wanted:
        make(preset, *PRESETS[preset])
