"""How the scores of parts of the samples are found."""

from typing import Annotated, Literal

from pydantic import Field

from foldwise.config import Config, ListInText
from foldwise.metrics.slices import Correction


class SlicesConfig(Config):
    """Which parts of the samples are scored beside the rest of them, and how they are tested.

    The columns are the user's own (`meta_*`), sources, groups, lengths and times.
    """

    depth: Literal[1, 2] = 1  # 2: also each value of a column with each of another
    min_size: int = Field(20, ge=2, le=1_000_000)  # samples; smaller slices are only counted
    max_values: int = Field(20, ge=2, le=200)  # of a column of names; with more it is left out
    num_bins: int = Field(4, ge=2, le=20)  # quantiles that a column of numbers is cut into
    correction: Correction = "holm"  # of the p-values, for all slices and metrics together
    # meta_* columns whose values are to be treated alike: a list, or one text "a;b"
    sensitive: Annotated[tuple[str, ...], ListInText] = ()
