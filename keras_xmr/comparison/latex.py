"""The tables of a comparison as LaTeX."""

from keras_xmr.comparison.cells import (
    EMPHASIS,
    MINUS,
    NOTHING,
    Shown,
    emphasised,
    heading,
    notes_of,
    numeric,
    shown,
)
from keras_xmr.comparison.content import Content, Table

LATEX = {
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"},
    # After the end of a row these would belong to it.
    **{sign: f"{{{sign}}}" for sign in "[]*"},
    **{MINUS: "$-$", NOTHING: "--", "…": r"\ldots{}", "†": r"$^\dagger$", "±": r"$\pm$"},
    **{"→": r"$\rightarrow$", "↑": r"$\uparrow$", "↓": r"$\downarrow$"},
}


def latex(content: Content) -> str:
    """The tables of the report for a paper.

    Args:
        content: What it says.

    Returns:
        A `table` for each, for the package `booktabs`.
    """
    head = (
        "% \\usepackage[T1]{fontenc} \\usepackage{booktabs}\n"
        "% With names in other than Latin letters: LuaLaTeX or XeLaTeX.\n"
    )
    tables = (content.table, *content.tables)
    return head + "\n".join(_latex_table(table, content.marked) for table in tables)


def _latex_table(table: Table, marked: bool) -> str:
    sides = "".join("r" if right else "l" for right in numeric(table))
    head = " & ".join(_tex(heading(column)) for column in table.columns)
    body = "\n".join(
        " & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in shown(table, marked)
    )
    notes = [_tex(note) for note in notes_of(table, marked)]
    if emphasised(table):
        notes = [EMPHASIS.format(best=r"\textbf{Bold}", level=r"\underline{underlined}"), *notes]
    caption = " ".join([_tex(table.title) + ".", *notes])
    return f"""\\begin{{table}}
\\centering
\\caption{{{caption}}}
\\begin{{tabular}}{{{sides}}}
\\toprule
{head} \\\\
\\midrule
{body}
\\bottomrule
\\end{{tabular}}
\\end{{table}}
"""


def _latex_cell(cell: Shown) -> str:
    text = _tex(cell.text)
    if cell.best:
        text = f"\\textbf{{{text}}}"
    if cell.level:
        text = f"\\underline{{{text}}}"
    return text + (_tex("†") if cell.dagger else "")


def _tex(text: str) -> str:
    return "".join(LATEX.get(sign, sign) for sign in " ".join(text.split()))
