"""Series as numbers for models that know no time: a summary, or the same length for all.

Nothing here is fitted: each row depends on its own series alone.
N: series, T: steps, F: channels.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]
Lengths = npt.NDArray[np.int64]

_COMMON_LENGTH = 128  # steps, where lengths differ
_MAX_LENGTH = 512  # steps
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_LAGS = (1, 2, 4, 8)
_NUM_SEGMENTS = 8
_ROUNDING = 1e-6  # of the mean: float32 holds no finer pattern


def summary_features(x: Floats, lengths: Lengths) -> Floats:
    """Return what describes each series, (N, D): its length and, of each channel, D' numbers.

    Mean, deviation, extremes and where they are, first and last value, slope, quantiles,
    autocorrelations, mean and largest step, crossings of the mean, means of 8 segments, share of
    missing values. A channel without any value is all NaN but for that share.
    """
    found = [_summary(series[:length]) for series, length in zip(x, lengths, strict=True)]
    values = np.array(found, np.float64).reshape(len(x), -1)
    return np.column_stack([np.log1p(lengths), values]).astype(np.float32)


def resampled(x: Floats, lengths: Lengths) -> Floats:
    """Return all series at one length without missing values, (N, F, L), by linear interpolation.

    Series of one length up to 512 keep it; others are stretched or squeezed to 128 steps (512 if
    all are equally long). Ratanamahatana and Keogh (2005, Three myths about dynamic time warping,
    SDM) find that this costs no accuracy. A channel without any value becomes 0.
    """
    is_equal = bool((lengths == x.shape[1]).all())
    size = min(x.shape[1], _MAX_LENGTH) if is_equal else _COMMON_LENGTH
    if is_equal and size == x.shape[1] and np.isfinite(x).all():
        return np.ascontiguousarray(x.transpose(0, 2, 1))
    found = np.empty((len(x), x.shape[2], size), np.float32)
    for row, (series, length) in enumerate(zip(x, lengths, strict=True)):
        places = np.linspace(0, max(length - 1, 0), size)
        for channel, values in enumerate(series[:length].T):
            found[row, channel] = _interpolated(values, places)
    return found


def _interpolated(values: Floats, places: Double) -> Double:
    """Return values at places between steps; beyond the first and last known one, that one."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.zeros(len(places))
    return np.interp(places, known, values[known].astype(np.float64))


def _summary(series: Floats) -> Double:
    """Return the numbers of one series (T, F), shape (F, D')."""
    length, num_channels = series.shape
    if not length:
        return np.full((num_channels, _NUM_NUMBERS), np.nan)
    is_absent = ~np.isfinite(series)
    filled = series.astype(np.float64)
    for channel in np.flatnonzero(is_absent.any(axis=0)):
        filled[:, channel] = _interpolated(series[:, channel], np.arange(length, dtype=np.float64))
    numbers = _numbers(filled)
    numbers[is_absent.all(axis=0)] = np.nan
    return np.column_stack([numbers, is_absent.mean(axis=0)])


def _numbers(values: Double) -> Double:
    """Return the numbers of channels without gaps (T, F), shape (F, D' - 1)."""
    length = len(values)
    last = max(length - 1, 1)
    mean = values.mean(axis=0)
    centred = values - mean
    time = np.arange(length) - (length - 1) / 2
    # Of a constant channel a rounding error would be taken for a pattern.
    varies = np.ptp(values, axis=0) > _ROUNDING * np.abs(mean)
    centred[:, ~varies] = 0.0
    variance = np.where(varies, centred.var(axis=0), 1.0)
    changes = np.abs(np.diff(values, axis=0)) if length > 1 else np.zeros_like(values)
    columns = [
        mean,
        values.std(axis=0),
        values.min(axis=0),
        values.max(axis=0),
        values.argmin(axis=0) / last,
        values.argmax(axis=0) / last,
        values[0],
        values[-1],
        time @ centred / max(float((time**2).sum()), 1.0),
        *np.quantile(values, _QUANTILES, axis=0),
        *(_autocovariance(centred, lag) / variance for lag in _LAGS),
        changes.mean(axis=0),
        changes.max(axis=0),
        (np.diff(np.sign(centred), axis=0) != 0).sum(axis=0) / last,
        *_segment_means(values),
    ]
    return np.stack(columns, axis=1)


def _autocovariance(centred: Double, lag: int) -> Double:
    if lag >= len(centred):
        return np.zeros(centred.shape[1])
    return np.asarray((centred[lag:] * centred[:-lag]).mean(axis=0))


def _segment_means(values: Double) -> list[Double]:
    """Return the means of 8 stretches of equal length, which share a step where there are few."""
    bounds = np.linspace(0, len(values), _NUM_SEGMENTS + 1)
    starts, stops = np.floor(bounds[:-1]).astype(int), np.ceil(bounds[1:]).astype(int)
    return [values[a:b].mean(axis=0) for a, b in zip(starts, stops, strict=True)]


_NUM_NUMBERS = 9 + len(_QUANTILES) + len(_LAGS) + 3 + _NUM_SEGMENTS + 1
