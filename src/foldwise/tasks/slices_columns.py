"""Into which parts each column of the samples table cuts the samples.

N: samples, V: slices.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from foldwise.errors import UserError
from foldwise.metrics.classification import Codes
from foldwise.tasks.slices_config import SlicesConfig

META = "meta_"
# Columns of ours that are worth a look; those of files are for the audit of shortcuts.
_OURS = ("source", "official_split", "group", "series", "length", "time")
_SCALES = ("length", "time")  # of these, never ids
_MISSING = "missing"
_FEW_NUMBERS = 10  # up to which they are taken as they are: grades, counts, years
_MAX_PAIRS = 200  # of columns


class SliceColumn(NamedTuple):
    """A column, or two, and which of its values each sample has."""

    name: str  # as it is shown, without the prefix
    codes: Codes  # (N,), 0..V-1
    names: tuple[str, ...]  # (V,), of the slices: "exposure = 6"
    is_group: bool = False  # its values are what was drawn: each is looked at as it is


class SliceColumns(NamedTuple):
    """What the samples can be cut by, and what was left out."""

    columns: list[SliceColumn]
    notes: list[str]


class SlicesError(UserError):
    """The parameters of the slices do not fit the samples."""


def slice_columns(table: pd.DataFrame, config: SlicesConfig) -> SliceColumns:
    """Cut the samples by each column that is fit for it.

    A column is left out, and named in a note, if it has one value, is the class itself, tells the
    samples (nearly) apart, or has too many names. Missing values are a slice of their own.

    Args:
        table: The rows of the samples that were predicted.
        config: How many values and bins.
    """
    columns: list[SliceColumn] = []
    left_out: dict[str, list[str]] = {}
    for name in _candidates(table):
        values = table[name]
        reason = _unfit(values, table, config)
        if reason is None:
            column = _cut(values, config)
            twin = next((c for c in columns if _are_same(c.codes, column.codes)), None)
            if twin is None:
                columns.append(column._replace(is_group=_are_groups(name, column, table)))
                continue
            reason = f"the same as {twin.name}"
        # A column of ours that every table has needs no words where there is nothing in it.
        if name.startswith(META) or reason.endswith("distinct names"):
            left_out.setdefault(reason, []).append(shown_column(name))
    notes = [f"Not cut by {', '.join(names)}: {reason}." for reason, names in left_out.items()]
    if config.depth == 2:
        pairs = list(_pairs(columns))
        if len(pairs) > _MAX_PAIRS:
            notes.append(f"Of {len(pairs)} pairs of columns the first {_MAX_PAIRS} were cut by.")
        columns += [_crossed(*pair) for pair in pairs[:_MAX_PAIRS]]
    return SliceColumns(columns, notes)


def sensitive_columns(table: pd.DataFrame, config: SlicesConfig) -> list[SliceColumn]:
    """Return the columns whose values are to be treated alike.

    Raises:
        SlicesError: There is no such column, or it cannot be cut into groups.
    """
    known = [str(name) for name in table.columns if str(name).startswith(META)]
    columns = []
    for wanted in config.sensitive:
        name = wanted if wanted in known else f"{META}{wanted}"
        if name not in known:
            allowed = ", ".join(map(shown_column, known)) or "none, there are no such columns"
            raise SlicesError(
                f"evaluate.slices.sensitive names {wanted!r}, but the samples have no such meta_* "
                f"column. Allowed: {allowed}."
            )
        reason = _unfit(table[name], table, config)
        if reason is not None:
            raise SlicesError(
                f"evaluate.slices.sensitive names {wanted!r}, which cannot be cut into groups: "
                f"{reason}."
            )
        columns.append(_cut(table[name], config))
    return columns


def shown_column(name: str) -> str:
    """Return a column's name for people.

    >>> shown_column("meta_exposure")
    'exposure'
    """
    return name.removeprefix(META)


def _candidates(table: pd.DataFrame) -> list[str]:
    meta = [str(name) for name in table.columns if str(name).startswith(META)]
    return meta + [name for name in _OURS if name in table]


def _unfit(values: pd.Series, table: pd.DataFrame, config: SlicesConfig) -> str | None:
    """Return why a column cannot be cut by; None if it can."""
    known = values.dropna()
    number = int(known.nunique())
    if number == 0 or (number == 1 and len(known) == len(values)):
        return "one value only"
    if "label" in table and _are_same(_codes(values), _codes(table["label"])):
        return "the class itself, which has a table of its own"
    is_id = number == len(known) and number > config.max_values
    if is_id and not _is_continuous(values):
        return "each sample has its own value, as an id has"
    if number > config.max_values and not _is_scale(values):
        return f"more than {config.max_values} distinct names"
    if len(_cut(values, config).names) < 2:
        return "nearly all samples have one value"
    return None


def _cut(values: pd.Series, config: SlicesConfig) -> SliceColumn:
    """Return a column's values as they are, or its numbers in quantile bins."""
    name, known = shown_column(str(values.name)), values.dropna()
    if _is_scale(values) and known.nunique() > max(config.num_bins, _FEW_NUMBERS):
        codes, names = _bins(values, config.num_bins)
        names = [f"{name} {shown}" for shown in names]
    else:
        distinct = sorted(known.unique(), key=None if _is_scale(values) else str)
        codes = pd.Categorical(values, categories=distinct).codes.astype(np.int64)
        names = [f"{name} = {_shown_value(value)}" for value in distinct]
    if (codes < 0).any():
        codes = np.where(codes < 0, len(names), codes)
        names = [*names, f"{name} {_MISSING}"]
    return SliceColumn(name, codes, tuple(names))


def _bins(values: pd.Series, num_bins: int) -> tuple[Codes, list[str]]:
    """Cut numbers or moments at their quantiles; a bin is called by what lies in it."""
    # Ranks, because moments have no quantiles and infinite numbers no widths.
    places = pd.qcut(values.rank(method="average"), num_bins, labels=False, duplicates="drop")
    is_known = places.notna().to_numpy()
    numbers, known = np.unique(places[is_known], return_inverse=True)
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[is_known] = known
    limits = [(values[codes == i].min(), values[codes == i].max()) for i in range(len(numbers))]
    return codes, [_shown_range(low, high) for low, high in limits]


def _shown_range(low: Any, high: Any) -> str:  # noqa: ANN401  (numbers or moments)
    if isinstance(low, pd.Timestamp):
        shown = [f"{moment:%Y-%m-%d}" for moment in (low, high)]
        if shown[0] == shown[1] and low != high:
            shown = [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (low, high)]
    else:
        shown = [_shown_value(value) for value in (low, high)]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"


def _shown_value(value: Any) -> str:  # noqa: ANN401  (whatever a table holds)
    if isinstance(value, float):  # NumPy's are floats as well, or shown in full
        return f"{value:.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
    return " ".join(str(value).split()) or "(blank)"


def _is_scale(values: pd.Series) -> bool:
    """Tell whether values can be cut into ranges."""
    if values.name in _OURS and values.name not in _SCALES:
        return False  # groups may be numbered, but are names
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return is_number or pd.api.types.is_datetime64_any_dtype(values)


def _is_continuous(values: pd.Series) -> bool:
    """Tell whether it is no wonder that all values differ."""
    is_whole = pd.api.types.is_integer_dtype(values.dropna().convert_dtypes())
    return _is_scale(values) and (values.name in _SCALES or not is_whole)


def _codes(values: pd.Series) -> Codes:
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _are_same(first: Codes, second: Codes) -> bool:
    """Tell whether two columns cut the samples into the same parts."""
    pairs = len(np.unique((first + 1) * (int(second.max()) + 2) + second + 1))
    return pairs == len(np.unique(first)) == len(np.unique(second))


def _are_groups(name: str, column: SliceColumn, table: pd.DataFrame) -> bool:
    if name == "group":
        return True
    return "group" in table and _are_same(column.codes, _codes(table["group"]))


def _pairs(columns: Sequence[SliceColumn]) -> Iterator[tuple[SliceColumn, SliceColumn]]:
    return itertools.combinations([c for c in columns if not c.is_group], 2)


def _crossed(first: SliceColumn, second: SliceColumn) -> SliceColumn:
    """Cut by two columns at once; what one of them cuts alone is left to it."""
    number = len(second.names)
    pairs, codes = np.unique(first.codes * number + second.codes, return_inverse=True)
    sizes = np.bincount(codes)
    alone = (sizes == np.bincount(first.codes)[pairs // number]) | (
        sizes == np.bincount(second.codes)[pairs % number]
    )
    codes = np.where(alone, -1, np.cumsum(~alone) - 1)[codes]
    names = tuple(
        f"{first.names[pair // number]}, {second.names[pair % number]}" for pair in pairs[~alone]
    )
    return SliceColumn(f"{first.name} and {second.name}", codes.astype(np.int64), names)
