"""The batch size that a GPU has room for.

Read off what two small batches take, not by filling the memory until it fails: so it depends on
the network and on the size of the GPU's memory, but not on what else lies there at the time, and
an interrupted training finds the same size again. (Lightning's finder pickles a checkpoint.)
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.errors import UserError
from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.modules.config import FitConfig

_PROBES = (16, 32)  # samples
_SHARE = 0.5  # of the memory that a fit may take, beside images, other programs and workspaces
_LEAST_STEPS = 32  # in an epoch: with fewer, a network learns too little in it
_STATES = 3  # copies of the weights that an optimiser and a mean of weights may keep


def resolve_batch_size(
    fit: FitConfig,
    build: Callable[[], nn.Module],
    inputs: Callable[[int], Tensor],
    num_samples: int,
    device: torch.device,
) -> FitConfig:
    """Return the fit with a number in place of `batch_size: auto`.

    Args:
        fit: Returned as it is if its batch size is a number.
        build: Makes the network, on the CPU.
        inputs: Makes a batch of so many samples, at their longest, on the device.
        num_samples: Of the smallest training part.
        device: Where the network is to be fitted.

    Raises:
        UserError: The device is a CPU, or has no room for a batch of two.
    """
    if fit.batch_size != "auto":
        return fit
    if device.type != "cuda":
        raise UserError(
            "fit.batch_size is 'auto', which asks how much a GPU's memory holds, but the fit runs "
            "on a CPU. Give a number, e.g. fit.batch_size=128."
        )
    with torch.random.fork_rng(devices=[]):  # first weights are drawn; nobody must notice
        network = build().to(device).to(memory_format=torch.channels_last)
    capacity = torch.cuda.get_device_properties(device).total_memory
    most = max(2, num_samples // _LEAST_STEPS)
    size = choose_batch_size(lambda number: _peak(network, inputs(number), device), capacity, most)
    return fit.model_copy(update={"batch_size": size})


def choose_batch_size(peak: Callable[[int], int], capacity: int, most: int) -> int:
    """Return the largest power of two, up to `most`, that takes at most half of the memory.

    Args:
        peak: The bytes that a step on so many samples takes; it is taken to be linear.
        capacity: Bytes of the whole memory.
        most: At least 2.

    Raises:
        UserError: There is no room for a batch of two.

    >>> choose_batch_size(lambda size: 1000 + 10 * size, 8000, 10**6)
    256
    """
    first, second = map(peak, _PROBES)
    per_sample = max(1.0, (second - first) / (_PROBES[1] - _PROBES[0]))
    room = (_SHARE * capacity - (first - _PROBES[0] * per_sample)) / per_sample
    if room < 2:
        raise UserError(
            f"fit.batch_size is 'auto', but a batch of two does not fit into half of the GPU's "
            f"{capacity / 2**30:.1f} GiB. Take a smaller network or smaller images."
        )
    return 1 << math.floor(math.log2(min(room, most)))


def _peak(network: nn.Module, inputs: Tensor, device: torch.device) -> int:
    """Return the bytes at most allocated in a step on inputs (B, ...), in float32."""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    outputs = network.train()(inputs)
    logits = (
        [outputs.logits, *outputs.auxiliary] if isinstance(outputs, AuxiliaryLogits) else [outputs]
    )
    labels = torch.zeros(len(inputs), dtype=torch.int64, device=device)
    loss = torch.stack([functional.cross_entropy(each, labels) for each in logits]).sum()
    torch.autograd.backward(loss)
    peak = torch.cuda.max_memory_allocated(device) - before
    network.zero_grad()
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    return int(peak + inputs.nbytes + _STATES * weights)
