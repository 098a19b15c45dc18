"""Examples of each class in one picture.

N: samples, C: channels, H: height, W: width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.example_rows import draw_examples, rows_by_stratum
from foldwise.data.samples import Samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Bytes = npt.NDArray[np.uint8]

_MAX_CLASSES = 60
_CLASSES_PER_COLUMN = 20
_MAX_NAME_LENGTH = 24
_PAPER = 255


def contact_sheet(samples: Samples, examples_per_class: int = 8) -> Figure:
    """Draw examples of each class, a row per class; the same samples give the same picture.

    Beyond 20 classes the rows stand in several columns with fewer examples each; beyond 60 the 30
    most frequent and the 30 rarest classes are shown.
    """
    from matplotlib.figure import Figure

    strata = rows_by_stratum(samples)
    counts = {name: len(rows) for name, rows in strata.items()}
    shown = strata_to_show(counts, _MAX_CLASSES)
    num_columns = -(-len(shown) // _CLASSES_PER_COLUMN)
    num_rows = -(-len(shown) // num_columns)
    num_examples = max(examples_per_class // num_columns, 3)
    strips = [
        _strip(samples, draw_examples(n, strata[n], num_examples), num_examples) for n in shown
    ]
    labels = [f"{shortened(name)} ({counts[name]})" for name in shown]
    sheet = _Sheet(strips[0].shape, samples.x.shape[2:], labels, num_rows, num_columns)
    figure = Figure(figsize=(sheet.width, sheet.height), dpi=110)
    for i in range(num_columns):
        rows = slice(i * num_rows, (i + 1) * num_rows)
        num_in_column = len(labels[rows])
        axes = figure.add_axes(sheet.place(i, num_in_column))
        _draw_column(axes, np.concatenate(strips[rows]), labels[rows])
    title = f"{len(samples)} samples"
    title += f", {len(samples.classes)} classes" if samples.classes else ", by target"
    if len(shown) < len(strata):
        half = len(shown) // 2
        title += f" (shown: the {half} most frequent and the {half} rarest)"
    figure.text(0.12 / sheet.width, 1 - 0.28 / sheet.height, title, fontsize=11)
    return figure


def strata_to_show(counts: dict[str, int], most: int) -> list[str]:
    """Return all names, or, of more than `most`, half the most frequent and half the rarest."""
    if len(counts) <= most:
        return list(counts)
    by_count = sorted(counts, key=lambda name: -counts[name])
    kept = {*by_count[: most // 2], *by_count[-(most // 2) :]}
    return [name for name in counts if name in kept]


def shortened(name: str) -> str:
    """Return a printable name of bounded length; both ends of a long one are kept."""
    text = "".join(c if c.isprintable() else "?" for c in name)
    if len(text) <= _MAX_NAME_LENGTH:
        return text
    half = _MAX_NAME_LENGTH // 2
    return f"{text[:half]}…{text[1 - half :]}"


class _Sheet:
    """Where things stand on the picture, in inches."""

    _TITLE, _MARGIN, _PER_LETTER = 0.42, 0.12, 0.085

    def __init__(
        self,
        strip_shape: tuple[int, ...],  # in pixels, of the examples of one class
        image_shape: tuple[int, ...],
        labels: list[str],
        num_rows: int,
        num_columns: int,
    ) -> None:
        cell = 0.72 if num_columns == 1 else 0.6  # side of an image, were it square
        scale = cell / float(np.sqrt(np.prod(image_shape)))
        scale = min(scale, 2 * cell / max(image_shape))
        self._row_height = max(strip_shape[0] * scale, 0.17)  # no less than a line of text
        self._strip_width = strip_shape[1] * scale
        self._label_width = self._MARGIN + self._PER_LETTER * max(map(len, labels))
        self._column_width = self._label_width + self._strip_width + self._MARGIN
        self.width = max(num_columns * self._column_width, 4.0)
        self.height = self._TITLE + num_rows * self._row_height + self._MARGIN

    def place(self, column: int, num_rows: int) -> tuple[float, float, float, float]:
        """Return (left, bottom, width, height) of the strips of a column, as fractions."""
        strips_height = num_rows * self._row_height
        return (
            (column * self._column_width + self._label_width) / self.width,
            (self.height - self._TITLE - strips_height) / self.height,
            self._strip_width / self.width,
            strips_height / self.height,
        )


def _draw_column(axes: Axes, strips: Bytes, labels: list[str]) -> None:
    axes.imshow(strips, aspect="auto")  # the place has the aspect, but for very flat images
    row_height = strips.shape[0] / len(labels)
    axes.set_yticks(
        [(row + 0.5) * row_height for row in range(len(labels))],
        labels,
        fontsize=9,
        parse_math=False,  # a class may be called "$"
    )
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_frame_on(False)


def _strip(samples: Samples, rows: npt.NDArray[np.int64], num_examples: int) -> Bytes:
    """Return examples side by side, (H + gap, num_examples * (W + gap), 3)."""
    height, width = samples.x.shape[2:]
    gap = max(1, max(height, width) // 16)
    strip = np.full((height + gap, num_examples, width + gap, 3), _PAPER, np.uint8)
    for i, row in enumerate(rows):
        strip[:height, i, :width] = np.moveaxis(samples.x[row], 0, -1)  # (C, H, W) -> (H, W, C)
    return strip.reshape(height + gap, -1, 3)
