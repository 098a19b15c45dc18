"""Values with their limits as marks on a figure."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Mark(NamedTuple):
    """How values are drawn: shape and colour differ together, so that neither is needed."""

    marker: str
    colour: str
    label: str


def draw_intervals(axes: "Axes", found: Array, places: npt.ArrayLike, mark: Mark) -> None:
    """Draw values with limits, found: (n, 3); undefined limits are drawn as none.

    Args:
        axes: Where.
        found: Value, lower and upper limit of each row, shape (n, 3).
        places: The height of each row, shape (n,).
        mark: How.
    """
    value, low, high = found.T
    errors = np.nan_to_num(np.array([value - low, high - value]))
    axes.errorbar(
        value,
        places,
        xerr=np.maximum(errors, 0),
        fmt=mark.marker,
        color=mark.colour,
        markersize=5,
        elinewidth=1.6,
        label=mark.label,
    )
