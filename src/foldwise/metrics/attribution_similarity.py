"""How alike two attributions of one input are.

Adebayo et al., Sanity Checks for Saliency Maps (NeurIPS 2018, arXiv 1810.03292).
"""

import math

import numpy as np
import numpy.typing as npt

_WINDOW = 7  # pixels, of SSIM; a smaller odd number where the picture is smaller
_SMALLEST_WINDOW = 3


def rank_correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Return Spearman's rank correlation of the absolute values, in -1..1.

    Signs are left out, as they may flip altogether with the weights of the head. NaN where one of
    them is the same everywhere: then there is no order.

    Args:
        one: Any shape.
        other: The same shape.
    """
    from scipy.stats import spearmanr

    first, second = np.abs(np.ravel(one)), np.abs(np.ravel(other))
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(spearmanr(first, second).statistic)


def structural_similarity(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Return the structural similarity (SSIM) of two maps, in -1..1; absolute values in 0..1.

    Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity (2004).
    NaN where a side is under 3 pixels, or a map is the same everywhere.

    Args:
        one: (H, W).
        other: (H, W).
    """
    from skimage.metrics import structural_similarity as ssim

    first, second = np.abs(np.asarray(one, np.float64)), np.abs(np.asarray(other, np.float64))
    side = min(first.shape)
    window = min(_WINDOW, side if side % 2 else side - 1)
    if window < _SMALLEST_WINDOW or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    scaled = (first / first.max(), second / second.max())
    found = ssim(*scaled, data_range=1.0, win_size=window)  # type: ignore[no-untyped-call]  # of skimage
    return float(found)
