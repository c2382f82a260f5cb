"""Files that people have and that are not read -> what to do with them, in a few words.

By the ending, or by how a file begins where its ending is that of a table.
"""

from pathlib import Path

from keras_xmr.datasets.bad_rows import short

_WORKBOOK = "a workbook. Save its sheet as CSV ('CSV UTF-8' in Excel)"
_PACKED = "a compressed file. Unpack it"
_PANDAS = "no table of text. Save it as CSV, with to_csv of pandas"
_R = "a file of R. Save the table as CSV, with write.csv"
_ONE_ARRAY = "a single array. Save it together with its labels, with np.savez"
_RUNS_CODE = "a file that may run code when it is read. Save its arrays with np.savez"

ADVICE = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers"), _WORKBOOK),
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz"), _PACKED),
    **dict.fromkeys((".json", ".jsonl", ".parquet", ".feather", ".html", ".dta", ".sav"), _PANDAS),
    **dict.fromkeys((".rds", ".rda", ".rdata"), _R),
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth"), _RUNS_CODE),
    ".npy": _ONE_ARRAY,
}
# How files begin that get the ending of a table by a slip.
BEGINNINGS = {
    b"PK\x03\x04": _WORKBOOK,
    b"\xd0\xcf\x11\xe0": _WORKBOOK,
    b"\x1f\x8b": _PACKED,
    b"PAR1": _PANDAS,
}


def refuse_unread(path: Path, content: bytes = b"") -> None:
    """Raise for a file of a kind that is known, and not read.

    Args:
        path: The file; its ending is looked at.
        content: How it begins, where that is to be looked at as well.

    Raises:
        ValueError: The message says what to do with such a file.

    Example:
        >>> refuse_unread(Path("pets.csv"), b"id,text,label")
        >>> refuse_unread(Path("pets.xlsx"))
        Traceback (most recent call last):
        ValueError: Data are tables of text (.csv, .tsv, .txt) or files of arrays (.npz, .mat, .h5).
        Received: 'pets.xlsx', a workbook. Save its sheet as CSV ('CSV UTF-8' in Excel).
    """
    found = [advice for start, advice in BEGINNINGS.items() if content.startswith(start)]
    advice = found[0] if found else ADVICE.get(path.suffix.lower())
    if advice:
        raise ValueError(
            "Data are tables of text (.csv, .tsv, .txt) or files of arrays (.npz, .mat, .h5). "
            f"Received: {short(path.name)}, {advice}."
        )
