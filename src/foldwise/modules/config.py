"""Parameters of a fit; free of torch, so that the graph can be looked at without loading it."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from foldwise.config import Config


class AdamWConfig(Config):
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101)."""

    name: Literal["adamw"] = "adamw"
    lr: PositiveFloat = 2e-3
    weight_decay: NonNegativeFloat = 0.05


class SgdConfig(Config):
    """Stochastic gradient descent with Nesterov momentum (Sutskever et al., ICML 2013)."""

    name: Literal["sgd"] = "sgd"
    lr: PositiveFloat = 0.05
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: NonNegativeFloat = 5e-4


OptimizerConfig = Annotated[AdamWConfig | SgdConfig, Field(discriminator="name")]


class CosineScheduleConfig(Config):
    """Linear warm-up, then a cosine to the end (Loshchilov and Hutter, arXiv 1608.03983)."""

    name: Literal["cosine"] = "cosine"
    warmup_fraction: float = Field(0.1, ge=0, lt=1)  # of all steps
    final_fraction: float = Field(0.0, ge=0, le=1)  # of the peak rate, at the last step


class FitConfig(Config):
    """How a network is fitted."""

    max_epochs: PositiveInt = 40
    # The largest; the batches of an epoch are of nearly equal size. An odd sample joins a batch of
    # two, since batch norm cannot work on one.
    batch_size: int = Field(128, ge=2)
    optimizer: OptimizerConfig = AdamWConfig()
    schedule: CosineScheduleConfig = CosineScheduleConfig()
    gradient_clip_norm: NonNegativeFloat = 1.0  # 0: no clipping
    monitor: Literal["val_loss", "val_f1"] = "val_loss"  # chooses the best epoch
    patience: int = Field(10, ge=0)  # epochs without a better one before stopping; 0: never stop
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    num_threads: PositiveInt | Literal["auto"] = "auto"  # of a CPU; auto: by the size of a batch
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: what is native
