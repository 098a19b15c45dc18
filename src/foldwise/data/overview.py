"""The samples in one picture, drawn as fits their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foldwise.data.contact_sheet import contact_sheet
from foldwise.data.samples import Samples
from foldwise.data.series_sheet import series_sheet
from foldwise.data.table_sheet import table_sheet
from foldwise.data.text_sheet import text_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHEETS = {
    "image": contact_sheet,
    "series": series_sheet,
    "table": table_sheet,
    "tokens": text_sheet,
}


def overview(samples: Samples) -> Figure:
    """Draw examples of each class (or range of the target), or the features by class."""
    return _SHEETS[samples.modality](samples)
