"""A recipe whose batch size is a number."""

import dataclasses

import pandas as pd

from foldwise.data.samples import Samples
from foldwise.models.build import build_cnn
from foldwise.modules.batch_size import resolve_batch_size
from foldwise.modules.hardware import choose_device
from foldwise.tasks.fit_fold import image_shape
from foldwise.tasks.recipe import Recipe


def with_batch_size(recipe: Recipe, samples: Samples, plan: pd.DataFrame) -> Recipe:
    """Return the recipe with a number in place of `batch_size: auto`, one for all folds.

    It has to come before fingerprints are made: they hold the number.

    Raises:
        UserError: The fit runs on a CPU, or the GPU has no room for a batch of two.
    """
    shape = image_shape(samples)
    fit = resolve_batch_size(
        recipe.fit,
        lambda: build_cnn(recipe.model, shape, len(samples.classes)),
        shape,
        int(plan.groupby(["repeat", "fold"]).size().min()),
        choose_device(recipe.fit),
    )
    return dataclasses.replace(recipe, fit=fit)
