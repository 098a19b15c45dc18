"""The picture of an augmentation policy, drawn as fits the samples."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.augmentation_note import idle_note, policy_note
from foldwise.data.augmentation_rows import preview_rows, row_names, training_rows
from foldwise.data.augmentation_sheet import augmentation_sheet
from foldwise.data.samples import Samples
from foldwise.data.series_augmentation_sheet import (
    series_augmentation_sheet,
    standardised_series,
)
from foldwise.data.table_augmentation_sheet import table_augmentation_sheet
from foldwise.data.token_augmentation_sheet import token_augmentation_sheet
from foldwise.modules.mixing_preview import mixed_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def augmentation_preview(
    samples: Samples, plan: pd.DataFrame, config: AugmentConfig, seed: int
) -> "Figure":
    """Draw training samples of the first fold, each beside draws of the policy.

    Args:
        samples: Of any kind, in classes or with numbers to be predicted.
        plan: The balance plan: the training samples of each fold.
        config: The policy.
        seed: Of the draws.
    """
    rows = preview_rows(samples.table, plan)
    note = policy_note(config, samples.modality)
    names = row_names(samples.table, rows)
    match samples.modality:
        case "image":
            return _images(samples, rows, config, seed)
        case "series":
            series = standardised_series(samples, training_rows(samples.table, plan), rows)
            channels = [feature.name for feature in samples.features]
            return series_augmentation_sheet(series, config.series, seed, names, channels, note)
        case "tokens":
            x = samples.x[rows]
            return token_augmentation_sheet(x, samples.tokens, config.tokens, seed, names, note)
        case "table":
            return table_augmentation_sheet(note)


def _images(
    samples: Samples, rows: npt.NDArray[np.int64], config: AugmentConfig, seed: int
) -> "Figure":
    """Draw images, and mixtures of them where there are classes to mix."""
    images = samples.x[rows]
    mixed = []
    if samples.classes:
        mixed = mixed_rows(images, samples.y[rows], samples.classes, config, seed)
    return augmentation_sheet(images, config, seed, mixed, idle_note(config, "image"))
