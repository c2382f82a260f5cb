"""The command line: `keras-xmr list | train | evaluate | encode | search`.

Nothing heavy is imported before the arguments are understood.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_xmr.backend import BACKENDS, ensure_backend
from keras_xmr.version import __version__

if TYPE_CHECKING:
    import numpy as np

    from keras_xmr.datasets import CrossModalData
    from keras_xmr.index import Ranking

METHODS = {
    "chtn": "cross-modal hybrid transfer network (IJCAI 2017)",
    "semantic_matching": "baseline: one logistic regression for each medium",
}

EXAMPLES = {
    "list": "keras-xmr list",
    "train": "keras-xmr train chtn --data pascal_sentences --source caltech101 --out runs/pascal",
    "evaluate": "keras-xmr evaluate --preset chtn_pascal --out runs/report",
    "encode": "keras-xmr encode --preset chtn_pascal --text 'a red bus' --out bus.npz",
    "search": "keras-xmr search --preset chtn_pascal --text 'two dogs on a beach' -k 10",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0, or 1 after an error that is told on standard error; argparse itself exits with 2.
    """
    arguments = _parser().parse_args(argv)
    if arguments.backend:
        os.environ["KERAS_BACKEND"] = arguments.backend
    # TensorFlow, which Keras loads where it is installed, greets at length.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        _COMMANDS[arguments.command](arguments)
    except (ValueError, KeyError, OSError, ImportError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f"keras-xmr: error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("keras-xmr: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-xmr", description="Train, evaluate and search with cross-modal models."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example: {EXAMPLES[name]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--json", action="store_true", help="print JSON on standard output")
        sub.add_argument("--backend", choices=BACKENDS, help="Keras backend to run on")
        return sub

    def preset(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--preset", required=True, help="name of a preset, or path of one")

    command("list", "presets, methods and data sets")

    train = command("train", "train a model and save it as a preset")
    train.add_argument("method", choices=sorted(METHODS))
    train.add_argument("--data", default="pascal_sentences", help="name of a data set")
    train.add_argument("--source", help="name of a labelled source data set (chtn)")
    train.add_argument("--out", type=Path, required=True, help="directory of the new preset")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--epochs", type=_positive, help="instead of the recipe's (chtn)")
    train.add_argument("--batch-size", type=_positive, help="instead of the recipe's (chtn)")

    evaluate = command("evaluate", "MAP, recall and precision between all pairs of media")
    evaluate.add_argument(
        "--preset", required=True, action="append", help="repeat it to compare presets"
    )
    evaluate.add_argument("--data", help="name of a data set; that of the training by default")
    evaluate.add_argument("--split", default="test", choices=("train", "validation", "test"))
    evaluate.add_argument("--out", type=Path, help="folder for report.json, .csv and .png")

    encode = command("encode", "common representations as an .npz file")
    preset(encode)
    encode.add_argument("--data", help="name of a data set; that of the training by default")
    encode.add_argument("--text", action="append", help="a text instead of a data set")
    encode.add_argument(
        "--out", type=Path, required=True, help="the .npz file: ids, one array each"
    )

    search = command("search", "rank the items of a data set for a query")
    preset(search)
    search.add_argument("--text", help="the query; without it and --item, asked for in a terminal")
    search.add_argument("--item", help="id of an item of the data set as the query")
    search.add_argument("--in", dest="data", help="name of a data set; that of the training")
    search.add_argument("--media", help="medium to search; by default the one not asked in")
    search.add_argument("-k", type=_positive, default=10, help="number of results")
    search.add_argument("--out", type=Path, help="picture file for a contact sheet of the results")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text}")
    return value


def _list(arguments: argparse.Namespace) -> None:
    from keras_xmr import presets
    from keras_xmr.datasets.catalogue import CATALOGUE

    found = {
        "presets": {
            name: f"{facts['class_name']} on {facts.get('data', '?')}, "
            f"MAP@all {facts.get('map', float('nan')):.3f}"
            for name, facts in presets.bundled().items()
        },
        "methods": METHODS,
        "data sets": {name: entry.description for name, entry in CATALOGUE.items()},
    }
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for title, entries in found.items():
        print(title)
        for name, text in entries.items():
            print(f"  {name:20} {text}")


def _train(arguments: argparse.Namespace) -> None:
    import keras_xmr
    from keras_xmr.datasets.catalogue import load

    data = load(arguments.data)
    source = load(arguments.source) if arguments.source else None
    if source is not None and arguments.method != "chtn":
        raise ValueError(f"Only chtn takes source data. Received: method={arguments.method!r}.")
    ensure_backend()
    from keras_xmr.training.recipes import fit_semantic_matching

    model: Any
    if arguments.method == "chtn":
        model = _train_chtn(arguments, data, source)
    else:
        model = fit_semantic_matching(data)
    report = keras_xmr.evaluate(model, data)
    deployed = model.without_source() if source is not None else model
    deployed.save_to_preset(
        arguments.out,
        metadata={
            "data": arguments.data,
            "source": arguments.source,
            "split_hash": report.split_hash,
            "provenance": data.provenance.split,
            "seed": arguments.seed,
            "command": shlex.join(["keras-xmr", *sys.argv[1:]]),
            "map": round(report.map, 4),
            "results": report.rows(),
        },
    )
    _print_reports(arguments, {str(arguments.out): report})
    print(f"saved {arguments.out}", file=sys.stderr)


def _train_chtn(arguments: argparse.Namespace, data: Any, source: Any) -> Any:
    from keras_xmr.training.callbacks import RetrievalMAP
    from keras_xmr.training.progress import TrainingProgress
    from keras_xmr.training.recipes import recipe_for, train_chtn

    recipe = recipe_for(data, epochs=arguments.epochs, batch_size=arguments.batch_size)
    every = max(1, recipe.epochs // 10)
    return train_chtn(
        data,
        source,
        recipe=recipe,
        seed=arguments.seed,
        callbacks=[RetrievalMAP(data, every=every), TrainingProgress()],
    )


def _evaluate(arguments: argparse.Namespace) -> None:
    from keras_xmr.evaluation import evaluate

    reports = {}
    for name in arguments.preset:
        model, data = _model_and_data(name, arguments.data)
        reports[name] = evaluate(model, data, split=arguments.split)
        if arguments.out:
            folder = arguments.out / Path(name).name
            folder.mkdir(parents=True, exist_ok=True)
            reports[name].to_json(folder / "report.json")
            reports[name].to_csv(folder / "report.csv")
            reports[name].plot(folder / "report.png")
    _print_reports(arguments, reports)


def _print_reports(arguments: argparse.Namespace, reports: dict[str, Any]) -> None:
    from keras_xmr.evaluation import compare

    if arguments.json:
        print(json.dumps({name: report.to_dict() for name, report in reports.items()}))
        return
    for name, report in reports.items():
        print(f"{name}: {report.data}, {report.split}\n{report.table()}\n")
    for line in compare(reports):
        print(line)


def _encode(arguments: argparse.Namespace) -> None:
    import numpy as np

    from keras_xmr.presets import save_whole

    model, data = _model_and_data(arguments.preset, arguments.data)
    arrays: dict[str, Any] = {}
    if arguments.text:
        arrays["text"] = model.encode_text(arguments.text)
    else:
        for name in model.media:
            arrays[name] = model.encode(data, media=name)
            arrays[f"{name}_ids"] = data.medium(name).ids
    save_whole(arguments.out, lambda file: np.savez_compressed(file, **arrays))
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    print(json.dumps(shapes) if arguments.json else f"{arguments.out}: {shapes}")


def _search(arguments: argparse.Namespace) -> None:
    model, data = _model_and_data(arguments.preset, arguments.data)
    asked_in = "text"
    if arguments.item:
        asked_in = next((m for m in model.media if m != arguments.media), "image")
    target = arguments.media or next(m for m in model.media if m != asked_in)
    finder = _Finder(model, data, target)
    if arguments.item:
        items = data.medium(asked_in)
        rows = (items.ids == arguments.item).nonzero()[0]
        if not len(rows):
            raise ValueError(f"No item of {data.name!r} has that id. Received: {arguments.item!r}.")
        _show(arguments, finder, arguments.item, model.encode(items.items[rows], media=asked_in))
    elif arguments.text is not None:
        _show(arguments, finder, arguments.text, model.encode_text([arguments.text]))
    elif not sys.stdin.isatty():
        raise ValueError("A search needs a query. Received: no --text and no --item.")
    else:
        while text := input("search for (empty line to stop): ").strip():
            _show(arguments, finder, text, model.encode_text([text]))


class _Finder:
    """An index over one medium of a data set."""

    def __init__(self, model: Any, data: "CrossModalData", medium: str) -> None:
        from keras_xmr.index import ExactIndex

        self.data = data
        self.medium = medium
        self.items = data.medium(medium)
        self.row_of = {name: row for row, name in enumerate(self.items.ids.tolist())}
        self.index = ExactIndex().add(model.encode(data, media=medium), self.items.ids)

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
                }
            )
        return found

    def _classes(self, row: int) -> str:
        label = self.items.labels[row]
        numbers = label.nonzero()[0].tolist() if label.ndim else [int(label)]
        return ", ".join(self.data.class_names[number] for number in numbers)


def _show(
    arguments: argparse.Namespace, finder: _Finder, query: str, vector: "np.ndarray[Any, Any]"
) -> None:
    results = finder.results(vector, arguments.k)
    if arguments.json:
        print(json.dumps({"query": query, "medium": finder.medium, "results": results}))
    else:
        print(f"{finder.medium} items of {finder.data.name} for {query!r}")
        width = max(len(result["id"]) for result in results)
        for rank, r in enumerate(results, start=1):
            print(f"{rank:3}  {r['score']:7.4f}  {r['id']:{width}}  {r['class']:12}  {r['file']}")
    if arguments.out:
        from keras_xmr.contact_sheet import contact_sheet

        files = [Path(r["file"]) if r["file"] else None for r in results]
        captions = [f"{r['class']}  {r['score']:.3f}" for r in results]
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(files, captions, query).save(arguments.out)
        print(f"saved {arguments.out}", file=sys.stderr)


def _model_and_data(preset: str, data: str | None) -> tuple[Any, "CrossModalData"]:
    from keras_xmr import presets
    from keras_xmr.datasets.catalogue import load

    name = data or presets.metadata(preset).get("data")
    if name is None:
        raise ValueError("This preset does not name its data. Received: no data set; give one.")
    return presets.load(preset), load(name)


_COMMANDS = {
    "list": _list,
    "train": _train,
    "evaluate": _evaluate,
    "encode": _encode,
    "search": _search,
}

if __name__ == "__main__":
    sys.exit(main())
