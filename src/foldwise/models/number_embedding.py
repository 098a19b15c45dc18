"""Numbers of a table as several numbers each, for a network to bend more easily.

"On Embeddings for Numerical Features in Tabular Deep Learning" (Gorishniy et al., NeurIPS 2022).

B: batch, N: samples, M: columns, S: features of a column, E: size of its embedding.
"""

import math

import torch
from torch import Tensor, nn

from foldwise.models.config.dense import MlpConfig

_FARTHEST = 3.0  # first frequencies are drawn within so many deviations


class NumberEmbedding(nn.Module):
    """Maps numbers (B, M) to (B, M * (1 + E)): each itself, and a layer of features of it.

    The layer is dense and rectified, with weights of its own for each column. The number itself
    is kept, so that a trend goes on beyond what was seen ("Better by Default", Holzmueller et al.,
    NeurIPS 2024).

    Attributes:
        num_features: M * (1 + E).
    """

    def __init__(self, features: "PeriodicFeatures | PiecewiseFeatures", size: int) -> None:
        super().__init__()
        self.features = features
        num_columns, num_features = features.num_columns, features.num_features
        self.num_features = num_columns * (1 + size)
        bound = 1 / math.sqrt(num_features)  # as torch draws a dense layer of so many inputs
        self.weight = nn.Parameter(torch.empty(num_columns, num_features, size))
        self.bias = nn.Parameter(torch.empty(num_columns * size))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def initialise_from(self, numbers: Tensor) -> None:
        """Look at the training part's numbers (N, M), where its quantiles are needed."""
        if isinstance(self.features, PiecewiseFeatures):
            self.features.initialise_from(numbers)

    def forward(self, numbers: Tensor) -> Tensor:
        """Map (B, M) to (B, M * (1 + E))."""
        features = self.features(numbers)  # (B, M, S)
        embedded = torch.einsum("bms,mse->bme", features, self.weight).flatten(1)
        return torch.cat([numbers, (embedded + self.bias).relu()], dim=1)


class PeriodicFeatures(nn.Module):
    """Sines and cosines of learnt frequencies, (B, M) to (B, M, 2 * frequencies).

    The scale of the first frequencies decides how fine a structure is seen from the start: the
    paper calls it the parameter that matters.
    """

    def __init__(self, num_columns: int, num_frequencies: int, scale: float) -> None:
        super().__init__()
        self.num_columns, self.num_features = num_columns, 2 * num_frequencies
        # One dimension, since weight decay, which spares those, would only blur them.
        self.frequencies = nn.Parameter(torch.empty(num_columns * num_frequencies))
        ends = _FARTHEST * scale
        nn.init.trunc_normal_(self.frequencies, 0.0, scale, -ends, ends)

    def forward(self, numbers: Tensor) -> Tensor:
        """Map (B, M) to (B, M, S)."""
        frequencies = self.frequencies.view(self.num_columns, -1)
        angles = 2 * math.pi * numbers.unsqueeze(-1) * frequencies  # (B, M, S / 2)
        return torch.cat([angles.cos(), angles.sin()], dim=-1)


class PiecewiseFeatures(nn.Module):
    """How far a number is through each bin of its column, (B, M) to (B, M, bins).

    0 before a bin, 1 behind it, in between the share of the way; below the first bin and above
    the last it goes on straight. Bins end at quantiles of the training part; until
    `initialise_from` was called, at those of a standard normal distribution. A column with fewer
    values than bins has bins between these alone, and 0 in place of the rest.
    """

    edges: Tensor  # (M, bins + 1), rising; the last value is repeated where there are fewer bins

    def __init__(self, num_columns: int, num_bins: int) -> None:
        super().__init__()
        self.num_columns, self.num_features = num_columns, num_bins
        shares = (torch.arange(num_bins + 1) + 0.5) / (num_bins + 1)
        quantiles = torch.special.ndtri(shares)
        self.register_buffer("edges", quantiles.repeat(num_columns, 1))

    @torch.no_grad()
    def initialise_from(self, numbers: Tensor) -> None:
        """Take the quantiles of numbers (N, M) for edges."""
        num_samples, num_edges = len(numbers), self.num_features + 1
        ranks = torch.linspace(0, num_samples - 1, num_edges, dtype=torch.float64).round().long()
        quantiles = numbers.float().sort(dim=0).values[ranks]  # (edges, M)
        for of_column, edges in zip(quantiles.T, self.edges, strict=True):
            different = of_column.unique()  # rising
            if len(different) == 1:  # a constant: one bin, so that other values differ from it
                different = torch.cat([different, different + 1])
            edges.fill_(different[-1])[: len(different)] = different

    def forward(self, numbers: Tensor) -> Tensor:
        """Map (B, M) to (B, M, bins)."""
        starts, widths = self.edges[:, :-1], self.edges.diff()  # (M, bins)
        is_bin = widths > 0
        is_first = torch.arange(self.num_features, device=starts.device) == 0
        is_last = self.edges[:, 1:] == self.edges[:, -1:]  # or no bin, behind it
        shares = (numbers.unsqueeze(-1) - starts) / widths.where(is_bin, 1.0)  # (B, M, bins)
        lowest = torch.zeros_like(starts).masked_fill(is_first, -math.inf)
        highest = torch.ones_like(starts).masked_fill(is_last, math.inf)
        return shares.clamp(lowest, highest).where(is_bin, 0.0)


def make_number_embedding(config: MlpConfig, num_columns: int) -> NumberEmbedding | None:
    """Return a new embedding of so many columns of numbers; None without columns, or for `none`.

    Args:
        config: Which, and how large.
        num_columns: M.
    """
    if num_columns == 0 or config.number_embedding == "none":
        return None
    features: PeriodicFeatures | PiecewiseFeatures
    if config.number_embedding == "periodic":
        features = PeriodicFeatures(num_columns, config.num_frequencies, config.frequency_scale)
    else:
        features = PiecewiseFeatures(num_columns, config.num_bins)
    return NumberEmbedding(features, config.number_embedding_size)
