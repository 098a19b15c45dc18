"""What a network is to predict: classes, or numbers.

N: samples, H: numbers to be predicted of each.
"""

import numpy as np
import numpy.typing as npt

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
        TaskError: The network is for the other kind of targets, or classes are to be balanced
            where there are none.
        UserError: The loss or the fit is for the other kind of targets.
    """
    model = recipe.model
    if isinstance(model, DenseConfig) and samples.task not in model.tasks:
        allowed = "mlp, linear" if samples.task == "regression" else "mlp, logistic, perceptron"
        raise TaskError(
            f"model.name is {model.name!r}, which is for a {' or '.join(model.tasks)}, but these "
            f"samples are for a {samples.task}. Allowed: {allowed}."
        )
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
