"""What a network is given; free of torch.

B: batch, C: channels, H: height, W: width, T: steps, F: channels of a series, D: columns.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageSpec:
    """Standardised images, float (B, C, H, W)."""

    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input."""
        return self.channels, self.height, self.width


@dataclass(frozen=True)
class SeriesSpec:
    """Standardised series, float (B, T, F + 1): the last channel is 1 at steps and 0 at padding.

    Padding comes after the steps, and is 0 in all channels. A batch is as long as its longest
    series, so that T differs from batch to batch.
    """

    num_channels: int  # F
    num_steps: int  # of the longest series

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input that is as long as the longest."""
        return self.num_steps, self.num_channels + 1


@dataclass(frozen=True)
class TokenSpec:
    """Token numbers, int64 (B, T): 0 is padding, which comes last, and 1 the unknown token."""

    num_tokens: int  # all numbers are below
    num_steps: int  # of the longest text

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input that is as long as the longest."""
        return (self.num_steps,)


@dataclass(frozen=True)
class TableSpec:
    """Rows of a table, float (B, D)."""

    cardinalities: tuple[int, ...]  # of each column: 0 for numbers, else how many indices it has

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input."""
        return (len(self.cardinalities),)


SequenceSpec = SeriesSpec | TokenSpec
InputSpec = ImageSpec | SeriesSpec | TokenSpec | TableSpec
