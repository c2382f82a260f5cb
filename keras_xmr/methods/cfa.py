"""CFA: cross-modal factor analysis of Li, Dimitrova, Li and Sethi (MM 2003)."""

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.cca import check_components
from keras_xmr.methods.linear_algebra import common_directions
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights, centre, paired
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import FloatArray


def factor_directions(
    first: FloatArray, second: FloatArray, n_components: int | None, usual: int = 10
) -> list[FloatArray]:
    """Leading singular vectors of `first.T @ second`, which is not formed where it is large.

    Args:
        first: Centred rows `(n, d1)` of one medium.
        second: Those `(n, d2)` of the other, aligned.
        n_components: Number of directions; `None` for `usual`, or as many as there are.
        usual: See `n_components`.

    Returns:
        Orthonormal columns `(d1, n_components)` and `(d2, n_components)`.

    Example:
        >>> import numpy as np
        >>> rows = np.random.default_rng(0).standard_normal((50, 3))
        >>> first, second = factor_directions(rows - rows.mean(axis=0), rows[:, :2], 2)
        >>> bool(np.allclose(first.T @ first, np.eye(2))), second.shape
        (True, (2, 2))
    """
    _, directions = common_directions([first.T, second.T], n_components, usual, "CFA")
    return directions


class CFA(LinearMethod):
    """Cross-modal factor analysis: orthogonal directions along which paired media covary most.

    It minimises `||X A - Y B||^2` (Frobenius) subject to `A'A = B'B = I`, for centred rows of two
    media: `A` and `B` are the leading singular vectors of `X'Y`. Nothing is inverted, so that there
    is nothing to regularise where there are more features than pairs. A factor on a whole medium
    changes nothing; one on a single feature does, which the preprocessor takes care of. Classes are
    not looked at.

    Where this departs from the papers that compare with CFA: they do not give the number of
    directions, which is an argument here.

    Args:
        n_components: Number of directions; `None` for the number of classes. There are at most as
            many as the rank of `X'Y`; if more are asked for, a warning tells.
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.

    Raises:
        ValueError: If `n_components` is below 1; from `fit`, if there are not two media, or they
            have no pairs, or equal items.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> CFA(n_components=3).fit(toy()).encode_text(["class2 thing1"]).shape
        (1, 3)

    Reference:
        D. Li, N. Dimitrova, M. Li, I. Sethi: Multimedia content processing through cross-modal
        association, ACM Multimedia, 2003.
    """

    about = About(
        name="cfa",
        title="cross-modal factor analysis",
        year=2003,
        reference="Li, Dimitrova, Li, Sethi: ACM Multimedia 2003",
        kind="linear",
        learns_from=("pairs",),
        media="2",
        returns="covarying directions",
    )

    def __init__(
        self, n_components: int | None = None, preprocessor: Preprocessor | None = None
    ) -> None:
        check_components(n_components)
        super().__init__(preprocessor)
        self.n_components = n_components

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        centred = {n: centre(own) for n, own in paired(rows, part, "CFA", most=2).items()}
        first, second = (own for own, _ in centred.values())
        kernels = factor_directions(first, second, self.n_components, part.num_classes)
        return {
            name: (kernel, -mean @ kernel)
            for (name, (_, mean)), kernel in zip(centred.items(), kernels, strict=True)
        }
