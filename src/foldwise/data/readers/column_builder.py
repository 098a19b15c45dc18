"""One column of a text file, block by block: numbers as long as all cells are, else text."""

import unicodedata
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float32] | npt.NDArray[np.float64]


class ColumnBuilder:
    """Collects the cells of one column.

    Attributes:
        is_late_text: Whether cells that are no number came after blocks of numbers, whose spelling
            is gone: the column has to be collected again, as text.
    """

    def __init__(self, is_text: bool, missing: Sequence[str], decimal: str, float32: bool) -> None:
        self._is_text = is_text
        self._missing = pa.array(["", *missing], pa.string())
        self._decimal = decimal
        self._float32 = float32
        self._texts: list[pa.Array] = []
        self._numbers: list[Numbers] = []
        self.is_late_text = False

    def add(self, cells: pa.Array) -> None:
        """Take the cells of the next rows, as text."""
        if self.is_late_text:
            return
        trimmed = pc.utf8_trim_whitespace(cells)
        is_missing = pc.is_in(trimmed, self._missing)
        if not self._is_text:
            numbers = parse_numbers(
                pc.if_else(is_missing, None, trimmed), self._decimal, self._float32
            )
            if numbers is not None:
                self._numbers.append(numbers)
                return
            self._is_text = True
            self.is_late_text = bool(self._numbers)
        self._texts.append(pc.if_else(is_missing, None, composed(cells)))

    def series(self) -> pd.Series:
        """Return the column, and let go of the blocks."""
        if self._is_text:
            texts, self._texts = self._texts, []
            return pd.Series(pa.chunked_array(texts, pa.string()).to_pandas())
        numbers, self._numbers = self._numbers, []
        return pd.Series(np.concatenate(numbers) if numbers else np.empty(0, np.float64))


def is_single(name: str, float32: bool | Collection[str]) -> bool:
    """Whether the numbers of a column are wanted in single precision."""
    return float32 if isinstance(float32, bool) else name in float32


def composed(cells: pa.Array) -> pa.Array:
    r"""Return texts in NFC.

    The `utf8_normalize` of pyarrow 25 leaves them decomposed when asked for NFC.

    >>> import pyarrow as pa
    >>> composed(pa.array(["e\u0301", None, "e"])).to_pylist() == ["\xe9", None, "e"]
    True
    """
    is_other = pc.fill_null(pc.invert(pc.string_is_ascii(cells)), False)
    texts = pc.filter(cells, is_other).to_pylist()
    normal = pa.array([unicodedata.normalize("NFC", text) for text in texts], pa.string())
    return pc.replace_with_mask(cells, is_other, normal)


def parse_numbers(cells: pa.Array, decimal: str = ".", float32: bool = False) -> Numbers | None:
    """Return the numbers, NaN for null; None where a cell is no number.

    They are int64 where all are whole and none is missing, unless `float32` is asked for.

    >>> import pyarrow as pa
    >>> parse_numbers(pa.array(["1", "2"])), parse_numbers(pa.array(["1,5", None]), ",")
    (array([1, 2]), array([1.5, nan]))
    >>> parse_numbers(pa.array(["1", "two"]))
    """
    if decimal != ".":
        if pc.any(pc.match_substring(cells, ".")).as_py():
            return None  # 1.234,5: digits in groups, or not a number at all
        cells = pc.replace_substring(cells, decimal, ".")
    types = (pa.float32(),) if float32 else (pa.int64(), pa.float64())
    for wanted in types:
        if wanted == pa.int64() and cells.null_count:
            continue
        try:
            numbers: Numbers = pc.cast(cells, wanted).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            continue
        return numbers
    return None


def numbers_of(cells: pd.Series, decimal: str) -> npt.NDArray[np.float64]:
    """Return the numbers that texts spell, one for each, NaN where one is missing or no number."""
    trimmed = cells.str.strip()
    numbers = parse_numbers(pa.array(trimmed, pa.string(), from_pandas=True), decimal)
    if numbers is not None:
        return numbers.astype(np.float64)
    if decimal != ".":
        trimmed = trimmed.mask(trimmed.str.contains(".", regex=False)).str.replace(decimal, ".")
    return pd.to_numeric(trimmed, errors="coerce").to_numpy(np.float64)
