"""What stands behind the convolutions of AlexNet and VGG: a dense block, or next to nothing.

C: channels, H: height, W: width, K: classes. Both networks are torchvision's: `features`, then
`avgpool`, then `classifier`.
"""

from typing import Any

import torch
from torch import nn

from foldwise.models.config.base import Head


def is_pooled(head: Head, *, is_stem_small: bool) -> bool:
    """Say whether global average pooling takes the place of the dense block."""
    return is_stem_small if head == "auto" else head == "gap"


def pool_globally(network: Any, num_features: int, num_classes: int, dropout: float) -> None:  # noqa: ANN401  (torchvision's networks are untyped)
    """Put the mean over all places and one linear layer in the place of the dense block.

    Network in network (Lin et al., 2014).
    """
    network.avgpool = nn.AdaptiveAvgPool2d((1, 1))
    network.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(num_features, num_classes))


def fit_dense_block(network: Any, shape: tuple[int, int, int]) -> None:  # noqa: ANN401  (as above)
    """Let the dense block see feature maps as they are where they are smaller than it expects.

    torchvision enlarges them by repetition: of 512 x 7 x 7 inputs most would be copies.

    Args:
        network: Is changed in place.
        shape: (C, H, W) of one image.
    """
    expected = network.avgpool.output_size[0]
    height, width = map_sides(network.features, shape)
    sides = min(height, expected), min(width, expected)
    index, first = next(
        (i, layer) for i, layer in enumerate(network.classifier) if isinstance(layer, nn.Linear)
    )
    num_maps = first.in_features // expected**2
    network.avgpool = nn.AdaptiveAvgPool2d(sides)
    network.classifier[index] = nn.Linear(num_maps * sides[0] * sides[1], first.out_features)


def map_sides(features: nn.Module, shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return height and width of the feature maps of an image (C, H, W); computes no numbers."""
    on_meta = {name: tensor.to("meta") for name, tensor in features.state_dict().items()}
    images = torch.empty(2, *shape, device="meta")
    height, width = torch.func.functional_call(features, on_meta, (images,)).shape[-2:]
    return height, width
