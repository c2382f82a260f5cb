"""`keras-xmr compare`: which method is best on given data."""

import argparse
import json
import math
import os
import shlex
import sys
from typing import Any

from keras_xmr.commands.assigned import assigned


def run(arguments: argparse.Namespace) -> None:
    """Compare methods, print the table and write the report."""
    import keras_xmr
    from keras_xmr.commands.encoders import encoders_of, raw_media
    from keras_xmr.datasets.catalogue import load

    raw = raw_media(arguments)
    data = load(arguments.data, raw=raw, skip_bad=arguments.skip_bad)
    source: Any = None
    if arguments.source:
        source = load(arguments.source, raw=raw, skip_bad=arguments.skip_bad)
    trunks = {}
    if arguments.trunk:
        from keras_xmr.trunks import load_trunk

        trunks["image"] = load_trunk(arguments.trunk)
    comparison = keras_xmr.compare(
        data,
        arguments.methods,
        source,
        seeds=arguments.seeds,
        splits=arguments.splits,
        budget=arguments.budget,
        select_on=arguments.select_on,
        variants=dict(defined(text) for text in arguments.variant or []),
        trunks=trunks,
        encoders=encoders_of(arguments),
        folder=arguments.out,
        jobs=arguments.jobs or os.cpu_count() or 1,
    )
    if arguments.json:
        rows = [{name: _plain(value) for name, value in r.items()} for r in comparison.rows()]
        print(json.dumps(rows, allow_nan=False))
    else:
        print(comparison.table())
    for method, reason in comparison.failures.items():
        print(f"{method} failed: {reason}", file=sys.stderr)
    for sentence in comparison.cut:
        print(f"left out for want of time: {sentence}", file=sys.stderr)
    print(f"saved {comparison.report(arguments.out)}", file=sys.stderr)


def defined(text: str) -> tuple[str, tuple[str, dict[str, Any]]]:
    """Name, method and settings of `"narrow: chtn shared_units=[64]"`."""
    name, colon, definition = text.partition(":")
    method, *settings = shlex.split(definition) or [""]
    if not colon or not method:
        raise ValueError(
            f"A variant is given as 'name: method setting=value ...'. Received: {text!r}."
        )
    return name.strip(), (method, assigned(settings))


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
