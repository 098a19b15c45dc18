"""Images named by a table, one row each: path, label, and whatever else is known.

N: samples.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import BadFile, printable
from foldwise.data.images.decode import ImageSpec
from foldwise.data.images.store import Entry
from foldwise.data.readers.boxes import BoxColumns, box_ids, read_boxes
from foldwise.data.readers.delimited_format import NameList
from foldwise.data.readers.folder_tree import ImageFile
from foldwise.data.readers.image_places import ImagePlaces
from foldwise.data.readers.image_rows import ImageRows, read_image_rows
from foldwise.data.readers.row_check import refuse_missing
from foldwise.data.readers.row_columns import RowColumns
from foldwise.data.readers.table_and_images import TableAndImages
from foldwise.data.readers.target_column import sorted_classes
from foldwise.data.sources.image_source import ImageSource
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading


class ImageTableSource(ImageSource, BoxColumns, TableAndImages):
    """Images named by a CSV, TSV or Parquet file, wherever they lie below one folder.

    The sample id is the path in the table. Columns called `group`, `split` and `time` are taken
    for that unless the parameters name others; all that are left become `meta_*`. A path that
    leads out of the folder, by `..` or by a link, is a bad row. Rows are counted as in a
    spreadsheet: the header is row 1.

    With `box_columns`, each row is a sample cut out of its picture, black beyond its border, and
    several rows may name one picture. The edges are in pixels from the upper left corner of the
    picture as a viewer shows it, that is, upright where EXIF tells an orientation; the right and
    the lower edge are the first outside. The id is the path and the edges, `a.jpg#10,20,30,60`.
    Where no column tells the group, it is the path: what lies in one picture is never split. A box
    without width or height, or outside its picture, is a bad row; so is one that the picture has
    already. `meta_height` and `meta_width` are those of the crop, `file_*` tells of the picture.
    Samples of one picture come together, in the order in which the table first names it.

    Images, and the table as well, may lie in an archive; files in it are found if they have the
    ending of an image.
    """

    kind: Literal["image_table"] = "image_table"
    path_column: str = "path"  # of the images, relative to the folder of the images
    label_column: str = "label"
    group_column: str | None = None  # by default `group`, where there is one
    split_column: str | None = None  # train, val or test; by default `split`
    time_column: str | None = None  # numbers, or moments in ISO 8601; by default `time`
    meta_columns: NameList = ()  # travel along to the reports; by default all others

    def image_spec(self) -> ImageSpec:
        """Return what each file, or each box in one, is to become."""
        spec = super().image_spec()
        if not self.box_columns:
            return spec
        return replace(spec, box_margin=self.box_margin, box_square=self.box_square)

    def read(self, scratch: Path) -> Reading:
        """Read all images, in the order of the rows.

        Raises:
            IngestError: The table, the folder or the archive cannot be read, or a column is
                missing.
        """
        try:
            return self._read(self.image_places(scratch), scratch)
        finally:
            (scratch / "archive.tar").unlink(missing_ok=True)

    def _read(self, places: ImagePlaces, scratch: Path) -> Reading:
        rows = self._rows(scratch)
        labels = rows.table.frame[self.label_column]
        refuse_missing(labels, "the label", rows.check)
        boxes = read_boxes(rows, self.box_columns) if self.box_columns else None
        ids = rows.paths if boxes is None else box_ids(rows.paths, boxes)
        _refuse_paths(rows, ids, places)
        kept = self._taken(rows, ids, labels)
        files = _files(rows, ids, boxes, kept, places)
        pictures = self.decode(files, places.store, scratch)
        good = kept[pictures.is_good]
        table = pd.DataFrame({"label": labels.iloc[good].array})
        told = rows.columns.iloc[good].reset_index(drop=True)
        if boxes is not None:
            told["group"] = _groups(told, rows.paths.iloc[good])
        return Reading(
            x=pictures.x,
            table=pd.concat([table, told, pictures.columns], axis=1),
            classes=sorted_classes(table["label"].unique()),
            size_policy=self.size_policy,
            bad_files=(*rows.check.bad_rows(), *_by_row(rows, kept, pictures.bad_files, files)),
        )

    def _taken(self, rows: ImageRows, ids: pd.Series, labels: pd.Series) -> npt.NDArray[np.int64]:
        """Return the places of the rows to be read, those of one picture together."""
        kept = rows.check.kept()
        if self.limit is not None:
            strata = labels.iloc[kept].tolist()
            kept = kept[stratified_sample(ids.iloc[kept].tolist(), strata, self.limit)]
        pictures, _ = pd.factorize(rows.paths.iloc[kept])  # numbered as they come
        return kept[np.argsort(pictures, kind="stable")]

    def _rows(self, scratch: Path) -> ImageRows:
        columns = RowColumns(
            group_column=self.group_column,
            split_column=self.split_column,
            time_column=self.time_column,
            meta_columns=self.meta_columns,
        )
        key = ("path_column", self.path_column)
        others = {"label_column": (self.label_column,), "box_columns": self.box_columns}
        with self.table_file(scratch) as path:
            return read_image_rows(path, self, columns, key=key, others=others)


def _refuse_paths(rows: ImageRows, ids: pd.Series, places: ImagePlaces) -> None:
    """Refuse rows whose sample was named before, or whose image is not to be had."""
    seen = ids.duplicated() & (rows.paths != "")
    what = "image" if ids is rows.paths else "box in the same image"
    rows.check.refuse(seen.to_numpy(), f"names the same {what} as a row above")
    spelled = rows.table.frame[rows.paths.name].fillna("")
    reason_of = {path: places.reason_to_refuse(path) for path in spelled.unique().tolist()}
    reasons = spelled.map(reason_of)
    rows.check.refuse((reasons != "").to_numpy(), reasons.iloc.__getitem__)


def _files(
    rows: ImageRows,
    ids: pd.Series,
    boxes: npt.NDArray[np.float64] | None,
    kept: npt.NDArray[np.int64],
    places: ImagePlaces,
) -> list[ImageFile]:
    """Return what is to be read: files, or boxes in them."""
    spelled = rows.table.frame[rows.paths.name].iloc[kept].tolist()
    entries: list[Entry] = [places.entry(path) for path in spelled]
    if boxes is not None:
        entries = list(zip(entries, boxes[kept].tolist(), strict=True))
    return [ImageFile(*file) for file in zip(ids.iloc[kept], entries, strict=True)]


def _groups(told: pd.DataFrame, paths: pd.Series) -> pd.Series:
    """Return the group that the table tells, else the picture, (N,)."""
    pictures = paths.map(posixpath.normpath).reset_index(drop=True)
    return told["group"].fillna(pictures) if "group" in told else pictures


def _by_row(
    rows: ImageRows,
    kept: npt.NDArray[np.int64],
    bad_files: Sequence[BadFile],
    files: Sequence[ImageFile],
) -> list[BadFile]:
    """Return the bad files with the row that names them."""
    places = {
        printable(file.sample_id): int(place) for file, place in zip(files, kept, strict=True)
    }
    numbers = rows.table.frame.index
    return [
        BadFile(
            f"{rows.table.row_name(int(numbers[places[bad.path]]))}", f"{bad.path}: {bad.reason}"
        )
        for bad in bad_files
    ]
