"""Nodes of the stage `augment`."""

from typing import Any

import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.augmentation_sheet import augmentation_sheet, preview_rows
from foldwise.data.samples import Samples, require_images

_SEED = 0  # of the preview's draws: one policy always gives the same picture


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def preview_augmentation(
    samples: Samples, balance_plan: pd.DataFrame, config: AugmentConfig
) -> Any:  # noqa: ANN401  (see above)
    """Return a figure: training samples of the first fold, each beside eight draws.

    Where batches are mixed, mixtures of them come below.
    """
    from foldwise.modules.mixing_preview import mixed_rows  # it loads torch

    require_images(samples, "Augmentation")
    rows = preview_rows(samples.table, balance_plan)
    images = samples.x[rows]
    mixed = mixed_rows(images, samples.y[rows], samples.classes, config, _SEED)
    return augmentation_sheet(images, config, _SEED, mixed)
