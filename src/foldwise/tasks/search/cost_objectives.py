"""What a network costs: milliseconds of one sample, and numbers that are trained."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from foldwise.models.input_spec import InputSpec
from foldwise.modules.hardware import num_threads
from foldwise.modules.inputs import example_inputs

_WARM_UPS, _CALLS = 10, 100
_MOST_SECONDS = 1.0


def num_parameters(network: nn.Module) -> int:
    """Return how many numbers of a network are trained."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def latency_ms(network: nn.Module, spec: InputSpec) -> float:
    """Return the median milliseconds that a network needs for one sample; see `median_ms`.

    Args:
        network: On the CPU, in evaluation mode.
        spec: Of its inputs; sequences are as long as the longest.
    """
    inputs = example_inputs(spec, 1, "cpu")
    with torch.inference_mode():
        return median_ms(lambda: network(inputs))


def median_ms(call: Callable[[], object]) -> float:
    """Return the median milliseconds of a call on one thread, warm.

    10 calls warm up, then 100 are timed one by one, fewer where they take more than a second. It
    is a measurement: the same network gets another number each time, and a larger one on a busy
    machine, where the median is steadier than the mean. Differences of a tenth mean little.
    """
    with num_threads(1):
        for _ in range(_WARM_UPS):
            call()
        times: list[float] = []
        end = time.perf_counter() + _MOST_SECONDS
        while len(times) < _CALLS and (not times or time.perf_counter() < end):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
