"""The parameters of a split, and which of them belong to which scheme."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from foldwise.config import Config
from foldwise.errors import UserError

Scheme = Literal[
    "stratified",
    "group",
    "stratified_group",
    "repeated",
    "leave_one_group_out",
    "time_expanding",
    "time_rolling",
    "time_blocks",
    "official",
    "predefined",
]
TestPart = Literal["none", "fraction", "official", "group", "time", "column"]
OnLeak = Literal["error", "group", "warn"]

TIME_SCHEMES = frozenset({"time_expanding", "time_rolling", "time_blocks"})
STRATIFIED_SCHEMES = frozenset({"stratified", "stratified_group", "repeated"})
DEALT_SCHEMES = STRATIFIED_SCHEMES | {"group"}  # units are dealt to folds at random
FIXED_SCHEMES = TIME_SCHEMES | {"official", "predefined"}  # folds are given, whatever is tied

# Which schemes read a parameter; the parameters that are not named here are read by all.
_READ_BY: Mapping[str, frozenset[str]] = {
    "num_folds": DEALT_SCHEMES | TIME_SCHEMES,
    "num_repeats": frozenset({"repeated"}),
    "column": frozenset({"predefined"}),
    "gap": TIME_SCHEMES,
    "embargo": frozenset({"time_blocks"}),
    "train_size": frozenset({"time_rolling"}),
    "rare_classes": STRATIFIED_SCHEMES,
}
_TESTS_OF: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TIME_SCHEMES, ("auto", "time", "official")),
    "official": ("auto", "official"),
}


class SplitError(UserError):
    """The samples cannot be split as asked."""


class SplitConfig(Config):
    """How samples are assigned to folds; counts of time steps are of distinct moments."""

    # auto: time_expanding for windows of series; else stratified_group where samples are grouped
    # or tied; else stratified
    scheme: Literal["auto"] | Scheme = "auto"
    num_folds: int = Field(5, ge=2, le=100)
    num_repeats: int = Field(3, ge=2, le=100)  # of `repeated`
    column: str | None = None  # of `predefined`: a meta_* column, with or without the prefix
    gap: int = Field(0, ge=0)  # time steps left out before each validation and test part
    embargo: int = Field(0, ge=0)  # of `time_blocks`: time steps left out after each outer fold
    train_size: int | None = Field(None, ge=1)  # of `time_rolling`, steps; the first part's length
    num_bins: int = Field(10, ge=1, le=1000)  # regression: quantile bins that are stratified by
    rare_classes: Literal["error", "drop", "keep"] = "error"  # fewer members than folds
    # auto: test_groups if any are named; else what the source (or the column of `predefined`)
    # marks as test; else `time` in the schemes of time, none in the fixed ones, else `fraction`
    test: Literal["auto", "fraction", "official", "group", "time"] = "auto"
    test_fraction: float = Field(0.15, ge=0, le=0.5)  # 0: none; nearest k/m, m <= 10: 0.15 is 1/7
    test_groups: tuple[str, ...] = ()  # a list, or names in one text, separated by ";" or ","
    validation_fraction: float = Field(0.1, gt=0, le=0.5)  # inner part, of each training part
    on_leak: OnLeak = "group"  # group: keep duplicates on one side
    seed: int = Field(0, ge=0)

    @field_validator("test_groups", mode="before")
    @classmethod
    def _one_text(cls, value: Any) -> Any:  # noqa: ANN401  (raw input)
        # `--params` of Kedro carries no lists, and takes a comma for the end of a parameter.
        if isinstance(value, str | int):
            text = str(value)
            names = text.split(";" if ";" in text else ",")
            return tuple(name.strip() for name in names if name.strip())
        if isinstance(value, list | tuple):
            return tuple(str(name) for name in value)
        return value

    @model_validator(mode="after")
    def _refuse_what_does_not_apply(self) -> Self:
        if self.scheme != "auto":
            refuse_foreign_parameters(self, self.scheme)
        if self.scheme == "predefined" and self.column is None:
            raise ValueError(
                "split.scheme is 'predefined', but split.column is not set. Name the meta_* "
                "column that says which fold a sample belongs to."
            )
        if self.test == "group" and not self.test_groups:
            raise ValueError("split.test is 'group', but split.test_groups names none.")
        if self.test_groups and self.test not in ("auto", "group"):
            raise ValueError(
                f"split.test_groups names {len(self.test_groups)} group(s), but split.test is "
                f"{self.test!r}. Allowed with it: 'auto', 'group'."
            )
        return self


def refuse_foreign_parameters(config: SplitConfig, scheme: Scheme) -> None:
    """Refuse parameters that the scheme does not read, unless they have their default value.

    Raises:
        ValueError: It names the parameters, their values and the schemes that read them.
    """
    fields = type(config).model_fields
    foreign = [
        f"split.{name}={getattr(config, name)} (read by {', '.join(sorted(schemes))})"
        for name, schemes in _READ_BY.items()
        if scheme not in schemes and getattr(config, name) != fields[name].default
    ]
    allowed = _TESTS_OF.get(scheme)
    if allowed and (config.test_groups or config.test not in allowed):
        test = "group" if config.test_groups else config.test
        foreign.append(f"split.test={test} (allowed here: {', '.join(allowed)})")
    if foreign:
        chosen = "chosen by 'auto'" if config.scheme == "auto" else "which you chose"
        raise ValueError(
            f"These parameters do not apply to split.scheme={scheme}, {chosen}: "
            f"{'; '.join(foreign)}. Leave them at their default values."
        )
