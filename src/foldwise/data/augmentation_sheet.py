"""A picture of what an augmentation policy does.

N: samples, C: channels, H: height, W: width.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS = 8
_DRAWS = 8
_GAP = 0.08  # between the pictures: fraction of a picture's longer side
_WIDTH = 9.0  # inches
_TITLE_HEIGHT = 0.32  # inches


def preview_rows(table: pd.DataFrame, plan: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return rows of the samples' table to show: few, of as many classes as possible.

    Only samples that the first fold's network is fitted on are taken; so no policy is ever tuned
    by looking at validation or test samples.

    Args:
        table: The samples' table; `sample_id` and `label` are read.
        plan: The balance plan: the training samples of each fold.
    """
    first = plan[(plan["repeat"] == plan["repeat"].min()) & (plan["fold"] == plan["fold"].min())]
    rows = np.flatnonzero(table["sample_id"].isin(first["sample_id"]))
    shown = pd.DataFrame({"row": rows, "label": table["label"].to_numpy()[rows]})
    shown["turn"] = shown.groupby("label").cumcount()  # the first of each class, then the second
    shown = shown.sort_values(["turn", "label"]).head(_ROWS)
    return shown["row"].to_numpy(dtype=np.int64)


def augmentation_sheet(
    images: npt.NDArray[np.uint8], config: AugmentConfig, seed: int
) -> "Figure":
    """Draw a sheet with one row per image (N, C, H, W): the original, then eight draws."""
    import torch
    from matplotlib.figure import Figure

    augmenter = Augmenter(config)
    originals = torch.from_numpy(np.ascontiguousarray(images)).float().div_(255)
    draws = [augmenter(originals, derive_seed(seed, i)) for i in range(_DRAWS)]
    pictures = torch.stack([originals, *draws]).movedim(2, -1).numpy()  # (1 + draws, N, H, W, C)
    mosaic = _mosaic(pictures if pictures.shape[-1] == 3 else pictures.mean(-1, keepdims=True))
    height = _WIDTH * mosaic.shape[0] / mosaic.shape[1]
    figure = Figure(figsize=(_WIDTH, height + _TITLE_HEIGHT), dpi=150)
    axes = figure.add_axes((0, 0, 1, height / (height + _TITLE_HEIGHT)))
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    for x, title in ((0.01, "original"), (0.13, f"{_DRAWS} draws of this policy")):
        axes.text(x, 1.0, title, transform=axes.transAxes, va="bottom", fontsize=11)
    return figure


def _mosaic(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lay out pictures (columns, rows, H, W, 1 or 3) on a white ground, (H', W', 3).

    The first column stands apart.
    """
    num_columns, num_rows, height, width, _ = pictures.shape
    gap = max(1, round(_GAP * max(height, width)))
    tops = gap + np.arange(num_rows) * (height + gap)
    lefts = gap + np.arange(num_columns) * (width + gap)
    lefts[1:] += gap
    shape = (tops[-1] + height + gap, lefts[-1] + width + gap, 3)
    mosaic = np.ones(shape, dtype=np.float32)
    for column, row in np.ndindex(num_columns, num_rows):
        top, left = tops[row], lefts[column]
        mosaic[top : top + height, left : left + width] = pictures[column, row]
    return mosaic
