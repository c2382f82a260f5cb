"""Views of a picture: itself, its mirror image, and crops, whose rows are averaged."""

from keras_xmr.types import Array

OF_PICTURES = ("one", "mirror", "five_crops")
OF_TEXTS = ("one", "sentences")
# Width and height of the crops of pictures that have no size of their own.
SHARE = 7 / 8


def views_of(picture: Array, views: str, size: int | None = None) -> list[Array]:
    """Views of a picture, all of one size.

    Args:
        picture: Pixels `(height, width, 3)`.
        views: `"one"`, the picture; `"mirror"`, its mirror image, too; `"five_crops"`, its centre
            and its corners.
        size: Width and height of the crops; 7/8 of those of the picture if `None`.

    Example:
        >>> import numpy as np
        >>> picture = np.arange(4).reshape(2, 2, 1)
        >>> [view.ravel().tolist() for view in views_of(picture, "mirror")]
        [[0, 1, 2, 3], [1, 0, 3, 2]]
        >>> [view.ravel().tolist() for view in views_of(picture, "five_crops", 1)]
        [[0], [0], [1], [2], [3]]
    """
    if views == "one":
        return [picture]
    if views == "mirror":
        return [picture, picture[:, ::-1]]
    height, width = picture.shape[:2]
    high = size or max(1, round(SHARE * height))
    wide = size or max(1, round(SHARE * width))
    down, right = height - high, width - wide
    corners = [(0, 0), (0, right), (down, 0), (down, right)]
    places = [(down // 2, right // 2), *corners]
    return [picture[top : top + high, left : left + wide] for top, left in places]
