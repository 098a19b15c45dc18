"""A limited sample keeps every class and its share, and grows without dropping anyone."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldwise.data.sources.limit import stratified_sample

strata_lists = st.lists(st.sampled_from("abcde"), min_size=1, max_size=60)
limits = st.integers(1, 70)


def ids_of(strata):
    return [f"id{i}" for i in range(len(strata))]


@given(strata_lists, limits)
def test_every_class_keeps_its_share_and_one_at_least(strata, limit):
    taken = stratified_sample(ids_of(strata), strata, limit)
    counts = Counter(strata[i] for i in taken)
    for name, size in Counter(strata).items():
        share = min(size * limit / len(strata), size)
        assert counts[name] >= 1
        assert abs(counts[name] - share) <= 0.5 or (share < 1 and counts[name] == 1)
    assert abs(len(taken) - min(limit, len(strata))) <= len(counts)
    assert taken.tolist() == sorted(set(taken.tolist()))


@given(strata_lists, limits, limits)
def test_a_larger_limit_takes_none_away(strata, first, second):
    small, large = sorted((first, second))
    ids = ids_of(strata)
    assert set(stratified_sample(ids, strata, small)) <= set(stratified_sample(ids, strata, large))


@given(strata_lists, limits, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(strata, limit, random):
    rows = list(zip(ids_of(strata), strata, strict=True))
    taken = {rows[i][0] for i in stratified_sample(*zip(*rows, strict=True), limit)}
    random.shuffle(rows)
    assert {rows[i][0] for i in stratified_sample(*zip(*rows, strict=True), limit)} == taken


def test_everything_is_taken_where_there_is_no_more():
    assert stratified_sample(["b", "a"], [1, 2], 2).tolist() == [0, 1]
    assert stratified_sample([], [], 3).tolist() == []


def test_it_is_no_run_of_neighbours():
    ids = [f"id{i:04d}" for i in range(4000)]
    taken = stratified_sample(ids, ["a"] * 4000, 1000)
    # Of 1000 fair draws the mean place deviates by 4000 / sqrt(12 * 1000) = 37 in the mean.
    assert taken.mean() == pytest.approx(2000, abs=5 * 37)
    assert np.diff(taken).max() < 80
