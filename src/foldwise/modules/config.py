"""Parameters of a fit; free of torch, so that the graph can be looked at without loading it."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from foldwise.config import Config
from foldwise.modules.optimizer_config import AdamWConfig, LbfgsConfig, OptimizerConfig
from foldwise.modules.schedule_config import CosineScheduleConfig, ScheduleConfig


class FitConfig(Config):
    """How a network is fitted."""

    max_epochs: PositiveInt = 40
    # The largest; the batches of an epoch are of nearly equal size. An odd sample joins a batch of
    # two, since batch norm cannot work on one. auto: what a GPU has room for.
    batch_size: Annotated[int, Field(ge=2)] | Literal["auto"] = 128
    accumulate: PositiveInt = 1  # batches whose gradients make one step
    optimizer: OptimizerConfig = AdamWConfig()
    schedule: ScheduleConfig = CosineScheduleConfig()
    gradient_clip_norm: NonNegativeFloat = 1.0  # 0: no clipping
    l1: NonNegativeFloat = 0.0  # times the sum of |w|, added to the loss, over what decays
    l2: NonNegativeFloat = 0.0  # times the sum of w squared, added to the loss, over what decays
    label_smoothing: float = Field(0.0, ge=0, lt=1)  # share that goes to all classes alike
    # Share of the running mean of weights that is kept at each step; 0: none. Then this mean is
    # what is validated, kept and predicted with.
    ema_decay: float = Field(0.0, ge=0, lt=1)
    # What chooses the best epoch, F1 only of classes; last: nothing, the last epoch counts.
    monitor: Literal["val_loss", "val_f1", "last"] = "val_loss"
    patience: int = Field(10, ge=0)  # epochs without a better one before stopping; 0: never stop
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    num_threads: PositiveInt | Literal["auto"] = "auto"  # of a CPU; auto: by the size of a batch
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: what is native
    compile: bool = False  # by torch.compile: a minute at first, then faster steps on a GPU

    @property
    def samples_per_batch(self) -> int:
        """The batch size, once it is a number."""
        assert self.batch_size != "auto", "resolve_batch_size comes first"
        return self.batch_size

    @model_validator(mode="after")
    def _let_lbfgs_see_the_loss(self) -> Self:
        needed = {
            "gradient_clip_norm=0": self.gradient_clip_norm == 0,
            "accumulate=1": self.accumulate == 1,
            "precision=float32 or auto": self.precision != "bfloat16",
        }
        lacking = [need for need, is_met in needed.items() if not is_met]
        if isinstance(self.optimizer, LbfgsConfig) and lacking:
            raise ValueError(
                "optimizer.name=lbfgs searches along a line by exact values and gradients of one "
                f"loss; it needs {', '.join(lacking)}."
            )
        return self
