"""Arrays of numbers as series or tables, written part by part.

N: samples, T: time steps, F: features.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.scratch_array import new_array, parts
from foldwise.data.samples import Feature

AnyArray = npt.NDArray[Any]

_SHAPES = {"series": ("(N, T, F)", "(N, T)"), "table": ("(N, F)",)}


def features_last(x: AnyArray, where: str, modality: Literal["series", "table"]) -> AnyArray:
    """Return a view (N, T, F) or (N, F) of an array.

    Raises:
        IngestError: It is empty, or its shape or type is not that of series or of a table.
    """
    shapes = " or ".join(_SHAPES[modality])
    if x.size == 0 or x.ndim not in {shape.count(",") + 1 for shape in _SHAPES[modality]}:
        raise IngestError(f"{where} has the shape {x.shape}. Expected is {shapes}, not empty.")
    if x.dtype.kind not in "biuf":
        raise IngestError(f"{where} has the type {x.dtype}. Allowed: numbers.")
    return x[..., np.newaxis] if modality == "series" and x.ndim == 2 else x


def write_numbers(
    x: AnyArray, rows: npt.NDArray[np.int64], where: str, scratch: Path
) -> npt.NDArray[np.float32]:
    """Write some of the samples to `x.npy` in the scratch folder; NaN is a missing value.

    Args:
        x: (N, ...), perhaps memory-mapped; it is then never wholly in memory.
        rows: Which samples, in order.
        where: What an error calls `x`.
        scratch: Where `x.npy` is written.

    Raises:
        IngestError: A value is infinite, or too large for 32 bits.
    """
    written: npt.NDArray[np.float32] = new_array(scratch, (len(rows), *x.shape[1:]), np.float32)
    for part in parts(len(rows), x[0].size * 8):
        with np.errstate(over="ignore"):
            written[part] = x[rows[part]]
        is_wrong = np.isinf(written[part]).any(axis=tuple(range(1, x.ndim)))
        if is_wrong.any():
            row = rows[part][is_wrong][0]
            raise IngestError(
                f"{where}: row {row} holds a value that is infinite, or too large for 32 bits. "
                "Allowed are finite numbers, and NaN where a value is missing."
            )
    return written


def numbered_features(x: AnyArray) -> tuple[Feature, ...]:
    """Return a name for each of F."""
    return tuple(Feature(name=f"x{i}") for i in range(x.shape[-1]))
