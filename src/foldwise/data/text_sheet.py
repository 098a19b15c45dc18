"""Examples of texts in one picture: some lines of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foldwise.data.contact_sheet import shortened, strata_to_show
from foldwise.data.example_rows import draw_examples, rows_by_stratum
from foldwise.data.samples import Samples
from foldwise.data.token_texts import texts_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_CLASSES = 24
_MAX_LINES = 48
_LINE_LENGTH = 110  # characters
_LINE_HEIGHT = 0.2  # inches


def text_sheet(samples: Samples) -> Figure:
    """Draw a few texts of each class as lines, cut where they are long."""
    from matplotlib.figure import Figure

    strata = rows_by_stratum(samples)
    names = strata_to_show({name: len(rows) for name, rows in strata.items()}, _MAX_CLASSES)
    per_class = max(2, min(6, _MAX_LINES // len(names)))
    lines: list[tuple[str, str]] = []
    for name in names:
        rows = draw_examples(name, strata[name], per_class)
        texts = texts_of(samples.x[rows], samples.lengths[rows], samples.tokens)
        heads = [f"{shortened(name)}  {len(strata[name])}"] + [""] * (len(texts) - 1)
        lines += zip(heads, texts, strict=True)
    hidden = len(strata) - len(names)
    more = f" ({hidden} classes not shown)" if hidden else ""
    height = (len(lines) + 3) * _LINE_HEIGHT
    figure = Figure(figsize=(11, height))
    style: dict[str, Any] = {"fontsize": 8, "va": "top", "parse_math": False}
    figure.text(0.01, 1 - 0.4 * _LINE_HEIGHT / height, f"{len(samples)} texts{more}", fontsize=11,
                va="top")  # fmt: skip
    for i, (head, text) in enumerate(lines):
        y = 1 - (i + 2) * _LINE_HEIGHT / height
        figure.text(0.01, y, head, weight="bold", **style)
        figure.text(0.22, y, _printable(text), family="monospace", **style)
    return figure


def _printable(text: str) -> str:
    cut = text if len(text) <= _LINE_LENGTH else f"{text[: _LINE_LENGTH - 1]}…"
    return "".join(c if c.isprintable() else " " for c in cut)
