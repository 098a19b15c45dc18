"""The tokens that a model knows: those of its training part, and no others.

N: samples, T: tokens.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from foldwise.config import Config

PADDING_ID = 0
UNKNOWN_ID = 1
_FIRST_ID = 2

_CHUNK = 4096  # samples at a time, so that memory-mapped data is never loaded whole


class VocabularyConfig(Config):
    """How many tokens a model knows; the others become one, the unknown token.

    With `min_count=1` no training text holds the unknown token, so that its embedding is not
    trained; where words will come that are new, 2 is better.
    """

    min_count: int = Field(1, ge=1)  # occurrences in the training part
    max_size: int | None = Field(None, ge=1)  # the most frequent ones; none: all


class Vocabulary(Config):
    """The known tokens, the most frequent first; the number of the first is 2.

    0 is the padding, 1 the unknown token.
    """

    tokens: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many numbers there are, padding and unknown token included."""
        return _FIRST_ID + len(self.tokens)

    def encode(self, x: npt.NDArray[np.int32], tokens: Sequence[str]) -> npt.NDArray[np.int32]:
        """Return the numbers that a model knows.

        Args:
            x: (N, T) indices into `tokens`, 0 for the padding.
            tokens: What the samples' numbers mean; the first is the padding.

        Returns:
            (N, T), each below `size`.
        """
        known = {token: i for i, token in enumerate(self.tokens, _FIRST_ID)}
        ids = np.array([known.get(token, UNKNOWN_ID) for token in tokens], np.int32)
        ids[0] = PADDING_ID
        encoded: npt.NDArray[np.int32] = ids[x]
        return encoded


def fit_vocabulary(
    x: npt.NDArray[np.int32],
    tokens: Sequence[str],
    rows: npt.NDArray[np.int64],
    config: VocabularyConfig | None = None,
) -> Vocabulary:
    """Return the vocabulary of a training part.

    Args:
        x: (N, T) indices into `tokens`, 0 for the padding.
        tokens: What the numbers mean.
        rows: The samples of the training part; no other is looked at, nor does their order matter.
        config: How many tokens are known; by default all that occur.

    >>> fit_vocabulary(np.array([[1, 2, 2], [3, 3, 0]]), ["", "a", "b", "c"], np.array([0]))
    Vocabulary(tokens=('b', 'a'))
    """
    config = config or VocabularyConfig()
    counts = np.zeros(len(tokens), np.int64)
    for start in range(0, len(rows), _CHUNK):
        chunk = x[rows[start : start + _CHUNK]]
        counts += np.bincount(chunk.ravel(), minlength=len(tokens))
    counts[0] = 0
    frequent = np.flatnonzero(counts >= config.min_count).tolist()
    # By spelling among equals: the number of a token must not depend on other parts' texts.
    frequent.sort(key=lambda i: (-counts[i], tokens[i]))
    return Vocabulary(tokens=tuple(tokens[i] for i in frequent[: config.max_size]))
