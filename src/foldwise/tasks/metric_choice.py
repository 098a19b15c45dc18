"""Which metric the differences of models are tested by; free of torch."""

from typing import Literal, get_args

from foldwise.errors import UserError

AUTO = "auto"
ClassMetric = Literal["macro_f1", "balanced_accuracy", "accuracy", "weighted_f1"]
NumberMetric = Literal["mae", "rmse"]
LOWER_IS_BETTER = get_args(NumberMetric)  # those that are errors
MetricChoice = Literal["auto"] | ClassMetric | NumberMetric  # auto: the first that fits


class MetricError(UserError):
    """The metric is not one of such predictions."""


def chosen_metric(wanted: MetricChoice, parameter: str, *, of_numbers: bool) -> str:
    """Return the metric that is wanted; for auto, macro F1 of classes or MAE of numbers.

    >>> chosen_metric("auto", "compare.metric", of_numbers=True)
    'mae'

    Args:
        wanted: As it was configured.
        parameter: Whose value that is, for the message.
        of_numbers: Whether numbers are predicted, not classes.

    Raises:
        MetricError: It is a metric of the other kind.
    """
    allowed = get_args(NumberMetric) if of_numbers else get_args(ClassMetric)
    if wanted == AUTO:
        return str(allowed[0])
    if wanted not in allowed:
        raise MetricError(
            f"{parameter} is {wanted!r}, but what is predicted is "
            f"{'a number' if of_numbers else 'a class'}. Allowed: {AUTO}, {', '.join(allowed)}."
        )
    return wanted
