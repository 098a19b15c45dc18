"""A user's table about images: one row per image, found by its file name or path.

N: rows.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.delimited import (
    DelimitedTable,
    read_column_names,
    read_delimited,
    require_columns,
)
from foldwise.data.readers.delimited_format import DelimitedFormat
from foldwise.data.readers.folder_tree import identifier
from foldwise.data.readers.row_check import RowCheck, refuse_missing
from foldwise.data.readers.row_columns import RowColumns, describe_rows

logger = logging.getLogger(__name__)

_BY_NAME = {"group_column": "group", "split_column": "split", "time_column": "time"}
_OURS = ("meta_height", "meta_width")  # of the picture; a column of that name steps aside


@dataclass(frozen=True)
class ImageRows:
    """The rows of a table about images."""

    table: DelimitedTable
    check: RowCheck  # which rows are refused
    paths: pd.Series  # (N,) text, as spelled but for Unicode normalisation
    columns: pd.DataFrame  # (N rows) `group`, `time`, ... and `meta_*`


def read_image_rows(
    path: Path,
    form: DelimitedFormat,
    columns: RowColumns,
    *,
    key: tuple[str, str],
    others: Mapping[str, Sequence[str]] | None = None,
) -> ImageRows:
    """Read a table about images.

    Columns called `group`, `split` and `time` are taken for what they are called, where the
    parameters name no other; all columns that are left travel along as `meta_*`, unless
    `meta_columns` names some.

    Args:
        path: The table.
        form: How it is written.
        columns: What its columns mean.
        key: The parameter and the column that names the images.
        others: Parameter and columns of others that are wanted as text, e.g. the label.

    Raises:
        IngestError: The table cannot be read, or a column is missing.
    """
    required = {key[0]: (key[1],), **(others or {})}
    names = read_column_names(path, form)
    for parameter, wanted in required.items():
        require_columns(names, wanted, parameter, path)
    used = {name for wanted in required.values() for name in wanted}
    found = _completed(columns, names, used)
    text = used.union(found.text_columns())
    table = read_delimited(path, form, text_columns=text)
    check = RowCheck(table)
    described = describe_rows(table, found, check).drop(columns="sample_id")
    cells = table.frame[key[1]]
    refuse_missing(cells, "the path of the image", check)
    aside = {name: f"{name}_in_table" for name in _OURS}
    return ImageRows(
        table, check, cells.fillna("").map(identifier), described.rename(columns=aside)
    )


def join_rows(sample_ids: Sequence[str], rows: ImageRows) -> pd.DataFrame:
    """Return the table's columns for each image, (len(sample_ids) rows), index 0, 1, ...

    A row belongs to the image whose path ends in the path of the row, or the other way round: a
    file name is enough where no two images share it. An image without a row has a `row` of -1.

    Raises:
        IngestError: A row fits several images, several rows fit one, or none fits any.
    """
    by_name: dict[str, list[int]] = {}
    for i, sample_id in enumerate(sample_ids):
        by_name.setdefault(sample_id.rpartition("/")[2], []).append(i)
    row_of = pd.Series(-1, index=range(len(sample_ids)))
    for row in rows.check.kept().tolist():
        path = rows.paths.iloc[row].removeprefix("./")
        candidates = by_name.get(path.rpartition("/")[2], [])
        fitting = [i for i in candidates if _is_end_of(sample_ids[i], path)]
        if len(fitting) > 1:
            fit = listing([sample_ids[i] for i in fitting], 3)
            raise _error(rows, row, f"'{path}' fits {len(fitting)} images: {fit}")
        for i in fitting:
            if row_of[i] >= 0:
                raise _error(rows, row, f"'{sample_ids[i]}' has a row already")
            row_of[i] = row
    _check_any(sample_ids, rows, row_of)
    joined = rows.columns.iloc[row_of.clip(lower=0)].reset_index(drop=True)
    return joined.assign(row=row_of)


def _completed(columns: RowColumns, names: Sequence[str], used: set[str]) -> RowColumns:
    """Return the columns with those added that their name tells."""
    found = {
        parameter: name
        for parameter, name in _BY_NAME.items()
        if getattr(columns, parameter) is None and name in names and name not in used
    }
    if found:
        logger.info("Took %s from the columns of these names.", ", ".join(found.values()))
    completed = columns.model_copy(update=found)
    if columns.meta_columns:
        return completed
    described = {name for group in completed.described().values() for name in group}
    rest = tuple(name for name in names if name not in described | used)
    return completed.model_copy(update={"meta_columns": rest})


def _is_end_of(one: str, other: str) -> bool:
    long, short = (one, other) if len(one) >= len(other) else (other, one)
    return long == short or long.endswith(f"/{short}")


def _check_any(sample_ids: Sequence[str], rows: ImageRows, row_of: pd.Series) -> None:
    if len(sample_ids) and (row_of < 0).all() and len(rows.paths):
        raise IngestError(
            f"'{rows.table.file}': no row belongs to an image. Its first path is "
            f"'{rows.paths.iloc[0]}', that of the first image '{sample_ids[0]}'; one must end in "
            "the other."
        )


def _error(rows: ImageRows, row: int, problem: str) -> IngestError:
    name = rows.table.row_name(int(rows.table.frame.index[row]))
    return IngestError(f"{name}: {problem}.")
