"""Parameters of the networks for tables: one dense layer, or several."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat

from foldwise.models.config.base import Activation, Dropout, NetworkConfig, Width

Task = Literal["classification", "regression"]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)]


class DenseConfig(NetworkConfig):
    """A network for tables."""

    # What the targets may be. Whoever pairs a network with data refuses others.
    tasks: ClassVar[tuple[Task, ...]]


class PerceptronConfig(DenseConfig):
    """One dense layer under the perceptron criterion (Rosenblatt, 1958).

    It asks for the right side of the border, not for how far: where a border separates the
    classes it stops at the first one found, elsewhere it never settles. Its outputs are no
    probabilities.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    name: Literal["perceptron"] = "perceptron"


class LogisticConfig(DenseConfig):
    """Logistic regression: one dense layer under cross-entropy."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    name: Literal["logistic"] = "logistic"


class LinearConfig(DenseConfig):
    """Linear regression: one dense layer, fitted by descent."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    name: Literal["linear"] = "linear"


class MlpConfig(DenseConfig):
    """A multilayer perceptron; columns of numbers and of categories are embedded."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")

    name: Literal["mlp"] = "mlp"
    widths: Widths = (128, 128)  # units of each hidden layer
    activation: Literal[Activation, "maxout"] = "relu"
    maxout_pieces: int = Field(2, ge=2, le=8)  # only with maxout: so many times the parameters
    norm: Literal["batch", "layer", "none"] = "none"
    residual: bool = False  # each hidden layer is added to what it was given
    dropout: Dropout = 0.2  # behind each hidden layer
    input_dropout: Dropout = 0.0  # of encoded columns
    # Of columns that hold indices of categories; those that came one-hot are numbers already.
    # auto: 1.6 n^0.56 numbers for n categories, at most 600 (the rule of fastai).
    category_input: Literal["embedding", "one_hot"] = "embedding"
    embedding_size: Width | Literal["auto"] = "auto"
    # How a number becomes several (Gorishniy et al., NeurIPS 2022): sines and cosines of learnt
    # frequencies, or its place among the quantiles of the training part; then, beside itself, a
    # small dense layer of its column.
    number_embedding: Literal["none", "periodic", "piecewise"] = "piecewise"
    number_embedding_size: Width = 8
    num_frequencies: Width = 16  # periodic: of each column
    frequency_scale: PositiveFloat = 0.1  # periodic: deviation of the first, in 1 / deviations
    num_bins: int = Field(16, ge=2, le=256)  # piecewise: at most, of each column
