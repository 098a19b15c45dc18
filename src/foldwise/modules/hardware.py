"""Where a network is fitted, in which precision, and by which kernels."""

import contextlib
import math
import os
from collections.abc import Iterator
from typing import Any, Literal, Protocol

import torch

from foldwise.errors import UserError
from foldwise.modules.config import FitConfig

_NUMBERS_PER_THREAD = 2**15
_LIGHTNING_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed"}


class FitHardware(Protocol):
    """What the parameters of any fit say about where and how it computes."""

    @property
    def accelerator(self) -> Literal["auto", "cpu", "gpu"]:
        """Where."""

    @property
    def num_threads(self) -> int | Literal["auto"]:
        """Of a CPU."""

    @property
    def precision(self) -> Literal["auto", "float32", "bfloat16"]:
        """Of the networks' arithmetic; weights are float32."""

    @property
    def samples_per_batch(self) -> int:
        """The batch size."""

    @property
    def accumulate(self) -> int:
        """Batches whose gradients make one step."""


def choose_device(fit: FitHardware) -> torch.device:
    """Return the device that `fit.accelerator` means on this machine.

    Raises:
        UserError: A GPU is asked for and there is none.
    """
    if fit.accelerator == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if fit.accelerator == "gpu":
        raise UserError(
            "fit.accelerator is 'gpu', but torch finds no GPU on this machine. Allowed: auto, cpu."
        )
    return torch.device("cpu")


def choose_precision(fit: FitHardware, device: torch.device) -> str:
    """Return `float32` or `bfloat16`: what is asked for, or what the processor does natively."""
    if fit.precision != "auto":
        return fit.precision
    if (
        isinstance(fit, FitConfig) and fit.optimizer.name == "lbfgs"
    ):  # its line search compares values of the loss
        return "float32"
    return "bfloat16" if _has_native_bfloat16(device) else "float32"


def choose_num_threads(fit: FitHardware, shape: tuple[int, ...]) -> int:
    """Return how many threads a fit uses on a CPU: one per 32,768 numbers of a batch, or fewer.

    Threads that share too little work wait for each other, and they wait by spinning. Measured
    with small_cnn on 8x8 images and two cores: 60 us per image with one thread and 35 with two on
    an idle machine, but 90 and 300 to 550 beside other work.

    Args:
        fit: `num_threads` and `batch_size`.
        shape: Of one sample.
    """
    if fit.num_threads != "auto":
        return fit.num_threads
    wanted = fit.samples_per_batch * math.prod(shape) // _NUMBERS_PER_THREAD
    return max(1, min(wanted, torch.get_num_threads()))


@contextlib.contextmanager
def num_threads(number: int) -> Iterator[None]:
    """Compute with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def reproducible() -> Iterator[None]:
    """Let equal inputs give equal bits, in full float32 where float32 is asked for.

    An operation that has no such kernel warns. What was set before is put back, so that a result
    does not depend on what else the process has done. New memory is not filled with NaN first, as
    torch does by default to show who reads what nobody wrote: that took 5 % of an LSTM's time.
    """
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    memory: Any = torch.utils.deterministic  # a module with a property, which no stub knows
    was_filled = memory.fill_uninitialized_memory
    memory.fill_uninitialized_memory = False
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read at cuBLAS' first use
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ):
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = was_filled


def lightning_precision(precision: str) -> str:
    """Return Lightning's name of a precision; bfloat16 is mixed, the weights stay float32."""
    return _LIGHTNING_PRECISION[precision]


def _has_native_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
