"""A folder of images with one sub-folder per class, or an archive of one.

N: samples, C: channels, H: height, W: width.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from foldwise.data.bad_input import BadFile, IngestError, printable
from foldwise.data.readers.archive import ArchiveLimits, scan_archive
from foldwise.data.readers.class_folders import EXPECTED, ClassFolders, find_class_folders
from foldwise.data.readers.common_top import below_common_top
from foldwise.data.readers.delimited_format import DelimitedFormat, NameList
from foldwise.data.readers.folder_tree import ImageFile, Tree, scan_tree
from foldwise.data.readers.image_rows import join_rows, read_image_rows
from foldwise.data.readers.row_columns import RowColumns
from foldwise.data.sources.image_source import ImageSource
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading


class ImageFolderSource(ImageSource):
    """Images of any size and mode, in one sub-folder per class, nested as deep as you like.

    The path may also be a `.tar`, `.tar.gz` or `.zip` file, which is read in place. A single
    folder on top of everything is looked through. Where the sub-folders are called `train`,
    `test` and perhaps `val`, and hold the class folders, they become the official split. Hidden
    files and files without the ending of an image are passed over.

    A table may tell more of the images: their group, a time, and whatever else (`meta_*`).
    """

    kind: Literal["image_folder"] = "image_folder"
    path: Path  # `~` is the home folder
    table: Path | None = None  # CSV, TSV or Parquet, one row per image
    table_key: str = "image"  # its column of file names, or of paths as far as they are told
    group_column: str | None = None  # of the table; by default `group`, where there is one
    time_column: str | None = None  # by default `time`
    meta_columns: NameList = ()  # by default all others
    max_members: int = Field(2_000_000, ge=1)  # of an archive
    max_unpacked_bytes: int = Field(16 * 2**30, ge=1)  # of an archive

    def inputs(self) -> Sequence[Path]:
        """Return the folder or archive, and the table."""
        table = () if self.table is None else (self.table.expanduser(),)
        return (self.path.expanduser(), *table)

    def read(self, scratch: Path) -> Reading:
        """Read all images, sorted by class, then by path.

        Raises:
            IngestError: The folder is missing, empty or not one sub-folder per class; the archive
                is damaged; the table cannot be read or does not fit.
        """
        unpacked = scratch / "archive.tar"
        try:
            tree = below_common_top(self._scan(scratch))
            folders = find_class_folders(tree)
            files = _limited(folders, self.limit)
            told, bad_rows = self._told(files)
            files = [
                file for file, is_told in zip(files, told["row"] >= 0, strict=True) if is_told
            ]
            pictures = self.decode(files, tree.store, scratch)
        finally:
            unpacked.unlink(missing_ok=True)
        good = [file for file, good in zip(files, pictures.is_good, strict=True) if good]
        told = told[told["row"] >= 0].drop(columns="row")[pictures.is_good].reset_index(drop=True)
        return Reading(
            x=pictures.x,
            table=_table(good, folders, told, pictures.columns),
            classes=folders.classes,
            size_policy=self.size_policy,
            bad_files=tuple(sorted([*tree.bad_files, *pictures.bad_files, *bad_rows])),
        )

    def _scan(self, scratch: Path) -> Tree:
        path = self.path.expanduser()
        if not path.exists():
            raise IngestError(f"ingest.source.path: '{path}' does not exist. {EXPECTED}")
        if path.is_dir():
            return scan_tree(path)
        if not path.is_file():
            raise IngestError(f"ingest.source.path: '{path}' is not a folder. {EXPECTED}")
        return scan_archive(
            path, scratch, ArchiveLimits(self.max_members, self.max_unpacked_bytes)
        )

    def _told(self, files: Sequence[ImageFile]) -> tuple[pd.DataFrame, list[BadFile]]:
        """Return what the table tells of each file, and the rows and images that are bad."""
        if self.table is None:
            return pd.DataFrame({"row": 0}, index=range(len(files))), []
        columns = RowColumns(
            group_column=self.group_column,
            time_column=self.time_column,
            meta_columns=self.meta_columns,
        )
        key = ("table_key", self.table_key)
        rows = read_image_rows(self.table, DelimitedFormat(), columns, key=key)
        told = join_rows([file.sample_id for file in files], rows)
        without = [file for file, row in zip(files, told["row"], strict=True) if row < 0]
        reason = f"has no row in {printable(rows.table.file.name)}"
        return told, [
            *(BadFile(printable(file.sample_id), reason) for file in without),
            *rows.check.bad_rows(),
        ]


def _limited(folders: ClassFolders, limit: int | None) -> list[ImageFile]:
    """Take a stratified sample before anything is decoded."""
    files = list(folders.files)
    if limit is None:
        return files
    labels = [folders.label(file) for file in files]
    taken = stratified_sample([file.sample_id for file in files], labels, limit)
    return [files[i] for i in taken]


def _table(
    files: Sequence[ImageFile], folders: ClassFolders, told: pd.DataFrame, columns: pd.DataFrame
) -> pd.DataFrame:
    labels = pd.Series([folders.label(file) for file in files], dtype="str")
    split = pd.Series([folders.official_split(file) for file in files], dtype="str")
    table = pd.DataFrame({"label": labels, "official_split": split})
    return pd.concat([columns[["sample_id"]], table, told, columns.iloc[:, 1:]], axis=1)
