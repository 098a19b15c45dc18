"""A recipe whose batch size is a number."""

import dataclasses

import pandas as pd

from foldwise.data.preprocessing import fit_preprocessing
from foldwise.data.samples import Samples
from foldwise.models.build import build_network
from foldwise.modules.batch_size import resolve_batch_size
from foldwise.modules.hardware import choose_device
from foldwise.modules.inputs import example_inputs, input_spec
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.targets import num_outputs


def with_batch_size(recipe: Recipe, samples: Samples, plan: pd.DataFrame) -> Recipe:
    """Return the recipe with a number in place of `batch_size: auto`, one for all folds.

    It has to come before fingerprints are made: they hold the number.

    Raises:
        UserError: The fit runs on a CPU, or the GPU has no room for a batch of two.
    """
    if recipe.fit.batch_size != "auto":
        return recipe
    device = choose_device(recipe.fit)
    parts = plan.groupby(["repeat", "fold"])
    rows = samples.positions(next(iter(parts))[1]["sample_id"])
    spec = input_spec(fit_preprocessing(samples, rows, recipe.inputs), samples.x.shape[1:])
    fit = resolve_batch_size(
        recipe.fit,
        lambda: build_network(recipe.model, spec, num_outputs(samples, recipe)),
        lambda size: example_inputs(spec, size, device),
        int(parts.size().min()),
        device,
    )
    return dataclasses.replace(recipe, fit=fit)
