"""`keras-xmr search`: rank the items of a data set for a text, a picture or one of its items."""

import argparse
import json
import sys
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from keras_xmr.datasets import CrossModalData
    from keras_xmr.index import Ranking

# Characters of a text that are shown.
SHOWN = 80


def run(arguments: argparse.Namespace) -> None:
    """Answer the query, or ask for texts in a terminal."""
    from keras_xmr.commands.report import model_and_data

    model, data = model_and_data(arguments, arguments.preset)
    asked_in = _medium_of_query(arguments, model)
    target = arguments.media or next(m for m in model.media if m != asked_in)
    finder = Finder(model, data, target)
    if arguments.item:
        items = data.medium(asked_in)
        rows = (items.ids == arguments.item).nonzero()[0]
        if not len(rows):
            raise ValueError(f"No item of {data.name!r} has that id. Received: {arguments.item!r}.")
        _show(arguments, finder, arguments.item, model.encode(items.items[rows], media=asked_in))
    elif arguments.image:
        _show(arguments, finder, str(arguments.image), _encode_picture(model, arguments.image))
    elif arguments.text is not None:
        _show(arguments, finder, arguments.text, _encode_text(model, asked_in, arguments.text))
    elif not sys.stdin.isatty():
        raise ValueError("A search needs a query. Received: no --text, no --image and no --item.")
    else:
        while text := input("search for (empty line to stop): ").strip():
            try:
                vector = _encode_text(model, asked_in, text)
            except ValueError as error:
                print(error, file=sys.stderr)
            else:
                _show(arguments, finder, text, vector)


def _medium_of_query(arguments: argparse.Namespace, model: Any) -> str:
    if arguments.image:
        return "image"
    others = [name for name in model.media if name != arguments.media]
    if arguments.item:
        return next(iter(others), "image")
    # Of texts in two languages the one is asked in, and the other searched.
    transforms = model.preprocessor.transforms
    return next((name for name in others if transforms[name].of_texts), "text")


def _encode_text(model: Any, medium: str, text: str) -> "np.ndarray[Any, Any]":
    """The text, if the model knows any of it; unknown words are told."""
    from keras_xmr.methods.blank import BlankItemsWarning

    transform = model.preprocessor.of(medium)
    unknown = transform.unknown(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", BlankItemsWarning)
            encoded: np.ndarray[Any, Any] = model.encode(text, medium)
    except BlankItemsWarning as error:
        near = dict.fromkeys(word for name in unknown or [""] for word in transform.nearest(name))
        known = f"Nearest known words: {', '.join(near)}." if near else "Use other words."
        raise ValueError(
            f"A query needs a word that the model has learnt. Received: {text!r}. {known}"
        ) from error
    if unknown:
        print(f"unknown words: {', '.join(unknown)}", file=sys.stderr)
    return encoded


def _encode_picture(model: Any, file: Path) -> "np.ndarray[Any, Any]":
    if not model.preprocessor.transforms["image"].of_pictures:
        raise ValueError(
            "A picture file can be the query of a preset with an encoder of pictures. Received: "
            "--image, and a preset of features. Train one with --image-encoder or --trunk."
        )
    encoded: np.ndarray[Any, Any] = model.encode_image([str(file)])
    return encoded


class Finder:
    """An index over one medium of a data set."""

    def __init__(self, model: Any, data: "CrossModalData", medium: str) -> None:
        from keras_xmr.index.for_metric import index_for

        self.data = data
        self.medium = medium
        self.items = data.medium(medium)
        self.row_of = {name: row for row, name in enumerate(self.items.ids.tolist())}
        self.index = index_for(model.metric).add(model.encode(data, media=medium), self.items.ids)

    def results(self, query: "np.ndarray[Any, Any]", k: int) -> list[dict[str, Any]]:
        """What there is to tell of the `k` best items."""
        ranking: Ranking = self.index.search(query, k)
        found = []
        for name, score in zip(ranking.ids[0].tolist(), ranking.scores[0].tolist(), strict=True):
            row = self.row_of[name]
            path = self.data.file_of(self.medium, row)
            found.append(
                {
                    "id": name,
                    "class": self._classes(row),
                    "score": round(score, 4),
                    "file": str(path) if path else "",
                    "text": "" if path else self._text(row),
                }
            )
        return found

    def _text(self, row: int) -> str:
        """The item, if it is a text."""
        item = None if hasattr(self.items.items, "counts") else self.items.items[row]
        return item if isinstance(item, str) else ""

    def _classes(self, row: int) -> str:
        label = self.items.labels[row]
        numbers = label.nonzero()[0].tolist() if label.ndim else [int(label)]
        return ", ".join(self.data.class_names[number] for number in numbers)


def _show(
    arguments: argparse.Namespace, finder: Finder, query: str, vector: "np.ndarray[Any, Any]"
) -> None:
    results = finder.results(vector, arguments.k)
    if arguments.json:
        print(json.dumps({"query": query, "medium": finder.medium, "results": results}))
    else:
        print(f"{finder.medium} items of {finder.data.name} for {query!r}")
        width = max(len(result["id"]) for result in results)
        for rank, r in enumerate(results, start=1):
            shown = r["file"] or textwrap.shorten(r["text"], SHOWN)
            print(f"{rank:3}  {r['score']:7.4f}  {r['id']:{width}}  {r['class']:12}  {shown}")
    if arguments.out:
        _draw(arguments.out, finder, query, results)


def _draw(out: Path, finder: Finder, query: str, results: list[dict[str, Any]]) -> None:
    """A contact sheet, where there is a picture to show."""
    from keras_xmr.contact_sheet import contact_sheet
    from keras_xmr.datasets.media_files import PICTURE_ENDINGS

    files = [Path(result["file"]) for result in results]
    pictures = [file if file.suffix.lower() in PICTURE_ENDINGS else None for file in files]
    if not any(pictures):
        print(f"no contact sheet: {_place_of_pictures(finder)}", file=sys.stderr)
        return
    captions = [f"{r['class']}  {r['score']:.3f}" for r in results]
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(pictures, captions, query).save(out)
    print(f"saved {out}", file=sys.stderr)


def _place_of_pictures(finder: Finder) -> str:
    """Where pictures would be looked for."""
    from keras_xmr.datasets.locate import VARIABLE, data_root

    name, files = f"{finder.medium} items of {finder.data.name}", finder.items.files
    if files is None:
        return f"{name} have no picture files"
    if file := next(filter(None, files.tolist()), None):
        return f"pictures of {name} are looked for in {str(Path(file).parent)!r}, among others"
    place = f"which is {str(data_root())!r}" if data_root() else "which is unset"
    return f"pictures of {name} are looked for below the folder that {VARIABLE} names, {place}"
