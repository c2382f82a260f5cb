"""Which media are drawn together: the edges of a graph over them."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from keras_xmr.methods.chtn import Edge

GRAPHS = ("star", "chain", "complete")
NORMALISATIONS = ("none", "mean")


def edges_of(
    edges: str | Sequence[Edge], media: Sequence[str], hub: str, normalisation: str
) -> list[Edge]:
    """Weighted pairs of media.

    Args:
        edges: `"star"` for the hub with every other medium, `"chain"` for each medium with the
            next one, `"complete"` for all pairs; or pairs with weights.
        media: The media, in their order.
        hub: The centre of the star.
        normalisation: `"none"`, or `"mean"` to divide the weights by the number of edges.

    Raises:
        ValueError: If a name is none of these, or an edge does not lead from a medium to another.

    Example:
        >>> edges_of("star", ["image", "text", "audio"], "image", "mean")
        [('image', 'text', 0.5), ('image', 'audio', 0.5)]
    """
    if normalisation not in NORMALISATIONS:
        raise ValueError(
            f"Edges are normalised by one of {NORMALISATIONS}. Received: {normalisation!r}."
        )
    if isinstance(edges, str):
        if edges not in GRAPHS:
            raise ValueError(f"Graphs are {GRAPHS}, or a list of edges. Received: {edges=}.")
        pairs = {
            "star": [(hub, name) for name in media if name != hub],
            "chain": list(pairwise(media)),
            "complete": list(combinations(media, 2)),
        }[edges]
        weighted = [(one, other, 1.0) for one, other in pairs]
    else:
        weighted = [(one, other, float(weight)) for one, other, weight in edges]
    for one, other, _ in weighted:
        if one == other or not {one, other} <= set(media):
            raise ValueError(
                f"An edge leads from one of {sorted(media)} to another. "
                f"Received: edge {(one, other)}."
            )
    share = 1.0 / len(weighted) if normalisation == "mean" and weighted else 1.0
    return [(one, other, weight * share) for one, other, weight in weighted]
