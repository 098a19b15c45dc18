"""Nodes of the stage `augment`."""

from typing import Any

import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.samples import Samples

_SEED = 0  # of the preview's draws: one policy always gives the same picture


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def preview_augmentation(
    samples: Samples, balance_plan: pd.DataFrame, config: AugmentConfig
) -> Any:  # noqa: ANN401  (see above)
    """Return a figure: training samples of the first fold, each beside draws of the policy.

    Where batches of images are mixed, mixtures of them come below.
    """
    from foldwise.modules.augmentation_preview import augmentation_preview  # it loads torch

    return augmentation_preview(samples, balance_plan, config, _SEED)
