import numpy as np
import pandas as pd
import pytest
import torch

from foldwise.data.joined_rows import JoinedRows, join_samples
from foldwise.data.preprocessing import fit_images, fit_series
from foldwise.data.samples import Samples
from foldwise.modules.images import ResidentImages, StreamedImages

FIRST = np.arange(5 * 1 * 4 * 4, dtype=np.uint8).reshape(5, 1, 4, 4)
LAST = 200 + np.arange(3 * 1 * 4 * 4, dtype=np.uint8).reshape(3, 1, 4, 4)
WHOLE = np.concatenate([FIRST, LAST])


@pytest.mark.parametrize(
    "index",
    [
        np.array([7, 0, 5, 5, 4]),
        np.array([1, 2]),
        np.array([6]),
        np.array([], dtype=np.int64),
        np.arange(8) % 2 == 0,
        slice(3, 7),
        slice(None),
        -1,
        2,
        (np.array([7, 0]), slice(None), slice(0, 2)),
        (slice(4, 6), 0),
        (6, slice(0, 1)),
    ],
)
def test_it_is_indexed_as_the_concatenated_array_is(index):
    found = JoinedRows(FIRST, LAST)[index]
    np.testing.assert_array_equal(found, WHOLE[index])
    assert found.dtype == WHOLE.dtype


def test_shape_length_and_type_are_those_of_the_concatenated_array():
    joined = JoinedRows(FIRST, LAST)
    assert (joined.shape, len(joined), joined.ndim) == (WHOLE.shape, len(WHOLE), WHOLE.ndim)


def test_a_memory_map_is_read_row_by_row_and_never_whole(tmp_path):
    np.save(tmp_path / "x.npy", FIRST)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    joined = JoinedRows(mapped, LAST)
    assert joined._first is mapped
    np.testing.assert_array_equal(joined[np.array([6, 1])], WHOLE[[6, 1]])


def test_what_fits_networks_reads_it_as_it_reads_an_array():
    joined, rows = JoinedRows(FIRST, LAST), np.array([0, 6, 7, 7, 3])
    assert fit_images(joined, rows) == fit_images(WHOLE, rows)
    for kind in (ResidentImages, StreamedImages):
        found = kind(joined, rows, torch.device("cpu")).take(torch.tensor([4, 1, 0]))
        np.testing.assert_array_equal(found.numpy(), WHOLE[rows[[4, 1, 0]]])
    series = np.random.default_rng(0).normal(size=(8, 5, 2)).astype(np.float32)
    lengths = np.full(8, 5)
    split = JoinedRows(series[:5], series[5:])
    assert fit_series(split, lengths, rows, "zero") == fit_series(series, lengths, rows, "zero")


def test_the_first_samples_keep_their_positions():
    def made(x, name):
        table = pd.DataFrame({"sample_id": [f"{name}{i}" for i in range(len(x))], "label": name})
        return Samples(x, table, ("a", "b"))

    real, others = made(FIRST, "a"), made(LAST, "b")
    others.table["synthetic"] = True
    joined = join_samples(real, others)
    assert list(joined.table["sample_id"][:5]) == list(real.table["sample_id"])
    assert joined.y.tolist() == [0] * 5 + [1] * 3
    assert joined.table["synthetic"].isna().tolist() == [True] * 5 + [False] * 3
    assert list(joined.positions(pd.Series(["b2", "a1"]))) == [7, 1]
