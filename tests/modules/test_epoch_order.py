import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed

from foldwise.modules.epoch_order import (
    bucketed_batches,
    permutation,
    process_share,
    process_share_size,
)


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


def padded_steps(batches, lengths):
    """Return how many steps, padding included, a network goes through."""
    return sum(len(batch) * int(lengths[batch].max()) for batch in batches if len(batch))


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=300),
    num_batches=st.integers(1, 120),
    seed=st.integers(0, 5),
)
def test_batches_by_length_hold_each_position_once_and_are_of_nearly_equal_size(
    lengths, num_batches, seed
):
    order = permutation(len(lengths), seed)
    batches = bucketed_batches(order, torch.tensor(lengths), num_batches, seed)
    assert len(batches) == num_batches
    assert sorted(torch.cat(batches).tolist()) == list(range(len(lengths)))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("num_batches", [8, 40, 200])
def test_batches_by_length_need_little_padding(num_batches):
    lengths = torch.from_numpy(np.random.default_rng(0).integers(1, 400, 16 * num_batches))
    order = permutation(len(lengths), 1)
    needed = int(lengths.sum())
    by_length = padded_steps(bucketed_batches(order, lengths, num_batches, 2), lengths)
    at_random = padded_steps(order.tensor_split(num_batches), lengths)
    assert at_random > 1.7 * needed
    assert by_length < (1.12 if num_batches == 8 else 1.05) * needed


def test_a_batch_across_two_pools_holds_no_long_beside_short_ones():
    # 81 batches of 10 in pools of 270: the first pool ends within no batch; with 271 it would
    lengths = torch.from_numpy(np.random.default_rng(0).integers(1, 1000, 813))
    batches = bucketed_batches(permutation(813, 0), lengths, 81, 0)
    spread = [int(lengths[batch].max() - lengths[batch].min()) for batch in batches]
    assert max(spread) < 200


def test_what_a_batch_by_length_holds_changes_from_epoch_to_epoch():
    lengths = torch.from_numpy(np.random.default_rng(0).integers(1, 30, 640))

    def epoch(seed):
        return bucketed_batches(permutation(640, seed), lengths, 40, seed)

    first, second = ({frozenset(batch.tolist()) for batch in epoch(seed)} for seed in (0, 1))
    assert not first & second
    again = epoch(0)
    assert all(torch.equal(a, b) for a, b in zip(epoch(0), again, strict=True))
    longest = [int(lengths[batch].max()) for batch in again]
    assert longest != sorted(longest)  # long and short batches come mixed


def test_equal_lengths_leave_the_order_as_it_is():
    order = permutation(50, 3)
    expected = order.tensor_split(7)
    for lengths in (None, torch.full((50,), 9)):
        found = bucketed_batches(order, lengths, 7, 0)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_process_sorts_only_its_own_share():
    lengths = torch.arange(100)
    share = permutation(100, 0)[::2]
    batches = bucketed_batches(share, lengths, 5, 0)
    assert sorted(torch.cat(batches).tolist()) == sorted(share.tolist())
