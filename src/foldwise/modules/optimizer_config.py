"""Parameters of the optimisers; free of torch.

`weight_decay` is for parameters of more than one dimension: biases and the parameters of norms
never decay. In `adamw` and `muon` it is decoupled from the gradient, elsewhere it is added to it.
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from foldwise.config import Config, ListInText

Share = Annotated[float, Field(ge=0, lt=1)]  # of a running mean that is kept at each step


class SgdConfig(Config):
    """Plain stochastic gradient descent (Robbins and Monro, 1951)."""

    name: Literal["sgd"] = "sgd"
    lr: PositiveFloat = 0.1
    weight_decay: NonNegativeFloat = 5e-4
    bias_rate_factor: PositiveFloat = 1.0  # of the rate, for biases and the offsets of norms


class MomentumConfig(Config):
    """Gradient descent with momentum (Polyak, 1964)."""

    name: Literal["momentum"] = "momentum"
    lr: PositiveFloat = 0.05
    momentum: Share = 0.9
    weight_decay: NonNegativeFloat = 5e-4
    bias_rate_factor: PositiveFloat = 1.0  # of the rate, for biases and the offsets of norms


class NesterovConfig(Config):
    """Gradient descent with Nesterov's momentum (Sutskever et al., ICML 2013)."""

    name: Literal["nesterov"] = "nesterov"
    lr: PositiveFloat = 0.05
    momentum: float = Field(0.9, gt=0, lt=1)
    weight_decay: NonNegativeFloat = 5e-4
    bias_rate_factor: PositiveFloat = 1.0  # of the rate, for biases and the offsets of norms


class AdagradConfig(Config):
    """Adagrad (Duchi et al., JMLR 2011)."""

    name: Literal["adagrad"] = "adagrad"
    lr: PositiveFloat = 0.01
    weight_decay: NonNegativeFloat = 5e-4


class AdadeltaConfig(Config):
    """Adadelta (Zeiler, arXiv 1212.5701)."""

    name: Literal["adadelta"] = "adadelta"
    lr: PositiveFloat = 1.0
    rho: Share = 0.9
    weight_decay: NonNegativeFloat = 5e-4


class RmspropConfig(Config):
    """RMSprop (Tieleman and Hinton, 2012)."""

    name: Literal["rmsprop"] = "rmsprop"
    lr: PositiveFloat = 1e-3
    alpha: Share = 0.99
    momentum: Share = 0.0
    weight_decay: NonNegativeFloat = 5e-4


class AdamConfig(Config):
    """Adam (Kingma and Ba, arXiv 1412.6980)."""

    name: Literal["adam"] = "adam"
    lr: PositiveFloat = 1e-3
    betas: Annotated[tuple[Share, Share], ListInText] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.0


class AdamWConfig(Config):
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101)."""

    name: Literal["adamw"] = "adamw"
    lr: PositiveFloat = 2e-3
    betas: Annotated[tuple[Share, Share], ListInText] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.05


class LbfgsConfig(Config):
    """L-BFGS (Liu and Nocedal, 1989), for small problems and batches that are the whole data.

    It evaluates a batch several times in each step, and what it learns of the curvature is only
    right while the loss does not change: dropout, augmentation and small batches mislead it.
    """

    name: Literal["lbfgs"] = "lbfgs"
    lr: PositiveFloat = 1.0
    max_iter: PositiveInt = 20  # in one step
    history_size: PositiveInt = 10
    line_search: Literal["strong_wolfe", "none"] = "strong_wolfe"


class MuonConfig(Config):
    """Muon (Jordan et al., 2024) for kernels and dense weights, AdamW for all else.

    All else: what is one-dimensional, and the last dense layer, as Muon's authors advise. A kernel
    is taken as the matrix (out, in x height x width).
    """

    name: Literal["muon"] = "muon"
    lr: PositiveFloat = 0.02
    momentum: Share = 0.95
    weight_decay: NonNegativeFloat = 0.01
    other_lr: PositiveFloat = 2e-3  # AdamW's
    other_weight_decay: NonNegativeFloat = 0.05  # AdamW's, for the last dense layer


OptimizerConfig = Annotated[
    SgdConfig
    | MomentumConfig
    | NesterovConfig
    | AdagradConfig
    | AdadeltaConfig
    | RmspropConfig
    | AdamConfig
    | AdamWConfig
    | LbfgsConfig
    | MuonConfig,
    Field(discriminator="name"),
]
