"""Find samples that are the same or nearly the same as others.

N: samples, P: pairs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.config import Config
from foldwise.data.audit.near_images import NearImagesConfig, find_near_images
from foldwise.data.audit.near_pairs import NearPairs, Positions, joined_sets, no_pairs
from foldwise.data.audit.near_text import NearTextConfig, find_near_texts
from foldwise.data.audit.near_vectors import (
    NearRowsConfig,
    NearSeriesConfig,
    find_near_rows,
    find_near_series,
)
from foldwise.data.samples import Samples


class DuplicatesConfig(Config):
    """What counts as nearly the same, by modality; equal content always counts."""

    near: bool = True  # look for near duplicates
    images: NearImagesConfig = NearImagesConfig()
    series: NearSeriesConfig = NearSeriesConfig()
    rows: NearRowsConfig = NearRowsConfig()
    texts: NearTextConfig = NearTextConfig()


@dataclass(frozen=True)
class Duplicates:
    """Which samples are the same or nearly the same.

    `table` has the samples that are in a set, sorted by id: `sample_id`, `exact` (number of the
    set of equal content) and `near` (of the set joined by near pairs, directly or over others,
    exact copies included); missing where in none.
    """

    table: pd.DataFrame
    near: NearPairs  # rows of the samples; of equal contents the first stands for all


def find_duplicates(samples: Samples, config: DuplicatesConfig) -> Duplicates:
    """Find sets of equal content (by their SHA-256), and of nearly equal content.

    Windows of a long series overlap by nature and are kept apart by their times, so nothing nearly
    equal is looked for among them.
    """
    content, first = _contents(samples.table["sha256"])
    is_window = "series" in samples.table and samples.table["series"].notna().any()
    near = no_pairs() if is_window or not config.near else _near(samples, first, config)
    near_sets = joined_sets(near.pairs, len(samples))[first][content]
    is_repeated = np.bincount(content, minlength=len(first))[content] > 1
    exact_sets = np.where(is_repeated, content, -1)
    return Duplicates(_table(samples.table["sample_id"], exact_sets, near_sets), near)


def _contents(sha256: pd.Series) -> tuple[Positions, Positions]:
    """Number the contents, (N,), and return the first row of each, in ascending order."""
    content = pd.factorize(sha256)[0].astype(np.int64)
    return content, np.unique(content, return_index=True)[1].astype(np.int64)


def _near(samples: Samples, first: Positions, config: DuplicatesConfig) -> NearPairs:
    """Find near pairs among the first samples of each content."""
    if samples.modality == "image":
        return find_near_images(samples.x, config.images, first)
    x = samples.x[first]
    if samples.modality == "table":
        return find_near_rows(x, samples.features, config.rows).of_rows(first)
    lengths = samples.lengths[first]
    if samples.modality == "series":
        return find_near_series(x, lengths, config.series).of_rows(first)
    return find_near_texts(x, lengths, samples.tokens, config.texts).of_rows(first)


def _table(sample_ids: pd.Series, exact: Positions, near: Positions) -> pd.DataFrame:
    rows = np.flatnonzero((exact >= 0) | (near >= 0))
    table = pd.DataFrame(
        {
            "sample_id": sample_ids.iloc[rows].astype("str").array,
            "exact": _renumbered(exact[rows]),
            "near": _renumbered(near[rows]),
        }
    )
    return table.sort_values("sample_id", ignore_index=True)


def _renumbered(sets: npt.NDArray[np.int64]) -> pd.Series:
    """Number sets from 0 in order of appearance; -1 becomes missing."""
    codes = pd.Series(pd.factorize(pd.Series(sets).mask(sets < 0))[0], dtype="Int64")
    return codes.mask(codes < 0)
