"""Which imbalance remedy is used, and its parameters; free of torch."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_serializer,
    model_validator,
)

from foldwise.config import Config, unknown_names_message
from foldwise.errors import UserError
from foldwise.parameter_errors import explain

Beta = Annotated[float, Field(ge=0, lt=1)]  # 0: all classes alike; towards 1: inverse frequency
DecisionMetric = Literal["macro_f1", "balanced_accuracy"]


class BalanceError(UserError):
    """The remedy does not fit the samples, or is none."""


class NoRemedy(Config):
    """Leave the samples and the loss as they are."""

    method: Literal["none"] = "none"


class ClassWeights(Config):
    """Weigh the loss of each sample by its class; the weights of a fold sum to its samples.

    `inverse`: by the inverse of the class's frequency (King and Zeng, 2001). `effective`: by the
    inverse of the effective number of samples, (1 - beta^n) / (1 - beta) (Cui et al., CVPR 2019).
    """

    method: Literal["class_weights"] = "class_weights"
    weights: Literal["inverse", "effective"] = "inverse"
    beta: Beta = 0.9999  # of `effective`


class Focal(Config):
    """Scale the loss by (1 - p)^gamma: what is right already counts less (Lin et al., ICCV 2017).

    It looks at how hard a sample is, not at its class; `weights` adds what it calls alpha.
    """

    method: Literal["focal"] = "focal"
    gamma: float = Field(2.0, ge=0, le=20)  # 0: cross-entropy
    weights: Literal["none", "inverse", "effective"] = "none"
    beta: Beta = 0.9999  # of `effective`


class LogitAdjustment(Config):
    """Add tau log(share of the class) to the logits in the loss alone (Menon et al., ICLR 2021).

    The network then learns logits whose greatest is right for classes that are equally common.
    """

    method: Literal["logit_adjustment"] = "logit_adjustment"
    tau: PositiveFloat = 1.0  # 1: what the theory asks for; more favours rare classes more


class LdamDrw(Config):
    """Ask for wider margins of rare classes, and weigh classes late (Cao et al., NeurIPS 2019).

    The margin of a class of n samples is `max_margin` (n_min / n)^(1/4), and logits less margins
    are multiplied by `scale`. The paper's last layer gives cosines, which need both. The networks
    here keep their plain layer, for which `scale` is a temperature that lets its small weights
    count at once; to SGD without clipping it is a rate `scale`^2 as high, so lower one of them.
    After the fit the layer takes the scale over: probabilities are those that the loss saw.
    """

    method: Literal["ldam_drw"] = "ldam_drw"
    max_margin: float = Field(0.5, gt=0, le=10)  # of the rarest class, before the scale
    scale: PositiveFloat = 30.0
    reweight_from: float = Field(0.8, ge=0, le=1)  # of all epochs; 1: never
    beta: Beta = 0.9999  # of the effective numbers that classes are weighed by from then on


class WeightedSampler(Config):
    """Draw samples with replacement, those of rare classes more often; an epoch stays as long."""

    method: Literal["weighted_sampler"] = "weighted_sampler"
    # A sample's chance goes with n^-power. 1: classes are drawn alike; 0.5: with the square root
    # of their frequency (Mahajan et al., ECCV 2018).
    power: float = Field(1.0, gt=0, le=1)


class Oversample(Config):
    """Repeat samples of rare classes; each repeat is augmented by draws of its own."""

    method: Literal["oversample"] = "oversample"
    ratio: float = Field(1.0, gt=0, le=1)  # of the largest class, which the others are brought to
    seed: NonNegativeInt = 0  # which samples are repeated once more than others


class Undersample(Config):
    """Leave out samples of common classes."""

    method: Literal["undersample"] = "undersample"
    ratio: float = Field(1.0, ge=1)  # of the smallest class, which the others are cut to
    seed: NonNegativeInt = 0  # which samples stay


class Smote(Config):
    """Fit the last layer anew on embeddings and on others between them.

    SMOTE (Chawla et al., JAIR 2002) adds points between neighbours of a rare class. Between two
    pictures lies no picture, so it works on what the body of the fitted network makes of them:
    decoupled training (Kang et al., ICLR 2020).
    """

    method: Literal["smote"] = "smote"
    k_neighbours: PositiveInt = 5  # a class of fewer members uses all of them
    ratio: float = Field(1.0, gt=0, le=1)  # of the largest class, which the others are brought to


class Gan(Config):
    """Fill up rare classes with samples that a generator makes.

    Per fold, a class-conditional network (`train_gan`) is fitted on the training part alone. What
    it makes is kept if a classifier, fitted on the same part without a remedy, takes it for the
    class that was asked for, and if it is no copy of a training sample.
    """

    method: Literal["gan"] = "gan"
    ratio: float = Field(1.0, gt=0, le=1)  # of the largest class, which the others are brought to
    # Least share that the classifier gives to the class; below 1 / classes the greatest decides.
    # It judges as if all classes were equally common: it is asked about as many of each.
    confidence: float = Field(0.5, ge=0, lt=1)
    min_real: int = Field(3, ge=3)  # samples of a training part that a class needs to be filled up
    max_tries: PositiveInt = 10  # drawn at most, per sample that is wanted; then fewer are added
    # A copy is no farther from a training sample of its class than this share of all training
    # samples are from the nearest other one of theirs.
    copy_quantile: float = Field(0.01, ge=0, le=1)


class MixupBalanced(Config):
    """Mix each batch with one in which classes are drawn alike (Galdran et al., MICCAI 2021)."""

    method: Literal["mixup_balanced"] = "mixup_balanced"
    alpha: PositiveFloat = 0.2  # the balanced batch's part is drawn from Beta(alpha, 1)


class Threshold(Config):
    """Leave the fit as it is and weigh the classes when it is decided."""

    method: Literal["threshold"] = "threshold"


Remedy = (
    NoRemedy
    | ClassWeights
    | Focal
    | LogitAdjustment
    | LdamDrw
    | WeightedSampler
    | Oversample
    | Undersample
    | Smote
    | Gan
    | MixupBalanced
    | Threshold
)
METHODS: dict[str, type[Config]] = {
    kind.model_fields["method"].default: kind for kind in get_args(Remedy)
}


class BalanceConfig(Config):
    """One remedy with its own parameters, and whether the decision is tuned as well.

    It is written flat, as `{method: focal, gamma: 1.5, threshold: macro_f1}`, and may be
    shortened to a text such as `weighted_sampler+threshold`, alone or as the method.

    >>> BalanceConfig.model_validate("weighted_sampler+threshold").flat()
    {'method': 'weighted_sampler', 'power': 1.0, 'threshold': 'macro_f1'}
    """

    remedy: Annotated[Remedy, Field(discriminator="method")] = NoRemedy()
    # The measure for which each class's decision weight is tuned on the inner part.
    threshold: Literal["none"] | DecisionMetric = "none"

    @property
    def method(self) -> str:
        """The name of the remedy."""
        return self.remedy.method

    @property
    def name(self) -> str:
        """What to call it in a table; parameters are named where they are not the defaults.

        >>> parse_remedy("weighted_sampler+threshold").name
        'weighted_sampler+threshold'
        >>> BalanceConfig.of(method="focal", gamma=1).name
        'focal(gamma=1.0)'
        """
        changed = {
            key: value
            for key, value in self.remedy.model_dump().items()
            if value != type(self.remedy).model_fields[key].default
        }
        own = ", ".join(f"{key}={value}" for key, value in changed.items())
        parts = [f"{self.method}({own})" if own else self.method]
        if self.threshold != "none" and self.method != "threshold":
            parts.append("threshold")
        if self.threshold == "balanced_accuracy":
            parts[-1] += "(balanced_accuracy)"
        return "+".join(parts)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
        if isinstance(data, str):
            data = {"method": data}
        if not isinstance(data, Mapping) or "remedy" in data:
            return data
        given = {**data}
        if isinstance(given.get("method"), str):
            named = _methods(given.pop("method"))
            _require_tuned({**named, **given}, named)
            given = {**named, **given}
        method = given.setdefault("method", "none")
        if isinstance(method, str) and method in METHODS:
            _require_own(given, method)
        rest = {key: value for key, value in given.items() if key != "threshold"}
        return {"remedy": rest} | {k: given[k] for k in ("threshold",) if k in given}

    @model_serializer
    def _flatten(self) -> dict[str, Any]:
        return {**self.remedy.model_dump(), "threshold": self.threshold}


def parse_remedy(text: str) -> BalanceConfig:
    """Read a method or a combination of methods that makes sense, with default parameters.

    Args:
        text: Such as ``oversample`` or ``weighted_sampler+threshold``.

    Raises:
        BalanceError: A method is unknown, or the combination makes no sense.
    """
    given = {"method": text}
    try:
        return BalanceConfig.model_validate(given)
    except ValidationError as error:
        raise BalanceError(" ".join(explain(error, "balance", given))) from None


def _methods(text: str) -> dict[str, Any]:
    """Return the parameters that a method, or several joined by '+', stand for."""
    named = [part.strip() for part in text.split("+")]
    if len(named) > 1:
        _require_known(named, text)
    tuned = {"threshold": "macro_f1"} if "threshold" in named else {}
    fitted = [name for name in named if name != "threshold"]
    if sorted(fitted) == ["class_weights", "focal"]:
        return {"method": "focal", "weights": "inverse", **tuned}
    if len(fitted) > 1:
        raise ValueError(_why_not(fitted, text))
    return {"method": fitted[0] if fitted else "threshold", **tuned}


def _require_known(named: Sequence[str], text: str) -> None:
    for name in named:
        if name not in METHODS:
            raise ValueError(
                f"method is {text!r}, but there is no {name!r}. Allowed: {', '.join(METHODS)}."
            )
        if named.count(name) > 1:
            raise ValueError(f"method is {text!r}, which names {name!r} twice.")


def _why_not(fitted: Sequence[str], text: str) -> str:
    if "none" in fitted:
        reason = "'none' is to do without the others"
    elif "focal" in fitted:
        reason = "'focal' changes the loss and goes with 'class_weights' alone"
    else:
        reason = (
            "each of them makes up for unequal classes, so together they would correct twice "
            "and favour the rare classes over the common ones"
        )
    return (
        f"method is {text!r}, but {reason}. Allowed: one method, 'class_weights+focal', and "
        "either with '+threshold'."
    )


def _require_tuned(given: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    if "threshold" in named and given["threshold"] == "none":
        raise ValueError(
            "threshold is 'none', but the method asks for a decision that is tuned. Allowed: "
            f"{', '.join(get_args(DecisionMetric))}, or a method without 'threshold'."
        )


def _require_own(given: Mapping[str, Any], method: str) -> None:
    """Refuse parameters of other methods, and say whose they are."""
    allowed = [*METHODS[method].model_fields, "threshold"]
    unknown = [str(key) for key in given if key not in allowed]
    if not unknown:
        return
    owners = [
        f"{key!r} is a parameter of {', '.join(names)}."
        for key in unknown
        if (names := [name for name, kind in METHODS.items() if key in kind.model_fields])
    ]
    told = unknown_names_message(unknown, allowed)
    raise ValueError(" ".join([f"of the method {method!r}:", told, *owners]))
