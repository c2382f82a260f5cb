"""What a report of a comparison says: its sentences, tables, figures and definitions."""

from collections.abc import Iterator

import numpy as np

from keras_xmr.comparison import plots
from keras_xmr.comparison.comparison import Comparison, Entry
from keras_xmr.comparison.content import Content, Figure
from keras_xmr.comparison.diagnosis.per_class import per_class
from keras_xmr.comparison.findings import findings, of_test
from keras_xmr.comparison.tables import costs, help_is_worth, ranking
from keras_xmr.report import LEGEND
from keras_xmr.types import FloatArray

# Methods of a heat map.
ROWS = 8


def content(comparison: Comparison) -> Content:
    """All of a report; needs matplotlib."""
    worth = help_is_worth(comparison)
    return Content(
        title=f"{len(comparison.methods())} methods on {comparison.data[0].name}",
        summary=tuple(_sentences(comparison)),
        table=ranking(comparison),
        tables=(*([worth] if worth else []), costs(comparison)),
        figures=tuple(_figures(comparison)),
        findings=tuple(findings(comparison)),
        definitions=tuple(_definitions(comparison)),
        failures=comparison.failures,
        cut=tuple(comparison.cut),
        marked=comparison.plan.select_on == "test",
    )


def _sentences(comparison: Comparison) -> Iterator[str]:
    """The results."""
    methods, plan = comparison.methods(), comparison.plan
    best = methods[0]
    yield f"{best} has the best MAP on the test part: {comparison.map(Entry(best)):.3f}."
    level = comparison.level_with_best()[1:]
    if level:
        yield f"Not significantly worse: {', '.join(level)}."
    elif len(methods) > 1:
        yield "All others are significantly worse."
    chosen = max(methods, key=comparison.validation)
    lost = comparison.map(Entry(best)) - comparison.map(Entry(chosen))
    yield (
        f"By validation one would choose {chosen}, which is "
        + ("the best." if chosen == best else f"{lost:.3f} below the best.")
    )
    helped = max(comparison.entries(), key=comparison.map)
    if helped.help:
        yield f"With help, {helped.label} has {comparison.map(helped):.3f}."
    part = comparison.data[0].part("test")
    sizes = ", ".join(f"{len(medium)} of {name}" for name, medium in part.media.items())
    most = "up to " if comparison.cut else ""
    yield (
        f"Each method: {most}{plan.trials} trials of tuning, {plan.seeds} "
        f"{'training' if plan.seeds == 1 else 'trainings'} on each of {plan.splits} "
        f"{'split' if plan.splits == 1 else 'splits'}. Test items: {sizes}, of "
        f"{comparison.data[0].num_classes} classes."
    )


def _figures(comparison: Comparison) -> Iterator[Figure]:
    methods = comparison.methods()
    curves = {method: _curves(comparison, method) for method in methods}
    yield Figure(
        "Precision and recall",
        "Interpolated precision, mean over queries, on the test part.",
        plots.precision_recall(curves),
    )
    points = {
        row["method"]: (row["train_s"], comparison.map(Entry(row["method"])))
        for row in comparison.costs()
    }
    yield Figure("Quality and cost", "MAP against the time of one training.", plots.cost(points))
    names = comparison.data[0].class_names
    rows = {method: _by_class(comparison, method) for method in methods[:ROWS]}
    yield Figure(
        "Average precision by class",
        "Mean over the queries of each class and over directions.",
        plots.per_class(rows, names),
    )
    best = comparison.first_run(methods[0])
    part = comparison.data[0].part("test")
    encoded = of_test(best)
    labels = {name: part.medium(name).labels for name in encoded}
    if best.metric != "hamming" and all(of.ndim == 1 for of in labels.values()):
        yield Figure(
            f"The common space of {best.method}",
            "Test items; two principal axes of rows of length 1.",
            plots.map_of_space(plots.project(encoded), labels, names),
        )
    histories = {m: comparison.first_run(m).history for m in methods}
    histories = {m: history for m, history in histories.items() if history}
    if histories:
        yield Figure("Learning curves", "Of the first seed.", plots.learning_curves(histories))
    yield Figure(
        "Tuning",
        "Best held-out MAP after each trial, on the first split.",
        plots.tuning({m: comparison.tuning[m] for m in methods if m in comparison.tuning}),
    )


def _curves(comparison: Comparison, method: str) -> dict[str, list[float]]:
    """Direction to the mean curve of all models."""
    reports = [record.report for record in comparison.runs(method)]
    return {
        direction.name: np.mean([r.directions[place].precision for r in reports], axis=0).tolist()
        for place, direction in enumerate(reports[0].directions)
    }


def _by_class(comparison: Comparison, method: str) -> FloatArray:
    """Average precision of each class, of the first model."""
    part = comparison.data[0].part("test")
    record = comparison.first_run(method)
    of_directions = [
        per_class(part, d.query, d.gallery, d.average_precisions) for d in record.report.directions
    ]
    mean: FloatArray = np.mean(of_directions, axis=0)
    return mean


def _definitions(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Every definition that the report uses."""
    plan, data = comparison.plan, comparison.data[0]
    for name in ("MAP@all", "MAP@k/hits", "partner@k", "ties"):
        yield name, LEGEND[name]
    yield (
        "selection",
        "Settings are chosen on the TEST part. The first trial has the default settings."
        if plan.select_on == "test"
        else "Settings are chosen on held-out items: by the mean over four folds of training and "
        "validation for linear methods, on the validation part for networks. The first trial has "
        "the default settings.",
    )
    yield (
        "looks at the test part",
        "one for each model of this table, after all was chosen"
        if plan.select_on == "validation"
        else f"{plan.trials} for each method on each split, to choose its settings: figures say "
        "nothing of new data",
    )
    yield (
        "p and interval",
        "paired t-test over the instances of the split (SciPy's ttest_rel): all queries with a "
        "picture and its texts count as one; directions have the same weight"
        if plan.splits == 1
        else "corrected resampled t-test over splits, which share items (Nadeau and Bengio 2003)",
    )
    yield "correction", "Holm 1979, for the number of methods beside the best one"
    yield (
        "the best",
        "the method with the largest MAP on the test part; that it was chosen there makes its own "
        "figure a little too high",
    )
    yield (
        "one model",
        "a single network, where a method can average several: that is a help, and has rows of "
        "its own",
    )
    for name, (method, changes) in plan.variants.items():
        given = ", ".join(f"{setting}={value!r}" for setting, value in changes.items())
        yield name, f"{method} with {given or 'no setting given'}; the rest is tuned"
    yield (
        "ensemble",
        f"mean similarity of {plan.seeds} models: networks of all seeds; of linear methods, fits "
        "to training items drawn with replacement (Breiman 1996)",
    )
    told = comparison.environment
    if told:
        packages = ", ".join(f"{name} {version}" for name, version in told["packages"].items())
        yield "made with", f"keras_xmr {told['keras_xmr']} on {told['backend']}; {packages}"
    yield "split", f"{data.provenance.split or 'as given'}; SHA-256 {data.split_hash()}"
