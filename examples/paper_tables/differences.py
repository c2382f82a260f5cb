"""Where each method departs from its paper: the page `docs/differences.md`.

The words are those of the classes: what their docstrings say from "Where this departs" on.

Usage: python examples/paper_tables/differences.py
"""

import inspect
from pathlib import Path

from keras_xmr.methods.catalogue import method_class, methods

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
START, END = "Where this departs", "\nArgs:"
HEAD = """# Where methods differ from their papers

Method by method, and why. The words are those of the classes; what a name in them means is said in
`help(keras_xmr.CHTN)` and the like.
"""


def section(name):
    """What is told of a method."""
    cls, about = method_class(name), method_class(name).about
    told = inspect.getdoc(cls)
    text = told[told.index(START) : told.index(END)].strip()
    return f"## {about.title} (`{name}`)\n\n{about.reference}.\n\n{text}\n"


def page():
    """The text of the page."""
    of_papers = (name for name, about in methods().items() if not about.one_space)
    return "\n".join([HEAD, *map(section, of_papers)])


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
