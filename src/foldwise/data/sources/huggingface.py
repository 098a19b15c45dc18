"""A data set in a format of Hugging Face's `datasets`: a folder or file here, or one of its hub.

N: samples, C: channels, H: height, W: width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.images.store import TarStore
from foldwise.data.readers.delimited import read_delimited, require_columns
from foldwise.data.readers.delimited_format import NameList
from foldwise.data.readers.folder_tree import ImageFile
from foldwise.data.readers.hub_columns import HubColumns, find_columns
from foldwise.data.readers.hub_dataset import HubDataset, load_splits
from foldwise.data.readers.hub_rows import ID_COLUMN, SPLIT_COLUMN, HubRows, write_rows
from foldwise.data.readers.row_check import RowCheck
from foldwise.data.readers.row_columns import RowColumns, describe_rows
from foldwise.data.readers.target_column import Task, add_target, sorted_classes
from foldwise.data.readers.text_tokens import TokenKind
from foldwise.data.sources.image_source import ImageSource
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading
from foldwise.data.sources.table import TableSource
from foldwise.data.sources.text_table import TextTableSource

if TYPE_CHECKING:
    from datasets import Dataset

_PARTS = {"train": "train", "validation": "val", "val": "val", "dev": "val", "test": "test"}


class HuggingfaceSource(ImageSource, RowColumns):
    """Images, texts or table rows; needs `pip install foldwise[huggingface]`.

    Where there is a column of images, these are the samples; where `text_column` is given, its
    texts are; else all columns but the label are the features of a table. The parts `train`,
    `validation` and `test` become the official split, if there are two of them at least; rows in
    other parts are left out. Sample ids tell the part and the row in it: train/000017.

    Nothing is fetched unless `download` says so; then Hugging Face's own cache keeps it, and only
    `revision` tells whether it changed: without one it is read anew each time. Code that comes
    with a data set is never run. Rows that cannot be read are counted from 1, over all parts in
    the order train, validation, test.
    """

    kind: Literal["huggingface"] = "huggingface"
    path: str  # a folder or file, `~` is the home folder; or a name such as ylecun/mnist
    name: str | None = None  # of the configuration, where a data set has several
    revision: str | None = None  # of a data set of the hub: a commit, tag or branch
    download: bool = False
    label_column: str | None = None  # by default the one of classes, else `label`
    task: Task = "auto"  # auto: text and few whole numbers are classes, else a regression
    image_column: str | None = None  # by default the one of images
    text_column: str | None = None
    tokens: TokenKind = "characters"  # of texts
    max_length: int = Field(1024, ge=1)  # tokens of a text
    categorical_columns: NameList = ()  # of a table, although they look like numbers
    numeric_columns: NameList = ()  # of a table; rows with anything else there are refused
    drop_columns: NameList = ()  # of a table
    missing_values: NameList = ()  # cells of a table that are missing, besides blank ones

    def inputs(self) -> Sequence[Path] | None:
        """Return the folder or file; of the hub a revision stays as it is, and no other does."""
        local = self._wanted().local()
        if local is None:
            return None if self.revision is None else ()
        return (local,)

    def read(self, scratch: Path) -> Reading:
        """Read all rows: those of the part train first, then validation, then test.

        Raises:
            IngestError: `datasets` is not installed, the data set is not to be had, or a column
                is not as the parameters say.
        """
        with TemporaryDirectory(dir=scratch) as folder:
            wanted = self._wanted()
            splits = _ordered(load_splits(wanted, Path(folder, "cache")), self.path)
            features = next(iter(splits.values())).features
            columns = self._columns(features)
            root = wanted.local() or _hub_cache()
            # The list of bad rows calls the table by the name of its file.
            file = Path(folder, "rows", Path(self.path).resolve().name)
            rows = write_rows(splits, columns, file, root)
            described = self._described(is_split=len(splits) > 1)
            reading = self._read(rows, columns, described, scratch)
        return _in_order_of(features[columns.label], reading)

    def _wanted(self) -> HubDataset:
        return HubDataset(self.path, self.name, self.revision, self.download)

    def _read(
        self, rows: HubRows, columns: HubColumns, described: RowColumns, scratch: Path
    ) -> Reading:
        if columns.image is not None:
            return self._images(rows, columns.label, described, scratch)
        common = {"path": rows.table, "task": self.task, **described.model_dump()}
        if self.text_column is not None:
            return TextTableSource.of(
                text_column=self.text_column,
                label_column=columns.label,
                tokens=self.tokens,
                max_length=self.max_length,
                **common,
            ).read(scratch)
        added = {ID_COLUMN, SPLIT_COLUMN} - {described.id_column, described.split_column}
        return TableSource.of(
            target_column=columns.label,
            categorical_columns=self.categorical_columns,
            numeric_columns=self.numeric_columns,
            missing_values=self.missing_values,
            drop_columns=[*added],
            **common,
        ).read(scratch)

    def _images(
        self, written: HubRows, label: str, described: RowColumns, scratch: Path
    ) -> Reading:
        text = {label, *described.text_columns()}
        table = read_delimited(
            written.table, columns={*text, *described.meta_columns}, text_columns=text
        )
        check = RowCheck(table)
        rows = describe_rows(table, described, check)
        add_target(rows, table.frame[label], self.task, table.decimal, check)
        is_missing = np.array([entry is None for entry in written.entries], bool)
        check.refuse(is_missing, "the image is missing")
        rows = _limited(rows, check, self.limit)
        files = [
            ImageFile(sample_id, written.entries[place])
            for place, sample_id in zip(rows.index, rows["sample_id"], strict=True)
        ]
        pictures = self.decode(files, TarStore(str(written.images)), scratch)
        told = pictures.columns.drop(columns=["sample_id", "file_time"])
        rows = rows[pictures.is_good].reset_index(drop=True)
        return Reading(
            x=pictures.x,
            table=pd.concat([rows, told], axis=1),
            classes=sorted_classes(rows["label"].unique()) if "label" in rows else (),
            size_policy=self.size_policy,
            bad_files=(*check.bad_rows(), *pictures.bad_files),
        )

    def _columns(self, features: Mapping[str, Any]) -> HubColumns:
        listed = {
            "categorical_columns": self.categorical_columns,
            "numeric_columns": self.numeric_columns,
            "drop_columns": self.drop_columns,
            **self.described(),
        }
        for parameter, names in listed.items():
            require_columns(features, names, parameter, Path(self.path))
        if self.image_column is not None and self.text_column is not None:
            raise IngestError(
                "ingest.source: image_column and text_column are both given; expected is one."
            )
        asked = {
            "label_column": self.label_column,
            "image_column": self.image_column,
            "text_column": self.text_column,
        }
        kept = {*self.meta_columns, *self.text_columns()}
        return find_columns(features, asked, kept, self.drop_columns, self.path)

    def _described(self, *, is_split: bool) -> RowColumns:
        split = self.split_column or (SPLIT_COLUMN if is_split else None)
        return RowColumns(
            id_column=self.id_column or ID_COLUMN,
            group_column=self.group_column,
            split_column=split,
            time_column=self.time_column,
            meta_columns=self.meta_columns,
        )


def _ordered(splits: Mapping[str, "Dataset"], path: str) -> dict[str, "Dataset"]:
    """Return the parts that are used, train first; a single one whatever its name."""
    if len(splits) == 1:
        return dict(splits)
    known = {split: part for name in _PARTS for split, part in splits.items() if split == name}
    if not known:
        raise IngestError(
            f"'{path}' has the parts {listing(list(splits))}; expected is one part, or some of "
            f"{listing(list(_PARTS))}."
        )
    return known


def _hub_cache() -> Path:
    from datasets import config

    return Path(config.HF_CACHE_HOME)


def _limited(rows: pd.DataFrame, check: RowCheck, limit: int | None) -> pd.DataFrame:
    """Return the rows that are left, or a stratified sample of them, before images are decoded."""
    rows = rows.iloc[check.kept()]
    if limit is None:
        return rows
    strata = rows["label"] if "label" in rows else ["all"] * len(rows)
    return rows.iloc[stratified_sample(rows["sample_id"].tolist(), list(strata), limit)]


def _in_order_of(label: Any, reading: Reading) -> Reading:  # noqa: ANN401  (untyped)
    """Put the classes into the order of the data set's own, where it tells one."""
    names = getattr(label, "names", None)
    if names is None or not reading.classes:
        return reading
    return replace(reading, classes=tuple(name for name in names if name in reading.classes))
