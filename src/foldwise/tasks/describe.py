"""What a network costs and sees, before it is trained."""

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from foldwise.data.folds import Folds, fold_parts
from foldwise.data.preprocessing import fit_preprocessing, require_complete, require_readable
from foldwise.data.samples import Samples
from foldwise.models.build import build_network
from foldwise.models.model_card import model_card
from foldwise.modules.inputs import input_spec
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.targets import changing_channel, num_outputs, require_task
from foldwise.tasks.transfer import freeze_body
from foldwise.tasks.transfer_config import NoTransfer
from foldwise.tasks.unknown_tokens import describe_unknown_tokens


def describe_network(samples: Samples, folds: Folds, recipe: Recipe) -> dict[str, Any]:
    """Return parameters, megabytes, operations, receptive field and layers as JSON values.

    They are those of the first fold: of texts and categories, what a network knows depends on its
    training part.

    Raises:
        MissingValueError: A series lacks values, and nothing is to stand in their place.
        PartError: There is no part that transfer names; the message lists the stages.
        SamplesError: The networks of this family do not take such samples.
        UserError: The network, the loss or the fit is for the other kind of targets, or changes
            are to be predicted and no channel holds the targets.
    """
    require_readable(samples, recipe.inputs)
    require_task(samples, recipe)
    require_complete(samples, recipe.inputs)
    first = next(iter(fold_parts(folds, samples.table)))
    rows = samples.positions(first.train)
    spec = input_spec(fit_preprocessing(samples, rows, recipe.inputs), samples.x.shape[1:])
    with torch.device("meta"):  # nothing is computed, and no weights are drawn
        network = build_network(recipe.model, spec, num_outputs(samples, recipe))
    if not isinstance(recipe.transfer, NoTransfer):
        freeze_body(network, recipe.transfer)
    return {
        "name": recipe.model.name,
        **asdict(model_card(network, spec)),
        "imbalance_remedy": recipe.balance.name,
        "transfer": recipe.transfer.mode,
        **_describe_target(samples, rows, recipe),
        **describe_unknown_tokens(samples, folds, recipe.inputs),
        **{f"test_time_{name}": value for name, value in recipe.test_time.model_dump().items()},
    }


def _describe_target(
    samples: Samples, rows: npt.NDArray[np.int64], recipe: Recipe
) -> dict[str, str]:
    """Return `predicts`: of numbers, whether they or their changes are predicted."""
    if samples.task == "classification":
        return {}
    channel = changing_channel(samples, rows, recipe)
    return {"predicts": "values" if channel is None else f"changes since the last {channel!r}"}
