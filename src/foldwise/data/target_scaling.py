"""The scale of a regression's targets: fitted on a training part, kept with the weights.

N: samples, H: targets of a sample.
"""

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from foldwise.config import Config
from foldwise.errors import UserError

Transform = Literal["none", "log"]
Numbers = npt.NDArray[np.float64]
_CONSTANT = 1e-12  # a deviation below so much of the mean is rounding


class TargetScaling(Config):
    """Mean and standard deviation of each target, of its logarithm with `transform=log`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    transform: Transform = "none"

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if len(self.mean) != len(self.std) or min(self.std, default=0.0) <= 0:
            raise ValueError(
                "mean and std need one number per target, and std only positive ones."
            )
        return self

    def scale(self, targets: npt.ArrayLike) -> Numbers:
        """Return standardised targets, (N, H) -> (N, H).

        Raises:
            UserError: A target has no logarithm.
        """
        values = _transformed(np.asarray(targets, dtype=np.float64), self.transform)
        scaled: Numbers = (values - np.array(self.mean)) / np.array(self.std)
        return scaled

    def unscale(self, scaled: npt.ArrayLike) -> Numbers:
        """Return what `scale` was given, (N, H) -> (N, H), or of quantiles (N, H, Q) -> (N, H, Q).

        Both are monotone, so that a quantile stays one. A mean does not stay one with
        `transform=log`: the mean of logarithms becomes the geometric mean.
        """
        numbers = np.asarray(scaled, dtype=np.float64)
        per_target = (-1,) + (1,) * (numbers.ndim - 2)  # (H,) or (H, 1)
        std, mean = (np.array(values).reshape(per_target) for values in (self.std, self.mean))
        values: Numbers = numbers * std + mean
        return np.exp(values) if self.transform == "log" else values


def fit_target_scaling(
    targets: npt.ArrayLike,
    rows: npt.NDArray[np.int64],
    *,
    transform: Transform = "none",
    is_centred: bool = True,
) -> TargetScaling:
    """Return the scale of the given rows of all targets (N, H); a constant target has std 1.

    It does not depend on the order of the rows.

    Args:
        targets: Of all samples, (N, H).
        rows: Of the training part, at least one.
        transform: What is done to a target first; `log` is for positive ones that spread over
            orders of magnitude, such as prices and counts.
        is_centred: Whether 0 is to be the mean; else 0 stays 0, and the deviation is that from 0.

    Raises:
        UserError: A target is not positive, but its logarithm is asked for.
    """
    all_targets = np.asarray(targets, dtype=np.float64)
    values = np.sort(_transformed(all_targets[rows], transform, rows), axis=0)
    mean = values.mean(axis=0) if is_centred else np.zeros(values.shape[1])
    std = np.sqrt(((values - mean) ** 2).mean(axis=0))
    std[std <= _CONSTANT * np.abs(mean)] = 1.0
    return TargetScaling(mean=tuple(mean.tolist()), std=tuple(std.tolist()), transform=transform)


def _transformed(
    values: Numbers, transform: Transform, rows: npt.NDArray[np.int64] | None = None
) -> Numbers:
    if transform == "none":
        return values
    wrong = np.argwhere(values <= 0)
    if len(wrong):
        row, target = (int(i) for i in wrong[0])
        where = f"row {row if rows is None else int(rows[row])}"
        raise UserError(
            f"The transform of targets is 'log', which needs positive ones, but target "
            f"{target + 1} of {where} is {values[row, target]:g}, and it is one of {len(wrong)}. "
            "Take the transform 'none'."
        )
    return np.log(values)
