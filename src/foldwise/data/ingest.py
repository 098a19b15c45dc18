"""Raw data to samples: read a source, refuse or drop its bad files, check what is left.

What was read before from the same unchanged input is not read again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from foldwise.atomic import atomic_directory
from foldwise.config import Config
from foldwise.data.bad_input import BadFile, IngestError, listing
from foldwise.data.input_fingerprint import input_fingerprint
from foldwise.data.long_tail import long_tail
from foldwise.data.readers.scratch_array import take_rows
from foldwise.data.repeats import without_repeats
from foldwise.data.samples import (
    TABLE_COLUMNS,
    Samples,
    SamplesError,
    array_hash,
    fill_samples_folder,
    read_samples,
    read_schema,
    target_columns,
)
from foldwise.data.sources import AnySource
from foldwise.data.sources.digits import DigitsSource
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading, Source

logger = logging.getLogger(__name__)

_MAX_LISTED = 20
_SKIPPED = "skipped_files.parquet"


class IngestConfig(Config):
    """Where the samples come from."""

    source: AnySource = DigitsSource()
    on_bad_file: Literal["error", "skip"] = "error"
    drop_repeats: bool = False  # of samples alike to the byte, target included, keep the first
    long_tail: float | None = Field(None, gt=1)  # imbalance ratio to which samples are dropped


@dataclass(frozen=True)
class Ingested:
    """The samples, and the files that were left out: columns `path` and `reason`."""

    samples: Samples
    skipped_files: pd.DataFrame


def ingest(config: IngestConfig, folder: Path) -> Ingested:
    """Read the source named by the configuration into a samples folder.

    Where the folder holds what was read earlier with the same parameters, by the same code, from
    files that have not been touched since, that is returned.

    Raises:
        IngestError: The source cannot be read, holds bad files that are not to be skipped, has
            fewer than two classes, a class without samples or targets that are no numbers.
    """
    source: Source = config.source
    fingerprint = input_fingerprint(config, source.inputs(), "foldwise.data.ingest")
    earlier = _earlier(folder, fingerprint)
    if earlier is not None:
        logger.info("Ingested nothing: '%s' has not changed since %s.", source.kind, folder)
        return earlier
    with atomic_directory(folder) as temporary:
        samples, bad_files = _read(config, temporary)
        _skipped_table(bad_files).to_parquet(temporary / _SKIPPED, index=False)
        fill_samples_folder(temporary, samples, fingerprint)
        size = len(samples)
        del samples  # its array is mapped from the folder that is about to be renamed
    logger.info(
        "Ingested %d samples from '%s'; skipped %s.", size, source.kind, _counted(bad_files)
    )
    return Ingested(read_samples(folder), pd.read_parquet(folder / _SKIPPED))


def _earlier(folder: Path, fingerprint: str | None) -> Ingested | None:
    try:
        if fingerprint is None or read_schema(folder).input_fingerprint != fingerprint:
            return None
        return Ingested(read_samples(folder), pd.read_parquet(folder / _SKIPPED))
    except (SamplesError, OSError):
        return None


def _read(config: IngestConfig, scratch: Path) -> tuple[Samples, Sequence[BadFile]]:
    source: Source = config.source
    reading = _limited(_permitted(config, scratch), source.limit, scratch)
    if config.drop_repeats:
        reading = _without_repeats(reading, scratch)
    if config.long_tail is not None:
        reading = _long_tailed(reading, config.long_tail, scratch)
    if reading.bad_files and config.on_bad_file == "error":
        raise IngestError(_bad_files_message(reading.bad_files))
    _check_size(reading)
    _check_targets(reading)
    samples = Samples(
        x=reading.x,
        table=_complete_table(reading, source.kind),
        classes=reading.classes,
        size_policy=reading.size_policy,
        modality=reading.modality,
        features=reading.features,
        tokens=reading.tokens,
    )
    return samples, reading.bad_files


def _permitted(config: IngestConfig, scratch: Path) -> Reading:
    """Read the source; what may not be read is told of by the parameter that names it."""
    try:
        return config.source.read(scratch)
    except PermissionError as error:
        refused = Path(str(error.filename))
        for name, value in config.source:
            if isinstance(value, Path) and refused.is_relative_to(value.expanduser()):
                raise IngestError(
                    f"ingest.source.{name}: '{refused}' cannot be read ({error.strerror})."
                ) from None
        raise


def _limited(reading: Reading, limit: int | None, scratch: Path) -> Reading:
    """Take a stratified sample, unless the source did so itself."""
    table = reading.table
    if limit is None or len(table) <= limit + len(reading.classes):
        return reading
    strata = table["label"] if "label" in table else pd.Series("all", index=table.index)
    rows = stratified_sample(table["sample_id"].tolist(), strata.tolist(), limit)
    return _take(reading, rows, scratch)


def _long_tailed(reading: Reading, factor: float, scratch: Path) -> Reading:
    _check_targets(reading)
    if not reading.classes:
        raise IngestError(
            "ingest.long_tail drops samples class by class, but the targets are numbers."
        )
    return _take(reading, long_tail(reading.table, reading.classes, factor), scratch)


def _without_repeats(reading: Reading, scratch: Path) -> Reading:
    hashes = reading.table["sha256"].tolist() if "sha256" in reading.table else _hashes(reading)
    rows = without_repeats(reading.table, hashes)
    logger.info(
        "Dropped %d of %d samples that repeat another one, target included.",
        len(hashes) - len(rows),
        len(hashes),
    )
    return reading if len(rows) == len(hashes) else _take(reading, rows, scratch)


def _take(reading: Reading, rows: npt.NDArray[np.int64], scratch: Path) -> Reading:
    table = reading.table.iloc[rows].reset_index(drop=True)
    return replace(reading, x=take_rows(reading.x, rows, scratch), table=table)


def _check_size(reading: Reading) -> None:
    if len(reading.table) == 0:
        raise IngestError(
            f"ingest.source: no sample is left (skipped: {_counted(reading.bad_files)})."
        )
    twice = reading.table["sample_id"][reading.table["sample_id"].duplicated()]
    if len(twice):
        raise IngestError(
            f"ingest.source: {len(twice)} sample ids occur more than once: "
            f"{listing(twice.astype(str).tolist(), 5)}."
        )


def _check_targets(reading: Reading) -> None:
    if "label" in reading.table:
        _check_classes(reading)
    for column in target_columns(reading.table):
        wrong = np.flatnonzero(~np.isfinite(reading.table[column].to_numpy(np.float64)))
        if len(wrong):
            raise IngestError(
                f"ingest.source: {column} of sample '{reading.table['sample_id'].iloc[wrong[0]]}' "
                f"is no finite number, as of {len(wrong)} of {len(reading.table)}."
            )


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
            f"(skipped: {_counted(reading.bad_files)}). Expected is at least one of each."
        )


def _complete_table(reading: Reading, kind: str) -> pd.DataFrame:
    """Return the table with all its columns, in their order, and the hash of each sample."""
    table = pd.DataFrame({"source": kind}, index=reading.table.index).assign(**reading.table)
    if "sha256" not in table:
        table["sha256"] = _hashes(reading)
    is_target = "label" if "label" in table else list(target_columns(table))
    first = [name for name in TABLE_COLUMNS if name != "label"]
    first[1:1] = [is_target] if isinstance(is_target, str) else is_target
    table = table.reindex(columns=[*first, *(c for c in table.columns if c not in first)])
    text = [name for name in (*TABLE_COLUMNS, "series") if name in table]
    return table.astype(dict.fromkeys(text, "str")).reset_index(drop=True)


def _hashes(reading: Reading) -> list[str]:
    if "length" not in reading.table:
        return [array_hash(sample) for sample in reading.x]
    lengths = reading.table["length"]
    return [array_hash(x[:length]) for x, length in zip(reading.x, lengths, strict=True)]


def _skipped_table(bad_files: Sequence[BadFile]) -> pd.DataFrame:
    rows = [(bad.path, bad.reason) for bad in bad_files]
    return pd.DataFrame(rows, columns=["path", "reason"], dtype="str")


def _bad_files_message(bad_files: Sequence[BadFile]) -> str:
    lines = [f"  {bad.path}: {bad.reason}" for bad in bad_files[:_MAX_LISTED]]
    if len(bad_files) > _MAX_LISTED:
        lines.append(f"  ... and {len(bad_files) - _MAX_LISTED} more")
    return (
        f"{_counted(bad_files)} of ingest.source.path cannot be read:\n"
        + "\n".join(lines)
        + "\nMend or remove what is named, or leave it out with ingest.on_bad_file=skip "
        "(the data card then lists it)."
    )


def _counted(bad_files: Sequence[BadFile]) -> str:
    return "1 file or row" if len(bad_files) == 1 else f"{len(bad_files)} files or rows"
