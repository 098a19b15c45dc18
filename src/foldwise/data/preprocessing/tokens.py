"""The vocabulary of texts, fitted on a training part.

N: texts, T: tokens.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from foldwise.config import Config
from foldwise.data.vocabulary import PADDING_ID, UNKNOWN_ID, Vocabulary

_CHUNK = 4096  # texts at a time, so that memory-mapped data is never loaded whole


class TokenPreprocessing(Config):
    """The tokens that a network knows."""

    kind: Literal["tokens"] = "tokens"
    vocabulary: Vocabulary
    max_length: int | None = None  # tokens; of longer texts the start is kept

    def count_unknown(
        self, x: npt.NDArray[np.int32], tokens: Sequence[str], rows: npt.NDArray[np.int64]
    ) -> tuple[int, int]:
        """Return how many tokens of some texts are unknown, and how many there are.

        Args:
            x: (N, T) indices into `tokens`, 0 for the padding.
            tokens: What the numbers mean.
            rows: Which texts.
        """
        unknown, total = 0, 0
        for start in range(0, len(rows), _CHUNK):
            chunk = x[rows[start : start + _CHUNK], : self.max_length]
            encoded = self.vocabulary.encode(chunk, tokens)
            unknown += int((encoded == UNKNOWN_ID).sum())
            total += int((encoded != PADDING_ID).sum())
        return unknown, total
