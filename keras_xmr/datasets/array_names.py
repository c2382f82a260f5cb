"""Names that authors give to arrays -> the media, labels and parts that they stand for."""

import re

PARTS = {
    **dict.fromkeys(("train", "tr"), "train"),
    **dict.fromkeys(("validation", "val", "va"), "validation"),
    **dict.fromkeys(("test", "te"), "test"),
}
_PART = "|".join(PARTS)
_NAMED = re.compile(rf"(?:({_PART})_(.+)|(.+)_({_PART}))\Z", re.IGNORECASE)
# Where words meet without a sign between them, as in `trainImages` and `ITrain`.
_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# What releases call images, texts and labels.
_MEDIA = dict.fromkeys(("i", "img", "imgs", "image", "images"), "image")
_MEDIA |= dict.fromkeys(("t", "txt", "txts", "text", "texts"), "text")
_LABELS = dict.fromkeys(("l", "lab", "label", "labels", "gnd"), "labels")
# What tells something of the items of a medium, whose name goes with it.
_OF_ITEMS = {**_LABELS, "ids": "ids", "pairs": "pairs", "split": "split"}


def part_and_base(name: str) -> tuple[str, str]:
    """The part that the name of an array tells, empty for none, and what the array is.

    Example:
        >>> part_and_base("train_image"), part_and_base("I_te"), part_and_base("testTexts")
        (('train', 'image'), ('test', 'image'), ('test', 'text'))
        >>> part_and_base("image"), part_and_base("XAll"), part_and_base("val_img_lab")
        (('', 'image'), ('', 'x'), ('validation', 'labels_image'))
    """
    match = _NAMED.match(name) or _NAMED.match("_".join(words(name)))
    if match is None:
        # A single small letter may be any medium.
        return "", name if len(name) == 1 and name.islower() else _plain(name)
    first, behind, before, last = match.groups()
    return PARTS[(first or last).lower()], _plain(behind or before)


def part_of(name: str) -> str:
    """The part that the name of a file or of a structure tells, or an empty string.

    Example:
        >>> part_of("train"), part_of("wiki-testSet"), part_of("attest")
        ('train', 'test', '')
    """
    return next((PARTS[word] for word in words(name) if word in PARTS), "")


def placed(name: str, place: str) -> str:
    """The name of an array in a file or structure of that name, which may tell the part.

    Example:
        >>> placed("image", "train"), placed("image", "wiki"), placed("I_te", "test")
        ('train_image', 'image', 'I_te')
    """
    part = part_of(place)
    return f"{part}_{name}" if part and not part_and_base(name)[0] else name


def words(name: str) -> list[str]:
    """The words of a name, in lower case.

    Example:
        >>> words("trainImages"), words("XTest"), words("img_lab-1")
        (['train', 'images'], ['x', 'test'], ['img', 'lab', '1'])
    """
    return [word.lower() for word in re.split(r"[\W_]+", _BORDER.sub("_", name)) if word]


def _plain(name: str) -> str:
    """What an array without a part is, as far as its name tells; other names stay as they are."""
    said = words(name)
    if len(said) > 1 and said[-1] == "all":
        return _plain("_".join(said[:-1]))
    if said == ["class", "names"]:
        return "class_names"
    if name.lower() in _MEDIA | _LABELS:
        return (_MEDIA | _LABELS)[name.lower()]
    # `l` might be the left one of two.
    if len(said) > 1 and said[0] in _OF_ITEMS and said[0] != "l":
        return f"{_OF_ITEMS[said[0]]}_{_plain(_behind(name, said[0]))}"
    if len(said) > 1 and said[-1] in _LABELS and said[-1] != "l":
        return f"labels_{_plain('_'.join(said[:-1]))}"
    return name


def _behind(name: str, word: str) -> str:
    """What follows the first word of a name, as it is written."""
    return name[name.lower().index(word) + len(word) :].lstrip("_")
