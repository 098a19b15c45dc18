"""Show pairs of nearly equal samples side by side, so that a person can judge them.

P: pairs.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.duplicates import Duplicates
from foldwise.data.audit.near_pairs import NearPairs, Positions, joined_sets
from foldwise.data.samples import Samples
from foldwise.data.token_texts import texts_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_COLUMNS = 3
_CELL = (3.0, 1.75)  # inches
_MAX_LETTERS = 220  # of a text
_LINE_LETTERS = 25
_MAX_FEATURES = 6  # of a row
_FIRST, _SECOND = "#1b4f8a", "#c8553d"


def telling_pairs(samples: Samples, duplicates: Duplicates, count: int) -> NearPairs:
    """Choose the pairs that tell most: at most one of each set.

    First those under two labels, then those across the official split, then the others; within
    these the least alike, because at them one sees whether the threshold is right.
    """
    near = duplicates.near
    if len(near) == 0:
        return near
    order = np.lexsort((near.similarity, _urgency(samples, near.pairs)))
    sets = joined_sets(near.pairs, len(samples))[near.pairs[order, 0]]
    first_of_set = np.sort(np.unique(sets, return_index=True)[1])[:count]
    chosen = order[first_of_set]
    return NearPairs(near.pairs[chosen], near.similarity[chosen])


def _urgency(samples: Samples, pairs: Positions) -> npt.NDArray[np.int64]:
    """Return 0 for two labels, 1 for across the official split, 2 for the rest; shape (P,)."""
    table = samples.table
    urgency = np.full(len(pairs), 2)
    split = table["official_split"].to_numpy(object)[pairs]
    is_known = table["official_split"].notna().to_numpy()[pairs].all(axis=1)
    urgency[is_known & (split[:, 0] != split[:, 1])] = 1
    if samples.task == "classification":
        label = table["label"].to_numpy(object)[pairs]
        urgency[label[:, 0] != label[:, 1]] = 0
    return urgency


def duplicates_figure(samples: Samples, duplicates: Duplicates, max_pairs: int = 12) -> Figure:
    """Draw the most telling near pairs: images and texts side by side, series in one frame."""
    from matplotlib.figure import Figure

    shown = telling_pairs(samples, duplicates, max_pairs)
    num_columns = min(_COLUMNS, max(1, len(shown)))
    num_rows = max(1, -(-len(shown) // _COLUMNS))
    figure = Figure(figsize=(num_columns * _CELL[0], num_rows * _CELL[1]), dpi=110)
    if len(shown) == 0:
        figure.text(0.5, 0.5, "No samples are nearly the same.", ha="center", color="0.4")
        return figure
    cells = figure.subfigures(num_rows, num_columns, squeeze=False).ravel()
    draw = _DRAWERS[samples.modality]
    for cell, pair, similarity in zip(cells, shown.pairs, shown.similarity, strict=False):
        draw(cell, samples, pair)
        _caption(cell, samples, pair, float(similarity))
    return figure


def _caption(cell: SubFigure, samples: Samples, pair: Positions, similarity: float) -> None:
    """Write the similarity, the ids, and the labels where they differ."""
    rows = samples.table.iloc[pair]
    names = [_shortened(str(name)) for name in rows["sample_id"]]
    if samples.task == "classification" and rows["label"].nunique() > 1:
        pairs = zip(names, rows["label"], strict=True)
        names = [f"{name}  [{_shortened(str(label), 14)}]" for name, label in pairs]
    is_equal = np.array_equal(samples.x[pair[0]], samples.x[pair[1]])
    style: dict[str, Any] = {"fontsize": 6, "ha": "left", "va": "bottom", "parse_math": False}
    cell.text(0.04, 0.11, names[0], color=_FIRST, **style)
    cell.text(0.04, 0.03, names[1], color=_SECOND, **style)
    cell.text(0.96, 0.11, _written(similarity, is_equal), color="0.2", **(style | {"ha": "right"}))


def _written(similarity: float, is_equal: bool) -> str:
    """Return three decimals; below 1 for samples that differ.

    >>> _written(1.0, is_equal=False), _written(1.0, is_equal=True), _written(0.8123, False)
    ('0.999', '1.000', '0.812')
    """
    return f"{similarity if is_equal else min(similarity, 0.999):.3f}"


def _shortened(name: str, limit: int = 40) -> str:
    return name if len(name) <= limit else f"...{name[3 - limit :]}"


def _draw_images(cell: SubFigure, samples: Samples, pair: Positions) -> None:
    for i, row in enumerate(pair):
        axes = cell.add_axes((0.04 + 0.47 * i, 0.22, 0.45, 0.76))
        image = np.asarray(samples.x[row]).transpose(1, 2, 0)
        image = image if image.shape[2] == 3 else image.mean(axis=2)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_axis_off()


def _draw_series(cell: SubFigure, samples: Samples, pair: Positions) -> None:
    axes: Axes = cell.add_axes((0.04, 0.24, 0.92, 0.72))
    for row, color, width in zip(pair, (_FIRST, _SECOND), (1.6, 0.7), strict=True):
        axes.plot(samples.x[row, : samples.lengths[row]], color=color, linewidth=width)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("0.8")


def _draw_rows(cell: SubFigure, samples: Samples, pair: Positions) -> None:
    for i, feature in enumerate(samples.features[:_MAX_FEATURES]):
        first, second = (f"{value:.7g}" for value in samples.x[pair, i])
        written = (_shortened(feature.name, 16), "0.4"), (first, _FIRST), (second, _SECOND)
        for left, (text, color) in zip((0.04, 0.42, 0.7), written, strict=True):
            _write(cell, left, 0.9 - 0.11 * i, text, color)


def _draw_texts(cell: SubFigure, samples: Samples, pair: Positions) -> None:
    texts = texts_of(np.asarray(samples.x[pair]), samples.lengths[pair], samples.tokens)
    for left, text, color in zip((0.04, 0.52), texts, (_FIRST, _SECOND), strict=True):
        lines = textwrap.wrap(textwrap.shorten(text, _MAX_LETTERS), _LINE_LETTERS)
        for i, line in enumerate(lines):
            _write(cell, left, 0.9 - 0.08 * i, line, color)


def _write(cell: SubFigure, left: float, base: float, text: str, color: str) -> None:
    cell.text(left, base, text, fontsize=6, va="baseline", color=color, parse_math=False)


_DRAWERS = {
    "image": _draw_images,
    "series": _draw_series,
    "table": _draw_rows,
    "tokens": _draw_texts,
}
