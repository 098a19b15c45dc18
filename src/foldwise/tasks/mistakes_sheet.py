"""A sheet of single samples with captions, drawn as fits their kind.

E: samples on the sheet, C: channels, H: height, W: width, T: steps, F: features.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.data.contact_sheet import shortened
from foldwise.data.samples import Samples
from foldwise.data.token_texts import texts_of
from foldwise.metrics.classification import Array, Codes
from foldwise.tasks.figure_style import COLOURS, in_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Caption = tuple[str, str]  # two short lines

_CELL = 1.15  # inches, of a picture
_CAPTION = 0.42  # inches, of two lines
_LINE = 0.2  # inches, of a line of text
_TITLE = 0.4  # inches
_MAX_COLUMNS = 8
_MAX_LETTERS = 140  # of a line
_MAX_CHANNELS = 3
_MAX_POINTS = 500  # of a line
_MAX_FEATURES = 6
_MAX_ROWS = 20_000  # that tell what is usual
_PLAIN: dict[str, Any] = {"fontsize": 7.5, "parse_math": False}  # a class may be called "$"


@in_style
def sample_sheet(
    samples: Samples, rows: Codes, captions: Sequence[Caption], title: str
) -> "Figure":
    """Draw samples one by one, each with a caption.

    Of a table the features that are farthest from usual are told, in quartile ranges from the
    median.

    Args:
        samples: All of them.
        rows: Positions of those to be drawn, (E,).
        captions: (E,).
        title: The heading.
    """
    from matplotlib.figure import Figure

    if not len(rows):
        figure = Figure(figsize=(6, 0.8))
        figure.text(0.02, 0.4, title, parse_math=False)
        return figure
    draw = {
        "image": _draw_pictures,
        "series": _draw_series,
        "tokens": _draw_texts,
        "table": _draw_records,
    }[samples.modality]
    return draw(samples, rows, captions, title)


def _draw_pictures(
    samples: Samples, rows: Codes, captions: Sequence[Caption], title: str
) -> "Figure":
    figure, panels = _grid(len(rows), _MAX_COLUMNS, (_CELL, _CELL), title)
    for panel, row in zip(panels, rows, strict=True):
        picture = np.moveaxis(np.asarray(samples.x[row]), 0, -1)  # (C, H, W) -> (H, W, C)
        if picture.shape[-1] != 3:
            picture = np.repeat(picture.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1)
        panel.imshow(picture, interpolation="nearest")
        panel.set_axis_off()
    _caption(panels, captions)
    return figure


def _draw_series(
    samples: Samples, rows: Codes, captions: Sequence[Caption], title: str
) -> "Figure":
    figure, panels = _grid(len(rows), 4, (2.3, 0.95), title)
    for panel, row in zip(panels, rows, strict=True):
        length = int(samples.lengths[row])
        steps = np.arange(0, length, max(1, length // _MAX_POINTS))
        for channel in range(min(samples.x.shape[2], _MAX_CHANNELS)):
            line = samples.x[row, steps, channel]
            panel.plot(steps, line, color=COLOURS[channel], linewidth=0.8)
        panel.tick_params(labelsize=6, length=2)
    _caption(panels, captions)
    return figure


def _draw_texts(
    samples: Samples, rows: Codes, captions: Sequence[Caption], title: str
) -> "Figure":
    texts = texts_of(samples.x[rows], samples.lengths[rows], samples.tokens)
    return _lines([_printable(text) for text in texts], captions, title)


def _draw_records(
    samples: Samples, rows: Codes, captions: Sequence[Caption], title: str
) -> "Figure":
    values = np.asarray(samples.x[rows], dtype=np.float64)  # (E, F)
    distances = _distances(samples, values)
    lines = []
    for record, distance in zip(values, distances, strict=True):
        order = np.argsort(-distance, kind="stable")[:_MAX_FEATURES]
        lines.append(_printable(", ".join(_told(samples, record, int(i)) for i in order)))
    return _lines(lines, captions, title)


def _distances(samples: Samples, values: Array) -> Array:
    """Return how far values (E, F) lie from the medians, in quartile ranges; categories: 0."""
    step = max(1, len(samples) // _MAX_ROWS)
    usual = np.asarray(samples.x[::step], dtype=np.float64)
    distances = np.zeros(values.shape)
    for i, feature in enumerate(samples.features):
        known = usual[np.isfinite(usual[:, i]), i]
        if feature.kind == "numeric" and len(known):
            low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
            spread = (high - low) or float(known.std()) or 1.0
            distances[:, i] = np.nan_to_num(np.abs(values[:, i] - middle) / spread)
    return distances


def _told(samples: Samples, record: Array, column: int) -> str:
    feature, value = samples.features[column], float(record[column])
    if np.isnan(value):
        shown = "missing"
    else:
        shown = feature.categories[int(value)] if feature.categories else f"{value:.4g}"
    return f"{shortened(feature.name)} {shown}"


def _grid(
    number: int, max_columns: int, cell: tuple[float, float], title: str
) -> tuple["Figure", list["Axes"]]:
    """Return a figure with so many panels, row by row."""
    from matplotlib.figure import Figure

    num_columns = min(number, max_columns)
    num_rows = -(-number // num_columns)
    width = max(num_columns * (cell[0] + 0.25), 4.5)
    height = num_rows * (cell[1] + _CAPTION + 0.15) + _TITLE
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for panel in panels[number:]:
        panel.set_axis_off()
    figure.suptitle(title, fontsize=10, x=0.01, ha="left", parse_math=False)
    return figure, list(panels[:number])


def _caption(panels: Sequence["Axes"], captions: Sequence[Caption]) -> None:
    for panel, caption in zip(panels, captions, strict=True):
        panel.set_title("\n".join(caption), loc="left", pad=3, **_PLAIN)


def _lines(lines: Sequence[str], captions: Sequence[Caption], title: str) -> "Figure":
    """Draw two lines for each sample: what was said of it, and what it is."""
    from matplotlib.figure import Figure

    height = (2.4 * len(lines) + 2.5) * _LINE
    figure = Figure(figsize=(9, height))
    figure.text(0.01, 1 - _LINE / height, title, fontsize=10, va="top", parse_math=False)
    for i, (line, caption) in enumerate(zip(lines, captions, strict=True)):
        top = 1 - (2.4 * i + 2.7) * _LINE / height
        figure.text(0.01, top, "   ".join(caption), weight="bold", va="top", **_PLAIN)
        figure.text(0.03, top - _LINE / height, line, va="top", **_PLAIN)
    return figure


def _printable(text: str) -> str:
    cut = text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…"
    return "".join(c if c.isprintable() else " " for c in cut)
