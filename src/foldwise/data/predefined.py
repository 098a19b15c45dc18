"""Folds that a column of the user's names.

Each cell names a fold by any text or number. Three cells mean something else: `test` is the
held-out test part, `train` is in training parts only, and an empty cell is in no part.

N: samples.
"""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.fold_table import HELD_OUT, TRAIN_ONLY, UNUSED
from foldwise.data.split_config import SplitConfig, SplitError
from foldwise.data.split_rows import meta_column

Codes = npt.NDArray[np.int64]

_MARKS = {"test": HELD_OUT, "train": TRAIN_ONLY, "": UNUSED}


def marked_as_test(table: pd.DataFrame, config: SplitConfig) -> npt.NDArray[np.bool_]:
    """Mark the samples whose cell says `test`, (N,)."""
    is_test: npt.NDArray[np.bool_] = predefined_folds(table, config)[0] == HELD_OUT
    return is_test


def predefined_folds(table: pd.DataFrame, config: SplitConfig) -> tuple[Codes, tuple[str, ...]]:
    """Return the fold of each sample, (N,), and the names of the folds, in order.

    Raises:
        SplitError: The column is not there, names no fold, or has a negative number.
    """
    name = meta_column(table, str(config.column))
    codes, cells = pd.factorize(table[name])
    texts = [_text(cell) for cell in cells]
    negative = [text for text in texts if re.fullmatch(r"-\d+", text)]
    if negative:
        raise SplitError(
            f"Column {name!r} (split.column) holds {negative[0]}. A negative number could mean "
            "several things: write 'test' for the test part, 'train' for what is in training "
            "parts only, and leave a cell empty for what is in no part."
        )
    names = tuple(sorted({text for text in texts if text.lower() not in _MARKS}, key=_natural))
    if not names:
        raise SplitError(
            f"Column {name!r} (split.column) names no fold; it holds {', '.join(sorted(texts))}."
        )
    numbers = {**_MARKS, **{text: number for number, text in enumerate(names)}}
    of_cell = [numbers.get(text, numbers.get(text.lower(), UNUSED)) for text in texts]
    return np.array([*of_cell, UNUSED], dtype=np.int64)[codes], names


def _text(cell: object) -> str:
    """Return a cell as text; whole numbers without a decimal point, which a gap in them adds."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key by which "fold 2" comes before "fold 10"."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
