"""Parameters of a comparison of imbalance remedies; free of torch."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, field_validator

from foldwise.config import Config
from foldwise.data.balance import BalanceConfig

REFERENCE = "none"  # the name of what every remedy is compared with

ComparedMetric = Literal["macro_f1", "balanced_accuracy", "accuracy", "weighted_f1"]


def _parts(value: Any) -> Any:  # noqa: ANN401  (raw input)
    """Take one text for a list: `--params` carries no lists, and a comma ends a parameter."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(";") if part.strip()]
    return [value] if isinstance(value, int) else value


class CompareBalanceConfig(Config):
    """Which remedies are compared, and how.

    >>> [remedy.name for remedy in CompareBalanceConfig.of(methods="focal;threshold").methods]
    ['none', 'focal', 'threshold']
    """

    # Each as in `balance`: a text such as "weighted_sampler+threshold", or a mapping with the
    # method's own parameters. A list, or texts in one, separated by ";".
    methods: Annotated[tuple[BalanceConfig, ...], BeforeValidator(_parts)] = tuple(
        BalanceConfig.of(method=method)
        for method in ("none", "class_weights", "weighted_sampler", "logit_adjustment")
    )
    metric: ComparedMetric = "macro_f1"  # the one whose differences are tested
    alpha: float = Field(0.05, gt=0, le=0.5)  # of the family of tests; intervals are at 1 - alpha
    # steps: each method makes as many steps of the optimiser as `none` does, so that one that
    # repeats rows is not trained longer, nor one that drops rows less. epochs: as many epochs.
    budget: Literal["steps", "epochs"] = "steps"
    # Every method is trained with each; null: that of train_cnn. A list, or one text: "0;1;2"
    seeds: Annotated[tuple[NonNegativeInt, ...] | None, BeforeValidator(_parts)] = None

    @field_validator("methods", mode="after")
    @classmethod
    def _reference_first(cls, methods: tuple[BalanceConfig, ...]) -> tuple[BalanceConfig, ...]:
        by_name = {remedy.name: remedy for remedy in (BalanceConfig(), *methods)}
        if len(by_name) < 2:
            raise ValueError(
                f"only {REFERENCE!r} is named, which every method is compared with: name another "
                'one, e.g. "class_weights;weighted_sampler".'
            )
        return tuple(by_name.values())

    @field_validator("seeds", mode="after")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if seeds is not None and (not seeds or len(set(seeds)) < len(seeds)):
            raise ValueError(
                f"{list(seeds)} has to name at least one seed, and each of them once; null takes "
                "that of train_cnn."
            )
        return seeds

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the methods, the reference first."""
        return tuple(remedy.name for remedy in self.methods)
