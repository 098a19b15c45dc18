"""The samples: every later stage reads these and nothing else of the raw data.

N: samples, C: channels, H: height, W: width, T: time steps or tokens, F: features.
"""

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.atomic import atomic_directory, read_sealed_json, sha256_file, write_sealed_json
from foldwise.config import Config
from foldwise.data.bad_input import listing
from foldwise.errors import UserError

Modality = Literal["image", "series", "table", "tokens"]

# Every table has these (label only where the task is classification, group and official_split
# perhaps missing values); TARGET stands in place of the label where the task is regression.
TABLE_COLUMNS = ("sample_id", "label", "group", "official_split", "source", "sha256")
TARGET = "target"
# Columns that some tables have:
#   length    of a series or text, in steps or tokens, where they may differ
#   series    which long series a window was cut from; none for a series that is a sample itself
#   time, time_end   first and last moment that a sample spans, both included: whole numbers,
#                    real numbers or datetime64[ns]; a sample of one moment has `time` alone.
#                    Samples that span the same moments share content only within one `series`
#   target_1.. target_H   in place of `target`, where several steps ahead are forecast
#   file_*    properties of the file a sample came from, which a model should not need
#   meta_*    the user's own columns, which travel along to the reports
TIME_COLUMNS = ("time", "time_end")


class SamplesError(UserError):
    """The samples folder is missing, incomplete or damaged."""


class Feature(Config):
    """One column of a table, or one channel of a series."""

    name: str
    kind: Literal["numeric", "categorical"] = "numeric"
    categories: tuple[str, ...] = ()  # categorical: `x` holds indices into these, NaN if missing
    unit: str | None = None


class Schema(Config):
    """What the arrays mean."""

    modality: Modality
    classes: tuple[str, ...]  # in the order of the class indices; none: regression
    shape: tuple[int, ...]  # of one sample, as in `Samples.x`
    size_policy: str  # how images of other sizes were brought to (H, W)
    features: tuple[Feature, ...] = ()
    tokens: tuple[str, ...] = ()
    content_hash: str  # of all that a result can depend on
    files: dict[str, str]  # file name -> SHA-256 of its bytes
    input_fingerprint: str | None = None  # of what the samples were read from


@dataclass(frozen=True)
class Samples:
    """Labelled samples: the arrays, one table row per sample, and what they mean.

    `x`, memory-mapped when read from a folder, is by modality:

    - image: uint8, (N, C, H, W)
    - series: float32, (N, T, F), zeros after each one's `length`, NaN where a value is missing
    - table: float32, (N, F), NaN where a value is missing
    - tokens: int32, (N, T), indices into `tokens`, zeros after each one's `length`

    Nothing in them is fitted: categories and tokens only number what occurs. Which of them a
    network knows is decided on each fold's training part.
    """

    x: npt.NDArray[Any]
    table: pd.DataFrame  # TABLE_COLUMNS, then whichever others there are
    classes: tuple[str, ...] = ()
    size_policy: str = "none"
    modality: Modality = "image"
    features: tuple[Feature, ...] = ()  # one for each of F
    tokens: tuple[str, ...] = ()  # the first is the padding, ""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def task(self) -> Literal["classification", "regression"]:
        """What is to be predicted: a class, or one or more numbers."""
        return "classification" if self.classes else "regression"

    @property
    def y(self) -> npt.NDArray[np.int64]:
        """Class indices, shape (N,).

        Raises:
            SamplesError: A label is not among the classes; it names the first such row.
        """
        index = {name: i for i, name in enumerate(self.classes)}
        labels = self.table["label"]
        wrong = np.flatnonzero(~labels.isin(self.classes))
        if len(wrong):
            row = wrong[0]
            raise SamplesError(
                f"Row {row} of the samples ({self.table['sample_id'].iloc[row]!r}) has the label "
                f"{labels.iloc[row]!r}, and {len(wrong)} of {len(labels)} rows have one that is "
                f"not among the classes. Allowed: {listing(self.classes)}."
            )
        return np.array([index[label] for label in labels], dtype=np.int64)

    @functools.cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Steps or tokens of each series or text, shape (N,)."""
        if "length" in self.table:
            return self.table["length"].to_numpy(np.int64)
        return np.full(len(self.table), self.x.shape[1], np.int64)

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the columns to be predicted in a regression, in order."""
        return target_columns(self.table)

    @functools.cached_property
    def content_hash(self) -> str:
        """SHA-256 over what a result can depend on: ids, targets, groups, times, contents."""
        digest = hashlib.sha256()
        header = {
            "modality": self.modality,
            "classes": self.classes,
            "shape": self.x.shape[1:],
            "dtype": self.x.dtype.str,
            "features": [feature.model_dump(mode="json") for feature in self.features],
            "tokens": self.tokens,
        }
        digest.update(json.dumps(header, sort_keys=True).encode())
        known = ("sample_id", "label", *self.target_names, "group", "official_split", "sha256")
        for column in (*known, "length", "series", *TIME_COLUMNS):
            if column in self.table:
                digest.update(json.dumps([column, _plain(self.table[column])]).encode())
        return digest.hexdigest()

    def positions(self, sample_ids: pd.Series | npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the row number of each id, in the order given.

        Raises:
            SamplesError: An id is not among the samples.
        """
        index = pd.Index(self.table["sample_id"])
        wanted = pd.Index(np.asarray(sample_ids, dtype=object))
        found = index.get_indexer(wanted)
        if (found < 0).any():
            missing = wanted[found < 0][0]
            raise SamplesError(f"Sample {missing!r} is not among the {len(index)} samples.")
        return np.asarray(found, dtype=np.int64)


def require_images(samples: Samples, reader: str) -> None:
    """Refuse samples that are no pictures in classes.

    Raises:
        SamplesError: It names the reader and what the samples are.
    """
    if samples.modality != "image" or not samples.classes:
        raise SamplesError(
            f"{reader} takes pictures in classes, but the samples are of the kind "
            f"'{samples.modality}', for {samples.task}."
        )


def target_columns(table: pd.DataFrame) -> tuple[str, ...]:
    """Return `target`, or `target_1` to `target_H` in order, or nothing."""
    if TARGET in table:
        return (TARGET,)
    steps = [str(name) for name in table.columns if str(name).startswith(f"{TARGET}_")]
    return tuple(sorted(steps, key=lambda name: int(name.removeprefix(f"{TARGET}_"))))


def array_hash(x: npt.NDArray[np.generic]) -> str:
    """Return the SHA-256 of one sample's shape, type and contents."""
    digest = hashlib.sha256(f"{x.dtype.str}{x.shape}".encode())
    digest.update(np.ascontiguousarray(x).tobytes())
    return digest.hexdigest()


def write_samples(folder: Path, samples: Samples) -> None:
    """Write `x.npy`, `table.parquet` and `schema.json`, all or nothing."""
    with atomic_directory(folder) as temporary:
        fill_samples_folder(temporary, samples)


def fill_samples_folder(
    folder: Path, samples: Samples, input_fingerprint: str | None = None
) -> None:
    """Write the files of the samples into an existing folder; an `x.npy` that is theirs stays.

    The schema seals all files of the folder, those that were there before included.
    """
    if not _is_stored(samples.x, folder / "x.npy"):
        # Not in place: the array may be mapped from part of that very file.
        np.save(folder / "new.npy", samples.x, allow_pickle=False)
        (folder / "new.npy").replace(folder / "x.npy")
    samples.table.to_parquet(folder / "table.parquet", index=False)
    schema = Schema(
        modality=samples.modality,
        classes=samples.classes,
        shape=samples.x.shape[1:],
        size_policy=samples.size_policy,
        features=samples.features,
        tokens=samples.tokens,
        content_hash=samples.content_hash,
        files={path.name: sha256_file(path) for path in sorted(folder.iterdir())},
        input_fingerprint=input_fingerprint,
    )
    write_sealed_json(folder / "schema.json", schema.model_dump(mode="json"))


def _is_stored(x: npt.NDArray[Any], path: Path) -> bool:
    """Whether `x` is mapped from this file, all of it and nothing else."""
    mapped = getattr(x, "filename", None)
    if mapped is None or not path.exists() or not path.samefile(mapped):
        return False
    return (
        isinstance(x, np.memmap)
        and x.flags["C_CONTIGUOUS"]
        and x.offset + x.nbytes == path.stat().st_size
    )


def read_samples(folder: Path) -> Samples:
    """Read a samples folder, its hashes verified; `x` stays on disk, memory-mapped.

    Raises:
        SamplesError: A file is missing or its bytes are not those that were written.
    """
    schema = read_schema(folder)
    for name, expected in schema.files.items():
        _verify(folder / name, expected)
    return Samples(
        x=np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False),
        table=pd.read_parquet(folder / "table.parquet"),
        classes=schema.classes,
        size_policy=schema.size_policy,
        modality=schema.modality,
        features=schema.features,
        tokens=schema.tokens,
    )


def read_schema(folder: Path) -> Schema:
    """Read the schema alone; the other files are not looked at.

    Raises:
        SamplesError: It is missing or not as it was written.
    """
    path = folder / "schema.json"
    try:
        return Schema.model_validate(read_sealed_json(path))
    except FileNotFoundError:
        raise SamplesError(f"{path} is missing. Run the stage 'ingest' first.") from None
    except ValueError as error:
        raise SamplesError(f"{path} is damaged ({error}). Run the stage 'ingest' again.") from None


def _plain(column: pd.Series) -> list[Any]:
    """Return JSON values; moments as whole numbers of nanoseconds, missing values as None."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.astype("datetime64[ns]").astype("int64")
    values = column.astype(object)
    plain: list[Any] = values.where(values.notna(), None).tolist()
    return plain


def _verify(path: Path, expected: str) -> None:
    if not path.exists():
        raise SamplesError(f"{path} is missing. Run the stage 'ingest' again.")
    stat = path.stat()
    found = _hash_once(path, stat.st_ctime_ns, stat.st_size, stat.st_ino)
    if found != expected:
        raise SamplesError(
            f"{path} is damaged: its SHA-256 is {found[:12]}..., but {expected[:12]}... was "
            "written. Run the stage 'ingest' again."
        )


@functools.lru_cache(maxsize=64)
def _hash_once(path: Path, _ctime_ns: int, _size: int, _inode: int) -> str:
    # Several nodes of one run load the same folder; an unchanged file is hashed once a process.
    # (The change time, unlike the modification time, cannot be set back.)
    return sha256_file(path)
