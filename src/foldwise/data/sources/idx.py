"""The MNIST family's idx files: grey images and their labels, gzipped or not.

N: samples, H: height, W: width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, field_validator, model_validator

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.idx_file import IdxFile, open_idx
from foldwise.data.readers.image_size import ImageSize, fit_arrays, height_and_width
from foldwise.data.readers.label_arrays import labels_and_classes
from foldwise.data.readers.scratch_array import new_array
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading, SourceConfig

_PREFIXES = {"train": "train", "t10k": "test"}  # of the files of each official part
_ENDINGS = {  # the second of each is how some archives spell it
    "images": ("-images-idx3-ubyte", "-images.idx3-ubyte"),
    "labels": ("-labels-idx1-ubyte", "-labels.idx1-ubyte"),
}


@dataclass(frozen=True)
class _Pair:
    """A file of images with its file of labels."""

    split: str | None  # train or test; none: there is no official split
    images: IdxFile  # (N, H, W)
    labels: IdxFile  # (N,)

    @property
    def ids(self) -> list[str]:
        prefix = "row" if self.split is None else self.split
        return [f"{prefix}_{i:06d}" for i in range(self.images.shape[0])]


class IdxSource(SourceConfig):
    """A folder of idx files under the names that MNIST gave them, or one pair of files.

    In a folder, `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, with `t10k-...` for the
    test images, each perhaps ending in `.gz`, become the official split.
    """

    kind: Literal["idx"] = "idx"
    path: Path | None = None  # the folder; `~` is the home folder
    images: Path | None = None  # in place of `path`: the file of the images
    labels: Path | None = None  # and that of the labels
    classes: tuple[str, ...] | None = None  # names of the labels 0, 1, ...; none: the numbers
    image_size: ImageSize | None = None  # none: as they are
    max_bytes: int = Field(8 * 2**30, ge=1)  # of one file, unpacked

    @field_validator("classes")
    @classmethod
    def _check_classes(cls, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if classes is not None and (len(set(classes)) < len(classes) or len(classes) < 2):
            raise ValueError(f"must be at least 2 names, no two alike, but got {list(classes)}")
        return classes

    @model_validator(mode="after")
    def _check_paths(self) -> Self:
        given = [name for name in ("path", "images", "labels") if getattr(self, name) is not None]
        if given not in (["path"], ["images", "labels"]):
            raise ValueError(
                "expected is 'path', or 'images' and 'labels', but given: "
                f"{', '.join(given) or 'none'}"
            )
        return self

    def inputs(self) -> Sequence[Path]:
        """Return the folder, or the two files."""
        paths = (self.path, self.images, self.labels)
        return tuple(path.expanduser() for path in paths if path is not None)

    def read(self, scratch: Path) -> Reading:
        """Read the files in their order, the training images first.

        Raises:
            IngestError: A file is missing, damaged, or not what its place asks for.
        """
        pairs = self._pairs()
        labels, classes = self._labels(pairs)
        splits = [pair.split for pair in pairs for _ in range(pair.images.shape[0])]
        ids = [sample_id for pair in pairs for sample_id in pair.ids]
        table = pd.DataFrame({"sample_id": ids, "label": labels, "official_split": splits})
        strata = list(zip(splits, labels, strict=True))
        rows = stratified_sample(ids, [str(s) for s in strata], self.limit or len(ids))
        return Reading(
            x=_write_images(pairs, rows, self.image_size, scratch),
            table=table.iloc[rows].reset_index(drop=True),
            classes=classes,
            size_policy="none" if self.image_size is None else "resize",
        )

    def _pairs(self) -> list[_Pair]:
        if self.path is None:
            images, labels = (_existing(path) for path in self.inputs())
            return [self._open(None, images, labels)]
        folder = self.path.expanduser()
        if not folder.is_dir():
            raise IngestError(f"ingest.source.path: '{folder}' is no folder. {_expected()}")
        found = [self._open(*files) for files in _official_files(folder)]
        if not found:
            raise IngestError(f"ingest.source.path: '{folder}' holds no idx files. {_expected()}")
        if len({pair.images.shape[1:] for pair in found}) > 1:
            shapes = ", ".join(f"'{p.images.path.name}' {p.images.shape}" for p in found)
            raise IngestError(f"The images in '{folder}' are not of one size: {shapes}.")
        return found

    def _open(self, split: str | None, images: Path, labels: Path) -> _Pair:
        pair = _Pair(split, open_idx(images, self.max_bytes), open_idx(labels, self.max_bytes))
        _check_kind(pair.images, 3, "(N, H, W)", "u")
        _check_kind(pair.labels, 1, "(N,)", "ui")
        if pair.images.shape[0] != pair.labels.shape[0]:
            raise IngestError(
                f"'{images}' holds {pair.images.shape[0]} images, but '{labels}' "
                f"{pair.labels.shape[0]} labels. Both must have as many."
            )
        return pair

    def _labels(self, pairs: Sequence[_Pair]) -> tuple[list[str], tuple[str, ...]]:
        names: list[str] = []
        classes: set[str] = set()
        for pair in pairs:
            y = np.concatenate([rows for _, rows in pair.labels.parts()])
            some, found = labels_and_classes(y, self.classes, f"'{pair.labels.path}'")
            names += some
            classes.update(found)
        return names, self.classes or tuple(sorted(classes, key=int))


def _expected() -> str:
    names = " and ".join(f"train{endings[0]}" for endings in _ENDINGS.values())
    return f"Expected are {names}, and perhaps the same with t10k, gzipped or not."


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise IngestError(f"ingest.source: '{file}' is no file. Expected is an idx file.")
    return file


def _official_files(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield (split, images, labels) for the parts that are there."""
    for prefix, split in _PREFIXES.items():
        images, labels = (
            _first_file(folder, [f"{prefix}{ending}" for ending in endings])
            for endings in _ENDINGS.values()
        )
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            missing = "images" if images is None else "labels"
            raise IngestError(
                f"ingest.source.path: '{folder}' holds '{prefix}' files, but no "
                f"'{prefix}{_ENDINGS[missing][0]}', gzipped or not."
            )
        yield split, images, labels


def _first_file(folder: Path, names: Sequence[str]) -> Path | None:
    candidates = [folder / f"{name}{suffix}" for name in names for suffix in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)


def _check_kind(idx: IdxFile, axes: int, shape: str, kinds: str) -> None:
    if len(idx.shape) != axes or idx.dtype.kind not in kinds or idx.num_bytes == 0:
        raise IngestError(
            f"'{idx.path}' holds {idx.dtype.name} of the shape {idx.shape}. Expected are "
            f"{'uint8' if kinds == 'u' else 'integers'} of the shape {shape}, not empty."
        )


def _write_images(
    pairs: Sequence[_Pair],
    rows: npt.NDArray[np.int64],
    image_size: ImageSize | None,
    scratch: Path,
) -> npt.NDArray[np.uint8]:
    """Write (N, 1, H, W) part by part; `rows` counts through all the pairs."""
    size = pairs[0].images.shape[1:] if image_size is None else height_and_width(image_size)
    x: npt.NDArray[np.uint8] = new_array(scratch, (len(rows), 1, *size), np.uint8)
    first, written = 0, 0
    for pair in pairs:
        for part, images in pair.images.parts():
            here = rows - first - part.start
            wanted = here[(here >= 0) & (here < len(images))]
            fitted = fit_arrays(images[wanted][:, np.newaxis], image_size)
            x[written : written + len(wanted)] = fitted
            written += len(wanted)
        first += pair.images.shape[0]
    return x
