"""Balanced-MixUp: each batch mixed with one in which classes are drawn alike.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from foldwise.data.balance.config import BalanceConfig, MixupBalanced
from foldwise.seeds import numpy_generator


@dataclass(frozen=True)
class BalancedMixup:
    """Mixes two batches; one share, drawn from Beta(alpha, 1), holds for the whole batch.

    "Balanced-MixUp for Highly Imbalanced Medical Image Classification" (Galdran et al., MICCAI
    2021). With a small alpha most batches stay nearly as they were drawn.
    """

    alpha: float
    num_classes: int

    def __call__(
        self, own: tuple[Tensor, Tensor], balanced: tuple[Tensor, Tensor], seed: int
    ) -> tuple[Tensor, Tensor]:
        """Return mixed images (B, C, H, W) and their shares of classes (B, K).

        Args:
            own: Images (B, C, H, W) and labels (B) as the samples are drawn.
            balanced: As many, drawn such that classes are alike.
            seed: Decides on the share.
        """
        share = float(numpy_generator(seed, "balanced_mixup").beta(self.alpha, 1))
        (images, labels), (partners, partner_labels) = own, balanced
        shares = [
            functional.one_hot(each, self.num_classes).float() for each in (labels, partner_labels)
        ]
        # Between channels-last images the result is channels last as well.
        return images.lerp(partners, share), shares[0].lerp(shares[1], share)


def build_balanced_mixup(balance: BalanceConfig, num_classes: int) -> BalancedMixup | None:
    """Return what mixes batches with balanced ones, or None where the remedy is another.

    Args:
        balance: The remedy.
        num_classes: K.
    """
    if isinstance(balance.remedy, MixupBalanced):
        return BalancedMixup(balance.remedy.alpha, num_classes)
    return None
