"""What a network is to predict: classes, or numbers.

N: samples, H: numbers to be predicted of each.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.bad_input import listing
from foldwise.data.forecast_channel import forecast_channel, require_channel
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.models.config.dense import DenseConfig
from foldwise.modules.loss_config import class_loss, number_loss
from foldwise.modules.regressor import require_fit_of_numbers
from foldwise.tasks.recipe import Recipe

Targets = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class TaskError(UserError):
    """What is chosen for a training does not go with classes, or with numbers."""


def require_task(samples: Samples, recipe: Recipe) -> None:
    """Refuse a network, a loss or a remedy that is not for such targets, before any fit.

    Raises:
        ChannelError: There is no such channel for a forecast to go on from.
        TaskError: The network is for the other kind of targets, or classes are to be balanced
            where there are none, or changes are to be predicted where there are none.
        UserError: The loss or the fit is for the other kind of targets.
    """
    model = recipe.model
    if isinstance(model, DenseConfig) and samples.task not in model.tasks:
        allowed = "mlp, linear" if samples.task == "regression" else "mlp, logistic, perceptron"
        raise TaskError(
            f"model.name is {model.name!r}, which is for a {' or '.join(model.tasks)}, but these "
            f"samples are for a {samples.task}. Allowed: {allowed}."
        )
    _require_target(samples, recipe)
    if samples.task == "classification":
        class_loss(recipe.loss, network=model.name)
        return
    require_fit_of_numbers(recipe.fit)
    number_loss(recipe.loss)
    if recipe.balance.name != "none":
        raise TaskError(
            f"balance.method is {recipe.balance.name!r}, but the task is a regression, which has "
            "no classes to balance. Allowed: none."
        )


def changing_channel(samples: Samples, rows: npt.NDArray[np.int64], recipe: Recipe) -> str | None:
    """Return the channel whose changes are to be predicted; None: the targets as they are.

    Args:
        samples: The samples.
        rows: Of the training part; nothing else is looked at.
        recipe: What the user chose.

    Raises:
        TaskError: Changes are asked for, and no channel holds the targets.
    """
    if samples.task == "classification" or recipe.target == "value":
        return None
    channel = recipe.target_channel or forecast_channel(samples, rows)
    if channel is None and recipe.target == "change":
        names = listing([feature.name for feature in samples.features])
        raise TaskError(
            "target is 'change', but no channel holds the values that are to be predicted. Say by "
            f"target_channel which one they go on from ({names}), or take target=value."
        )
    return channel


def _require_target(samples: Samples, recipe: Recipe) -> None:
    """Refuse changes where the targets cannot go on from anything."""
    is_of_series = samples.modality == "series" and samples.task == "regression"
    if recipe.target == "change" and not is_of_series:
        kind = f"samples of the kind '{samples.modality}' for a {samples.task}"
        raise TaskError(
            "target is 'change', which is for numbers that go on from a channel of a series, but "
            f"these are {kind}. Allowed: auto, value."
        )
    if recipe.target_channel is not None and samples.task == "regression":
        require_channel(samples, recipe.target_channel, "target_channel")


def target_values(samples: Samples) -> Targets:
    """Return class indices (N,), or of a regression numbers (N, H)."""
    if samples.task == "classification":
        return samples.y
    return samples.table[list(samples.target_names)].to_numpy(np.float64)


def num_outputs(samples: Samples, recipe: Recipe) -> int:
    """Return how many numbers the network gives for a sample."""
    if samples.task == "classification":
        return len(samples.classes)
    return len(samples.target_names) * recipe.loss.num_per_target
