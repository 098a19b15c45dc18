"""What the parameters of all networks for sequences have in common."""

from typing import Literal

from foldwise.models.config.base import NetworkConfig, Width


class SequenceConfig(NetworkConfig):
    """A network that reads series, or token numbers."""

    # How tokens become numbers; series stay the channels that they are. One-hot suits the few
    # letters of DNA.
    token_input: Literal["embedding", "one_hot"] = "embedding"
    embedding_size: Width = 64  # numbers per token, where they are embedded
