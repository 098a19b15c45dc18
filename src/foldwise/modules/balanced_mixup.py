"""Balanced-MixUp: each batch mixed with one in which classes are drawn alike.

B: batch, T: steps, F: channels of a series, K: classes.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from foldwise.data.balance.config import BalanceConfig, MixupBalanced
from foldwise.models.input_spec import InputSpec, SeriesSpec, TableSpec, TokenSpec
from foldwise.modules.mixing import MixingError
from foldwise.modules.series_mixing import blend_series
from foldwise.seeds import numpy_generator


@dataclass(frozen=True)
class BalancedMixup:
    """Mixes two batches; one share, drawn from Beta(alpha, 1), holds for the whole batch.

    "Balanced-MixUp for Highly Imbalanced Medical Image Classification" (Galdran et al., MICCAI
    2021). With a small alpha most batches stay nearly as they were drawn.
    """

    alpha: float
    num_classes: int
    are_series: bool = False  # (B, T, F + 1), the last channel a mask

    def __call__(
        self, own: tuple[Tensor, Tensor], balanced: tuple[Tensor, Tensor], seed: int
    ) -> tuple[Tensor, Tensor]:
        """Return mixed inputs (B, ...) and their shares of classes (B, K).

        Args:
            own: Inputs (B, ...) and labels (B) as the samples are drawn.
            balanced: As many, drawn such that classes are alike.
            seed: Decides on the share.
        """
        share = float(numpy_generator(seed, "balanced_mixup").beta(self.alpha, 1))
        (inputs, labels), (partners, partner_labels) = own, balanced
        shares = [
            functional.one_hot(each, self.num_classes).float() for each in (labels, partner_labels)
        ]
        if self.are_series:
            mixed = blend_series(inputs, partners, 1 - share)
        else:  # between channels-last images the result is channels last as well
            mixed = inputs.lerp(partners, share)
        return mixed, shares[0].lerp(shares[1], share)


def build_balanced_mixup(
    balance: BalanceConfig, num_classes: int, spec: InputSpec | None = None
) -> BalancedMixup | None:
    """Return what mixes batches with balanced ones, or None where the remedy is another.

    Args:
        balance: The remedy.
        num_classes: K.
        spec: What a network is given; by default images.

    Raises:
        MixingError: Texts and columns of categories cannot be mixed.
    """
    if not isinstance(balance.remedy, MixupBalanced):
        return None
    if isinstance(spec, TokenSpec) or (isinstance(spec, TableSpec) and any(spec.cardinalities)):
        what = "texts" if isinstance(spec, TokenSpec) else "rows with columns of categories"
        raise MixingError(
            "balance.method is 'mixup_balanced', which adds samples up, but these are "
            f"{what}: their numbers have no mean. Take another method, e.g. weighted_sampler."
        )
    return BalancedMixup(balance.remedy.alpha, num_classes, isinstance(spec, SeriesSpec))
