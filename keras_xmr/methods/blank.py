"""Items that say nothing: what is told of them."""

import warnings

from keras_xmr.types import Array, Items


class BlankItemsWarning(UserWarning):
    """Items were encoded that say nothing: texts without a known word, rows of zeros.

    Example:
        >>> import warnings
        >>> import keras_xmr
        >>> model = keras_xmr.CCA.train(keras_xmr.datasets.toy(), progress=False)
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", BlankItemsWarning)
        ...     model.encode_text("?!").tolist()
        [[0.0, 0.0, 0.0, 0.0]]
    """


def warn_of_blank(items: Items, blank: Array, media: str, metric: str) -> None:
    """Warn of the items that say nothing, in one line.

    Args:
        items: The items.
        blank: Which of them say nothing, `(n,)`.
        media: Name of their medium.
        metric: What rankings are by.
    """
    first = int(blank.nonzero()[0][0])
    texts = isinstance(items, list | tuple) or getattr(items, "ndim", 2) == 1
    named = f"{items[first]!r:.60}" if texts else f"row {first}"
    effect = "score 0 against everything" if metric == "cosine" else "rank by nothing"
    warnings.warn(
        f"{int(blank.sum())} of {len(items)} items of {media!r} say nothing that the model knows, "
        f"first {named}: their rows are zeros, which {effect}.",
        BlankItemsWarning,
        stacklevel=4,
    )
