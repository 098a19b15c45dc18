"""Boxes in the columns of a table: where in its picture the sample of a row is.

N: rows.
"""

from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, model_validator

from foldwise.config import Config
from foldwise.data.readers.column_builder import numbers_of
from foldwise.data.readers.delimited_format import NameList
from foldwise.data.readers.image_rows import ImageRows

_MAX_EDGE = 1e9  # pixels


class BoxColumns(Config):
    """Which columns hold boxes, and what is cut out of the pictures for them."""

    box_columns: NameList = ()  # left, upper, right, lower edge; by default whole pictures
    box_margin: float = Field(0.0, ge=0, le=10)  # at each side, in parts of the box
    box_square: bool = False  # makes the shorter side as long as the longer one, before the margin

    @model_validator(mode="after")
    def _check_boxes(self) -> Self:
        if self.box_columns and len(set(self.box_columns)) != 4:
            raise ValueError(
                "box_columns must name four columns (left; upper; right; lower edge of the box), "
                f"but got {self.box_columns}"
            )
        if not self.box_columns and (self.box_margin or self.box_square):
            raise ValueError("box_margin and box_square need box_columns, but got none")
        return self


def read_boxes(rows: ImageRows, columns: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Return the edges of the boxes, (N, 4); rows with an incomplete or empty one are refused."""
    frame, check = rows.table.frame, rows.check
    cells = [frame[name] for name in columns]
    boxes = np.stack([numbers_of(column, rows.table.decimal) for column in cells], axis=1)
    missing = np.stack([column.isna() for column in cells], axis=1)
    is_edge = np.abs(boxes) <= _MAX_EDGE  # not so where it is NaN

    def odd_cell(row: int) -> str:
        place = int(np.argmin(is_edge[row]))
        what = f"an edge of the box (column '{columns[place]}')"
        if missing[row, place]:
            return f"{what} is missing"
        return f"{what} is '{cells[place].iloc[row]}'; expected is a number of pixels"

    def size(row: int) -> str:
        width, height = boxes[row, 2:] - boxes[row, :2]
        return (
            f"the box {box_name(boxes[row])} of '{rows.paths.iloc[row]}' is {width:g} pixels wide "
            f"and {height:g} high; columns {', '.join(columns)} are to be its left, upper, right "
            "and lower edge"
        )

    check.refuse(~np.all(is_edge, axis=1), odd_cell)
    check.refuse(np.any(boxes[:, 2:] <= boxes[:, :2], axis=1), size)
    return boxes


def box_ids(paths: pd.Series, boxes: npt.NDArray[np.float64]) -> pd.Series:
    """Return an id for each box, (N,), e.g. `a.jpg#10,20,30,60`: the picture and the edges.

    Unlike a number, it stays when rows are added, removed or sorted.
    """
    names = [f"{path}#{box_name(box)}" for path, box in zip(paths, boxes, strict=True)]
    return pd.Series(names, index=paths.index, dtype="str")


def box_name(box: npt.NDArray[np.float64]) -> str:
    """Return the edges with commas between.

    >>> box_name(np.array([10.0, 20.5, 30.0, 60.0]))
    '10,20.5,30,60'
    """
    return ",".join(repr(edge).removesuffix(".0") for edge in box.tolist())
