"""Parameters of a search; free of torch and Optuna."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from foldwise.config import Config, Scalar

SamplerName = Literal["grid", "random", "tpe", "qmc", "gp", "nsga2"]
PrunerName = Literal["auto", "none", "median", "hyperband", "wilcoxon"]


class _Parameter(Config):
    path: str  # e.g. train_cnn.fit.lr
    # Exists only where other suggestions have these values: {train_cnn.model.name: small_cnn}
    when: Mapping[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)


class FloatParameter(_Parameter):
    """A real number in [low, high]."""

    kind: Literal["float"]
    low: float
    high: float
    log: bool = False  # drawn evenly on a logarithmic scale
    step: PositiveFloat | None = None  # low, low + step, ...


class IntParameter(_Parameter):
    """A whole number in [low, high]."""

    kind: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: PositiveInt = 1


class CategoricalParameter(_Parameter):
    """One of several values; a list or a mapping stands for a group of parameters."""

    kind: Literal["categorical"]
    choices: tuple[Any, ...]


SpaceParameter = Annotated[
    FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="kind")
]


class EarlyTrials(Config):
    """The first trials are given less, so that more of the space is seen."""

    trials: NonNegativeInt = 0  # how many of them; 0: none
    max_epochs: PositiveInt | None = None  # of each of their fits; null: as configured
    limit: PositiveInt | None = None  # samples of each of their training parts; null: all


class SearchConfig(Config):
    """Which values are tried, how they are chosen, and on what they are scored."""

    space: tuple[SpaceParameter, ...] = ()
    sampler: SamplerName = "random"
    pruner: PrunerName = "auto"  # auto: median; with several objectives or a grid, none
    n_trials: PositiveInt = 40  # of each study, on all machines together
    timeout: PositiveFloat | None = None  # seconds; trials that run are finished, others stay
    seed: NonNegativeInt = 0
    # Of the inner parts. auto: macro F1 of classes, MAE of numbers, Frechet distance of generators
    metric: Literal["auto", "macro_f1", "accuracy", "loss", "mae", "frechet"] = "auto"
    # Beside the score: what is small to be.
    objectives: tuple[Literal["latency_ms", "num_parameters"], ...] = ()
    folds: PositiveInt | Literal["all"] = "all"  # outer folds in whose training parts one scores
    inner_folds: PositiveInt = 1  # parts that each of those is cut into; 1: its inner part alone
    nested: bool = False  # search within each outer fold too: the score of searching itself
    # journal: a file beside the networks. sqlite: a database there. Or the URL of a database
    # that several machines share, e.g. postgresql+psycopg://user@host/name
    storage: str = "journal"
    workers: PositiveInt | Literal["auto"] = "auto"  # processes side by side
    on_change: Literal["error", "continue", "restart"] = "error"  # where the study is of another
    max_failures: PositiveInt = 5  # in a row, then the search ends
    early: EarlyTrials = EarlyTrials()
