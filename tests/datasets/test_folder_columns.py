"""Tables as people have them: what a column holds is seen by its cells, and paths of any system."""

import codecs

import pytest
from PIL import Image

from keras_xmr import evaluate, train
from keras_xmr.datasets import BadRowsError, folder, toy
from keras_xmr.methods.defaults import hub_of

pytestmark = pytest.mark.once


def table(place, lines, name="t.csv", encoding="utf-8"):
    path = place / name
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (4, 4), "red").save(tmp_path / "pictures" / f"{name}.png")
    return tmp_path


def two_languages(place, per_class=12):
    german = {"dog": "Hund", "cat": "Katze", "bird": "Vogel"}
    lines = ["english,german,label"]
    for row in range(per_class):
        lines += [f"a {e} number {row},ein {g} Nummer {row},{e}" for e, g in german.items()]
    return table(place, lines)


def test_columns_of_sentences_are_texts_whatever_their_names(tmp_path):
    data = folder(two_languages(tmp_path))
    assert list(data.media) == ["english", "german"]
    assert data.media["german"].items[:2].tolist() == ["ein Hund Nummer 0", "ein Katze Nummer 0"]
    assert data.media["english"].files is None
    assert hub_of(data) == "english"


@pytest.mark.parametrize("method", ["cca", "jrl", "semantic_matching"])
def test_texts_find_texts_of_another_language(tmp_path, method):
    data = folder(two_languages(tmp_path))
    model = train(data, method, progress=False)
    assert evaluate(model, data).map > 0.95


def test_names_of_files_are_files_whatever_the_column_is_called(pictures):
    lines = ["photo,text,label", "pictures/a.png,a dog,x", "pictures/b.png,a cat,y"]
    data = folder(table(pictures, lines))
    assert data.media["photo"].files[1] == str(pictures / "pictures" / "b.png")


def test_files_without_an_ending_are_files_if_they_are_there(pictures):
    for name in ("one", "two"):
        (pictures / name).write_bytes(b"content")
    data = folder(table(pictures, ["scan,text,label", "one,a dog,x", "two,a cat,y"]))
    assert data.media["scan"].items.tolist() == [str(pictures / "one"), str(pictures / "two")]


def test_a_column_of_both_is_told(pictures):
    lines = ["note,label", "pictures/a.png,x", "a dog,y", "a cat,x"]
    with pytest.raises(
        BadRowsError, match=r"note: the file 'pictures/a.png', where most rows have"
    ):
        folder(table(pictures, lines))
    lines = ["note,label", "pictures/a.png,x", "pictures/b.png,y", "a cat,x"]
    with pytest.raises(
        BadRowsError, match=r"line 4.*missing file 'a cat'; if it is a text: most rows name"
    ):
        folder(table(pictures, lines))


def test_a_column_of_numbers_is_no_medium(tmp_path):
    lines = ["text,age,label", "a dog,3,x", 'a cat,"4,5",y']
    with pytest.raises(ValueError, match="Received: the column 'age', whose cells are numbers"):
        folder(table(tmp_path, lines))


def test_a_column_named_text_may_hold_anything(tmp_path):
    data = folder(table(tmp_path, ["text,label", "12,x", "a.jpg,y"]))
    assert data.media["text"].items.tolist() == ["12", "a.jpg"]


def test_backslashes_and_absolute_paths_below_the_folder(pictures):
    absolute = pictures / "pictures" / "c.png"
    lines = ["image,text,label", "pictures\\a.png,a dog,x", f"{absolute},a cat,y"]
    data = folder(table(pictures, lines))
    assert data.media["image"].items.tolist() == [
        str(pictures / "pictures" / "a.png"),
        str(absolute),
    ]


def test_an_absolute_path_may_lead_to_the_folder_by_a_link(pictures):
    (pictures / "data").mkdir()
    (pictures / "link").symlink_to(pictures / "data")
    Image.new("RGB", (4, 4)).save(pictures / "data" / "a.png")
    lines = ["image,label", f"{pictures / 'link' / 'a.png'},x", f"{pictures / 'data/a.png'},y"]
    for place in ("link", "data"):
        data = folder(table(pictures / place, lines))
        assert data.media["image"].items.tolist() == [str(pictures / "data" / "a.png")] * 2
    (pictures / "data" / "b.png").symlink_to(pictures / "pictures" / "a.png")
    lines.append(f"{pictures / 'data/b.png'},x")
    with pytest.raises(BadRowsError, match=r"line 4.*leads out of the folder by a link"):
        folder(table(pictures / "data", lines))


@pytest.mark.parametrize("name", ["..\\x.png", "/etc/hostname", "C:\\pictures\\a.png"])
def test_paths_that_lead_elsewhere_are_refused(pictures, name):
    with pytest.raises(BadRowsError, match=r"is not below the table's folder|missing file"):
        folder(table(pictures, ["image,text,label", f"{name},a dog,x"]))


def test_a_csv_of_tabs_is_recognised(tmp_path):
    data = folder(table(tmp_path, ["text\tlabel", "a dog, brown\tx", "a cat; grey\ty"]))
    assert data.media["text"].items.tolist() == ["a dog, brown", "a cat; grey"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_its_mark_is_read(tmp_path, encoding):
    path = table(
        tmp_path, ["text\tlabel", "\u4e00\u53ea\u72d7\tx", "na\u00efve\ty"], encoding=encoding
    )
    mark = codecs.BOM_UTF16_LE if encoding.endswith("le") else codecs.BOM_UTF16_BE
    path.write_bytes(mark + path.read_bytes())
    assert folder(path).media["text"].items.tolist() == ["\u4e00\u53ea\u72d7", "na\u00efve"]


def test_pictures_are_the_hub_where_there_are_some():
    assert hub_of(toy()) == "image"
    assert hub_of(toy(["audio", "video"])) == "audio"


@pytest.mark.parametrize(
    ("lines", "ids"),
    [
        # pandas: to_csv(); R: write.csv().
        ([",text,label", "0,a dog,x", "1,a cat,y"], ["0", "1"]),
        (['"","text","label"', '"1","a dog","x"', '"2","a cat","y"'], ["1", "2"]),
        # R: write.table(sep = ","), whose header line has no cell for the names.
        (['"text","label"', '"1","a dog","x"', '"2","a cat","y"'], ["1", "2"]),
        (['"","id","text","label"', '"1","p","a dog","x"', '"2","q","a cat","y"'], ["p", "q"]),
        (['"id","text","label"', '"1","p","a dog","x"', '"2","q","a cat","y"'], ["p", "q"]),
    ],
)
def test_names_of_rows_as_r_and_pandas_write_them(tmp_path, lines, ids):
    data = folder(table(tmp_path, lines))
    assert data.media["text"].ids.tolist() == ids
    assert data.media["text"].items.tolist() == ["a dog", "a cat"]
    assert data.class_names == ("x", "y")


def test_lines_that_end_as_on_old_macs(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"text;label\ra dog;x\ra cat;y\r")
    assert folder(path).media["text"].items.tolist() == ["a dog", "a cat"]
