"""The rows of a data set of `datasets`, written out as one Parquet file and one of images.

They are written batch by batch: a data set need not fit in memory. What reads Parquet files and
image files already then reads these.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foldwise.data.images.store import Entry
from foldwise.data.readers.hub_columns import HubColumns

if TYPE_CHECKING:
    from datasets import Dataset

# Columns that are added; `datasets` itself uses such names for what is not the user's.
ID_COLUMN = "__id__"  # train/000017: the part, and the row in it from 0
SPLIT_COLUMN = "__split__"

_BATCH_ROWS = 1000


@dataclass
class HubRows:
    """The files that were written, and where in the second one each image lies."""

    table: Path
    images: Path
    entries: list[Entry | None] = field(default_factory=list)  # None: the row has no image


def write_rows(
    splits: Mapping[str, "Dataset"], columns: HubColumns, file: Path, root: Path
) -> HubRows:
    """Write the rows of all parts, one part after the other.

    Class numbers become class names.

    Args:
        splits: The parts by their names.
        columns: The columns wanted, that of the images among them.
        file: The Parquet file, in a folder that is not there yet; the images lie beside it.
        root: The folder, or the file, below which images may lie that a row only names.
    """
    file.parent.mkdir()
    rows = HubRows(file, file.with_name(f"{file.name}.images"))
    writer: pq.ParquetWriter | None = None
    with rows.images.open("wb") as images:
        for batch in _batches(splits, list(columns.needed)):
            if columns.image is not None:
                cells = batch.column(columns.image).to_pylist()
                rows.entries += [_append(images, cell, root) for cell in cells]
                batch = batch.drop_columns([columns.image])
            # Parts may hold texts in several types; those of the first are taken for all.
            writer = writer or pq.ParquetWriter(rows.table, batch.schema)
            writer.write_table(batch.cast(writer.schema))
    if writer is not None:
        writer.close()
    return rows


def _batches(splits: Mapping[str, "Dataset"], columns: list[str]) -> Iterator[pa.Table]:
    """Yield some rows at a time, with their ids and parts, and with classes by their names."""
    from datasets import Image

    for split, part in splits.items():
        part = part.select_columns(columns)
        for name, kind in part.features.items():
            if isinstance(kind, Image):
                part = part.cast_column(name, Image(decode=False))
        start = 0
        for batch in part.with_format("arrow").iter(_BATCH_ROWS):
            batch = _with_class_names(batch.replace_schema_metadata(None), part.features)
            ids = [f"{split}/{row:06d}" for row in range(start, start + len(batch))]
            batch = batch.append_column(ID_COLUMN, pa.array(ids, pa.string()))
            yield batch.append_column(SPLIT_COLUMN, pa.array([split] * len(batch), pa.string()))
            start += len(batch)


def _with_class_names(batch: pa.Table, features: Mapping[str, Any]) -> pa.Table:
    from datasets import ClassLabel

    for place, (name, kind) in enumerate(features.items()):
        if isinstance(kind, ClassLabel):
            codes = batch.column(name)
            known = pc.if_else(pc.less(codes, 0), None, codes)  # -1: not labelled
            cells = pc.take(pa.array(kind.names, pa.string()), known)
            batch = batch.set_column(place, name, cells)
    return batch


def _append(images: BinaryIO, cell: Any, root: Path) -> Entry | None:  # noqa: ANN401  (raw)
    """Append an image, bytes or the name of a file, and return where it lies: see `TarStore`."""
    data = None if cell is None else cell["bytes"]
    if data is None and cell is not None and cell["path"]:
        # What a data set names is read only where the data set lies.
        path = Path(cell["path"]).resolve()
        if path.is_relative_to(root.resolve()) and path.is_file():
            data = path.read_bytes()
    if data is None:
        return None
    first = images.tell()
    images.write(data)
    return [first, len(data), 0]
