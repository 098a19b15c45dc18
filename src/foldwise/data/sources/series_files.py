"""Labelled time series in the formats of the UCR and UEA archives, `.ts` and `.tsv`.

N: series, T: time steps of the longest, F: channels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.padded_series import is_unequal, pad_series
from foldwise.data.readers.series_cases import SeriesCases
from foldwise.data.readers.target_column import sorted_classes
from foldwise.data.readers.ts_file import read_ts
from foldwise.data.readers.ucr_tsv import read_ucr_tsv
from foldwise.data.samples import Feature
from foldwise.data.sources.source import Reading, SourceConfig

_READERS = {".ts": read_ts, ".tsv": read_ucr_tsv}
_TRAIN, _TEST = "_TRAIN", "_TEST"


class SeriesFilesSource(SourceConfig):
    """One file, a file for training with one for testing, or a folder of such pairs.

    In a folder, `<name>_TRAIN.ts` and `<name>_TEST.ts` (or `.tsv`) become the official split.
    Series of several channels, of unequal length and with missing values (`?` or NaN) are read;
    a `.ts` file with `@targetLabel true` is a regression. Bad cases are named by their line, as an
    editor counts.
    """

    kind: Literal["series_files"] = "series_files"
    path: Path  # a file, or a folder; `~` is the home folder
    test_path: Path | None = None  # of the official test series, where `path` is one file
    name: str | None = None  # of the data set, where `path` is a folder that holds several

    def inputs(self) -> Sequence[Path]:
        """Return the files, or the folder where they cannot be told."""
        try:
            return tuple(self._files())
        except IngestError:
            return (self.path.expanduser(),)

    def read(self, scratch: Path) -> Reading:
        """Read the cases in their order, those for training first.

        Raises:
            IngestError: A file is missing or wrong, or two files do not go together.
        """
        files = self._files()
        parts = [_READERS[file.suffix.lower()](file) for file in files]
        _check_agreement(parts)
        problems = [[part.problem(i) for i in range(len(part.labels))] for part in parts]
        tables = [
            _table(part, split, [i for i, problem in enumerate(some) if problem is None])
            for part, split, some in zip(parts, files.values(), problems, strict=True)
        ]
        table = pd.concat(tables, ignore_index=True)
        num_channels = parts[0].num_channels
        series = table.pop("series").tolist()
        lengths = np.array([len(steps) for steps in series], dtype=np.int64)
        x = pad_series(series, lengths, num_channels, scratch)
        if is_unequal(lengths):
            table["length"] = lengths
        return Reading(
            x=x,
            table=table,
            classes=sorted_classes(table["label"]) if "label" in table else (),
            bad_files=tuple(p for some in problems for p in some if p is not None),
            modality="series",
            features=tuple(Feature(name=f"dim_{i}") for i in range(num_channels)),
        )

    def _files(self) -> dict[Path, str | None]:
        """Return the files and their official parts."""
        path = self.path.expanduser()
        if path.is_dir():
            if self.test_path is not None:
                raise IngestError("ingest.source.test_path is for a `path` that is a file.")
            return _pair(path, self.name)
        if self.name is not None:
            raise IngestError(f"ingest.source.name needs a folder, but '{path}' is none.")
        if self.test_path is None:
            return {_checked(path, "path"): None}
        test = _checked(self.test_path.expanduser(), "test_path")
        return {_checked(path, "path"): "train", test: "test"}


def _checked(path: Path, parameter: str) -> Path:
    if not path.is_file():
        raise IngestError(f"ingest.source.{parameter}: '{path}' does not exist.")
    if path.suffix.lower() not in _READERS:
        raise IngestError(
            f"ingest.source.{parameter}: '{path}' ends in '{path.suffix}'. "
            f"Allowed: {', '.join(_READERS)}."
        )
    return path


def _pair(folder: Path, name: str | None) -> dict[Path, str | None]:
    """Find the files of a data set in a folder, or in the sub-folder of its name."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _READERS)
    names = sorted({file.stem.removesuffix(_TRAIN) for file in files if _TRAIN in file.stem})
    if name is None:
        if len(names) != 1:
            raise IngestError(
                f"ingest.source.path: '{folder}' holds {len(names)} data sets; "
                f"ingest.source.name says which. Allowed: {listing(names) or 'none'}."
            )
        name = names[0]
    if name not in names and (folder / name).is_dir():
        return _pair(folder / name, name)
    if name not in names:
        raise IngestError(
            f"ingest.source.name: '{folder}' holds no {name}{_TRAIN}.ts or .tsv. "
            f"Found are {listing(names) or 'none'}."
        )
    pair: dict[Path, str | None] = {}
    for stem, split in ((f"{name}{_TRAIN}", "train"), (f"{name}{_TEST}", "test")):
        found = [file for file in files if file.stem == stem]
        pair |= dict.fromkeys(found[:1], split)  # .ts before .tsv
    return pair


def _check_agreement(parts: Sequence[SeriesCases]) -> None:
    for part in parts[1:]:
        first = parts[0]
        if part.num_channels != first.num_channels:
            raise IngestError(
                f"'{first.path}' has {first.num_channels} dimensions, but '{part.path}' "
                f"{part.num_channels}. Both must have as many."
            )
        if part.is_regression != first.is_regression:
            raise IngestError(f"Of '{first.path}' and '{part.path}' only one has classes.")


def _table(part: SeriesCases, split: str | None, cases: Sequence[int]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "sample_id": [f"{part.path.stem}_{i:05d}" for i in cases],
            "label": [part.labels[i] for i in cases],
            "official_split": split,
            "series": [part.series[i] for i in cases],
        }
    )
    if part.is_regression:
        table["target"] = table.pop("label").astype(np.float64)
    return table
