import itertools

import numpy as np
import pytest

from foldwise.data.nested_parts import latest_part, nested_part

FRACTIONS = (0.05, 0.1, 0.25, 0.5, 0.8, 1.0)


def drawn(num_samples=400, seed=0):
    rng = np.random.default_rng(seed)
    strata = rng.choice(3, num_samples, p=[0.7, 0.25, 0.05])
    return strata, np.arange(num_samples)


def test_a_larger_part_holds_the_smaller_ones_and_the_last_holds_all():
    strata, units = drawn()
    masks = [nested_part(strata, units, fraction, seed=3) for fraction in FRACTIONS]
    for smaller, larger in itertools.pairwise(masks):
        assert (larger | ~smaller).all()
        assert larger.sum() > smaller.sum()
    assert masks[-1].all()


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_each_stratum_keeps_its_share_and_one_sample_at_least(fraction):
    strata, units = drawn()
    mask = nested_part(strata, units, fraction, seed=3)
    for stratum in range(3):
        members = strata == stratum
        assert mask[members].sum() == np.ceil(fraction * members.sum() - 1e-9)
    few = nested_part(np.array([0] * 99 + [1]), np.arange(100), fraction, seed=0)
    assert few[99]


def test_units_stay_whole():
    strata, _ = drawn()
    units = np.arange(400) // 7
    for fraction in FRACTIONS:
        mask = nested_part(strata, units, fraction, seed=1)
        of_units = np.bincount(units, mask)
        assert set(of_units) <= {0.0, 7.0, 1.0}  # the last unit has one sample
        assert abs(mask.mean() - fraction) < 0.06


def test_the_choice_depends_on_the_seed_alone():
    strata, units = drawn()
    masks = [nested_part(strata, units, 0.5, seed) for seed in (0, 0, 1)]
    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).any()


def test_the_latest_part_is_the_end_of_time():
    times = np.array([5, 1, 4, 2, 3])
    assert latest_part(times, 0.4).tolist() == [True, False, True, False, False]
    assert latest_part(times, 0.01).tolist() == [True, False, False, False, False]
    assert latest_part(times, 1.0).all()
