"""Conformal quantiles: how far beyond a forecast the targets of other samples lay.

n: samples that were not fitted on, H: targets of a sample, Q: quantile levels.

If these samples and a new one are exchangeable, the k-th smallest of their n residuals bounds
that of the new one with a probability of at least k / (n + 1), whatever the distribution and the
network. So the interval between two levels a < 0.5 < b holds at least b - a of new targets:

- around a point forecast, with its residuals y - f: split conformal prediction (Vovk, Gammerman
  and Shafer, Algorithmic Learning in a Random World, 2005; Lei et al., J. Amer. Stat. Assoc. 113,
  2018), each tail by itself, so that skewed errors get skewed intervals;
- around quantiles that a network gives, with the residuals y - f_a of each level: conformalised
  quantile regression, each tail by itself (Romano, Patterson and Candes, NeurIPS 2019, theorem 2).

Where the samples also chose the best epoch, the promise is a little optimistic. Samples in order
of time, or in groups, are not exchangeable: there coverage is found by counting, not promised.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def conformal_offsets(residuals: npt.ArrayLike, levels: Sequence[float]) -> Numbers:
    """Return what is to be added to a forecast for each level, (H, Q); all finite.

    Above the middle it is the residual of rank ceil((n + 1) a), below it that of rank
    floor((n + 1) a), in the middle the median. Where n is too small for a level to have a rank
    (n < 19 for 0.05 and 0.95), no finite offset keeps the promise without an assumption: there it
    is a quantile of Student's t with n degrees of freedom times the root mean square, which is
    exact for normal errors around 0, or the most extreme residual if that lies further out.

    Args:
        residuals: y - f of a point forecast, (n, H) or (n, H, 1), or of each level's own,
            (n, H, Q); n is at least 1.
        levels: Q numbers between 0 and 1.

    Raises:
        ValueError: There is no residual, or one is not finite.
    """
    known = np.asarray(residuals, dtype=np.float64)
    if len(known) == 0 or not np.isfinite(known).all():
        raise ValueError(
            "Residuals have to be finite and at least one, but they are "
            f"{len(known)}, {int((~np.isfinite(known)).sum())} values of them not finite."
        )
    if known.ndim == 2:
        known = known[:, :, None]
    of_levels = np.broadcast_to(known, (*known.shape[:2], len(levels)))
    columns = [_offset(of_levels[:, :, i], level) for i, level in enumerate(levels)]
    return np.stack(columns, axis=1)


def conformal_quantiles(forecasts: npt.ArrayLike, offsets: npt.ArrayLike) -> Numbers:
    """Return quantiles that never cross, (N, H, Q).

    They are sorted, which brings none further from the truth (Chernozhukov, Fernandez-Val and
    Galichon, Econometrica 78, 2010).

    Args:
        forecasts: Points (N, H) or (N, H, 1), or quantiles (N, H, Q).
        offsets: (H, Q).

    >>> conformal_quantiles([[1.0]], [[-0.5, 2.0]]).tolist()
    [[[0.5, 3.0]]]
    """
    values = np.asarray(forecasts, dtype=np.float64)
    if values.ndim == 2:
        values = values[:, :, None]
    return np.sort(values + np.asarray(offsets, dtype=np.float64), axis=2)


def _offset(residuals: Numbers, level: float) -> Numbers:
    """Return the offset of one level, (n, H) -> (H,)."""
    if math.isclose(level, 0.5):
        return np.asarray(np.median(residuals, axis=0))
    if level < 0.5:  # the tails mirror each other
        return -_upper(-residuals, 1 - level)
    return _upper(residuals, level)


def _upper(residuals: Numbers, level: float) -> Numbers:
    number = len(residuals)
    # rounded, as (n + 1) (1 - 0.05) is 19.000000000000004 for 19
    rank = math.ceil(round((number + 1) * level, 9))
    if rank <= number:
        return np.asarray(np.sort(residuals, axis=0)[rank - 1])
    from scipy.stats import t

    spread = np.sqrt((residuals**2).mean(axis=0))
    return np.asarray(np.maximum(residuals.max(axis=0), float(t.ppf(level, number)) * spread))
