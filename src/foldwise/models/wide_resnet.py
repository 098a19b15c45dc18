"""Wide residual networks.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from torch import Tensor, nn

from foldwise.models.activation import make_activation
from foldwise.models.config import WideResNetConfig
from foldwise.models.normalisation import make_norm
from foldwise.models.stem import is_stem_small
from foldwise.models.stochastic_depth import drop_branches

STEM_WIDTH = 16


class WideBlock(nn.Module):
    """Two 3x3 convolutions, each behind norm and activation, dropout between; a shortcut."""

    def __init__(self, config: WideResNetConfig, num_in: int, num_out: int, stride: int) -> None:
        super().__init__()
        self.before = nn.Sequential(
            make_norm(config.norm, num_in), make_activation(config.activation)
        )
        self.residual = nn.Sequential(
            nn.Conv2d(num_in, num_out, 3, stride, padding=1, bias=False),
            make_norm(config.norm, num_out),
            make_activation(config.activation),
            nn.Dropout(config.dropout),
            nn.Conv2d(num_out, num_out, 3, padding=1, bias=False),
        )
        self.shortcut: nn.Module | None = None
        if stride != 1 or num_in != num_out:
            self.shortcut = nn.Conv2d(num_in, num_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, num_in, H, W) to (B, num_out, H / stride, W / stride)."""
        activated = self.before(x)
        # A shortcut that changes the shape sees what the convolutions see, as in the paper's code.
        kept = x if self.shortcut is None else self.shortcut(activated)
        out: Tensor = kept + self.residual(activated)
        return out


class WideResNet(nn.Module):
    """WRN-16-4 by default: 2,748,890 parameters for C=3, K=10 and the small stem.

    Three groups of blocks with 16, 32 and 64 times `width_factor` channels; the second and third
    halve the images. The small stem is the paper's, a 3x3 convolution; the large one quarters
    the sides of images of 64 px and more (7x7, stride 2, and max pooling, as in ResNet). Wide
    residual networks (Zagoruyko and Komodakis, 2016).
    """

    def __init__(
        self, config: WideResNetConfig, shape: tuple[int, int, int], num_classes: int
    ) -> None:
        super().__init__()
        self.stem = _stem(config, shape)
        widths = [STEM_WIDTH * config.width_factor * 2**group for group in range(3)]
        self.group1 = _group(config, STEM_WIDTH, widths[0], stride=1)
        self.group2 = _group(config, widths[0], widths[1], stride=2)
        self.group3 = _group(config, widths[1], widths[2], stride=2)
        self.last = nn.Sequential(
            make_norm(config.norm, widths[2]), make_activation(config.activation)
        )
        self.classifier = nn.Linear(widths[2], num_classes)
        _draw(self)
        blocks = [module for module in self.modules() if isinstance(module, WideBlock)]
        drop_branches([block.residual[-1] for block in blocks], config.stochastic_depth)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        x = self.group3(self.group2(self.group1(self.stem(images))))
        logits: Tensor = self.classifier(self.last(x).mean((-2, -1)))
        return logits


def _stem(config: WideResNetConfig, shape: tuple[int, int, int]) -> nn.Module:
    if is_stem_small(config.stem, shape):
        return nn.Conv2d(shape[0], STEM_WIDTH, 3, padding=1, bias=False)
    return nn.Sequential(
        nn.Conv2d(shape[0], STEM_WIDTH, 7, 2, padding=3, bias=False), nn.MaxPool2d(3, 2, padding=1)
    )


def _group(config: WideResNetConfig, num_in: int, num_out: int, stride: int) -> nn.Sequential:
    num_blocks = (config.depth - 4) // 6
    return nn.Sequential(
        WideBlock(config, num_in, num_out, stride),
        *(WideBlock(config, num_out, num_out, 1) for _ in range(num_blocks - 1)),
    )


def _draw(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
