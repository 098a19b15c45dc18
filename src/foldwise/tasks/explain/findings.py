"""What is found out about the networks of a family, as plain arrays; free of torch.

H: height, W: width, C: channels, T: steps or tokens, F: channels of a series or columns of a
table, N: points.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from foldwise.data.samples import Modality
from foldwise.tasks.explain.config import Method

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ChosenSample:
    """A sample to be explained, and the network that did not see it."""

    sample_id: str
    row: int  # of the samples
    repeat: int
    fold: int
    target: str
    predicted: str
    output: int  # of the network, that is explained: the predicted class, or the point forecast
    probability: float | None  # of the predicted class; None: a number is predicted
    is_correct: bool | None  # None: a number is predicted


@dataclass(frozen=True)
class Explained:
    """One sample and what was attributed to its parts.

    Attributes:
        sample: Which.
        content: Image (H, W, C) uint8, or series (T, F); of others None.
        words: The tokens (T,) as text, or the values of a table's columns (F,).
        attributions: By method: (H, W), (T,) or (F,); positive speaks for the output.
    """

    sample: ChosenSample
    content: npt.NDArray[np.generic] | None
    words: tuple[str, ...]
    attributions: dict[Method, Array]


@dataclass(frozen=True)
class Filters:
    """The filters of the first layer.

    Attributes:
        layer: Its name.
        pictures: (K, H, W) or (K, H, W, 3) for images, (K, F, T) along steps.
        num_filters: How many there are; fewer may be shown.
        along: What a filter moves along.
    """

    layer: str
    pictures: Array
    num_filters: int
    along: Literal["picture", "steps", "whole"]
    is_averaged: bool = False  # over input channels, which are neither 1 nor 3


@dataclass(frozen=True)
class Motif:
    """What makes one filter over tokens answer most.

    Attributes:
        filter: Its number.
        consensus: The most frequent token at each place.
        shares: How often each token stands at each place, (T, V), rows sum to 1.
        tokens: The V tokens.
        examples: The windows with the strongest answers, as text, each once, and their answers.
        num_windows: How many windows were counted.
        class_name: The class whose texts it answers to most, by its largest answer in each text.
        separation: By how many standard deviations more than to the other texts.
    """

    filter: int
    consensus: str
    shares: Array
    tokens: tuple[str, ...]
    examples: tuple[tuple[str, float], ...]
    num_windows: int
    class_name: str
    separation: float


@dataclass(frozen=True)
class FeatureMaps:
    """What one layer makes of one sample: (K, H, W), or (1, K, T) along steps."""

    layer: str
    maps: Array
    num_maps: int
    sample_id: str


@dataclass(frozen=True)
class MadeImage:
    """An image that was made to please the network, (H, W, C) in 0..1."""

    title: str
    picture: Array


@dataclass(frozen=True)
class EmbeddingMap:
    """Features before the head, laid out in the plane.

    Attributes:
        fold: Whose network and whose out-of-fold samples.
        num_samples: Of that fold; fewer may be shown.
        num_features: Before the head.
        pca: (N, 2).
        tsne: (N, 2); None where there are too few points.
        explained: Share of the variance that each of the two components of PCA has.
        classes: Names of the targets, (N,); of a regression empty.
        values: Targets of a regression, (N,); else empty.
        is_mistake: (N,); of a regression, the tenth with the largest errors.
    """

    fold: int
    num_samples: int
    num_features: int
    pca: Array
    tsne: Array | None
    explained: tuple[float, float]
    classes: npt.NDArray[np.object_]
    values: Array
    is_mistake: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnImportance:
    """How much the score falls when one column is shuffled."""

    column: str
    mean: float
    low: float | None  # of the t interval over folds; None: it has none
    high: float | None


@dataclass(frozen=True)
class Importances:
    """Permutation importance of a table's columns, the most important first."""

    columns: tuple[ColumnImportance, ...]
    metric: str
    num_networks: int
    num_repeats: int
    num_columns: int  # of the table; fewer may be tested


@dataclass(frozen=True)
class SanityStage:
    """How alike attributions are to those of the trained network, from this layer up at random."""

    layer: str
    correlation: float  # Spearman, mean over samples; NaN: undefined for all
    similarity: float  # SSIM, mean over samples; NaN: no pictures


@dataclass(frozen=True)
class Sanity:
    """The check of Adebayo et al. (2018), by method; `edges` is the control."""

    stages: dict[str, tuple[SanityStage, ...]]
    num_samples: int


@dataclass(frozen=True)
class Findings:
    """All that was found out; what does not apply to a network is None or empty, and said."""

    kind: Modality
    explained: tuple[Explained, ...] = ()
    filters: Filters | None = None
    motifs: tuple[Motif, ...] = ()
    feature_maps: tuple[FeatureMaps, ...] = ()
    maximised: tuple[MadeImage, ...] = ()
    dream: tuple[MadeImage, ...] = ()
    embedding: EmbeddingMap | None = None
    importances: Importances | None = None
    sanity: Sanity | None = None
    is_regression: bool = False
    features: tuple[str, ...] = ()  # names of a table's columns
    notes: tuple[str, ...] = field(default=())  # what was left out, and why
    is_enabled: bool = True
