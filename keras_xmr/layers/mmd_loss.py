"""`MMDLoss`: the maximum mean discrepancy as a layer."""

import keras

from keras_xmr.losses.mmd import ESTIMATORS, maximum_mean_discrepancy
from keras_xmr.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class MMDLoss(keras.layers.Layer):
    """Squared maximum mean discrepancy between the rows of two tensors.

    A thin layer around `keras_xmr.losses.maximum_mean_discrepancy`; it owns the random state of
    the `"linear_random"` estimator.

    Args:
        num_kernels: Number of Gaussians in the kernel.
        multiplier: Ratio of neighbouring bandwidths.
        estimator: `"quadratic_unbiased"`, `"quadratic_biased"`, `"linear"` or `"linear_random"`.
        seed: Seed of `"linear_random"`.
        **kwargs: What every Keras layer takes.

    Call arguments:
        source: Features `(n, d)`.
        target: Features `(m, d)`.

    Returns:
        A scalar tensor, float32.

    Example:
        >>> import numpy as np
        >>> rows = np.random.default_rng(0).normal(size=(8, 3))
        >>> bool(MMDLoss()(rows, rows + 5.0) > 0.5)
        True

    Reference:
        A. Gretton et al.: A kernel two-sample test, JMLR 2012.
    """

    def __init__(
        self,
        num_kernels: int = 1,
        multiplier: float = 2.0,
        estimator: str = "quadratic_unbiased",
        seed: int | None = None,
        **kwargs: object,
    ) -> None:
        if estimator not in ESTIMATORS:
            raise ValueError(f"Estimators are {ESTIMATORS}. Received: {estimator=}.")
        if num_kernels < 1:
            raise ValueError(f"A kernel needs at least one Gaussian. Received: {num_kernels=}.")
        # The formula is computed in float32 whatever the policy, so inputs are not cast down.
        super().__init__(autocast=False, **kwargs)
        self.num_kernels = num_kernels
        self.multiplier = multiplier
        self.estimator = estimator
        self.seed = seed
        if estimator == "linear_random":
            self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, source: Tensor, target: Tensor) -> Tensor:
        return maximum_mean_discrepancy(
            source,
            target,
            num_kernels=self.num_kernels,
            multiplier=self.multiplier,
            estimator=self.estimator,
            seed=getattr(self, "seed_generator", None),
        )

    def compute_output_spec(self, *_: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((), "float32")

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "num_kernels": self.num_kernels,
            "multiplier": self.multiplier,
            "estimator": self.estimator,
            "seed": self.seed,
        }
