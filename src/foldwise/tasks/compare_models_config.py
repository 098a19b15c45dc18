"""Parameters of a comparison of models; free of torch."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from foldwise.config import Config, ListInText
from foldwise.tasks.metric_choice import AUTO, MetricChoice


class CompareConfig(Config):
    """Which models are compared, and how.

    >>> CompareConfig.of(models="cnn;baseline:knn").models
    ('cnn', 'baseline:knn')
    """

    # auto: all families of the experiment that have predictions, and its baselines. Else a list,
    # or texts in one, separated by ";", of: a family (cnn), experiment/family, baseline:NAME,
    # experiment/baseline:NAME, the path of a predictions table (*.parquet), run:ID of MLflow.
    models: Annotated[Literal["auto"] | tuple[str, ...], ListInText] = "auto"
    reference: str | None = None  # that sentences and figures start from; null: the first model
    # Whose differences are tested; auto: macro_f1 of classes, mae of numbers.
    metric: MetricChoice = "auto"
    alpha: float = Field(0.05, gt=0, le=0.5)  # of the family of tests; intervals are at 1 - alpha

    @field_validator("models", mode="after")
    @classmethod
    def _several(cls, models: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if models == AUTO:
            return models
        repeated = sorted({name for name in models if models.count(name) > 1})
        if repeated:
            raise ValueError(f"{repeated[0]!r} is named twice.")
        if len(models) < 2:
            raise ValueError(
                f"{list(models)} has to name at least two models to compare, e.g. "
                '"cnn;mlp;baseline:logistic"; auto takes all of the experiment.'
            )
        return models
