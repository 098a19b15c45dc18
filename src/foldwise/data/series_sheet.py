"""Examples of series in one picture: a panel per class.

T: time steps, F: channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from foldwise.data.contact_sheet import shortened, strata_to_show
from foldwise.data.example_rows import Rows, draw_examples, rows_by_stratum
from foldwise.data.samples import Samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EXAMPLES = 6
_MAX_PANELS = 20
_MAX_CHANNELS = 3
_MAX_POINTS = 1000  # of a line: more cannot be told apart
_WIDTH, _HEIGHT = 3.2, 1.9  # inches, of a panel


def series_sheet(samples: Samples) -> Figure:
    """Draw some series of each class over one another, the first three channels in own rows."""
    from matplotlib.figure import Figure

    strata = rows_by_stratum(samples)
    names = strata_to_show({name: len(rows) for name, rows in strata.items()}, _MAX_PANELS)
    num_channels = min(samples.x.shape[2], _MAX_CHANNELS)
    num_columns = min(len(names), 3) if num_channels == 1 else num_channels
    num_rows = -(-len(names) // num_columns) if num_channels == 1 else len(names)
    figure = Figure(figsize=(num_columns * _WIDTH, num_rows * _HEIGHT + 0.4), layout="constrained")
    shared: Literal["all", "col"] = "all" if num_channels == 1 else "col"
    panels = figure.subplots(num_rows, num_columns, squeeze=False, sharex=True, sharey=shared)
    panels = panels.ravel()
    for i, (name, channel) in enumerate((n, c) for n in names for c in range(num_channels)):
        rows = draw_examples(name, strata[name], _EXAMPLES)
        _draw_lines(panels[i], samples, rows, channel)
        title = f"{shortened(name)} ({len(strata[name])})"
        if num_channels > 1:
            title += f", {_channel_name(samples, channel)}"
        panels[i].set_title(title, fontsize=9, loc="left", parse_math=False)
    for panel in panels[len(names) * num_channels :]:
        panel.set_visible(False)
    hidden = len(strata) - len(names)
    more = f" ({hidden} classes not shown)" if hidden else ""
    figure.suptitle(f"{len(samples)} series{more}", fontsize=11, x=0.01, ha="left")
    return figure


def _channel_name(samples: Samples, channel: int) -> str:
    names = [feature.name for feature in samples.features]
    return shortened(names[channel]) if names else f"channel {channel + 1}"


def _draw_lines(axes: Axes, samples: Samples, rows: Rows, channel: int) -> None:
    lengths = samples.lengths
    for row in rows:
        length = int(lengths[row])
        step = max(1, length // _MAX_POINTS)
        steps = np.arange(0, length, step)
        axes.plot(steps, samples.x[row, steps, channel], linewidth=0.8, alpha=0.8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
