"""Parameters of a search; free of torch and Optuna."""

from typing import Annotated, Literal, Self

from pydantic import (
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_serializer,
    field_validator,
    model_validator,
)

from foldwise.config import Config, ListInText
from foldwise.tasks.search.hidden_password import hide_password
from foldwise.tasks.search.parameter import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    SpaceParameter,
)

__all__ = [
    "CategoricalParameter",
    "EarlyTrials",
    "FloatParameter",
    "IntParameter",
    "SearchConfig",
    "SpaceParameter",
]

LEAST_WILCOXON_PARTS = 5  # of fewer pairs the test finds nothing, whatever they are

SamplerName = Literal["grid", "random", "tpe", "qmc", "gp", "nsga2"]
PrunerName = Literal["auto", "none", "median", "hyperband", "wilcoxon"]


class EarlyTrials(Config):
    """The first trials are given less, so that more of the space is seen."""

    trials: NonNegativeInt = 0  # how many of them; 0: none
    max_epochs: PositiveInt | None = None  # of each of their fits; null: as configured
    limit: PositiveInt | None = None  # samples of each of their training parts; null: all

    @model_validator(mode="after")
    def _with_less(self) -> Self:
        if self.trials and self.max_epochs is None and self.limit is None:
            raise ValueError(
                f"trials is {self.trials}, but nothing says what these get less of. Allowed: "
                "max_epochs or limit as well, or trials 0."
            )
        return self


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
    objectives: Annotated[tuple[Literal["latency_ms", "num_parameters"], ...], ListInText] = ()
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

    @field_validator("objectives", mode="after")
    @classmethod
    def _once(cls, objectives: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for name in dict.fromkeys(objectives) if objectives.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is named twice. Allowed: each objective once.")
        return objectives

    @field_validator("storage", mode="after")
    @classmethod
    def _somewhere(cls, storage: str) -> str:
        if storage not in ("journal", "sqlite") and "://" not in storage:
            shown = "this" if "@" in storage else repr(storage)  # it may hold a password
            raise ValueError(
                f"{shown} is no storage. Allowed: journal, sqlite, or the URL of a database "
                "such as postgresql+psycopg://user@host/name."
            )
        return storage

    @field_serializer("storage")
    def _without_password(self, storage: str) -> str:
        return hide_password(storage)  # so that neither MLflow nor a page gets it

    @model_validator(mode="after")
    def _prune_one_score(self) -> Self:
        if self.pruner in ("auto", "none"):
            return self
        if self.objectives:
            raise ValueError(
                f"pruner is {self.pruner!r}, but there are several objectives "
                f"(the score and {', '.join(self.objectives)}), of which no curve is the better "
                "one. Allowed: pruner auto or none, or objectives []."
            )
        parts = 0 if self.folds == "all" else self.folds * self.inner_folds
        if self.pruner == "wilcoxon" and 0 < parts < LEAST_WILCOXON_PARTS:
            raise ValueError(
                f"pruner is 'wilcoxon', which compares trials part by part and needs at least "
                f"{LEAST_WILCOXON_PARTS} parts, but folds={self.folds} and "
                f"inner_folds={self.inner_folds} make {parts}. Allowed: more of them, or pruner "
                "median or hyperband."
            )
        return self
