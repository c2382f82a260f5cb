"""`AlternatingModel`: several players take turns at one model, each with its own optimizer."""

import functools
import importlib
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_xmr.methods.cross_modal_model import CrossModalModel
from keras_xmr.training.phase_losses import PhaseLosses
from keras_xmr.training.phase_optimizers import PhaseOptimizers
from keras_xmr.training.phases import Phase, check_phases
from keras_xmr.types import Tensor

# What `compile` of other models takes and a game has no use for.
_UNUSED = ("loss", "loss_weights", "metrics", "weighted_metrics")


class AlternatingModel(CrossModalModel):
    """A cross-modal model that is trained as a game: generators against discriminators.

    For each batch the phases have their turns in the order of `phases()`. A phase of k steps makes
    k updates of the same batch; each begins with a forward pass of its own, in training mode, so
    with new dropout and new sampling. An update takes the gradient in the variables of the phase
    alone, and leaves all other trainable variables as they are, bit for bit. What is not trained
    (running statistics, step counters, random states) is moved by every forward pass, whichever
    phase it belongs to.

    The history has `<phase>_loss`, the mean over all updates; the `terms` of each phase; and
    `loss`, the sum of the losses of all phases. Callbacks that watch something else than `loss`
    need an explicit `mode`. `evaluate` makes one forward pass in inference mode for all phases.

    A variable that the loss of its phase does not depend on has gradient zero on every backend.
    Learning rate schedules and gradient accumulation count the updates of their phase.
    Regularisers of layers are not added to any loss: write them in `phase_loss`.

    Example:
        >>> import numpy as np
        >>> class Duel(AlternatingModel):
        ...     def __init__(self):
        ...         x = keras.Input((3,))
        ...         self_made, judged = keras.layers.Dense(2), keras.layers.Dense(1)
        ...         made = self_made(x)
        ...         super().__init__(x, judged(made))
        ...         self.maker, self.judge = self_made, judged
        ...     def phases(self):
        ...         return (
        ...             Phase("maker", self.maker.trainable_variables, steps=2),
        ...             Phase("judge", self.judge.trainable_variables),
        ...         )
        ...     def phase_loss(self, phase, x, y, y_pred):
        ...         error = keras.ops.mean(keras.ops.square(y_pred - y))
        ...         return error if phase == "judge" else -error
        >>> model = Duel()
        >>> model.compile({"maker": keras.optimizers.SGD(1e-3), "judge": "adam"})
        >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
        >>> sorted(model.fit(x, y, batch_size=4, verbose=0).history)
        ['judge_loss', 'loss', 'maker_loss']
        >>> [int(optimizer.iterations) for optimizer in model.optimizer.optimizers]
        [4, 2]

    Reference:
        I. Goodfellow et al.: Generative adversarial nets, NIPS 2014, algorithm 1.
    """

    @property
    def passes_per_batch(self) -> int:
        """Forward passes for each batch: the updates of all phases."""
        return sum(phase.steps for phase in self.phases())

    def phases(self) -> Sequence[Phase]:
        """The phases, in the order of their turns; `compile` asks for them.

        Together they have every trainable variable. A variable may be in several.
        """
        raise NotImplementedError

    def phase_loss(self, phase: str, x: Any, y: Any, y_pred: Any) -> Any:
        """What a phase minimises.

        Args:
            phase: Its name.
            x: Inputs.
            y: Targets.
            y_pred: What the model returns for the inputs.

        Returns:
            A scalar; or, for a phase with terms, a scalar and a mapping from the name of each
            term to a scalar. Terms are only logged: that costs less than a metric for each.
        """
        raise NotImplementedError

    def phase_outputs(self, phase: str, x: Any) -> Any:
        """What the loss of a phase is computed from in training: all outputs of the model.

        A sub-class may give fewer, by calling just the layers that the phase needs, with
        `training=True`. The outcome is the same. Compiled backends leave out the rest anyway; on
        PyTorch a small model spends much of its time on calls of layers.

        Args:
            phase: Its name.
            x: Inputs.
        """
        return self(x, training=True)

    def compile(
        self, optimizer: Any = "rmsprop", *, auto_scale_loss: bool = True, **kwargs: Any
    ) -> None:
        """Keras' `compile`, with an optimizer for each phase.

        Args:
            optimizer: A mapping from phase name to optimizer, or one optimizer that every phase
                gets a copy of. An optimizer may be `"paper"`; see `CrossModalModel.compile`.
            auto_scale_loss: Whether each optimizer gets a dynamic loss scale where the model's
                dtype policy is `"mixed_float16"`.
            **kwargs: Further arguments of Keras' `compile`, such as `steps_per_execution`.

        Raises:
            ValueError: If the phases are not valid, or the optimizers are not theirs.
        """
        unused = [name for name in _UNUSED if kwargs.pop(name, None) is not None]
        if unused:
            raise ValueError(
                "What a game minimises and logs is in its `phase_loss`. "
                f"Received: {unused} in compile(). Leave them out."
            )
        if keras.config.backend() == "tensorflow" and _backend().is_replicated(self):
            raise ValueError(
                "Alternating updates are not made for replicated models. Received: a model or a "
                "scope of a tf.distribute strategy. Compile it outside of one."
            )
        phases = tuple(self.phases())
        check_phases(phases, self.trainable_variables)
        scale_losses = auto_scale_loss and self.dtype_policy.name == "mixed_float16"
        names = [phase.name for phase in phases]
        optimizers = PhaseOptimizers.of(optimizer, names, scale_losses=scale_losses)
        # Here, since `fit` and the loading of a saved model expect a built optimizer.
        optimizers.build_for(phases)
        super().compile(optimizers, auto_scale_loss=False, **kwargs)
        # Past Keras' tracking, or the metric would be listed twice.
        object.__setattr__(self, "_loss_tracker", PhaseLosses(phases))

    def make_train_function(self, force: bool = False) -> Any:
        """Keras' `make_train_function`.

        Raises:
            ValueError: If what is trainable has changed since `compile`.
        """
        check_phases(self.optimizer.phases, self.trainable_variables)
        return super().make_train_function(force)

    def train_step(self, *args: Any) -> Any:
        """One batch: the turns of all phases. What it takes and returns is Keras' business."""
        return self._threaded(self._train, args)

    def test_step(self, *args: Any) -> Any:
        """One batch: the losses of all phases, and no update."""
        return self._threaded(self._test, args)

    def _threaded(self, step: Any, args: tuple[Any, ...]) -> Any:
        """`step` of the data; on JAX the state of the model goes in and out as well."""
        if len(args) == 1:
            return step(args[0])
        state, data = args
        variables = [self.trainable_variables, self.non_trainable_variables, self.metrics_variables]
        if len(state) > len(variables):
            variables.insert(2, self.optimizer.variables)
        return _backend().thread(functools.partial(step, data), variables, state)

    def _train(self, data: Any) -> dict[str, Tensor]:
        x, y = _unpack(data)
        minimize = _backend().minimize
        values = []
        for phase, optimizer in self.optimizer.players:
            compute = functools.partial(self._turn, phase, x, y)
            updates = [
                minimize(self, optimizer, phase.variables, compute) for _ in range(phase.steps)
            ]
            values.append(updates[0] if phase.steps == 1 else sum(updates) / phase.steps)
        return self._logs(x, values)

    def _test(self, data: Any) -> dict[str, Tensor]:
        x, y = _unpack(data)
        y_pred = self(x, training=False)
        return self._logs(
            x, [self._loss_and_values(p, x, y, y_pred)[1] for p in self.optimizer.phases]
        )

    def _turn(self, phase: Phase, x: Any, y: Any) -> tuple[Tensor, Tensor]:
        return self._loss_and_values(phase, x, y, self.phase_outputs(phase.name, x))

    def _loss_and_values(self, phase: Phase, x: Any, y: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
        """The loss of a phase, and a vector of loss and terms."""
        found = self.phase_loss(phase.name, x, y, y_pred)
        loss, terms = found if isinstance(found, tuple) else (found, {})
        if terms.keys() != set(phase.terms):
            raise ValueError(
                f"phase_loss({phase.name!r}, ...) returns the loss and the terms that the phase "
                f"names: {list(phase.terms)}. Received: terms={list(terms)}."
            )
        scalars = [loss, *(terms[name] for name in phase.terms)]
        # Scaled losses are beyond what half precision can hold.
        scalars = [ops.cast(scalar, keras.config.floatx()) for scalar in scalars]
        return scalars[0], ops.stack(scalars)

    def _logs(self, x: Any, values: list[Tensor]) -> dict[str, Tensor]:
        rows = ops.shape(keras.tree.flatten(x)[0])[0]
        self._loss_tracker.update_state(ops.concatenate(values), rows)
        logs: dict[str, Tensor] = self.get_metrics_result()
        return logs


def _backend() -> Any:
    return importlib.import_module(f"keras_xmr.training._{keras.config.backend()}")


def _unpack(data: Any) -> tuple[Any, Any]:
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError(
            "The losses of a game take no weights of items. Received: sample_weight or "
            "class_weight. Leave them out."
        )
    return x, y
