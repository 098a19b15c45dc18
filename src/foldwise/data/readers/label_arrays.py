"""Class names from arrays of integers or strings.

N: samples, K: classes.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.bad_input import IngestError, listing, printable

AnyArray = npt.NDArray[Any]


def labels_and_classes(
    y: AnyArray, known: Sequence[str] | None, where: str
) -> tuple[list[str], tuple[str, ...]]:
    """Return the class name of each row, and the classes in order.

    Args:
        y: (N,) class names, or integers: indices into `known` where that is given, else names.
        known: The classes in the order wanted; none: those that occur, sorted.
        where: What an error calls `y`.

    Raises:
        IngestError: A value is blank, of a wrong type or not among the classes.
    """
    names = names_of(y, where)
    if known is None:
        order = np.unique(y) if y.dtype.kind in "iu" else sorted(set(names))
        return names, tuple(str(name) for name in order)
    if y.dtype.kind in "iu":
        _refuse((y < 0) | (y >= len(known)), names, where, f"0..{len(known) - 1}")
        return [known[index] for index in y], tuple(known)
    _refuse(~np.isin(names, known), names, where, listing(list(known)))
    return names, tuple(known)


def names_of(array: AnyArray, where: str) -> list[str]:
    """Return integers or strings as NFC-normalised strings, none of them blank."""
    if array.dtype.kind not in "iuUS":
        raise IngestError(f"{where} has the type {array.dtype}. Allowed: integers or strings.")
    try:
        text = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array.astype(str)
    except UnicodeDecodeError as error:
        raise IngestError(f"{where} holds bytes that are not UTF-8 ({error}).") from None
    names = [unicodedata.normalize("NFC", str(name)) for name in text]
    blank = [row for row, name in enumerate(names) if not name.strip()]
    if blank:
        raise IngestError(
            f"{where}: row {blank[0]} is blank, as {len(blank)} of {len(names)} are."
        )
    return names


def _refuse(
    is_wrong: npt.NDArray[np.bool_], names: Sequence[str], where: str, allowed: str
) -> None:
    rows = np.flatnonzero(is_wrong)
    if len(rows):
        raise IngestError(
            f"{where}: row {rows[0]} is '{printable(names[rows[0]])}', and {len(rows)} of "
            f"{len(names)} rows are not among the classes. Allowed: {allowed}."
        )
