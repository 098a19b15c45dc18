"""The first convolution of a network, for images that it was not made for.

C: channels.
"""

from torch import nn


def for_images(
    convolution: nn.Conv2d,
    num_channels: int,
    *,
    kernel: tuple[int, int] | None = None,
    stride: tuple[int, int] | None = None,
) -> nn.Conv2d:
    """Return a first convolution like another, for other images, with weights of its own.

    The padding is half the kernel; weights are drawn as torchvision draws those of its residual
    networks (He et al., ICCV 2015, by fan-out).

    Args:
        convolution: Without groups.
        num_channels: C that the images have.
        kernel: Its height and width, both odd; by default as they are.
        stride: By default as it is.
    """
    if kernel is None:
        height, width = convolution.kernel_size
    else:
        height, width = kernel
    new = nn.Conv2d(
        num_channels,
        convolution.out_channels,
        (height, width),
        stride or convolution.stride,  # type: ignore[arg-type]  # torch: a tuple of two
        padding=(height // 2, width // 2),
        bias=convolution.bias is not None,
    )
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    return new
