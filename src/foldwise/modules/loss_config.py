"""Parameters of the loss that a network is fitted with; free of torch.

Which loss is which: y is the target, f the network's output, p = softmax(f) of logits.

| name | of one sample | torch's class |
| --- | --- | --- |
| cross_entropy | -log p_y | `CrossEntropyLoss`, which takes logits |
| nll | -log p_y | `NLLLoss` after `LogSoftmax`; the same number as cross_entropy |
| perceptron | max(0, max_j f_j - f_y) over j but y | none; `MultiMarginLoss` has a margin |
| mse | (f - y)^2 | `MSELoss` |
| l1 | abs(f - y) | `L1Loss` |
| huber | e^2 / 2 up to abs(e) = delta, then delta (abs(e) - delta / 2) | `HuberLoss` |
| quantile | max(a e, (a - 1) e) at level a, with e = y - f | none |

`nll` is often written with the formula -f_y + log sum_j exp f_j. That is cross-entropy on logits;
torch's `NLLLoss` alone is -f_y, and f has to be log p already. Both paths are the same here.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from foldwise.config import Config
from foldwise.errors import UserError

Task = Literal["classification", "regression"]
Level = Annotated[float, Field(gt=0, lt=1)]

# The table of predictions has these where the loss has none of its own.
DEFAULT_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


class LossError(UserError):
    """A loss and what it is to be used for do not go together."""


class _LossConfig(Config):
    """What all losses have."""

    tasks: ClassVar[tuple[Task, ...]]

    @property
    def num_per_target(self) -> int:
        """How many outputs the network has for each target."""
        return 1


class AutoLossConfig(_LossConfig):
    """What suits the targets and the network.

    Cross-entropy for classes, MSE for numbers, and for the network `perceptron` its own criterion.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")
    name: Literal["auto"] = "auto"


class CrossEntropyLossConfig(_LossConfig):
    """Cross-entropy of logits, with what the remedy of imbalance and label smoothing add."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    name: Literal["cross_entropy"] = "cross_entropy"


class NllLossConfig(_LossConfig):
    """The negative log likelihood of the outputs' log-softmax: cross-entropy in two steps."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    name: Literal["nll"] = "nll"


class PerceptronLossConfig(_LossConfig):
    """How far a sample lies on the wrong side of the border (Rosenblatt, 1958); 0 on the right."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    name: Literal["perceptron"] = "perceptron"


class MseLossConfig(_LossConfig):
    """The squared error: its minimum is the mean."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    name: Literal["mse"] = "mse"


class L1LossConfig(_LossConfig):
    """The absolute error: its minimum is the median."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    name: Literal["l1"] = "l1"


class HuberLossConfig(_LossConfig):
    """Squared for small errors, absolute for large ones (Huber, Ann. Math. Stat. 35, 1964)."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    name: Literal["huber"] = "huber"
    delta: PositiveFloat = 1.0  # where small ends, in standard deviations of the target


class QuantileLossConfig(_LossConfig):
    """The mean of the pinball losses of several levels.

    "Regression quantiles" (Koenker and Bassett, Econometrica 46, 1978). The network then has an
    output for each of them. The point forecast is the median where 0.5 is one of the levels, else
    the level nearest to it, of two as near the lower.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    name: Literal["quantile"] = "quantile"
    quantiles: Annotated[tuple[Level, ...], Field(min_length=1, max_length=99)] = DEFAULT_LEVELS

    @property
    def num_per_target(self) -> int:
        """One output for each level."""
        return len(self.quantiles)

    @property
    def point(self) -> int:
        """Which of the levels is the point forecast.

        >>> QuantileLossConfig(quantiles=(0.1, 0.2, 0.5)).point
        2
        >>> QuantileLossConfig(quantiles=(0.1, 0.3, 0.7)).point
        1
        """
        # rounded, as 0.5 - 0.3 and 0.7 - 0.5 differ in their last bit
        distances = [round(abs(level - 0.5), 9) for level in self.quantiles]
        return distances.index(min(distances))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.quantiles) != sorted(set(self.quantiles)):
            raise ValueError(f"quantiles must rise, but they are {list(self.quantiles)}.")
        return self


ClassLossConfig = CrossEntropyLossConfig | NllLossConfig | PerceptronLossConfig
NumberLossConfig = MseLossConfig | L1LossConfig | HuberLossConfig | QuantileLossConfig
LossConfig = Annotated[
    AutoLossConfig | ClassLossConfig | NumberLossConfig, Field(discriminator="name")
]
_ALL = (
    AutoLossConfig,
    CrossEntropyLossConfig,
    NllLossConfig,
    PerceptronLossConfig,
    MseLossConfig,
    L1LossConfig,
    HuberLossConfig,
    QuantileLossConfig,
)


def class_loss(loss: LossConfig, *, network: str = "") -> ClassLossConfig:
    """Return the loss of a classification, of which `auto` depends on the network's name.

    Raises:
        LossError: The loss is for numbers, or the perceptron's network is to have another one.
    """
    require_task(loss, "classification")
    if network == "perceptron" and loss.name not in ("auto", "perceptron"):
        raise LossError(
            f"loss.name is {loss.name!r}, but a perceptron is fitted by its own criterion. "
            "Allowed with model.name='perceptron': auto, perceptron. The same network under "
            "cross-entropy is model.name='logistic'."
        )
    if isinstance(loss, AutoLossConfig):
        return PerceptronLossConfig() if network == "perceptron" else CrossEntropyLossConfig()
    assert isinstance(loss, ClassLossConfig)
    return loss


def number_loss(loss: LossConfig) -> NumberLossConfig:
    """Return the loss of a regression; of `auto` it is MSE.

    Raises:
        LossError: The loss is for classes.
    """
    require_task(loss, "regression")
    if isinstance(loss, AutoLossConfig):
        return MseLossConfig()
    assert isinstance(loss, NumberLossConfig)
    return loss


def require_task(loss: LossConfig, task: Task) -> None:
    """Refuse a loss that is not for these targets.

    Raises:
        LossError: It is for the other kind.
    """
    if task in loss.tasks:
        return
    targets = "classes" if task == "classification" else "numbers"
    allowed = ", ".join(kind.model_fields["name"].default for kind in _ALL if task in kind.tasks)
    raise LossError(
        f"loss.name is {loss.name!r}, but the targets are {targets}. Allowed: {allowed}."
    )
