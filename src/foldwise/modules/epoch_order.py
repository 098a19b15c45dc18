"""In which order the samples of an epoch come, and which of them are this process's.

N: samples, W: processes that fit one network together.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, distributed

_POOL = 32  # batches that are sorted by length together


def permutation(size: int, seed: int) -> Tensor:
    """Return the positions 0 to size - 1 in a random order, (N,)."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))


def weighted_draws(weights: npt.NDArray[np.float64], seed: int) -> Tensor:
    """Draw as many positions as there are weights, with replacement, (N,).

    Args:
        weights: Each position's chance, relative to the others, (N,).
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    # torch.multinomial takes at most 2**24 categories; a search in the cumulative sum any.
    draws = torch.rand(len(weights), generator=generator, dtype=torch.float64)
    cumulative = torch.from_numpy(np.cumsum(weights / weights.sum()))
    # From the right: a draw of exactly 0 must not hit a first sample of weight 0.
    return torch.searchsorted(cumulative, draws, right=True).clamp_(max=len(weights) - 1)


def bucketed_batches(
    order: Tensor, lengths: Tensor | None, num_batches: int, seed: int
) -> tuple[Tensor, ...]:
    """Cut an order into batches of sequences that are about equally long.

    The order is sorted by length within pools of some batches each, and the batches are shuffled:
    so what a batch holds still changes from epoch to epoch. Every other pool is sorted from long
    to short, as a batch may begin in one pool and end in the next. Without lengths, or where all
    are alike, the order stays as it is.

    Args:
        order: Positions, (N,).
        lengths: Steps at each position; None: all alike.
        num_batches: Of nearly equal size.
        seed: Of the order of the batches.
    """
    if lengths is None or num_batches < 2 or int(lengths.min()) == int(lengths.max()):
        return order.tensor_split(num_batches)
    num_pools = max(1, round(num_batches / _POOL))
    pools = order.tensor_split(num_pools)
    ordered = torch.cat(
        [
            pool[lengths[pool].argsort(stable=True, descending=i % 2 == 1)]
            for i, pool in enumerate(pools)
        ]
    )
    batches = ordered.tensor_split(num_batches)
    return tuple(batches[i] for i in permutation(num_batches, seed).tolist())


def process_share(order: Tensor) -> Tensor:
    """Return every W-th position of the common order, (N,) -> (ceil(N / W),).

    Where W does not divide N, the order begins again at its end: each process must make as many
    steps as the others, or they would wait for one another for ever.
    """
    rank, num_processes = _process()
    total = num_processes * process_share_size(len(order))
    times = -(-total // len(order))
    return order.repeat(times)[rank:total:num_processes]


def process_share_size(size: int) -> int:
    """Return how many of `size` samples each process gets."""
    return -(-size // _process()[1])


def process_purpose() -> tuple[int, ...]:
    """Return what tells the draws of this process from those of others; nothing if it is alone."""
    rank, num_processes = _process()
    return (rank,) if num_processes > 1 else ()


def _process() -> tuple[int, int]:
    """Return this process's number and W."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
