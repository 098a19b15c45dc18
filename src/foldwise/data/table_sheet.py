"""How each feature of a table is distributed, by class, in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.contact_sheet import shortened, strata_to_show
from foldwise.data.example_rows import draw_examples, rows_by_stratum
from foldwise.data.samples import Feature, Samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_FEATURES = 24
_MAX_STRATA = 6
_MAX_CATEGORIES = 12
_MAX_ROWS = 20_000  # of each class: a histogram does not change beyond
_NUM_BINS = 30

Values = dict[str, npt.NDArray[np.float32]]


def table_sheet(samples: Samples) -> Figure:
    """Draw a histogram of each feature, one outline per class; beyond 24 features the first."""
    from matplotlib.figure import Figure

    strata = rows_by_stratum(samples)
    names = strata_to_show({name: len(rows) for name, rows in strata.items()}, _MAX_STRATA)
    rows = {name: draw_examples(name, strata[name], _MAX_ROWS) for name in names}
    features = samples.features[:_MAX_FEATURES]
    num_columns = min(4, len(features))
    num_rows = -(-len(features) // num_columns)
    size = (max(3.0 * num_columns, 5), 2.1 * num_rows + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for panel in panels[len(features) :]:
        panel.set_visible(False)
    for i, feature in enumerate(features):
        values = {name: np.asarray(samples.x[rows[name], i]) for name in names}
        _draw_feature(panels[i], feature, values)
    handles, labels = panels[0].get_legend_handles_labels()
    names = [shortened(label) for label in labels]
    legend = figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    for text in legend.get_texts():
        text.set(parse_math=False, fontsize=8)  # a class may be called "$"
    hidden = len(samples.features) - len(features)
    more = f" ({hidden} more not shown)" if hidden else ""
    title = f"{len(samples)} rows, {len(samples.features)} features{more}"
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure


def _draw_feature(axes: Axes, feature: Feature, values: Values) -> None:
    draw = _draw_categories if feature.kind == "categorical" else _draw_numbers
    draw(axes, feature, values)
    title = shortened(feature.name) + (f" ({feature.unit})" if feature.unit else "")
    axes.set_title(title, fontsize=9, loc="left", parse_math=False)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_numbers(axes: Axes, _feature: Feature, values: Values) -> None:
    known = {name: v[np.isfinite(v)].astype(np.float64) for name, v in values.items()}
    everything = np.concatenate(list(known.values()))
    if not len(everything):
        return
    edges = np.histogram_bin_edges(everything, bins=_NUM_BINS)
    for name, numbers in known.items():
        share = np.histogram(numbers, edges)[0] / max(len(numbers), 1)
        axes.stairs(share, edges, label=name, linewidth=1.2)


def _draw_categories(axes: Axes, feature: Feature, values: Values) -> None:
    shown = min(len(feature.categories), _MAX_CATEGORIES)
    width = 0.8 / len(values)
    for i, (name, codes) in enumerate(values.items()):
        known = codes[np.isfinite(codes)].astype(np.int64)
        share = np.bincount(known, minlength=shown)[:shown] / max(len(known), 1)
        axes.bar(np.arange(shown) + (i - (len(values) - 1) / 2) * width, share, width, label=name)
    names = [shortened(name) for name in feature.categories[:shown]]
    axes.set_xticks(np.arange(shown), names, rotation=0 if shown < 6 else 90, parse_math=False)
