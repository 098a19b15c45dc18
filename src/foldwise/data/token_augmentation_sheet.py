"""A picture of what an augmentation policy does to texts.

N: texts shown, T: tokens.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from foldwise.data.augment import TokenAugmentConfig, TokenAugmenter
from foldwise.data.contact_sheet import shortened
from foldwise.data.token_texts import texts_of
from foldwise.data.vocabulary import PADDING_ID
from foldwise.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAWS = 3
_UNKNOWN = "□"  # one character, so that letters stay without gaps
_LINE_LENGTH = 130  # characters
_NOTE_LENGTH = 150
_LINE_HEIGHT = 0.19  # inches
_WIDTH = 11.0  # inches


def token_augmentation_sheet(
    x: npt.NDArray[np.int32],
    tokens: Sequence[str],
    config: TokenAugmentConfig,
    seed: int,
    names: Sequence[str],
    note: str = "",
) -> "Figure":
    """Draw each text as lines: the original, then draws of the policy.

    Args:
        x: Indices into `tokens`, (N, T), 0 for the padding.
        tokens: What the indices stand for; the first is the padding.
        config: The policy.
        seed: Of the draws.
        names: (N,), what is written beside the texts.
        note: What is written above.
    """
    from matplotlib.figure import Figure

    blocks = _drawn_texts(x, tokens, config, seed)
    heads = [f"{_UNKNOWN} is the unknown token", *reversed(wrap(note, _NOTE_LENGTH))][::-1]
    num_lines = len(heads) + 1.5 + len(blocks) * (_DRAWS + 2)
    height = num_lines * _LINE_HEIGHT
    figure = Figure(figsize=(_WIDTH, height), dpi=110)
    style: dict[str, Any] = {"fontsize": 8, "va": "top", "parse_math": False}

    def write(x: float, line: float, text: str, **more: Any) -> None:  # noqa: ANN401  (matplotlib's)
        figure.text(x, 1 - (line + 0.5) / num_lines, text, **style, **more)

    for i, head in enumerate(heads):
        write(0.01, i, head)
    for block, (name, texts) in enumerate(zip(names, blocks, strict=True)):
        first = len(heads) + 0.5 + block * (_DRAWS + 2)
        write(0.01, first, shortened(name), weight="bold")
        for i, text in enumerate(texts):
            write(0.16, first + i, f"draw {i}" if i else "original", color="#57606a")
            write(0.22, first + i, _printable(text), family="monospace")
    return figure


def _drawn_texts(
    x: npt.NDArray[np.int32], tokens: Sequence[str], config: TokenAugmentConfig, seed: int
) -> list[list[str]]:
    """Return for each text its original and draws of it."""
    import torch

    # All tokens are known here: each moves up by one, to make room for the unknown token.
    originals = torch.from_numpy(np.where(x != PADDING_ID, x + 1, x).astype(np.int64))
    augmenter = TokenAugmenter(config)
    versions = [originals, *(augmenter(originals, derive_seed(seed, i)) for i in range(_DRAWS))]
    known = [tokens[0], _UNKNOWN, *tokens[1:]]
    lines = [
        texts_of(
            version.numpy().astype(np.int32),
            (version != PADDING_ID).sum(1).numpy(),
            known,
        )
        for version in versions
    ]
    return [list(texts) for texts in zip(*lines, strict=True)]


def _printable(text: str) -> str:
    cut = text if len(text) <= _LINE_LENGTH else f"{text[: _LINE_LENGTH - 1]}…"
    return "".join(c if c.isprintable() else " " for c in cut)
