"""Arrays in NumPy's own files: an `.npz` archive, or an `.npy` file with the labels in another.

N: samples, C: channels, H: height, W: width, T: time steps, F: features, K: classes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, model_validator

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.image_arrays import Layout, channels_first, write_images
from foldwise.data.readers.image_size import ImageSize
from foldwise.data.readers.label_arrays import labels_and_classes, names_of
from foldwise.data.readers.npz_file import is_npy, map_npy, read_npz
from foldwise.data.readers.number_arrays import (
    features_last,
    numbered_features,
    write_numbers,
)
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading, SourceConfig

AnyArray = npt.NDArray[Any]


class NpzSource(SourceConfig):
    """Samples `x` and labels `y`, with `group` and `classes` where there are any.

    Images are uint8, or of another type with values in 0..1 (real numbers only) or 0..255. Series,
    (N, T, F) or (N, T), and tables, (N, F), are numbers of any kind, NaN where a value is missing.
    `y` holds class names, or integers: indices into `classes` where that is given, else names.
    `group` holds integers or strings. Other keys are not read. An `.npy` file is memory-mapped: it
    may be larger than the memory, and is copied once, from file to file.
    """

    kind: Literal["npz"] = "npz"
    path: Path  # of the .npz with x and y, or of an .npy with x; `~` is the home folder
    labels: Path | None = None  # of an .npy with y, where `path` is an .npy
    modality: Literal["image", "series", "table"] = "image"  # of `x`
    image_size: ImageSize | None = None  # none: as they are
    layout: Layout = "auto"  # of images; auto: the axis of length 1 or 3 holds the channels
    max_bytes: int = Field(8 * 2**30, ge=1)  # of the arrays in an .npz, unpacked

    @model_validator(mode="after")
    def _check_modality(self) -> Self:
        if self.modality != "image" and (self.image_size is not None or self.layout != "auto"):
            raise ValueError(
                f"'image_size' and 'layout' are for images, but modality={self.modality}"
            )
        return self

    def inputs(self) -> Sequence[Path]:
        """Return the paths."""
        return tuple(p.expanduser() for p in (self.path, self.labels) if p is not None)

    def read(self, scratch: Path) -> Reading:
        """Read the arrays, in their order.

        Raises:
            IngestError: The file, a key, a shape, a type or a value is not as it must be.
        """
        arrays = self._arrays()
        x = self._shaped(arrays["x"])
        self._check_lengths(arrays, len(x))
        known = self._known_classes(arrays)
        labels, classes = labels_and_classes(arrays["y"], known, self._where("y"))
        table = pd.DataFrame(
            {"sample_id": [f"row_{i:06d}" for i in range(len(x))], "label": labels}
        )
        if "group" in arrays:
            table["group"] = names_of(arrays["group"], self._where("group"))
        rows = stratified_sample(table["sample_id"].tolist(), labels, self.limit or len(x))
        return Reading(
            x=self._write(x, rows, scratch),
            table=table.iloc[rows].reset_index(drop=True),
            classes=classes,
            size_policy="none" if self.image_size is None else "resize",
            modality=self.modality,
            features=() if self.modality == "image" else numbered_features(x),
        )

    def _shaped(self, x: AnyArray) -> AnyArray:
        if self.modality == "image":
            return channels_first(x, self._where("x"), self.layout)
        return features_last(x, self._where("x"), self.modality)

    def _write(self, x: AnyArray, rows: npt.NDArray[np.int64], scratch: Path) -> AnyArray:
        if self.modality == "image":
            return write_images(x, rows, self._where("x"), self.image_size, scratch)
        return write_numbers(x, rows, self._where("x"), scratch)

    def _arrays(self) -> dict[str, AnyArray]:
        path = self.path.expanduser()
        _check_exists(path, "path", "an .npz or .npy file")
        if not is_npy(path):
            if self.labels is not None:
                raise IngestError(
                    f"ingest.source.labels is for an .npy file, but '{path}' is none. An .npz "
                    "file holds its labels under the key y."
                )
            return read_npz(path, self.max_bytes)
        if self.labels is None:
            raise IngestError(
                f"ingest.source.labels is missing: '{path}' is an .npy file and holds the images "
                "alone. Expected is the path of another .npy file with as many labels."
            )
        _check_exists(self.labels.expanduser(), "labels", "an .npy file")
        return {"x": map_npy(path), "y": np.asarray(map_npy(self.labels.expanduser()))}

    def _where(self, key: str) -> str:
        """Return what an error calls an array."""
        if self.labels is None:
            return f"'{self.path.expanduser()}', key {key}"
        return f"'{(self.path if key == 'x' else self.labels).expanduser()}'"

    def _check_lengths(self, arrays: dict[str, AnyArray], num_samples: int) -> None:
        for key in ("y", "group"):
            if key not in arrays:
                continue
            shape = arrays[key].shape
            if len(shape) != 1:
                raise IngestError(f"{self._where(key)} has the shape {shape}; expected is (N,).")
            if shape[0] != num_samples:
                raise IngestError(
                    f"'{self.path.expanduser()}': x has {num_samples} rows, but {key} has "
                    f"{shape[0]}. Both must have as many."
                )

    def _known_classes(self, arrays: dict[str, AnyArray]) -> list[str] | None:
        if "classes" not in arrays:
            return None
        where, classes = self._where("classes"), arrays["classes"]
        if classes.ndim != 1:
            raise IngestError(f"{where} has the shape {classes.shape}; expected is (K,).")
        known = names_of(classes, where)
        if len(set(known)) < len(known):
            raise IngestError(f"{where} names a class twice: {listing(known)}.")
        return known


def _check_exists(path: Path, parameter: str, expected: str) -> None:
    if not path.exists():
        raise IngestError(
            f"ingest.source.{parameter}: '{path}' does not exist. Expected is {expected}."
        )
