"""The report of a comparison as HTML, Markdown and LaTeX; names in it come from users."""

import base64
import html
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from keras_xmr.comparison import plots
from keras_xmr.comparison.content import (
    Column,
    Content,
    Figure,
    Finding,
    Gallery,
    Item,
    Row,
    Table,
    thumbnail,
)
from keras_xmr.comparison.latex import latex
from keras_xmr.comparison.markdown import markdown, markdown_table
from keras_xmr.comparison.page import page
from tests.comparison.browser import chromium

EVIL = "<script>alert('x')</script> \"&amp;\" | _it_ *$50* 100% \\x {y} #1 ^ ~"
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Balanced(HTMLParser):
    """Sees that every tag is closed, in the right order, and keeps tags, attributes and texts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def ranking(*names, **changes):
    columns = (
        Column("method", "Its name."),
        Column("MAP", "Mean average precision.", higher_is_better=True),
        Column("p", "Of the difference from the best.", ".2g"),
        Column("models"),
        Column("seconds", format=".1f", higher_is_better=False),
    )
    rows = tuple(
        Row((name, 0.5 - k / 100, None if k == 0 else 1 / 10**k, 5, 2.5), **_emphasis(k))
        for k, name in enumerate(names)
    )
    return Table(**{"title": "Ranking", "columns": columns, "rows": rows} | changes)


def _emphasis(place):
    if place == 0:
        return {"best": frozenset({"MAP"}), "level": frozenset({"MAP"})}
    return {"level": frozenset({"MAP"})} if place == 1 else {}


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "one.png"
    Image.new("RGBA", (300, 600), (255, 0, 0, 128)).save(path)
    return thumbnail(path)


@pytest.fixture(scope="module")
def content(picture):
    names = [EVIL, *(f"method_{k}" for k in range(15))]
    rng = np.random.default_rng(0)
    scores = {name: rng.random(20) for name in names}
    curve = {name: {"image->text": list(rng.random(11))} for name in names}
    query, found = Item(EVIL), (Item("", picture, True), Item(EVIL, picture, False))
    gallery = Gallery(f"Found: {EVIL}", query, found)
    wide = ranking(
        *names,
        columns=tuple(Column(f"a long name {k}") for k in range(20)),
        rows=tuple(Row((name, *[0.5] * 19)) for name in names),
    )
    return Content(
        title=f"Comparison of {EVIL}",
        summary=(f"{EVIL} is best.", "See https://example.org."),
        table=ranking(*names),
        tables=(replace(wide, title=EVIL, note=EVIL),),
        figures=(
            Figure("Curves", EVIL, plots.precision_recall(curve)),
            Figure("Classes", EVIL, plots.per_class(scores, [EVIL, *map(str, range(19))])),
        ),
        findings=(Finding(EVIL, EVIL, ranking(EVIL), (gallery,)),),
        definitions=((EVIL, EVIL),),
        failures={EVIL: EVIL},
        cut=(EVIL,),
    )


@pytest.fixture(scope="module")
def written(content):
    return page(content)


def test_html_is_balanced_and_complete(written):
    found = Balanced(written)
    parts = {"h1", "main", "nav", "table", "caption", "thead", "figure", "figcaption", "details"}
    assert parts <= set(found.tags)
    links = [value[1:] for name, value in found.attributes if name == "href" and value[0] == "#"]
    ids = [value for name, value in found.attributes if name == "id"]
    assert set(links) <= set(ids)
    # Two SVGs are no reason for two parts of the same name.
    assert len(ids) == len(set(ids))


def test_nothing_of_a_name_becomes_part_of_the_page(written):
    found = Balanced(written)
    assert "script" not in found.tags
    assert not any(name.startswith("on") for name, _ in found.attributes)
    # Once in each of: title, h1, summary, and so on.
    assert sum(EVIL in text for text in found.texts) >= 12
    assert EVIL in [value for name, value in found.attributes if name in ("alt", "aria-label")]


def test_nothing_is_loaded(written):
    outside = re.sub(r'xmlns(:\w+)?="[^"]*"', "", written)
    assert re.findall(r"https?://\S+", outside) == ["https://example.org.</li>"]
    for name, value in Balanced(written).attributes:
        if name in ("src", "href", "xlink:href"):
            assert value.startswith(("data:image/jpeg;base64,", "data:image/png;base64,", "#"))
    assert "@import" not in written
    assert set(re.findall(r"url\((.)", written)) <= {"#"}


def test_pictures_have_words(written):
    found = Balanced(written).attributes
    names = [name for name, _ in found]
    assert names.count("alt") == names.count("src") == 2
    assert all(value for name, value in found if name in ("alt", "aria-label"))
    assert "✓ relevant" in written
    assert "✗ not relevant" in written


def test_a_report_of_little_has_no_empty_sections():
    small = page(Content("One", (), ranking("cca")))
    assert re.findall(r"<section id=\"(\w+)\"", small) == ["ranking"]
    assert "alert" not in small
    Balanced(small)


def test_what_was_selected_on_the_test_part_is_marked(content):
    text = page(replace(content, marked=True))
    assert 'class="banner" role="alert"' in text
    assert "<strong>0.500</strong><sup>†</sup>" in text
    # Neither counts nor costs were selected.
    assert '<td class="number">5</td><td class="number">2.5</td>' in text
    assert "†" not in page(content)


def test_a_row_may_be_marked():
    table = ranking("a", "b")
    table = replace(table, rows=(table.rows[0], replace(table.rows[1], marked="It saw the test.")))
    text = page(Content("t", (), table))
    assert "0.500</strong></td>" in text
    assert "0.490</u><sup>†</sup></td>" in text
    assert "<p>† It saw the test.</p>" in text
    assert "0.490*†" in markdown_table(table)


def test_emphasis(written):
    assert "<strong>0.500</strong>" in written
    assert "<u>0.490</u>" in written
    assert "<u>0.500</u>" not in written
    assert "MAP ↑" in written
    assert "seconds ↓" in written


def test_numbers_that_are_none():
    columns = (Column("a"), Column("b", format="+.1f"), Column("c"))
    row = Row(("x", float("nan"), None))
    below = Row(("y", -0.25, np.int64(3)))
    lines = markdown_table(Table("t", columns, (row, below))).splitlines()
    assert [cell.strip() for cell in lines[4].split("|")[2:4]] == ["\N{EN DASH}"] * 2
    assert [cell.strip() for cell in lines[5].split("|")[2:4]] == ["\N{MINUS SIGN}0.2", "3"]


def test_tables_that_do_not_fit():
    with pytest.raises(ValueError, match="Received: 1 cells"):
        Table("t", (Column("a"), Column("b")), (Row((1.0,)),))
    with pytest.raises(ValueError, match="'c'"):
        Table("t", (Column("a"),), (Row((1.0,), best=frozenset("c")),))


def test_markdown(content):
    text = markdown(replace(content, marked=True))
    tables = [line for line in text.splitlines() if line.startswith("|")]
    # Bars of names are no ends of cells.
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert bars == {6, 21}
    assert "<script" not in text.replace("\\<script", "")
    assert "**0.500**†" in text
    assert "*0.490*†" in text
    assert "## Methods that failed" in text


def test_markdown_table_reads_well_in_a_terminal():
    text = markdown_table(ranking("deep_cca", "jrl", "_odd_"))
    assert "| deep_cca |" in text
    assert r"\_odd\_" in text
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1


def test_latex(content):
    text = latex(content)
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    for block in re.findall(r"\\begin{tabular}.*?\\end{tabular}", text, re.DOTALL):
        sides = re.match(r"\\begin{tabular}{([lr]+)}", block)[1]
        lines = [line for line in block.splitlines() if line.endswith(r"\\")]
        assert len(lines) == 17
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {len(sides)}
        order = [block.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")]
        assert order == sorted(order)
    assert r"\textbf{0.500}" in text
    assert r"\underline{0.490}" in text
    # Braces are balanced, and signs of LaTeX's own are not those of names.
    bare = re.sub(r"\\[&%$#_{}\\]", "", text)
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"[#_~^|]", re.sub(r"%.*|\$\^\\dagger\$", "", bare))
    assert r"\$50{*} 100\% \textbackslash{}x \{y\} \#1" in text


def test_thumbnails_are_small_and_upright(picture, tmp_path):
    with Image.open(io.BytesIO(base64.b64decode(picture.split(",")[1]))) as small:
        assert small.size == (60, 120)
        assert small.format == "JPEG"
        # Half of the red is on white.
        np.testing.assert_allclose(np.asarray(small).mean((0, 1)), [255, 127, 127], atol=4)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("L", (40, 20)).save(tmp_path / "turned.jpg", exif=turned)
    with Image.open(io.BytesIO(base64.b64decode(thumbnail(tmp_path / "turned.jpg")[23:]))) as small:
        assert small.size == (20, 40)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_its_window(written, width, tmp_path):
    # A frame is as wide as it is told; windows have a least width. Its details are opened.
    probe = f"""<!doctype html><iframe width="{width}" height="900" style="border: 0"
 srcdoc="{html.escape(written.replace("<details>", "<details open>"))}"></iframe><p></p><script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument;
  document.querySelector("p").textContent =
    [page.documentElement.scrollWidth, page.querySelectorAll("section").length].join();
}};</script>"""
    (tmp_path / "probe.html").write_text(probe, encoding="utf-8")
    dumped = chromium(tmp_path, "--dump-dom", (tmp_path / "probe.html").as_uri())
    assert re.search(r"<p>([\d,]*)</p><script", dumped)[1] == f"{width},8"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_drawn(written, width, tmp_path):
    (tmp_path / "page.html").write_text(written, encoding="utf-8")
    shot = tmp_path / "shot.png"
    window = (f"--window-size={width},1000", f"--screenshot={shot}")
    chromium(tmp_path, *window, (tmp_path / "page.html").as_uri())
    with Image.open(shot) as drawn:
        assert drawn.size == (width, 1000)
        assert len(drawn.convert("RGB").getcolors(1 << 20)) > 20
