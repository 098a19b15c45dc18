"""The vocabulary of texts, fitted on a training part."""

from typing import Literal

from foldwise.config import Config
from foldwise.data.vocabulary import Vocabulary


class TokenPreprocessing(Config):
    """The tokens that a network knows."""

    kind: Literal["tokens"] = "tokens"
    vocabulary: Vocabulary
    max_length: int | None = None  # tokens; of longer texts the start is kept
