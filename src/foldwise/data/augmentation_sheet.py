"""A picture of what an augmentation policy does to images.

N: samples, M: mixtures, C: channels, H: height, W: width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DRAWS = 8
_GAP = 0.08  # between the pictures: fraction of a picture's longer side
_WIDTH = 9.0  # inches
_TITLE_HEIGHT = 0.32  # inches
_CAPTION_HEIGHT = 0.28  # inches, of two lines
_NOTE_HEIGHT = 0.22  # inches


@dataclass(frozen=True)
class MixedRow:
    """Pictures that are mixtures of two, and what of."""

    title: str
    pictures: npt.NDArray[np.float32]  # (M, C, H, W) in 0..1, M up to eight
    captions: tuple[str, ...]  # (M,): the shares of the classes


def augmentation_sheet(
    images: npt.NDArray[np.uint8],
    config: AugmentConfig,
    seed: int,
    mixed: Sequence[MixedRow] = (),
    note: str = "",
) -> "Figure":
    """Draw a sheet with one row per image (N, C, H, W): the original, then eight draws.

    Rows of mixtures come below, and a note, if there is one, last.
    """
    import torch
    from matplotlib.figure import Figure

    augmenter, positions = Augmenter(config, seed), torch.arange(len(images))
    originals = torch.from_numpy(np.ascontiguousarray(images)).float().div_(255)
    draws = [augmenter(originals, derive_seed(seed, i), positions, i) for i in range(_DRAWS)]
    mosaics = [_mosaic(_shown(torch.stack([originals, *draws]).numpy()))]
    mosaics += [_mosaic(_shown(_in_columns(row.pictures))) for row in mixed]
    heights = [_WIDTH * mosaic.shape[0] / mosaic.shape[1] for mosaic in mosaics]
    total = sum(heights) + len(mosaics) * _TITLE_HEIGHT + len(mixed) * _CAPTION_HEIGHT
    total += _NOTE_HEIGHT if note else 0
    figure = Figure(figsize=(_WIDTH, total), dpi=150)
    bottom = total
    for mosaic, height, row in zip(mosaics, heights, [None, *mixed], strict=True):
        bottom -= height + _TITLE_HEIGHT
        axes = figure.add_axes((0, bottom / total, 1, height / total))
        axes.imshow(mosaic, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        if row is None:
            _write_titles(axes, {0: "original", 1: f"{_DRAWS} draws of this policy"})
        else:
            _write_titles(axes, {1: row.title})
            _write_captions(axes, row.captions, *row.pictures.shape[2:])
            bottom -= _CAPTION_HEIGHT
    if note:
        figure.text(0.01, 0.3 * _NOTE_HEIGHT / total, note, fontsize=8, parse_math=False)
    return figure


def _write_titles(axes: "Axes", titles: Mapping[int, str]) -> None:
    """Write titles above columns, by the number of the column."""
    for column, title in titles.items():
        x = 0.13 if column else 0.01
        axes.text(x, 1.0, title, transform=axes.transAxes, va="bottom", fontsize=11)


def _write_captions(axes: "Axes", captions: Sequence[str], height: int, width: int) -> None:
    """Write captions below the columns that follow the first one."""
    centres = _lefts(1 + _DRAWS, height, width)[1:] + (width - 1) / 2  # px
    for x, caption in zip(centres, captions, strict=False):
        axes.text(x, axes.get_ylim()[0], caption, ha="center", va="top", fontsize=7)


def _in_columns(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lay pictures (M, C, H, W) into one row of columns below the draws, (1 + draws, 1, C, H, W).

    What is left of them is white.
    """
    columns = np.ones((1 + _DRAWS, 1, *pictures.shape[1:]), dtype=np.float32)
    columns[1 : 1 + len(pictures), 0] = pictures
    return columns


def _shown(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return what can be shown, (..., C, H, W) -> (..., H, W, 1 or 3)."""
    pictures = np.moveaxis(pictures, -3, -1)
    if pictures.shape[-1] == 3:
        return pictures
    return np.asarray(pictures.mean(-1, keepdims=True, dtype=np.float32))


def _mosaic(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lay out pictures (columns, rows, H, W, 1 or 3) on a white ground, (H', W', 3).

    The first column stands apart.
    """
    num_columns, num_rows, height, width, _ = pictures.shape
    gap = _gap(height, width)
    tops = gap + np.arange(num_rows) * (height + gap)
    lefts = _lefts(num_columns, height, width)
    shape = (tops[-1] + height + gap, lefts[-1] + width + gap, 3)
    mosaic = np.ones(shape, dtype=np.float32)
    for column, row in np.ndindex(num_columns, num_rows):
        top, left = tops[row], lefts[column]
        mosaic[top : top + height, left : left + width] = pictures[column, row]
    return mosaic


def _gap(height: int, width: int) -> int:
    return max(1, round(_GAP * max(height, width)))


def _lefts(num_columns: int, height: int, width: int) -> npt.NDArray[np.int64]:
    """Return where the columns begin, in pixels; the first one stands apart."""
    gap = _gap(height, width)
    lefts = gap + np.arange(num_columns) * (width + gap)
    lefts[1:] += gap
    return lefts
