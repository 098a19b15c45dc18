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


def summary_features(x: Floats, lengths: Lengths) -> Floats:
    """Return what describes each series, (N, D): its length and, of each channel, D' numbers.

    Mean, deviation, extremes and where they are, first and last value, slope, quantiles,
    autocorrelations, mean absolute step, crossings of the mean, means of 8 segments, share of
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
    size = min(x.shape[1], _MAX_LENGTH) if (lengths == x.shape[1]).all() else _COMMON_LENGTH
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
    length = len(series)
    steps = np.arange(length, dtype=np.float64)
    records = []
    for values in series.T:
        absent = 1.0 - float(np.isfinite(values).mean()) if length else 1.0
        if absent == 1.0:
            records.append(np.append(np.full(_NUM_NUMBERS - 1, np.nan), absent))
            continue
        filled = _interpolated(values, steps)
        records.append(np.append(_numbers(filled, steps), absent))
    return np.array(records)


def _numbers(values: Double, steps: Double) -> Double:
    mean, deviation = values.mean(), values.std()
    centred = values - mean
    time = steps - steps.mean()
    spread = float((time**2).sum())
    variance = float((centred**2).mean())
    # Of a constant series a rounding error would be taken for a pattern.
    is_constant = np.ptp(values) <= 1e-6 * abs(mean)
    lags = [
        0.0
        if is_constant or lag >= len(values)
        else float((centred[lag:] * centred[:-lag]).mean()) / variance
        for lag in _LAGS
    ]
    segments = np.array_split(values, _NUM_SEGMENTS)
    last = max(len(values) - 1, 1)
    differences = np.abs(np.diff(values)) if len(values) > 1 else np.zeros(1)
    return np.array(
        [
            mean,
            deviation,
            values.min(),
            values.max(),
            values.argmin() / last,
            values.argmax() / last,
            values[0],
            values[-1],
            float((time * centred).sum()) / spread if spread else 0.0,
            *np.quantile(values, _QUANTILES),
            *lags,
            differences.mean(),
            differences.max(),
            0.0 if is_constant else (np.diff(np.sign(centred)) != 0).sum() / last,
            *(part.mean() if len(part) else np.nan for part in segments),
        ]
    )


_NUM_NUMBERS = 9 + len(_QUANTILES) + len(_LAGS) + 3 + _NUM_SEGMENTS + 1
