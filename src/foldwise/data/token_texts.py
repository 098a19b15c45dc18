"""Texts as they read, from the numbers of their tokens.

B: texts, T: tokens.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def texts_of(
    x: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64], tokens: Sequence[str]
) -> list[str]:
    """Return one line for each text; words and bytes are set apart by blanks, letters are not.

    Args:
        x: Indices into `tokens`, (B, T).
        lengths: Tokens of each text, (B,).
        tokens: What the indices stand for; the first is the padding.
    """
    gap = "" if all(len(token) <= 1 for token in tokens) else " "
    return [
        gap.join(tokens[token] for token in row[:length])
        for row, length in zip(x, lengths, strict=True)
    ]
