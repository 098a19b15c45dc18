"""Parameters of the random changes to training texts."""

from typing import Annotated, Literal

from pydantic import Field

from foldwise.config import Config

Fraction = Annotated[float, Field(ge=0, le=1)]


class TokenAugmentConfig(Config):
    """How the tokens of training texts are changed at random; the default is not at all.

    Tokens are masked, then change places, then are left out. Masking also trains the embedding of
    the unknown token, which training texts may else not hold. Swaps and deletions are those of
    Wei and Zou (EMNLP 2019, arXiv 1901.11196).
    """

    masking: float = Field(0.0, ge=0, le=0.9)  # fraction of tokens that become unknown
    swap: Fraction = 0.0  # fraction of tokens that change places, two and two
    swap_with: Literal["any", "neighbour"] = "any"  # whose place a token takes
    deletion: float = Field(0.0, ge=0, le=0.9)  # fraction of tokens left out; one always stays

    @property
    def changes_tokens(self) -> bool:
        """Whether anything changes."""
        return self.masking > 0 or self.swap > 0 or self.deletion > 0
