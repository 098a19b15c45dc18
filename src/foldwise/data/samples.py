"""The samples table: every later stage reads this and nothing else of the raw data.

N: samples, C: channels, H: height, W: width.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.atomic import atomic_directory, read_sealed_json, sha256_file, write_sealed_json
from foldwise.config import Config, json_hash
from foldwise.errors import UserError

TABLE_COLUMNS = ("sample_id", "label", "group", "official_split", "source", "sha256")


class SamplesError(UserError):
    """The samples folder is missing, incomplete or damaged."""


class Schema(Config):
    """What the arrays mean."""

    modality: Literal["image"]
    classes: tuple[str, ...]  # in the order of the class indices
    shape: tuple[int, ...]  # of one sample: (C, H, W)
    size_policy: str  # how images of other sizes were brought to (H, W)
    content_hash: str  # of ids, labels, groups, splits and contents, in order
    files: dict[str, str]  # file name -> SHA-256 of its bytes


@dataclass(frozen=True)
class Samples:
    """Labelled samples: the arrays, one table row per sample, and what they mean."""

    x: npt.NDArray[np.uint8]  # (N, C, H, W), memory-mapped when read from a folder
    table: pd.DataFrame  # TABLE_COLUMNS (group and official_split may be missing values), meta_*
    classes: tuple[str, ...]
    size_policy: str = "none"
    modality: Literal["image"] = "image"

    def __len__(self) -> int:
        return len(self.table)

    @property
    def y(self) -> npt.NDArray[np.int64]:
        """Class indices, shape (N,)."""
        index = {name: i for i, name in enumerate(self.classes)}
        return np.array([index[label] for label in self.table["label"]], dtype=np.int64)

    @functools.cached_property
    def content_hash(self) -> str:
        """SHA-256 over what a result can depend on: ids, labels, groups, splits, contents."""
        columns = ["sample_id", "label", "group", "official_split", "sha256"]
        rows = self.table[columns].astype(object)
        rows = rows.where(rows.notna(), None)
        return json_hash(
            {
                "modality": self.modality,
                "classes": list(self.classes),
                "shape": list(self.x.shape[1:]),
                "dtype": str(self.x.dtype),
                "rows": rows.to_numpy().tolist(),
            }
        )

    def positions(self, sample_ids: pd.Series) -> npt.NDArray[np.int64]:
        """Return the row number of each id, in the order given.

        Raises:
            SamplesError: An id is not among the samples.
        """
        index = pd.Index(self.table["sample_id"])
        found = index.get_indexer(pd.Index(sample_ids))
        if (found < 0).any():
            missing = pd.Index(sample_ids)[found < 0][0]
            raise SamplesError(f"Sample {missing!r} is not among the {len(index)} samples.")
        return np.asarray(found, dtype=np.int64)


def array_hash(x: npt.NDArray[np.generic]) -> str:
    """Return the SHA-256 of one sample's shape, type and contents."""
    digest = hashlib.sha256(f"{x.dtype.str}{x.shape}".encode())
    digest.update(np.ascontiguousarray(x).tobytes())
    return digest.hexdigest()


def write_samples(folder: Path, samples: Samples) -> None:
    """Write `x.npy`, `table.parquet` and `schema.json`, all or nothing."""
    with atomic_directory(folder) as temporary:
        np.save(temporary / "x.npy", samples.x, allow_pickle=False)
        samples.table.to_parquet(temporary / "table.parquet", index=False)
        schema = Schema(
            modality=samples.modality,
            classes=samples.classes,
            shape=samples.x.shape[1:],
            size_policy=samples.size_policy,
            content_hash=samples.content_hash,
            files={name: sha256_file(temporary / name) for name in ("table.parquet", "x.npy")},
        )
        write_sealed_json(temporary / "schema.json", schema.model_dump(mode="json"))


def read_samples(folder: Path) -> Samples:
    """Read a samples folder, its hashes verified; `x` stays on disk, memory-mapped.

    Raises:
        SamplesError: A file is missing or its bytes are not those that were written.
    """
    schema = _read_schema(folder)
    for name, expected in schema.files.items():
        _verify(folder / name, expected)
    return Samples(
        x=np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False),
        table=pd.read_parquet(folder / "table.parquet"),
        classes=schema.classes,
        size_policy=schema.size_policy,
        modality=schema.modality,
    )


def _read_schema(folder: Path) -> Schema:
    path = folder / "schema.json"
    try:
        return Schema.model_validate(read_sealed_json(path))
    except FileNotFoundError:
        raise SamplesError(f"{path} is missing. Run the stage 'ingest' first.") from None
    except ValueError as error:
        raise SamplesError(f"{path} is damaged ({error}). Run the stage 'ingest' again.") from None


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
