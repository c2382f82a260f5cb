"""Tables as spreadsheets, R, pandas and others write them: read alike, or refused in a sentence."""

import io

import numpy as np
import pytest

from keras_xmr.datasets import BadRowsError, folder, load

HEADER = "id,text,label"
ROWS = ["a,ein Käfer,bug", "b,a cat,cat"]


def table(tmp_path, content, name="t.csv"):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def check(data):
    texts = data.media["text"]
    assert (texts.ids.tolist(), data.class_names) == (["a", "b"], ("bug", "cat"))
    assert texts.items.tolist() == ["ein Käfer", "a cat"]


@pytest.mark.parametrize(
    "lines",
    [
        [HEADER, *ROWS],
        ["sep=,", HEADER, *ROWS],
        ["sep=;", *(line.replace(",", ";") for line in (HEADER, *ROWS))],
        ['"sep=|"', *(line.replace(",", "|") for line in (HEADER, *ROWS))],
        # Columns that once held something, in the whole table or in a row.
        [f"{HEADER},,", *(f"{row},," for row in ROWS), ",,,,", ",,,,"],
        [HEADER, *(f"{row}," for row in ROWS)],
        [HEADER, f"{ROWS[0]},,", ROWS[1]],
        ["", ",,", HEADER, *ROWS],
        # Row names of pandas besides, and blanks around names.
        [" ,ID , Text,LABEL,", *(f"{n},{row}," for n, row in enumerate(ROWS))],
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_same_table_of_many_makers(lines, encoding, end, tmp_path):
    check(folder(table(tmp_path, end.join([*lines, ""]).encode(encoding))))


def test_lines_are_counted_with_the_one_that_tells_the_delimiter(tmp_path):
    with pytest.raises(BadRowsError, match="line 4: id 'b': missing label"):
        folder(table(tmp_path, "sep=;\nid;text;label\na;x;y\nb;x;"))


def test_a_named_column_may_be_empty(tmp_path):
    data = folder(table(tmp_path, "text,label,audio\na,x,\nb,y,\n"))
    assert list(data.media) == ["text"]


@pytest.mark.parametrize("missing", ["NA", "<NA>", "NaN", "nan", "NULL", "#N/A", "#NV"])
def test_what_stands_for_nothing_is_nothing(missing, tmp_path):
    file = table(tmp_path, f"id,text,label\na,{missing},x\nb,t,{missing}\nc,t,x")
    with pytest.raises(BadRowsError, match=r"id 'a': empty text\n.* id 'b': missing label"):
        folder(file)
    # Further media may lack items.
    file = table(tmp_path, f"id,text,title_text,label\na,t,{missing},x\nb,t,None,x")
    assert folder(file).media["title_text"].items.tolist() == ["None"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", b"PK\x03\x04", r"Received: 't.xlsx', a workbook\. Save its sheet as CSV"),
        ("t.csv", b"PK\x03\x04\0\0", r"Received: 't.csv', a workbook\."),
        ("t.csv", b"\xd0\xcf\x11\xe0\0\0", r"Received: 't.csv', a workbook\."),
        ("t.ods", b"PK\x03\x04", "a workbook"),
        ("t.csv.gz", b"\x1f\x8b", r"a compressed file\. Unpack it\."),
        ("t.json", b"{}", "with to_csv of pandas"),
        ("t.rds", b"", "with write.csv"),
        ("t.pkl", b"", "may run code"),
        ("t.npy", b"", "a single array. Save it together with its labels, with np.savez"),
        ("t.csv", "id;text;label\na;Käfer;x".encode("cp1252"), "byte 0xe4 in line 2.*CSV UTF-8"),
        ("t.csv", b"id|text|label\na|b|c", "one of .* between them. Received: 'id|text|label'"),
        ("t.txt", b'"id" "text" "label"\n"1" "a" "b" "c"', "without any. .* write.csv in R"),
        ("t.csv", b'id,text,label\n1,"a \\"b\\" c",x', "a quote inside a quoted cell twice"),
    ],
)
def test_other_files_are_refused_with_what_to_do(name, content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(table(tmp_path, content, name))


def test_a_stored_array_is_no_data_set(tmp_path):
    stored = io.BytesIO()
    np.save(stored, np.eye(2))
    with pytest.raises(ValueError, match="a single array"):
        load(table(tmp_path, stored.getvalue(), "t.npy"))
