"""Where the steps of changed series come from.

A map says for each step of the result at which place of the series it is read, 0..L - 1, also
between two steps. At the padding it means nothing.

B: batch, T: steps, L: steps of one series, S: segments, F: channels.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.smooth_curves import smooth_curves
from foldwise.data.augment.step_draws import Floats, Lengths

if TYPE_CHECKING:
    from torch import Tensor

Steps = npt.NDArray[np.int64]


def permuted_steps(lengths: Lengths, num_steps: int, draws: Floats) -> Steps:
    """Return a map that cuts each series into segments and puts them together in another order.

    Segments are of random length, as in Um et al. (2017); a series of few steps has fewer.

    Args:
        lengths: (B,).
        num_steps: T.
        draws: Uniform in 0..1, (B, 2 S - 1): where the cuts are, then the order.

    Returns:
        (B, T), each step of a series once.
    """
    num_segments = (draws.shape[1] + 1) // 2
    ends = lengths[:, np.newaxis]
    cuts = 1 + np.floor(np.sort(draws[:, : num_segments - 1]) * np.maximum(ends - 1, 0))
    cuts = np.minimum(cuts.astype(np.int64), ends)
    bounds = np.concatenate([np.zeros_like(ends), cuts, ends], axis=1)  # (B, S + 1)
    order = np.argsort(draws[:, num_segments - 1 :], axis=1)
    sizes = np.take_along_axis(np.diff(bounds), order, axis=1)
    stops = np.cumsum(sizes, axis=1)  # where the segments end in the result
    moved_by = np.take_along_axis(bounds[:, :-1], order, axis=1) - (stops - sizes)
    steps = np.arange(num_steps)
    segments = (steps[:, np.newaxis] >= stops[:, np.newaxis, :-1]).sum(axis=2)  # (B, T)
    return np.asarray(steps + np.take_along_axis(moved_by, segments, axis=1))


def warped_places(lengths: Lengths, num_steps: int, log_speeds: Floats) -> Floats:
    """Return a smooth map that rises from the first to the last step at changing speed, (B, T).

    Args:
        lengths: (B,).
        num_steps: T.
        log_speeds: Logarithms of the speed at knots, (B, K).
    """
    curves = smooth_curves(log_speeds[..., np.newaxis], lengths, num_steps)[..., 0]
    speeds = np.exp(curves[:, :-1])
    last = np.maximum(lengths - 1, 0)[:, np.newaxis]
    speeds[np.arange(num_steps - 1) >= last] = 0
    places = np.zeros((len(lengths), num_steps))
    np.cumsum(speeds, axis=1, out=places[:, 1:])
    return places * (last / np.where(last > 0, places[:, -1:], 1.0))


def sliced_places(lengths: Lengths, places: Floats, kept: float, draws: Floats) -> Floats:
    """Return places within a window that is stretched to the old length (Le Guennec et al. 2016).

    Args:
        lengths: (B,).
        places: Where the window is read at each step, as if it were the series, (B, T).
        kept: The window's fraction of the series.
        draws: Uniform in 0..1, (B,): where the window begins.
    """
    starts = draws * (1 - kept) * np.maximum(lengths - 1, 0)
    return np.asarray(starts[:, np.newaxis] + kept * places)


def read_between(series: "Tensor", places: Floats, lengths: Lengths) -> "Tensor":
    """Read series (B, T, F) at places (B, T), on lines between the steps; padding stays."""
    import torch

    size, num_steps, num_channels = series.shape
    inside = np.clip(places, 0, np.maximum(lengths - 1, 0)[:, np.newaxis])
    before = inside.astype(np.int64)
    after = np.minimum(before + 1, num_steps - 1)
    shares = torch.from_numpy((inside - before).astype(np.float32)).to(series.device)
    rows = series.reshape(-1, num_channels)
    lower = rows[_row_numbers(before, lengths).to(series.device)]
    upper = rows[_row_numbers(after, lengths).to(series.device)]
    return torch.lerp(lower, upper, shares.reshape(-1, 1)).view(size, num_steps, num_channels)


def read_at(series: "Tensor", steps: Steps, lengths: Lengths) -> "Tensor":
    """Read series (B, T, F) at steps (B, T), as they are; padding stays."""
    rows = series.reshape(-1, series.shape[2])
    return rows[_row_numbers(steps, lengths).to(series.device)].view(series.shape)


def _row_numbers(steps: Steps, lengths: Lengths) -> "Tensor":
    """Return the numbers of steps among all of a batch, (B, T) -> (B T,); padding is itself."""
    import torch

    size, num_steps = steps.shape
    own = np.arange(num_steps)
    found = np.where(own < lengths[:, np.newaxis], steps, own)
    found += num_steps * np.arange(size)[:, np.newaxis]
    return torch.from_numpy(found.ravel())
