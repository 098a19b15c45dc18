import numpy as np
import pytest
import torch
from torch import distributed

from foldwise.modules.epoch_order import permutation, process_share, process_share_size


@pytest.mark.parametrize("num_processes", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [1, 2, 7, 24])
def test_shares_are_of_one_size_and_cover_the_order_evenly(monkeypatch, size, num_processes):
    order = permutation(size, seed=0)
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: num_processes)
    shares = []
    for rank in range(num_processes):
        monkeypatch.setattr(distributed, "get_rank", lambda rank=rank: rank)
        shares.append(process_share(order).tolist())
        assert len(shares[-1]) == process_share_size(size) == -(-size // num_processes)
    counts = np.bincount(np.concatenate(shares), minlength=size)
    assert counts.max() - counts.min() <= 1
    assert counts.min() >= 1


def test_a_process_alone_has_the_whole_order():
    order = permutation(9, seed=1)
    assert torch.equal(process_share(order), order)
    assert sorted(order.tolist()) == list(range(9))
