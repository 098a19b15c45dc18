"""What the outputs of a regression's network mean; free of torch.

N: samples, n: those of the inner validation part, H: targets of a sample, O: outputs for each
target, Q: quantile levels of a forecast. Outputs are (N, H * O), all of the first target first.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from foldwise.config import Config
from foldwise.data.forecast_anchor import Anchors, ForecastAnchor
from foldwise.data.target_scaling import TargetScaling
from foldwise.metrics.conformal import conformal_offsets, conformal_quantiles
from foldwise.modules.loss_config import DEFAULT_LEVELS, NumberLossConfig, QuantileLossConfig

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """What is foretold of N samples, in the targets' own units."""

    point: Numbers  # (N, H)
    quantiles: Numbers  # (N, H, Q), rising
    levels: tuple[float, ...]  # Q

    def columns(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return columns of a long table, (N * H,) each: all steps of the first sample first."""
        number, steps = self.point.shape
        quantiles = self.quantiles.reshape(number * steps, len(self.levels))
        return {
            "step": np.tile(np.arange(1, steps + 1), number),
            "prediction": self.point.reshape(-1),
        } | {f"q_{level:g}": quantiles[:, i] for i, level in enumerate(self.levels)}


class NumberOutputs(Config):
    """How a fold's outputs become forecasts; fitted on its training and inner validation part."""

    loss: Annotated[NumberLossConfig, Field(discriminator="name")]
    scaling: TargetScaling
    levels: tuple[float, ...]
    offsets: tuple[tuple[float, ...], ...]  # (H, Q), of standardised targets
    anchor: ForecastAnchor | None = None  # that changes go on from; None: values are foretold

    def forecast(self, outputs: npt.ArrayLike, anchors: Anchors | None = None) -> Forecast:
        """Return the forecasts of outputs (N, H * O).

        The point forecast is what the network says. Quantiles are moved in standardised units: a
        monotone scale keeps their coverage, and that of logarithms keeps them positive. Changes
        are in units of how much a window varies, so that intervals grow with it.

        Args:
            outputs: Of the network.
            anchors: Of the same N windows, where there is an `anchor`.
        """
        values = _by_target(outputs, self.loss)
        point = self.scaling.unscale(_points(values, self.loss))
        quantiles = self.scaling.unscale(conformal_quantiles(values, self.offsets))
        if self.anchor is not None:
            if anchors is None:
                raise ValueError("These outputs are changes: forecast needs the windows' anchors.")
            point, quantiles = anchors.values(point), anchors.values(quantiles)
        return Forecast(point, quantiles, self.levels)


def fit_number_outputs(
    outputs: npt.ArrayLike,
    targets: npt.ArrayLike,
    loss: NumberLossConfig,
    scaling: TargetScaling,
    anchor: ForecastAnchor | None = None,
) -> NumberOutputs:
    """Find how far targets lie from the outputs for samples that were not fitted on.

    Args:
        outputs: Of the inner validation part, (n, H * O).
        targets: Of the same samples, (n, H): changes if there is an anchor, else in their own
            units.
        loss: That the network was fitted with; levels are those of a quantile loss, else
            `DEFAULT_LEVELS`.
        scaling: Of the training part.
        anchor: That the changes go on from.
    """
    levels = loss.quantiles if isinstance(loss, QuantileLossConfig) else DEFAULT_LEVELS
    residuals = scaling.scale(targets)[:, :, None] - _by_target(outputs, loss)
    offsets = conformal_offsets(residuals, levels)
    return NumberOutputs(
        loss=loss,
        scaling=scaling,
        levels=levels,
        offsets=tuple(map(tuple, offsets.tolist())),
        anchor=anchor,
    )


def _by_target(outputs: npt.ArrayLike, loss: NumberLossConfig) -> Numbers:
    """(N, H * O) -> (N, H, O)."""
    values = np.asarray(outputs, dtype=np.float64)
    # not -1, which numpy cannot find out where there are no samples
    num_targets = values.shape[1] // loss.num_per_target
    return values.reshape(len(values), num_targets, loss.num_per_target)


def _points(values: Numbers, loss: NumberLossConfig) -> Numbers:
    """Return the point forecasts, (N, H, O) -> (N, H)."""
    return values[:, :, loss.point if isinstance(loss, QuantileLossConfig) else 0]
