"""The arithmetic of convolutions and poolings along one axis."""


def output_size(
    size: int, window: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Return how many places a window takes along an axis: (W - F + 2P) / S + 1, rounded down.

    A guide to convolution arithmetic for deep learning (Dumoulin and Visin, arXiv 1603.07285).

    >>> output_size(32, 5, stride=3)
    10

    Args:
        size: W, pixels along the axis.
        window: F, pixels of the kernel or pooling window.
        stride: S, pixels from one place to the next.
        padding: P, pixels added at either end.
        dilation: Distance of neighbouring pixels under the window.

    Raises:
        ValueError: The window is larger than what it is moved over.
    """
    reach = dilation * (window - 1) + 1
    there = size + 2 * padding
    if reach > there:
        raise ValueError(
            f"A window that reaches over {reach} pixels does not fit into {size} pixels and "
            f"{padding} of padding at either end."
        )
    return (there - reach) // stride + 1
