"""Series and rows that are nearly the same are found, similar ones are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from foldwise.data.audit.near_pairs import joined_sets
from foldwise.data.audit.near_vectors import (
    NearRowsConfig,
    NearSeriesConfig,
    find_near_rows,
    find_near_series,
)
from foldwise.data.samples import Feature

NUM, STEPS = 80, 60


def walks(num=NUM, steps=STEPS, channels=2, seed=0):
    noise = np.random.default_rng(seed).normal(size=(num, steps, channels))
    return np.cumsum(noise, axis=1).astype(np.float32)


def series_pairs(x, lengths=None, **config):
    return find_near_series(x, lengths, NearSeriesConfig(**config)).pairs.tolist()


def numeric(count):
    return tuple(Feature(name=f"f{i}") for i in range(count))


def row_pairs(x, features=None):
    x = np.asarray(x, np.float32)
    return find_near_rows(x, features or numeric(x.shape[1]), NearRowsConfig()).pairs.tolist()


def test_noisy_copies_of_series_are_found_and_nothing_else():
    x = walks()
    x[-5:] = x[:5] + 0.01 * walks(5, seed=1) / STEPS**0.5
    assert series_pairs(x) == [[i, NUM - 5 + i] for i in range(5)]


def test_the_scale_of_a_channel_does_not_matter_but_the_size_of_a_series_does():
    x = walks()
    x[-5:] = x[:5] + 0.01
    assert series_pairs(x * np.float32([1, 1e6])) == series_pairs(x) != []
    x[-5:] = 1.5 * x[:5]
    assert series_pairs(x) == []


def test_series_of_different_lengths_are_stretched():
    x, lengths = np.zeros((NUM, 100, 2), np.float32), np.arange(20, 20 + NUM)
    smooth = walks(steps=8, seed=2)
    for i, length in enumerate(lengths):
        x[i, :length] = stretched(smooth[i], length)
    x[-1], lengths[-1] = 0, 100
    x[-1, :100] = stretched(smooth[78], 100)  # 98 steps, stretched to 100
    x[0, : lengths[0]] = stretched(smooth[60], lengths[0])  # 80 steps, cut to 20
    assert series_pairs(x, lengths) == [[78, 79]]


def stretched(values, length):
    place = np.linspace(0, 1, length)
    return np.stack(
        [np.interp(place, np.linspace(0, 1, len(values)), channel) for channel in values.T], axis=1
    )


def test_missing_values_are_bridged():
    x = walks()
    x[-3:] = x[:3]
    x[-3:, 20] = np.nan
    x[10, :, 0] = np.nan  # a channel without any value
    assert series_pairs(x) == [[0, NUM - 3], [1, NUM - 2], [2, NUM - 1]]


def test_series_that_are_all_about_alike_are_not_near():
    x = walks(1) + 0.01 * np.random.default_rng(0).normal(size=(NUM, STEPS, 2))
    assert series_pairs(x.astype(np.float32)) == []
    assert len(series_pairs(x.astype(np.float32), distinctness=1)) > NUM


@pytest.mark.parametrize("num_copies", [10, 13, 30, 100])
def test_any_number_of_noisy_copies_is_found(num_copies):
    x = np.repeat(walks(10), num_copies, axis=0)
    x += 1e-4 * np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    sets = joined_sets(np.array(series_pairs(x)), len(x))
    assert sets.tolist() == np.repeat(np.arange(10), num_copies).tolist()


def test_an_odd_one_makes_no_copies_of_all_others():
    x = walks(1) + 0.01 * np.random.default_rng(0).normal(size=(NUM, STEPS, 2))
    x[-1] = walks(1, seed=1)[0]
    assert series_pairs(x.astype(np.float32)) == []


@pytest.mark.filterwarnings("error")
def test_a_column_without_any_value_is_no_trouble():
    x = np.random.default_rng(0).normal(size=(100, 5))
    x[-3:] = x[:3] * (1 + 1e-6)
    x[:, 4] = np.nan
    assert row_pairs(x) == [[0, 97], [1, 98], [2, 99]]


def test_flat_series_are_near_nothing():
    levels = np.linspace(0, 1, NUM, dtype=np.float32)[:, None, None]
    assert series_pairs(np.broadcast_to(levels, (NUM, STEPS, 1))) == []


@pytest.mark.parametrize("num", [0, 1, 2])
def test_a_few_are_no_trouble(num):
    assert series_pairs(walks(num)) == []
    assert row_pairs(np.arange(4 * num).reshape(num, 4)) == []


def test_rounded_rows_are_found_and_nothing_else():
    x = np.random.default_rng(0).normal(scale=[1, 1e-3, 1e4, 1], size=(500, 4))
    rounded = [[float(f"{value:.6g}") for value in row] for row in x[:5]]
    assert row_pairs([*x, *rounded]) == [[i, 500 + i] for i in range(5)]


def test_rows_along_a_line_and_rows_of_few_numbers_are_not_copies():
    line = np.zeros((2000, 4))
    line[:, 0] = np.arange(2000) * 1e-7
    line[:1000, 1:] = np.random.default_rng(0).normal(size=(1000, 3))
    assert all(max(pair) < 1000 for pair in row_pairs(line))
    assert row_pairs(np.random.default_rng(0).normal(size=(5000, 2))) == []


def test_a_hundred_copies_with_noise_are_one_set():
    x = np.random.default_rng(0).normal(size=(300, 5))
    x[:100] = x[0] + 1e-6 * np.random.default_rng(1).normal(size=(100, 5))
    sets = joined_sets(np.array(row_pairs(x)), 300)
    assert len(set(sets[:100])) < 5  # a few, for each looks at its nearest only
    assert (sets[:100] >= 0).all()
    assert (sets[100:] == -1).all()


def test_categories_and_missing_values_must_agree():
    x = np.random.default_rng(0).normal(size=(100, 5))
    x[:, 4] = np.arange(100) % 3
    x[-3:] = x[:3] * (1 + 1e-6)
    x[-3:, 4] = x[:3, 4]
    features = (*numeric(4), Feature(name="c", kind="categorical", categories=("a", "b", "c")))
    assert row_pairs(x, features) == [[0, 97], [1, 98], [2, 99]]
    x[-3, 4] = (x[-3, 4] + 1) % 3
    x[-2, 0] = np.nan
    x[[2, -1], 1] = np.nan
    assert row_pairs(x, features) == [[2, 99]]


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.int64, st.tuples(st.integers(2, 60), st.integers(3, 5)), elements=st.integers(0, 99))
)
def test_different_rows_of_whole_numbers_are_never_near(x):
    assert row_pairs(np.unique(x, axis=0)) == []
