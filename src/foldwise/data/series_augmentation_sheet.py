"""A picture of what an augmentation policy does to series.

N: series shown, T: steps, F: channels, D: draws.
"""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from foldwise.data.augment import SeriesAugmentConfig, SeriesAugmenter
from foldwise.data.contact_sheet import shortened
from foldwise.data.preprocessing.series import fit_series
from foldwise.data.samples import Samples
from foldwise.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DRAWS = 4
_MAX_CHANNELS = 3
_MAX_POINTS = 500  # of a line: more cannot be told apart
_COLOURS = ("#0072B2", "#D55E00", "#009E73")  # of channels: Okabe and Ito
_PALE = 0.3  # opacity of the original behind a draw
_WIDTH, _HEIGHT = 11.0, 1.0  # inches, of the sheet and of a row
_LINE_LENGTH = 150  # characters of a note

Series = npt.NDArray[np.float32]


def standardised_series(
    samples: Samples, training: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> Series:
    """Return rows of the samples as a network gets them, (N, T, F + 1), gaps filled with 0.

    Args:
        samples: Series.
        training: The rows that mean and deviation of each channel are taken from.
        rows: The ones to return.
    """
    preprocessing = fit_series(samples.x, samples.lengths, training, "zero")
    return preprocessing.encode(samples.x[rows], samples.lengths[rows])


def series_augmentation_sheet(
    series: Series,
    config: SeriesAugmentConfig,
    seed: int,
    names: Sequence[str],
    channels: Sequence[str] = (),
    note: str = "",
) -> "Figure":
    """Draw one row of panels per series: the original, then draws of the policy over it.

    Args:
        series: Standardised, (N, T, F + 1); the last channel is 1 at steps and 0 at the padding.
        config: The policy.
        seed: Of the draws.
        names: (N,), what is written beside the series.
        channels: Names of the channels; the first three are shown.
        note: What is written above.
    """
    from matplotlib.figure import Figure

    drawn = _drawn(series, config, seed)  # (1 + D, N, T, F + 1)
    text = fill(f"{note} Values are in standard deviations of each channel.", _LINE_LENGTH)
    head = (0.75 if series.shape[2] > 2 else 0.55) + 0.18 * text.count("\n")  # inches
    height = head + _HEIGHT * len(series)
    figure = Figure(figsize=(_WIDTH, height), dpi=110)
    axes = figure.subplots(len(series), 1 + _DRAWS, squeeze=False, sharex="row", sharey="row")
    figure.subplots_adjust(
        left=0.14, right=0.99, bottom=0.25 / height, top=1 - head / height, wspace=0.06, hspace=0.3
    )
    for (row, column), panel in np.ndenumerate(axes):
        if column:
            _draw_lines(panel, drawn[0, row], opacity=_PALE)
        _draw_lines(panel, drawn[column, row], opacity=1)
        _clean(panel, is_first=column == 0)
        if row == 0:
            panel.set_title(f"draw {column}" if column else "original", fontsize=9, loc="left")
    for panel, name in zip(axes[:, 0], names, strict=True):
        place = panel.get_position()
        figure.text(0.01, place.y0 + place.height / 2, shortened(name), va="center", fontsize=8,
                    parse_math=False)  # fmt: skip
    figure.text(0.01, 1 - 0.1 / height, text, va="top", fontsize=8, parse_math=False)
    _write_channels(figure, series.shape[2] - 1, channels, 1 - (head - 0.3) / height)
    return figure


def _drawn(series: Series, config: SeriesAugmentConfig, seed: int) -> Series:
    """Return the originals and draws of them, (1 + D, N, T, F + 1)."""
    import torch

    augmenter, originals = SeriesAugmenter(config), torch.from_numpy(series)
    draws = [augmenter(originals, derive_seed(seed, i)) for i in range(_DRAWS)]
    return np.asarray(torch.stack([originals, *draws]).numpy())


def _draw_lines(axes: "Axes", series: Series, opacity: float) -> None:
    """Draw the first channels of a series (T, F + 1), up to its end."""
    length = int(series[:, -1].sum())
    steps = np.arange(0, length, max(1, length // _MAX_POINTS))
    num_channels = min(series.shape[1] - 1, _MAX_CHANNELS)
    marker = "." if length == 1 else ""  # a line through one point cannot be seen
    for channel, colour in zip(range(num_channels), _COLOURS, strict=False):
        line: dict[str, Any] = {
            "color": colour,
            "alpha": opacity,
            "linewidth": 0.9,
            "marker": marker,
        }
        axes.plot(steps, series[steps, channel], **line)


def _clean(axes: "Axes", *, is_first: bool) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6, length=2, labelleft=is_first)
    axes.locator_params(axis="both", nbins=4)


def _write_channels(
    figure: "Figure", num_channels: int, names: Sequence[str], height: float
) -> None:
    """Write the names of the channels that are shown in their colours, right at the top."""
    if num_channels == 1:
        return
    shown = [names[i] if names else f"channel {i + 1}" for i in range(min(num_channels, 3))]
    hidden = num_channels - len(shown)
    labels = [shortened(name) for name in shown] + ([f"{hidden} more not shown"] * (hidden > 0))
    colours = [*_COLOURS[: len(shown)], "#57606a"]
    for i, label in enumerate(labels):
        figure.text(0.99 - 0.17 * (len(labels) - 1 - i), height, label, ha="right", fontsize=8,
                    color=colours[i], parse_math=False)  # fmt: skip
