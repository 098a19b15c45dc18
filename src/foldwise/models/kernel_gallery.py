"""Kernels made by hand: what a filter of a convolution can do before anything is learnt.

All are cross-correlated with the picture, as the convolutions of networks are: no kernel is
flipped. H: height, W: width.
"""

import numpy as np
import numpy.typing as npt

Kernel = npt.NDArray[np.float64]  # (3, 3)
Picture = npt.NDArray[np.float64]  # (H, W)


def kernel_gallery() -> dict[str, Kernel]:
    """Return the kernels by name, each (3, 3).

    The vertical edge is Prewitt's, the Laplacians are those of the four and of the eight
    neighbours; a sharpened picture is the picture minus its Laplacian.

    >>> kernel_gallery()["vertical edge"].astype(int).tolist()
    [[1, 0, -1], [1, 0, -1], [1, 0, -1]]
    """
    edge = np.array([[1.0, 0.0, -1.0]] * 3)
    identity = _at(1, 1)
    laplacian_4 = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    laplacian_8 = np.array([[1.0, 1.0, 1.0], [1.0, -8.0, 1.0], [1.0, 1.0, 1.0]])
    return {
        "vertical edge": edge,
        "horizontal edge": edge.T.copy(),
        "identity": identity,
        "shift to the left": _at(1, 2),  # a place takes what stands to the right of it
        "box blur": np.full((3, 3), 1 / 9),
        "sharpen": identity - laplacian_4,
        "Laplacian, 4 neighbours": laplacian_4,
        "Laplacian, 8 neighbours": laplacian_8,
    }


def filtered(picture: npt.ArrayLike, kernel: npt.ArrayLike) -> Picture:
    """Cross-correlate a picture (H, W) with a kernel between zeros; as large as the picture.

    out[i, j] = sum over u, v of kernel[u, v] * picture[i + u - 1, j + v - 1].
    """
    # Here, since it takes a second to import.
    from scipy.ndimage import correlate

    values = np.asarray(picture, np.float64)
    found: Picture = correlate(values, np.asarray(kernel, np.float64), mode="constant", cval=0.0)
    return found


def _at(row: int, column: int) -> Kernel:
    kernel = np.zeros((3, 3))
    kernel[row, column] = 1.0
    return kernel
