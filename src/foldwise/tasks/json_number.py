"""Numbers as JSON can hold them, in which an undefined one is null."""

from typing import Any

import numpy as np


def json_number(value: float) -> float | None:
    """Return a number that JSON can hold; None where undefined."""
    return float(value) if np.isfinite(value) else None


def json_cell(value: Any) -> Any:  # noqa: ANN401  (a cell of a table)
    """Return what a cell of a table holds, a text, a claim or a number, as JSON can hold it.

    >>> json_cell("a"), json_cell(np.True_), json_cell(np.int64(3)), json_cell(float("nan"))
    ('a', True, 3, None)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return json_number(value)
