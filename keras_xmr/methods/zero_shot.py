"""Zero-shot retrieval: the rows of encoders that share a space, as they are."""

from dataclasses import replace

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights
from keras_xmr.methods.one_space import check_one_space, left_as_they_are, unit_rows
from keras_xmr.methods.settings import Settings
from keras_xmr.types import FloatArray


class ZeroShot(LinearMethod):
    """Rows of one space, scaled to unit length: their cosine is that of the encoders.

    Nothing is learnt, neither from labels nor from pairs. It is for media whose encoders were
    trained together, such as those of CLIP; how good it is says how good they are.

    Args:
        preprocessor: What makes rows of the items; `None` leaves feature rows as they are.

    Raises:
        ValueError: From `fit`, if the rows of the media differ in width.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> data = toy(["image", "video"])
        >>> ZeroShot().fit(data).encode(data, "video").shape
        (80, 12)

    Reference:
        A. Radford et al.: Learning transferable visual models from natural language supervision,
        ICML 2021, section 3.1.
    """

    about = About(
        name="zero_shot",
        title="the rows of encoders as they are",
        year=2021,
        reference="Radford et al.: ICML 2021",
        kind="linear",
        learns_from=(),
        media="any",
        returns="rows of unit length",
        one_space=True,
    )
    ARRAYS = ()

    @classmethod
    def settings_for(cls, data: CrossModalData) -> Settings:
        """The defaults, with feature rows as they are."""
        return replace(cls.defaults, transforms=left_as_they_are(data))

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        check_one_space({name: own.shape[1] for name, own in rows.items()}, "ZeroShot")
        return dict.fromkeys(rows, ())

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        return unit_rows(rows)
