"""The folds: which sample is held out where, in memory and on disk.

N: samples.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.atomic import atomic_path, read_sealed_json, write_sealed_json
from foldwise.data.split_config import SplitError

# Fold numbers of samples that no fold holds out:
HELD_OUT = -1  # the test part
UNUSED = -2  # in no part at all
TRAIN_ONLY = -3  # in training parts only


@dataclass(frozen=True)
class Folds:
    """The assignment of samples to folds, and how it was made.

    The columns of the table, which is sorted by repeat and sample:

    - `sample_id`
    - `fold`: 0..k-1; HELD_OUT, UNUSED or TRAIN_ONLY
    - `repeat`: each repeat assigns all samples; the test part is the same in all of them
    - `unit`: samples of one number are not independent of one another (one group, equal or nearly
      equal content, overlapping windows). Inner parts and the bootstrap keep them together.
    """

    table: pd.DataFrame
    info: dict[str, Any]  # scheme, parameters, counts, findings, hashes: see `fold_summary`

    @property
    def content_hash(self) -> str:
        """SHA-256 of the assignment."""
        return str(self.info["content_hash"])

    @property
    def jobs(self) -> list[tuple[int, int]]:
        """All (repeat, fold) pairs to be trained, in order."""
        pairs = self.table.loc[self.table["fold"] >= 0, ["repeat", "fold"]].drop_duplicates()
        return sorted((int(r), int(f)) for r, f in pairs.itertuples(index=False))

    @property
    def units(self) -> pd.Series:
        """The unit of each sample, by its id; the same in all repeats."""
        first = self.table[self.table["repeat"] == 0]
        return pd.Series(first["unit"].to_numpy(), index=first["sample_id"].to_numpy())

    @property
    def flat_parameters(self) -> dict[str, Any]:
        """The parameters that the folds were made with, as dotted names."""
        return {f"split.{k}": v for k, v in self.info.get("parameters", {}).items()}


def held_out_ids(folds: Folds) -> npt.NDArray[np.object_]:
    """Return the ids of the test part, sorted."""
    table = folds.table
    mask = (table["fold"] == HELD_OUT) & (table["repeat"] == 0)
    return table.loc[mask, "sample_id"].to_numpy(dtype=object)


def write_folds(path: Path, folds: Folds) -> None:
    """Write `path` (Parquet) and the JSON beside it."""
    # Inside, so that a table that cannot be written (a full disk, say) leaves the earlier pair.
    with atomic_path(path) as temporary:
        folds.table.to_parquet(temporary, index=False)
        write_sealed_json(path.with_suffix(".json"), folds.info)


def read_folds(path: Path) -> Folds:
    """Read what `write_folds` wrote.

    Raises:
        SplitError: A file is missing or damaged, or the two do not belong together.
    """
    try:
        info = read_sealed_json(path.with_suffix(".json"))
        table = pd.read_parquet(path)
        found = assignment_hash(table)
    except FileNotFoundError as error:
        message = f"{error.filename} is missing. Run the stage 'split' first."
        raise SplitError(message) from None
    except (ValueError, KeyError, OSError) as error:
        raise SplitError(f"{path} is damaged ({error}). Run the stage 'split' again.") from None
    if found != info.get("content_hash"):
        raise SplitError(f"{path} does not match its JSON. Run the stage 'split' again.")
    return Folds(table, info)


def assignment_hash(table: pd.DataFrame) -> str:
    """Return the SHA-256 of an assignment table, blind to the file format's own bytes.

    The units are part of it, because the inner parts depend on them.
    """
    digest = hashlib.sha256("\x1f".join(table["sample_id"]).encode())
    for column in ("fold", "repeat", "unit"):
        digest.update(table[column].to_numpy(dtype="<i8").tobytes())
    return digest.hexdigest()
