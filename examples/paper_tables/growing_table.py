"""Tables that grow row by row, so that an interrupted run goes on where it was."""

import csv


def read(table):
    """The rows that are there."""
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(table, row):
    """Write one more row."""
    rows = [*read(table), row]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_between(page, mark, lines):
    """Write lines into a page, between `<!-- mark -->` and `<!-- end of mark -->`."""
    before, rest = page.read_text(encoding="utf-8").split(f"<!-- {mark} -->\n")
    after = rest.split(f"<!-- end of {mark} -->")[1]
    told = "\n".join([f"<!-- {mark} -->", *lines, f"<!-- end of {mark} -->"])
    page.write_text(f"{before}{told}{after}", encoding="utf-8")


def fill(table, names, rows_of, wanted, key="data"):
    """Add the rows of each data set that is not there yet, and whose name has all words wanted."""
    for name in names:
        known = any(row[key] == name for row in read(table))
        if not known and all(word in name for word in wanted):
            for row in list(rows_of(name)):
                append(table, row)
