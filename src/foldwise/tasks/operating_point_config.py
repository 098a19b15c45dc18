"""Parameters of decisions: a wanted operating point, and what wrong decisions cost."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from foldwise.config import Config
from foldwise.metrics.operating_points import OperatingMetric, PointRule


def _names_as_text(value: Any) -> Any:  # noqa: ANN401  (raw input)
    """Return mappings with texts for keys: YAML takes the class 3 for a number."""
    if not isinstance(value, dict):
        return value
    return {_name(key): _names_as_text(inner) for key, inner in value.items()}


def _name(key: Any) -> Any:  # noqa: ANN401  (raw input)
    is_number = isinstance(key, int | float) and not isinstance(key, bool)
    return str(key) if is_number else key


# "actual>decided" or actual -> decided, to the cost; what is not named costs 1, being right 0.
Costs = Annotated[dict[str, float | dict[str, float]], BeforeValidator(_names_as_text)]

# What is worth having beside a metric that is demanded.
_COUNTERPARTS: dict[OperatingMetric, OperatingMetric] = {
    "recall": "precision",
    "precision": "recall",
    "specificity": "recall",
    "f1": "recall",
    "youden": "recall",
}


class AtLeast(Config):
    """A metric that has to be reached."""

    metric: OperatingMetric
    value: float = Field(ge=0, le=1)


class OperatingPointConfig(Config):
    """Which threshold is chosen for each class: the best of one metric where another holds."""

    at_least: AtLeast | None = None
    # null: precision where recall is demanded, else recall
    maximise: OperatingMetric | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.at_least is None and self.maximise is None:
            raise ValueError(
                "evaluate.operating_point asks for nothing. Give at_least (metric and value), "
                "maximise, or both; or set evaluate.operating_point=null."
            )
        if self.at_least is not None and self.maximise == self.at_least.metric:
            raise ValueError(
                f"evaluate.operating_point.maximise and .at_least.metric are both "
                f"{self.maximise!r}: what is maximised need not be demanded as well."
            )
        return self

    @property
    def rule(self) -> PointRule:
        """What is looked for on the curve of a class."""
        if self.at_least is None:
            assert self.maximise is not None
            return PointRule(self.maximise)
        least = (self.at_least.metric, self.at_least.value)
        return PointRule(self.maximise or _COUNTERPARTS[self.at_least.metric], least)

    def wording(self) -> str:
        """Return what is asked for in words."""
        rule = self.rule
        highest = f"the highest {_word(rule.maximise)}"
        if rule.least is None:
            return highest
        return f"{highest} with a {_word(rule.least[0])} of at least {rule.least[1]:.4g}"


def _word(metric: OperatingMetric) -> str:
    return {"f1": "F1", "youden": "recall + specificity - 1"}.get(metric, metric)
