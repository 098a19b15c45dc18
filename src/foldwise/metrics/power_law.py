"""How an error falls with the number of training samples: error(n) = scale n^-exponent + floor.

Source: Hestness, J., Narang, S., Ardalani, N., Diamos, G., Jun, H., Kianinejad, H., Patwary, M.,
    Yang, Y., Zhou, Y. (2017). Deep learning scaling is predictable, empirically. arXiv:1712.00409.

P: points of a learning curve, K: folds.
"""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array

_MIN_POINTS = 3  # a scale and an exponent, and one more
_MIN_FOR_FLOOR = 4
_MAX_EXPONENT = 3.0  # reached where a curve drops and is level from then on
_MAX_CALLS = 20_000


class PowerLaw(NamedTuple):
    """The law, in units of the largest size, so that its numbers are of the size of errors."""

    scale: float  # at the largest size, beside the floor
    exponent: float
    floor: float  # that no more samples take away
    largest: float  # size

    def at(self, size: float | Array) -> Array:
        """Return the error at one or several sizes."""
        falling = (np.asarray(size, dtype=np.float64) / self.largest) ** -self.exponent
        return np.asarray(self.scale * falling + self.floor, dtype=np.float64)


class Forecast(NamedTuple):
    """What more samples would bring, with the limits of what folds can tell."""

    size: float  # number of training samples
    error: float
    low: float
    high: float
    gain: float  # by which the error falls from the largest size to this one
    gain_low: float
    gain_high: float


def fit_power_law(sizes: Array, errors: Array) -> PowerLaw | None:
    """Fit the law by least squares of relative residuals; None where it cannot be fitted.

    The floor is fitted from four points on: with three it could be anything.

    Args:
        sizes: Numbers of training samples, rising, shape (P,).
        errors: Not negative, shape (P,).
    """
    from scipy.optimize import curve_fit

    if len(sizes) < _MIN_POINTS or not np.isfinite(errors).all():
        return None
    largest, last = float(sizes[-1]), float(errors[-1])
    has_floor = len(sizes) >= _MIN_FOR_FLOOR
    top = max(float(errors.max()), 1e-12)

    def law(size: Array, scale: float, exponent: float, floor: float = 0.0) -> Array:
        return PowerLaw(scale, exponent, floor, largest).at(size)

    start = [max(last, 1e-9 * top) * (0.5 if has_floor else 1.0), 0.5]
    upper = [10 * top, _MAX_EXPONENT]
    if has_floor:
        start, upper = [*start, 0.5 * last], [*upper, top]
    try:
        found, _ = curve_fit(
            law,
            sizes,
            errors,
            p0=start,
            sigma=np.maximum(errors, 1e-3 * top),
            bounds=([0.0] * len(start), upper),
            max_nfev=_MAX_CALLS,
        )
    except RuntimeError:  # it has not converged
        return None
    scale, exponent, *floor = (float(number) for number in found)
    return PowerLaw(scale, exponent, floor[0] if floor else 0.0, largest)


def forecast(
    law: PowerLaw, sizes: Array, errors: Array, factor: float, confidence: float
) -> Forecast:
    """Say what `factor` times the largest size would bring, as far as the law goes on.

    The limits are those of a jackknife: each fold is left out once, and the spread of the fits
    gives the standard error (Efron and Tibshirani 1993), with Student's t.

    Args:
        law: That of the means over the folds.
        sizes: Rising, shape (P,).
        errors: Of each fold, shape (P, K).
        factor: E.g. 2.
        confidence: Of the limits, e.g. 0.95.
    """
    from scipy.special import stdtrit

    size = factor * law.largest
    value = _forecast(law, size)
    num_folds = errors.shape[1]
    left_out = [np.delete(errors, k, axis=1).mean(axis=1) for k in range(num_folds)]
    laws = [fit_power_law(sizes, without) for without in left_out] if num_folds > 2 else [None]
    if any(other is None for other in laws):
        unknown = float("nan")
        return Forecast(size, value[0], unknown, unknown, value[1], unknown, unknown)
    others = np.array([_forecast(other, size) for other in laws if other is not None])
    spread = others - others.mean(axis=0)
    deviation = np.sqrt((num_folds - 1) / num_folds * (spread**2).sum(axis=0))
    half = float(stdtrit(num_folds - 1, 0.5 + confidence / 2)) * deviation
    limits = np.maximum(0.0, [value - half, value + half])
    (low, gain_low), (high, gain_high) = limits
    return Forecast(
        size, value[0], float(low), float(high), value[1], float(gain_low), float(gain_high)
    )


def _forecast(law: PowerLaw, size: float) -> Array:
    """Return the error at a size and by how much it is below that at the largest one, (2,)."""
    then, now = law.at(np.array([size, law.largest]))
    return np.array([then, now - then])
