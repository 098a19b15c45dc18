"""The first layer of all networks for tables: numbers as they are, categories as vectors.

B: batch, D: columns, M: columns of numbers, F: features.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from foldwise.models.input_spec import TableSpec
from foldwise.models.number_embedding import NumberEmbedding

_UNKNOWN = 0
_LARGEST = 600  # numbers per category, of the automatic size


class TableInput(nn.Module):
    """Maps rows (B, D) to features (B, F): those of all numbers first, then of the categories.

    An unknown category is zeros. The other vectors of a column start with a mean square norm of
    1, so that a category weighs at first what a standardised number does.

    Attributes:
        num_features: F.
    """

    _places: Tensor  # (M,), of the columns of numbers

    def __init__(
        self,
        spec: TableSpec,
        *,
        embedding_size: int | Literal["auto", "one_hot"],
        numbers: NumberEmbedding | None = None,
    ) -> None:
        """Say how each column becomes numbers.

        Args:
            spec: What the columns are.
            embedding_size: Numbers per category; `auto` by `embedding_size_of`, `one_hot` one
                for each category but the unknown, nothing to be learnt.
            numbers: Embeds the columns of numbers; by default they stay as they are.
        """
        super().__init__()
        cardinalities = spec.cardinalities
        places = [i for i, cardinality in enumerate(cardinalities) if cardinality == 0]
        # A buffer, since a list would be sent to the device in each call.
        self.register_buffer("_places", torch.tensor(places, dtype=torch.int64), persistent=False)
        self._categories = [i for i, cardinality in enumerate(cardinalities) if cardinality > 0]
        self.numbers = numbers
        categories = [_category_input(cardinalities[i], embedding_size) for i in self._categories]
        self.categories = nn.ModuleList(categories)
        self.num_features = len(places) if numbers is None else numbers.num_features
        self.num_features += sum(category.embedding_dim for category in categories)

    def initialise_from(self, rows: Tensor) -> None:
        """Look at training rows (N, D), where the embedding of numbers needs their quantiles."""
        if self.numbers is not None:
            self.numbers.initialise_from(rows.index_select(1, self._places))

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (B, D) to features (B, F)."""
        numbers = rows.index_select(1, self._places) if self._categories else rows  # (B, M)
        features = [numbers if self.numbers is None else self.numbers(numbers)]
        for embed, column in zip(self.categories, self._categories, strict=True):
            features.append(embed(rows[:, column].long()))
        return torch.cat(features, dim=1) if self._categories else features[0]


def embedding_size_of(cardinality: int) -> int:
    """Return how many numbers stand for a category: 1.6 n^0.56, at most 600.

    The rule of "fastai: A Layered API for Deep Learning" (Howard and Gugger, 2020), found by
    trying.

    Args:
        cardinality: n, how many categories the column has, the unknown one counted.

    >>> [embedding_size_of(n) for n in (2, 3, 11, 101, 100_000)]
    [2, 3, 6, 21, 600]
    """
    return min(_LARGEST, round(1.6 * math.pow(cardinality, 0.56)))


class OneHot(nn.Module):
    """Maps indices (B,) to (B, cardinality - 1): a 1 at the category, none for the unknown one."""

    def __init__(self, cardinality: int) -> None:
        super().__init__()
        self.cardinality = cardinality
        self.embedding_dim = cardinality - 1

    def forward(self, indices: Tensor) -> Tensor:
        """Map (B,) to (B, cardinality - 1)."""
        # Not torch's one_hot: that waits for a GPU, to see whether the indices are allowed.
        known = torch.arange(_UNKNOWN + 1, self.cardinality, device=indices.device)
        return (indices.unsqueeze(1) == known).float()

    def extra_repr(self) -> str:
        """Show the number of categories."""
        return f"cardinality={self.cardinality}"


def _category_input(
    cardinality: int, size: int | Literal["auto", "one_hot"]
) -> nn.Embedding | OneHot:
    if size == "one_hot":
        return OneHot(cardinality)
    num_features = embedding_size_of(cardinality) if size == "auto" else size
    embedding = nn.Embedding(cardinality, num_features, padding_idx=_UNKNOWN)
    with torch.no_grad():
        embedding.weight.div_(math.sqrt(num_features))  # torch draws with a deviation of 1
    return embedding
