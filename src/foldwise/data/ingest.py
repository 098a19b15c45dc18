"""Raw data to samples: read a source, refuse or drop its bad files, check what is left."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from foldwise.config import Config
from foldwise.data.samples import TABLE_COLUMNS, Samples, array_hash
from foldwise.data.sources import AnySource
from foldwise.data.sources.digits import DigitsSource
from foldwise.data.sources.source import BadFile, IngestError, Reading, Source, listing

logger = logging.getLogger(__name__)

_MAX_LISTED = 20


class IngestConfig(Config):
    """Where the samples come from."""

    source: AnySource = DigitsSource()
    on_bad_file: Literal["error", "skip"] = "error"


@dataclass(frozen=True)
class Ingested:
    """The samples, and the files that were left out: columns `path` and `reason`."""

    samples: Samples
    skipped_files: pd.DataFrame


def ingest(config: IngestConfig) -> Ingested:
    """Read the source named by the configuration and check it.

    Raises:
        IngestError: The source cannot be read, holds bad files that are not to be skipped, has
            fewer than two classes or a class without samples.
    """
    source: Source = config.source
    reading = source.read()
    if reading.bad_files and config.on_bad_file == "error":
        raise IngestError(_bad_files_message(reading.bad_files))
    _check_classes(reading)
    samples = Samples(
        x=reading.x,
        table=_complete_table(reading, source.kind),
        classes=reading.classes,
        size_policy=reading.size_policy,
    )
    logger.info(
        "Ingested %d samples in %d classes from '%s'; skipped %d bad files.",
        len(samples),
        len(samples.classes),
        source.kind,
        len(reading.bad_files),
    )
    return Ingested(samples, _skipped_table(reading.bad_files))


def _check_classes(reading: Reading) -> None:
    if len(reading.classes) < 2:
        raise IngestError(
            f"ingest.source: found {len(reading.classes)} class "
            f"({listing(list(reading.classes)) or 'none'}). Expected are at least 2."
        )
    counts = reading.table["label"].value_counts()
    empty = [name for name in reading.classes if name not in counts]
    if empty:
        raise IngestError(
            f"ingest.source: the classes {listing(empty)} have no sample "
            f"({len(reading.bad_files)} bad files were skipped). Expected is at least one of each."
        )


def _complete_table(reading: Reading, kind: str) -> pd.DataFrame:
    """Return the table with all its columns, in their order, and the hash of each array."""
    table = pd.DataFrame({"source": kind}, index=reading.table.index)
    table = table.assign(**reading.table, sha256=[array_hash(sample) for sample in reading.x])
    extra = [column for column in table.columns if column not in TABLE_COLUMNS]
    table = table.reindex(columns=[*TABLE_COLUMNS, *extra])
    return table.astype(dict.fromkeys(TABLE_COLUMNS, "str")).reset_index(drop=True)


def _skipped_table(bad_files: Sequence[BadFile]) -> pd.DataFrame:
    rows = [(bad.path, bad.reason) for bad in bad_files]
    return pd.DataFrame(rows, columns=["path", "reason"], dtype="str")


def _bad_files_message(bad_files: Sequence[BadFile]) -> str:
    lines = [f"  {bad.path}: {bad.reason}" for bad in bad_files[:_MAX_LISTED]]
    if len(bad_files) > _MAX_LISTED:
        lines.append(f"  ... and {len(bad_files) - _MAX_LISTED} more")
    return (
        f"{len(bad_files)} files of ingest.source.path cannot be read:\n"
        + "\n".join(lines)
        + "\nMend or remove them, or leave them out with ingest.on_bad_file=skip "
        "(they are then listed in the data card)."
    )
