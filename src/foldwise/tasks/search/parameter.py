"""One parameter of a space: which values it has, and how they are drawn; free of Optuna."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar

from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    field_validator,
    model_validator,
)

from foldwise.config import Config, Scalar

T = TypeVar("T")

# Of more values only the ends are tried before the first trial.
_MOST_TRIED = 16


class Suggests(Protocol):
    """What a trial of Optuna draws values by."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        """Return a real number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Return a whole number."""

    def suggest_categorical(self, name: str, choices: tuple[Scalar, ...]) -> Any:  # noqa: ANN401
        """Return one of the choices."""


class _Parameter(Config):
    path: str  # e.g. train_cnn.fit.optimizer.lr
    # Exists only where others have these values: {train_cnn.model.name: small_cnn}. What is not
    # in the space has the value that the search starts from.
    when: Mapping[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)

    _name: str | None = PrivateAttr(None)

    @property
    def name(self) -> str:
        """What Optuna knows it by: the path, unless several of a space have it."""
        return self._name or self.path

    def told_apart(self) -> Self:
        """Return the same under a name of its own, which holds the condition."""
        found = self.model_copy()
        found._name = f"{self.path} ({', '.join(map(self._condition, self.when))})"
        return found

    def _condition(self, name: str) -> str:
        return f"{name}={'|'.join(map(str, self.allowed(name)))}"

    @field_validator("when", mode="after")
    @classmethod
    def _some(
        cls, when: Mapping[str, Scalar | tuple[Scalar, ...]]
    ) -> Mapping[str, Scalar | tuple[Scalar, ...]]:
        if empty := [name for name, allowed in when.items() if allowed == ()]:
            raise ValueError(f"when.{empty[0]} is an empty list. Allowed: one value or several.")
        return when

    def allowed(self, name: str) -> tuple[Scalar, ...]:
        """Return the values of another parameter with which this one exists."""
        found = self.when[name]
        return found if isinstance(found, tuple) else (found,)


class FloatParameter(_Parameter):
    """A real number in [low, high]."""

    kind: Literal["float"]
    low: float
    high: float
    log: bool = False  # drawn evenly on a logarithmic scale
    step: PositiveFloat | None = None  # low, low + step, ...

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _require_range(self.path, self.low, self.high, log=self.log, step=self.step)
        return self

    @property
    def told(self) -> str:
        """The values in words."""
        by = "" if self.step is None else f" by {self.step:g}"
        return f"from {self.low:g} to {self.high:g}{by}"

    def values(self) -> tuple[float, ...] | None:
        """Return all values in order, None for a continuum.

        >>> FloatParameter(path="a", kind="float", low=0.1, high=0.3, step=0.1).values()
        (0.1, 0.2, 0.3)
        """
        if self.step is None:
            return (self.low,) if self.low == self.high else None
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        steps = int((Decimal(str(self.high)) - low) / step)
        return tuple(float(low + i * step) for i in range(steps + 1))

    def tried(self) -> tuple[float, ...]:
        """Return the values that are tried before the first trial."""
        return _ends(self.values() or (self.low, self.high))

    def has(self, value: object) -> bool:
        """Tell whether the parameter can be this."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        values = self.values()
        return self.low <= value <= self.high if values is None else value in values

    def read(self, value: Any) -> Any:  # noqa: ANN401  (what Optuna keeps)
        """Return a value without the rounding error of a sum of steps."""
        if self.step is None or not self.low <= value <= self.high:
            return value
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        return float(low + round((Decimal(str(value)) - low) / step) * step)

    def suggest(self, trial: Suggests) -> float:
        """Draw a value."""
        found = trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)
        return float(self.read(found))


class IntParameter(_Parameter):
    """A whole number in [low, high]."""

    kind: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: PositiveInt = 1

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        step = None if self.step == 1 else self.step
        _require_range(self.path, self.low, self.high, log=self.log, step=step)
        return self

    @property
    def told(self) -> str:
        """The values in words."""
        by = "" if self.step == 1 else f" by {self.step}"
        return f"from {self.low} to {self.high}{by}"

    def values(self) -> Sequence[int]:
        """Return all values in order."""
        return range(self.low, self.high + 1, self.step)

    def tried(self) -> tuple[int, ...]:
        """Return the values that are tried before the first trial."""
        return _ends(self.values())

    def has(self, value: object) -> bool:
        """Tell whether the parameter can be this."""
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and value in self.values()

    def read(self, value: Any) -> Any:  # noqa: ANN401  (what Optuna keeps)
        """Return the value."""
        return value

    def suggest(self, trial: Suggests) -> int:
        """Draw a value."""
        return trial.suggest_int(self.name, self.low, self.high, step=self.step, log=self.log)


class CategoricalParameter(_Parameter):
    """One of several values; a list is one value, and a mapping a group of parameters.

    Optuna knows scalars only, so these go by their JSON text there.

    >>> sizes = CategoricalParameter(path="a.widths", kind="categorical", choices=([8, 16], 4))
    >>> sizes.encoded, sizes.read("[8, 16]")
    (('[8, 16]', 4), [8, 16])
    """

    kind: Literal["categorical"]
    choices: Annotated[tuple[Any, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _different(self) -> Self:
        encoded = self.encoded
        for place, choice in enumerate(encoded):
            if choice in encoded[:place]:
                raise ValueError(f"{self.path}: choices names {choice!r} twice.")
        return self

    @field_validator("choices", mode="after")
    @classmethod
    def _plain(cls, choices: tuple[Any, ...]) -> tuple[Any, ...]:
        try:
            return tuple(json.loads(json.dumps(choice, allow_nan=False)) for choice in choices)
        except (TypeError, ValueError):
            raise ValueError(
                f"choices are {list(choices)}. Allowed: texts, finite numbers, true, false, "
                "null, and lists and mappings of these."
            ) from None

    @property
    def encoded(self) -> tuple[Scalar, ...]:
        """The choices as Optuna knows them."""
        return tuple(encode(choice) for choice in self.choices)

    @property
    def told(self) -> str:
        """The values in words."""
        return f"one of {', '.join(map(str, self.encoded))}"

    def values(self) -> tuple[Scalar, ...]:
        """Return all values in order."""
        return self.encoded

    def tried(self) -> tuple[Scalar, ...]:
        """Return the values that are tried before the first trial."""
        return self.encoded

    def has(self, value: object) -> bool:
        """Tell whether the parameter can be this."""
        return any(is_same(choice, value) for choice in self.encoded)

    def read(self, value: Any) -> Any:  # noqa: ANN401  (what Optuna keeps)
        """Return the choice that Optuna knows as this."""
        encoded = self.encoded
        return self.choices[encoded.index(value)] if value in encoded else value

    def suggest(self, trial: Suggests) -> Scalar:
        """Draw a value."""
        found: Scalar = trial.suggest_categorical(self.name, self.encoded)
        return found


SpaceParameter = Annotated[
    FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="kind")
]


def path_of(name: str) -> str:
    """Return the path of what Optuna knows by a name, which may hold a condition.

    >>> path_of("train_cnn.model.widths (train_cnn.model.name=lenet5)")
    'train_cnn.model.widths'
    """
    return name.partition(" (")[0]


def encode(value: Any) -> Scalar:  # noqa: ANN401  (any JSON value)
    """Return a value as Optuna knows it: lists and mappings as JSON text."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


def is_same(one: object, other: object) -> bool:
    """Tell whether two values are equal; true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _ends(values: Sequence[T]) -> tuple[T, ...]:
    if len(values) <= _MOST_TRIED:
        return tuple(values)
    return (*values[: _MOST_TRIED // 2], *values[-_MOST_TRIED // 2 :])


def _require_range(path: str, low: float, high: float, *, log: bool, step: float | None) -> None:
    if low > high:
        raise ValueError(
            f"{path}: low is {low:g}, but high is {high:g}. Allowed: low of at most high."
        )
    if log and low <= 0:
        raise ValueError(
            f"{path}: low is {low:g}, but log is true, and a logarithmic scale has no {low:g}. "
            "Allowed: low above 0, or log false."
        )
    if log and step is not None:
        raise ValueError(
            f"{path}: step is {step:g}, but log is true, where steps are not even. Allowed: log "
            "false, no step, or kind categorical with the values as choices."
        )
    if step is None:
        return
    width, wanted = Decimal(str(high)) - Decimal(str(low)), Decimal(str(step))
    if width % wanted:
        last = Decimal(str(low)) + width // wanted * wanted
        raise ValueError(
            f"{path}: from {low:g} by steps of {step:g} one does not come to high, which is "
            f"{high:g}. Allowed: high {last:g} or {last + wanted:g}, or another step."
        )
