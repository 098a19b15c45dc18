import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from foldwise.data.unit_parts import deal_units


def counts(labels, parts, num_parts):
    """Samples of each class in each part, (P, K)."""
    table = np.zeros((num_parts, 4), dtype=int)
    np.add.at(table, (parts, labels), 1)
    return table


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(2, 9), st.integers(0, 99))
def test_single_samples_are_dealt_evenly_class_by_class_and_in_total(labels, num_parts, seed):
    labels = np.array(labels)
    parts = deal_units(labels, np.arange(len(labels)), num_parts, seed)
    table = counts(labels, parts, num_parts)
    assert (table.max(axis=0) - table.min(axis=0) <= 1).all()
    assert np.ptp(table.sum(axis=1)) <= 1


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=1, max_size=80),
    st.integers(2, 9),
    st.integers(0, 99),
)
def test_units_stay_whole_and_single_samples_level_what_they_can(rows, num_parts, seed):
    labels, units = np.array(rows).T
    units = np.unique(units, return_inverse=True)[1]
    parts = deal_units(labels, units, num_parts, seed)
    assert all(len(set(parts[units == unit])) == 1 for unit in set(units))
    tied = np.bincount(units)[units] > 1
    fixed = counts(labels[tied], parts[tied], num_parts)
    table = counts(labels, parts, num_parts)
    for label in range(4):
        raised = table[:, label] > fixed[:, label]
        if raised.any():  # no part got a single sample while another one had two fewer
            assert table[raised, label].max() <= table[:, label].min() + 1


@pytest.mark.parametrize("num_parts", [2, 5, 10])
def test_groups_are_dealt_as_evenly_as_by_scikit_learn(num_parts):
    generator = np.random.default_rng(0)
    labels = generator.choice(4, 3000, p=[0.7, 0.2, 0.07, 0.03])
    units = generator.integers(0, 400, 3000)
    units = np.unique(units, return_inverse=True)[1]

    def spread(parts):
        table = counts(labels, parts, num_parts)
        return (table / table.sum(axis=0)).std(axis=0).mean()

    reference = np.empty(len(labels), dtype=int)
    splitter = StratifiedGroupKFold(num_parts, shuffle=True, random_state=0)
    for number, (_, members) in enumerate(splitter.split(labels, labels, units)):
        reference[members] = number
    ours = [spread(deal_units(labels, units, num_parts, seed)) for seed in range(5)]
    assert np.mean(ours) <= 1.1 * spread(reference)


def test_the_seed_decides():
    labels, units = np.arange(90) % 3, np.repeat(np.arange(60), [1] * 30 + [2] * 30)
    same = [deal_units(labels, units, 5, seed).tolist() for seed in (0, 0, 1)]
    assert same[0] == same[1] != same[2]


def test_a_unit_larger_than_a_part_leaves_the_other_parts_to_the_rest():
    labels = np.zeros(30, dtype=int)
    units = np.concatenate([np.zeros(20, int), np.arange(1, 11)])
    parts = deal_units(labels, units, 3, 0)
    assert sorted(np.bincount(parts, minlength=3).tolist()) == [5, 5, 20]
