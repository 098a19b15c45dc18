"""The `.tsv` format of the UCR archive: no header, the label, then the values of one series.

Shorter series end in NaN, by which alone they are known. pandas reads it; sktime's loader for
these files keeps the NaN at the end and turns labels such as 1 into 1.0.

T: time steps of one case.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.readers.series_cases import SeriesCases, refuse


def read_ucr_tsv(path: Path) -> SeriesCases:
    """Read a `.tsv` file of the UCR archive.

    Raises:
        IngestError: It is empty, a value is no number, or a row has more cells than the first.
    """
    cells = _read_cells(path)
    values = cells.iloc[:, 1:].apply(pd.to_numeric, errors="coerce")
    wrong = np.argwhere((values.isna() & cells.iloc[:, 1:].notna()).to_numpy())
    if len(wrong):
        row, column = wrong[0]
        raise refuse(
            path,
            f"the value '{cells.iloc[row, column + 1]}' in line {cells.index[row] + 1}, column "
            f"{column + 2} is no number",
        )
    steps = values.to_numpy(np.float64)
    return SeriesCases(
        path=path,
        series=[_without_padding(row)[:, np.newaxis] for row in steps],
        labels=cells[0].fillna("").str.normalize("NFC").str.strip().tolist(),
        lines=(cells.index + 1).tolist(),
        num_channels=1,
    )


def _read_cells(path: Path) -> pd.DataFrame:
    """Return the cells as text, without empty lines; the index counts lines from 0."""
    try:
        cells = pd.read_csv(
            path,
            sep="\t",
            header=None,
            dtype="str",
            encoding="utf-8",
            skip_blank_lines=False,
            quoting=3,
            keep_default_na=False,
            na_values=["", "NaN", "nan", "?"],
        )
    except (ValueError, UnicodeDecodeError) as error:  # of which its parser errors are kinds
        raise refuse(path, error) from None
    cells = cells.dropna(how="all")
    if cells.shape[1] < 2:
        raise refuse(path, "its lines have no tabs; expected are a label and values between tabs")
    return cells


def _without_padding(row: npt.NDArray[Any]) -> npt.NDArray[Any]:
    known = np.flatnonzero(~np.isnan(row))
    return row[: known[-1] + 1] if len(known) else row[:0]
