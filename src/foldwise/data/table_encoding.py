"""Table columns as a network takes them; all that is fitted comes from a training part.

Missing numbers are filled and flagged, numbers standardised, categories one-hot or numbered.
scikit-learn has the same transformers, but they keep what they fitted in their own objects, for
which it offers pickle alone; here it is a handful of numbers in JSON.

N: samples, F: features, D: columns of the encoded table.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from foldwise.config import Config
from foldwise.data.samples import Feature

Floats = npt.NDArray[np.float32]

_LARGEST = float(np.finfo(np.float32).max)
_CONSTANT = 10 * np.finfo(np.float64).eps  # of the mean's size: a deviation below is rounding


class TableEncodingConfig(Config):
    """How columns are encoded."""

    fill: Literal["median", "mean"] = "median"  # in place of a missing number
    categories: Literal["one_hot", "index"] = "one_hot"  # index: 0 is unknown, for embeddings


class NumericEncoding(Config):
    """One number, standardised; and a flag, where the training part has missing values."""

    kind: Literal["numeric"] = "numeric"
    name: str
    fill: float  # in place of a missing value
    mean: float  # of the training part, filled
    std: float  # 1 where it is constant
    has_flag: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        return (self.name, f"{self.name} is missing") if self.has_flag else (self.name,)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Of each encoded column 0: it holds numbers."""
        return (0,) * len(self.names)

    def encode(self, values: Floats, feature: Feature) -> Floats:
        """Return (N, 1), or (N, 2) with the flag, of values (N,)."""
        is_missing = np.isnan(values)
        filled = np.where(is_missing, self.fill, values.astype(np.float64))
        # Of a deviation near 0, all values elsewhere are far away; but no infinity is let in.
        standard = np.clip((filled - self.mean) / self.std, -_LARGEST, _LARGEST)
        columns = [standard, is_missing]
        return np.stack(columns[: len(self.names)], axis=1).astype(np.float32)


class CategoricalEncoding(Config):
    """The categories of the training part; no value is one of its own if it is missing there."""

    kind: Literal["categorical"] = "categorical"
    name: str
    categories: tuple[str | None, ...]  # None: the value is missing
    is_one_hot: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        if not self.is_one_hot:
            return (self.name,)
        return tuple(
            f"{self.name} is missing" if value is None else f"{self.name}={value}"
            for value in self.categories
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Of each encoded column 0, or as an index how many values it can have."""
        return (0,) * len(self.names) if self.is_one_hot else (len(self.categories) + 1,)

    def encode(self, values: Floats, feature: Feature) -> Floats:
        """Return (N, K) one-hot, zeros if unknown; or (N, 1), 0 if unknown; of indices (N,)."""
        known = {value: i for i, value in enumerate(self.categories, 1)}
        place = [known.get(value, 0) for value in (*feature.categories, None)]
        codes = np.where(np.isnan(values), len(feature.categories), values).astype(np.int64)
        index = np.array(place)[codes]
        if not self.is_one_hot:
            return index[:, np.newaxis].astype(np.float32)
        one_hot: Floats = np.eye(len(known) + 1, dtype=np.float32)[index][:, 1:]
        return one_hot


ColumnEncoding = Annotated[NumericEncoding | CategoricalEncoding, Field(discriminator="kind")]


class TableEncoding(Config):
    """One encoding for each feature, in order."""

    columns: tuple[ColumnEncoding, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the D encoded columns."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Of each of the D encoded columns: 0 for numbers, else how many values it can have."""
        return tuple(number for column in self.columns for number in column.cardinalities)

    def encode(self, x: Floats, features: Sequence[Feature]) -> Floats:
        """Return (N, D) of x (N, F), without missing values.

        Categories go by their name: other samples may number them differently.

        Raises:
            ValueError: The features are not those that were fitted.
        """
        expected = [(column.name, column.kind) for column in self.columns]
        found = [(feature.name, feature.kind) for feature in features]
        if found != expected:
            raise ValueError(f"features must be {expected}, but got {found}.")
        encoded = np.empty((len(x), len(self.names)), np.float32)
        start = 0
        for i, (column, feature) in enumerate(zip(self.columns, features, strict=True)):
            stop = start + len(column.names)
            encoded[:, start:stop] = column.encode(x[:, i], feature)
            start = stop
        return encoded


def fit_table_encoding(
    x: Floats,
    features: Sequence[Feature],
    rows: npt.NDArray[np.int64],
    config: TableEncodingConfig | None = None,
) -> TableEncoding:
    """Return the encoding of a training part.

    Args:
        x: (N, F), NaN where missing.
        features: What the columns are.
        rows: The samples of the training part; no other is looked at, nor does their order matter.
        config: How columns are encoded.
    """
    config = config or TableEncodingConfig()
    rows = np.sort(rows)
    return TableEncoding(
        columns=tuple(
            _fit_categories(x[rows, i], feature, config)
            if feature.kind == "categorical"
            else _fit_numbers(x[rows, i], feature, config)
            for i, feature in enumerate(features)
        )
    )


def _fit_numbers(values: Floats, feature: Feature, config: TableEncodingConfig) -> NumericEncoding:
    present = values[~np.isnan(values)].astype(np.float64)
    middle = np.median if config.fill == "median" else np.mean
    fill = float(middle(present)) if len(present) else 0.0
    num_missing = len(values) - len(present)
    filled = np.append(present, np.full(num_missing, fill))
    mean = float(filled.mean()) if len(filled) else 0.0
    std = float(filled.std()) if len(filled) else 0.0
    return NumericEncoding(
        name=feature.name,
        fill=fill,
        mean=mean,
        std=std if std > _CONSTANT * abs(mean) else 1.0,
        has_flag=num_missing > 0,
    )


def _fit_categories(
    values: Floats, feature: Feature, config: TableEncodingConfig
) -> CategoricalEncoding:
    is_missing = np.isnan(values)
    seen = sorted(feature.categories[i] for i in np.unique(values[~is_missing]).astype(np.int64))
    return CategoricalEncoding(
        name=feature.name,
        categories=(*seen, None) if is_missing.any() else tuple(seen),
        is_one_hot=config.categories == "one_hot",
    )
