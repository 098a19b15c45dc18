"""Which images show nothing: blank ones, and ones that are burnt out or black.

N: samples, C: channels, H: height, W: width.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.check import Check, Subject, chunks, is_modality, one_by_one
from foldwise.data.findings import Finding

_SATURATED = 0.9  # of an image's pixels are black or white
_USUAL = 0.5  # if half of the images have more such pixels than this, drawings are meant

Numbers = npt.NDArray[np.float64]


def find_blank_images(subject: Subject) -> list[Finding]:
    """Find images of one value per channel."""
    x = subject.samples.x
    blank = np.concatenate([_is_blank(x[part]) for part in chunks(x)])
    if not blank.any():
        return []
    return [
        Finding(
            check="blank_images",
            severity="warn",
            message=f"{int(blank.sum())} of {len(x)} images are of one colour.",
            advice="Remove them: a label that nothing shows cannot be learned.",
            values={"count": int(blank.sum())},
            sample_ids=one_by_one(subject.table["sample_id"][blank]),
        )
    ]


def _is_blank(x: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    flat = x.reshape(*x.shape[:2], -1)  # (N, C, H * W)
    return np.asarray((flat == flat[..., :1]).all(axis=(1, 2)), dtype=bool)


def find_saturated_images(subject: Subject) -> list[Finding]:
    """Find images that are nearly all black or white, where the others are not."""
    x = subject.samples.x
    share = np.concatenate([_extreme_share(x[part]) for part in chunks(x)])
    odd = (share >= _SATURATED) & (share < 1)
    if not odd.any() or np.median(share) > _USUAL:
        return []
    return [
        Finding(
            check="saturated_images",
            severity="info",
            message=f"In {int(odd.sum())} of {len(x)} images at least {_SATURATED:.0%} of the "
            f"pixels are black or white; in the median image {np.median(share):.0%} are.",
            advice="Look at them: they may be over- or underexposed, or mostly padding.",
            values={"count": int(odd.sum()), "median_share": float(np.median(share))},
            sample_ids=one_by_one(subject.table["sample_id"][odd]),
        )
    ]


def _extreme_share(x: npt.NDArray[np.uint8]) -> Numbers:
    """Return the share of values that are 0 or 255, shape (N,)."""
    # 0 - 1 wraps around to 255, so that one comparison finds both.
    extreme = (x - np.uint8(1)) >= np.uint8(254)
    return np.asarray(extreme.reshape(len(x), -1).mean(axis=1), dtype=np.float64)


_is_image = is_modality("image")

CHECKS = (
    Check("blank_images", "images of one colour", find_blank_images, _is_image),
    Check(
        "saturated_images",
        "images that are nearly all black or white, where the others are not",
        find_saturated_images,
        _is_image,
    ),
)
