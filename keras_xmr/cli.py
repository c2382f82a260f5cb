"""The command line: `keras-xmr list | train | compare | evaluate | encode | search`.

Nothing heavy is imported before the arguments are understood.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_xmr.backend import BACKENDS
from keras_xmr.version import __version__

DATA = (
    "name of a data set, a table (.csv, .tsv), arrays (.npz, .mat, .h5, or a folder of such), or a "
    "folder of class folders"
)
PRESET = "name of a preset, or path of one"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0, or 1 after an error that is told on standard error; argparse itself exits with 2. Where
        nobody reads on, as behind `| head -1`, 141, as a shell counts it.
    """
    try:
        try:
            return _run(argv)
        finally:
            # What is still kept back would only fail at the interpreter's exit.
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return 141


def _run(argv: Sequence[str] | None) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.backend:
        os.environ["KERAS_BACKEND"] = arguments.backend
    # TensorFlow, which Keras loads where it is installed, greets at length.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        importlib.import_module(f"keras_xmr.commands.{arguments.command}").run(arguments)
    except BrokenPipeError:
        raise
    except (ValueError, KeyError, OSError, ImportError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f"keras-xmr: error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("keras-xmr: interrupted", file=sys.stderr)
        return 130
    return 0


def _drop_output() -> None:
    """Send nowhere what a stream whose reader has gone still holds."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-xmr", description="Train, evaluate and search with cross-modal models."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (text, example, add_options) in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--json", action="store_true", help="print JSON on standard output")
        sub.add_argument("--backend", choices=BACKENDS, help="Keras backend to run on")
        add_options(sub)
    return parser


def _data_options(sub: argparse.ArgumentParser, flag: str = "--data", **more: Any) -> None:
    """Which data, and what to do about bad rows of them."""
    sub.add_argument(
        flag, dest="data", **{"help": f"{DATA}; by default that of the training", **more}
    )
    sub.add_argument("--skip-bad", action="store_true", help="leave bad rows of own data out")


def _train_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("method", metavar="METHOD", help="as `keras-xmr list` shows them")
    _data_options(sub, default="pascal_sentences", help=DATA)
    sub.add_argument("--source", help="labelled source data, likewise, to transfer from")
    sub.add_argument("--out", type=Path, required=True, help="directory of the new preset")
    sub.add_argument("--seed", type=int, default=0)
    method = sub.add_argument_group("the method", "what it does not take is told")
    method.add_argument("--settings", type=Path, help="a JSON file of settings")
    method.add_argument(
        "--tune",
        metavar="BUDGET",
        help="choose settings on held-out items first: a number of trials, a time as 5m, or both",
    )
    method.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="setting, or argument of the class, as n_components=20; repeat it for several",
    )
    method.add_argument("--kernel", help="rbf, poly, or any other kernel of scikit-learn")
    method.add_argument("--variant", help="such as cross, full, paper or released")
    networks = sub.add_argument_group("networks")
    networks.add_argument("--hub", help="medium that the others are paired with; default: image")
    networks.add_argument("--epochs", type=_positive, help="times through the data")
    networks.add_argument("--batch-size", type=_positive, help="pairs per step")
    networks.add_argument(
        "--optimizer", choices=("adamw", "paper"), help="paper: SGD of the release"
    )
    networks.add_argument("--accumulate", type=_positive, help="batches per step of the optimizer")
    networks.add_argument("--averaging", type=_share, help="momentum of averaged weights, as 0.99")
    networks.add_argument("--precision", choices=("mixed_float16", "mixed_bfloat16"))
    networks.add_argument("--steps-per-execution", type=_positive, help="TensorFlow and JAX only")
    networks.add_argument("--jit-compile", action=argparse.BooleanOptionalAction)
    networks.add_argument(
        "--text-cnn",
        action="store_true",
        help="read texts word by word, with a convolutional network over word vectors",
    )
    pictures = sub.add_argument_group("pictures, instead of features")
    pictures.add_argument(
        "--trunk",
        help="alexnet, efficientnet_lite0 to efficientnet_lite4, squeezenet, any of "
        "keras.applications, a preset's, or a .keras file",
    )
    _encoder_options(sub)
    pictures.add_argument("--trunk-weights", type=Path, help="file of its weights")
    pictures.add_argument(
        "--fine-tune",
        type=_share,
        metavar="SHARE",
        help="train the trunk too, at this share of the learning rate; frozen by default",
    )
    pictures.add_argument(
        "--fine-tune-from", metavar="LAYER", help="its first layer that is trained"
    )


def _encoder_options(sub: argparse.ArgumentParser) -> None:
    encoders = sub.add_argument_group(
        "encoders that stay as they are",
        "a trunk, keras_hub:PRESET, an .onnx file, or a model of sentence_transformers; several "
        "with + between them stand side by side, and tfidf is a bag of words",
    )
    encoders.add_argument("--image-encoder", metavar="ENCODER", help="such as mobilenet_v2")
    encoders.add_argument("--text-encoder", metavar="ENCODER", help="as tfidf+all-MiniLM-L6-v2")
    encoders.add_argument("--encoder", metavar="ENCODER", help="of both, such as clip-ViT-B-32")


def _compare_options(sub: argparse.ArgumentParser) -> None:
    _data_options(sub, required=True, help=DATA)
    sub.add_argument("--source", help="labelled source data, likewise, for methods that take such")
    sub.add_argument(
        "--methods", default="all", help="names with commas between them, or all; default: all"
    )
    sub.add_argument("--out", type=Path, required=True, help="folder of the report; it is resumed")
    sub.add_argument("--seeds", type=_positive, default=5, help="trainings of each method")
    sub.add_argument("--splits", type=_positive, default=1, help="how often the parts are drawn")
    sub.add_argument(
        "--budget",
        default="20",
        help="trials of tuning for each method, a time for all of it as 30m, or both as 20,30m",
    )
    sub.add_argument(
        "--select-on",
        choices=("validation", "test"),
        default="validation",
        help="test reproduces papers that chose their settings on it, and marks every figure",
    )
    sub.add_argument(
        "--variant",
        action="append",
        metavar="DEFINITION",
        help="a row of a method with settings that are not tuned, 'narrow: chtn shared_units=[64]'",
    )
    sub.add_argument("--jobs", type=_positive, help="processes at a time; default: all cores")
    sub.add_argument("--trunk", help="network of the pictures, whose features all methods get")
    _encoder_options(sub)


def _evaluate_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--preset", required=True, action="append", help="repeat it to compare presets"
    )
    _data_options(sub)
    sub.add_argument("--split", default="test", choices=("train", "validation", "test"))
    sub.add_argument("--out", type=Path, help="folder for report.json, .csv and .png")


def _encode_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--preset", required=True, help=PRESET)
    _data_options(sub)
    sub.add_argument("--text", action="append", help="a text instead of a data set")
    sub.add_argument("--image", action="append", help="a picture file instead of a data set")
    sub.add_argument("--out", type=Path, required=True, help="the .npz file: ids, one array each")


def _search_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--preset", required=True, help=PRESET)
    query = sub.add_mutually_exclusive_group()
    query.add_argument("--text", help="the query; without any, asked for in a terminal")
    query.add_argument("--image", type=Path, help="a picture file as the query")
    query.add_argument("--item", help="id of an item of the data as the query")
    _data_options(sub, "--in")
    sub.add_argument("--media", help="medium to search; by default the one not asked in")
    sub.add_argument("-k", type=_positive, default=10, help="number of results")
    sub.add_argument("--out", type=Path, help="picture file for a contact sheet of the results")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text}")
    return value


COMMANDS: dict[str, tuple[str, str, Callable[[argparse.ArgumentParser], None]]] = {
    "list": ("presets, methods and data sets", "keras-xmr list", lambda sub: None),
    "train": (
        "train a model and save it as a preset",
        "keras-xmr train chtn --data my.csv --trunk mobilenet_v2 --out runs/mine",
        _train_options,
    ),
    "compare": (
        "tune, train and compare methods on one data set, and write a report",
        "keras-xmr compare --data my.csv --trunk mobilenet_v2 --out report",
        _compare_options,
    ),
    "evaluate": (
        "MAP, recall and precision between all pairs of media",
        "keras-xmr evaluate --preset chtn_pascal --out runs/report",
        _evaluate_options,
    ),
    "encode": (
        "common representations as an .npz file",
        "keras-xmr encode --preset chtn_pascal --text 'a red bus' --out bus.npz",
        _encode_options,
    ),
    "search": (
        "rank the items of a data set for a query",
        "keras-xmr search --preset chtn_pascal --text 'two dogs on a beach' -k 10",
        _search_options,
    ),
}

if __name__ == "__main__":
    sys.exit(main())
