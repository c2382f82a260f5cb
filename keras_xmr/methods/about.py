"""`About`: what a method says of itself."""

from typing import NamedTuple


class About(NamedTuple):
    """What a method says of itself, with plain values: `catalogue` reads them from its source.

    Attributes:
        name: What it is called on the command line and in names of presets.
        title: What it is called in words.
        year: Of the paper.
        reference: The paper, in short.
        kind: `"linear"`, `"neural"`, `"game"` (networks that take turns) or `"hashing"`.
        learns_from: `"labels"`, `"pairs"` and `"source"` (labelled data of one medium).
        media: How many it takes: `"2"`, or `"any"` number from two on.
        returns: What its common representation is.
        one_space: Whether it takes rows that lie in one space already, as those of CLIP's encoders:
            all media then have rows of one width.
    """

    name: str
    title: str
    year: int
    reference: str
    kind: str
    learns_from: tuple[str, ...]
    media: str
    returns: str
    one_space: bool = False
