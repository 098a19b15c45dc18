"""Parameters of the convolutional and attention networks for sequences."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from foldwise.models.config.base import Activation, Dropout, Width
from foldwise.models.config.sequence import SequenceConfig

Kernel = Annotated[int, Field(ge=1, le=1023)]  # steps
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]
Kernels = Annotated[tuple[Kernel, ...], Field(min_length=1, max_length=8)]


class _ConvolutionsConfig(SequenceConfig):
    """One convolution per width, each with a kernel of its own."""

    widths: Widths
    kernel_sizes: Kernels

    @model_validator(mode="after")
    def _has_a_kernel_for_each_width(self) -> Self:
        if len(self.widths) != len(self.kernel_sizes):
            raise ValueError(
                f"widths has {len(self.widths)} numbers and kernel_sizes "
                f"{len(self.kernel_sizes)}: give one kernel size for each width."
            )
        return self


class Cnn1dConfig(_ConvolutionsConfig):
    """A few convolutions with batch norm; its first filters can be read as motifs."""

    name: Literal["cnn1d"] = "cnn1d"
    widths: Widths = (64, 128, 128)  # filters of each convolution
    kernel_sizes: Kernels = (9, 5, 3)  # steps; the first is the length of a motif
    activation: Activation = "relu"
    # Of two neighbouring steps, after each convolution but the last.
    pooling: Literal["max", "mean", "none"] = "max"
    # Over all steps, before the last layer. max tells whether something is there at all, mean
    # how much of it, flatten also where: for sequences of which a step means the same in all.
    readout: Literal["max", "mean", "flatten"] = "max"
    dropout: Dropout = 0.0  # before the last layer


class FcnConfig(_ConvolutionsConfig):
    """The fully convolutional network of Wang, Yan and Oates (2017)."""

    name: Literal["fcn"] = "fcn"
    widths: Widths = (128, 256, 128)  # filters of each convolution
    kernel_sizes: Kernels = (8, 5, 3)  # steps
    dropout: Dropout = 0.0  # before the last layer


class ResNet1dConfig(SequenceConfig):
    """The residual network for series of Wang, Yan and Oates (2017)."""

    name: Literal["resnet1d"] = "resnet1d"
    widths: Widths = (64, 128, 128)  # filters of each block
    kernel_sizes: Kernels = (8, 5, 3)  # steps of the convolutions of every block
    dropout: Dropout = 0.0  # before the last layer


class InceptionTimeConfig(SequenceConfig):
    """One network of InceptionTime (Ismail Fawaz et al., 2020)."""

    name: Literal["inception_time"] = "inception_time"
    num_filters: Annotated[int, Field(ge=1, le=1024)] = 32  # of each branch of a module
    depth: int = Field(6, ge=1, le=24)  # modules; around every three of them a shortcut
    # Steps. The paper's 40, 20 and 10 made odd, so that a window has a middle.
    kernel_sizes: Kernels = (39, 19, 9)
    bottleneck: Width = 32  # channels that the long kernels see
    dropout: Dropout = 0.0  # before the last layer


class TcnConfig(SequenceConfig):
    """A temporal convolutional network (Bai, Kolter and Koltun, 2018).

    A step sees itself and what came before, never what follows.
    """

    name: Literal["tcn"] = "tcn"
    width: Width = 64  # filters of each convolution
    kernel_size: int = Field(5, ge=2, le=1023)  # steps
    # Blocks, whose dilation doubles from one to the next. auto: as many as it takes for the last
    # step to see the longest sequence, between 2 and 10.
    num_levels: Annotated[int, Field(ge=1, le=16)] | Literal["auto"] = "auto"
    # weight is the paper's. batch looks at all steps of a batch while it is trained; only in
    # evaluation does a step then depend on no later one.
    norm: Literal["weight", "batch", "none"] = "weight"
    readout: Literal["last", "mean"] = "last"  # the last step, or the mean of all
    dropout: Dropout = 0.1  # in every block

    @model_validator(mode="after")
    def _draws_whole_weights(self) -> Self:
        if self.norm == "weight" and self.init != "default":
            raise ValueError(
                f"init {self.init!r} draws whole weights, which norm 'weight' parts into lengths "
                "and directions: take init 'default', or norm 'batch' or 'none'."
            )
        return self

    def levels_for(self, num_steps: int) -> int:
        """Return the number of blocks for sequences of up to so many steps.

        >>> TcnConfig().levels_for(128), TcnConfig(num_levels=3).levels_for(128)
        (5, 3)
        """
        if self.num_levels != "auto":
            return self.num_levels
        levels = _LEAST_LEVELS
        while levels < _MOST_LEVELS and receptive_field(self.kernel_size, levels) < num_steps:
            levels += 1
        return levels


_LEAST_LEVELS, _MOST_LEVELS = 2, 10


def receptive_field(kernel_size: int, num_levels: int) -> int:
    """Return how many steps, itself included, a step behind the last block of a TCN sees.

    Two convolutions per block, of dilation 2^i in block i: 1 + 2 (k - 1) (2^L - 1).

    >>> receptive_field(kernel_size=3, num_levels=4)
    61
    """
    return 1 + 2 * (kernel_size - 1) * ((1 << num_levels) - 1)


class TransformerSmallConfig(SequenceConfig):
    """A few layers of self-attention with the norm first (Vaswani et al., 2017; Xiong, 2020)."""

    name: Literal["transformer_small"] = "transformer_small"
    width: Width = 64
    num_heads: int = Field(4, ge=1, le=64)
    depth: int = Field(2, ge=1, le=24)  # layers
    feedforward: Width = 128  # units between the two dense layers of a layer
    # learned: a vector for each place up to the longest sequence in training; what comes
    # after, in longer ones, gets that of the last.
    position: Literal["sinusoidal", "learned"] = "sinusoidal"
    readout: Literal["mean", "cls"] = "mean"  # of all steps, or one of its own put before them
    dropout: Dropout = 0.1

    @model_validator(mode="after")
    def _has_heads_of_one_width(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(
                f"width {self.width} is no multiple of num_heads, which is {self.num_heads}: "
                f"take {self.width + -self.width % self.num_heads}, or fewer heads."
            )
        return self
