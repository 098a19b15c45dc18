"""What a source of labelled samples is and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt
import pandas as pd
from pydantic import Field

from foldwise.config import Config
from foldwise.data.bad_input import BadFile
from foldwise.data.samples import Feature, Modality


@dataclass(frozen=True)
class Reading:
    """What a source read: one table row per array, and the files that could not be read.

    The table has `sample_id` and either `label` (text) or `target` (or `target_1` ...
    `target_H`; real numbers), and may have every other column that `foldwise.data.samples` names:
    `group`, `official_split` (train | val | test), `source` (by default the kind of the source),
    `sha256` (by default of each array), `length`, `series`, `time`, `time_end`, `file_*`,
    `meta_*`.
    """

    x: npt.NDArray[Any]  # see `Samples.x`
    table: pd.DataFrame
    classes: tuple[str, ...] = ()
    size_policy: str = "none"
    bad_files: tuple[BadFile, ...] = ()
    modality: Modality = "image"
    features: tuple[Feature, ...] = ()
    tokens: tuple[str, ...] = ()


class SourceConfig(Config):
    """What all sources can be told."""

    limit: int | None = Field(None, ge=1)  # about so many samples, stratified: for a quick look


class Source(Protocol):
    """Where samples come from: its parameters, and one method that reads them.

    Whatever stands on the disk, in any order, the same contents give the same reading, row for
    row. Structure that cannot be read at all is an `IngestError`; single files or rows that cannot
    be read are collected in `Reading.bad_files`.
    """

    @property
    def kind(self) -> str:
        """Return the name by which `ingest.source.kind` chooses it."""
        ...

    @property
    def limit(self) -> int | None:
        """Return about how many samples are wanted; none: all."""
        ...

    def inputs(self) -> Sequence[Path] | None:
        """Return the files and folders that are read; as long as none changes, nor do samples.

        None means that no file tells whether they changed: then all is read anew each time.
        """
        ...

    def read(self, scratch: Path) -> Reading:
        """Read everything.

        Args:
            scratch: An empty folder. A large array is written there as `x.npy`, bit by bit, and
                returned memory-mapped: then it need never fit in memory, and is not copied again.
        """
        ...
