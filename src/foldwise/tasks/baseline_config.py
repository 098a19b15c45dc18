"""Parameters of the baselines; free of torch."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, field_validator

from foldwise.config import Config
from foldwise.tasks.metric_choice import MetricChoice

BaselineName = Literal[
    "prior",
    "logistic",
    "naive_bayes",
    "linear_svm",
    "rbf_svm",
    "knn",
    "gradient_boosting",
    "hog_logistic",
    "hog_svm",
    "positional_logistic",
    "euclidean_1nn",
    "dtw_1nn",
    "minirocket",
    "mean",
    "ridge",
    "naive_last",
    "naive_seasonal",
    "linear",
]


def _parts(value: Any) -> Any:  # noqa: ANN401  (raw input)
    """Take one text for a list: `--params` carries no lists, and a comma ends a parameter."""
    if isinstance(value, str) and value != "auto":
        return [part.strip() for part in value.split(";") if part.strip()]
    return value


class BaselineConfig(Config):
    """Which simple models stand beside a network, and how they are compared with it.

    >>> BaselineConfig.of(models="prior;logistic").models
    ('prior', 'logistic')
    """

    enabled: bool = True  # false: none is fitted, and the results say so
    # auto: all that suit the samples and take seconds. A list, or names in one text: "prior;knn"
    models: Annotated[Literal["auto"] | tuple[BaselineName, ...], BeforeValidator(_parts)] = "auto"
    metric: MetricChoice = "auto"  # macro_f1 of classes, else mae
    alpha: float = Field(0.05, gt=0, le=0.5)  # of all tests together; intervals are at 1 - alpha
    # Costly models are fitted on at most so many rows of a training part, drawn by class; the
    # results say where this was so. null: on all
    max_samples: Annotated[int, Field(ge=50)] | None = 5000
    period: PositiveInt | None = None  # of naive_seasonal, in steps; null: there is none
    target_channel: str | None = None  # that a forecast is of; null: found by its values
    seed: int = Field(0, ge=0)

    @field_validator("models", mode="after")
    @classmethod
    def _distinct(
        cls, models: Literal["auto"] | tuple[BaselineName, ...]
    ) -> Literal["auto"] | tuple[BaselineName, ...]:
        if models != "auto" and (not models or len(set(models)) < len(models)):
            raise ValueError(
                f"{list(models)} has to name at least one model, and each of them once; 'auto' "
                "takes those that suit the samples, enabled=false none."
            )
        return models
