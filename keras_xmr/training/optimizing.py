"""The optimizers of a training, by its settings."""

import re
from collections.abc import Sequence
from typing import Any

import keras

from keras_xmr.optimizers import AdamW, paper_optimizer
from keras_xmr.transforms.pictures import picture_trunks

UNDECAYED = ("bias", "gamma", "beta")


def optimizers_for(model: Any, settings: Any, *, batches: int) -> Any:
    """An optimizer, or one for each phase of a game.

    Args:
        model: A Keras method.
        settings: Its `TrainingSettings`.
        batches: Batches of the whole training.

    Raises:
        ValueError: If there is no optimizer of that name.
    """
    if not hasattr(model, "phases"):
        return _optimizer(model, settings, batches, model.trainable_variables)
    optimizers = {
        phase.name: _optimizer(model, settings, batches * phase.steps, phase.variables)
        for phase in model.phases()
    }
    for name in optimizers if settings.discriminator_rate else ():
        if not name.startswith("discriminator"):
            continue
        # At a constant rate: it must keep up with the others to the end, and they come to rest.
        optimizers[name] = keras.optimizers.Adam(settings.discriminator_rate, beta_1=0.5)
    return optimizers


def _optimizer(
    model: Any, settings: Any, updates: int, variables: Sequence[keras.Variable]
) -> keras.optimizers.Optimizer:
    if settings.optimizer == "paper":
        return paper_optimizer(model.rate_multipliers)
    if settings.optimizer != "adamw":
        raise ValueError(
            f"Settings know the optimizers 'adamw' and 'paper'. Received: {settings.optimizer!r}."
        )
    steps = max(1, updates // (settings.accumulate or 1))
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, decay_steps=steps)
    # Trunks of texts are new, and learn as fast as the rest.
    pictured = picture_trunks(model.trunks).values()
    of_trunks = [v.path for trunk in pictured for v in trunk.trainable_variables]
    rates = dict(settings.rates)
    if of_trunks:
        rates[f"^({'|'.join(map(re.escape, of_trunks))})$"] = settings.trunk_rate
    paths = [variable.path for variable in variables]
    rates = {k: rate for k, rate in rates.items() if any(re.search(k, path) for path in paths)}
    return AdamW(
        schedule,
        weight_decay=settings.weight_decay,
        beta_1=settings.beta_1,
        multipliers=rates,
        undecayed=(*UNDECAYED, *model.undecayed),
        gradient_accumulation_steps=settings.accumulate,
        use_ema=settings.averaging is not None,
        ema_momentum=settings.averaging or 0.99,
    )
