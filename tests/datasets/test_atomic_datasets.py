import re

import numpy as np
import pandas as pd
import pytest
from full_disk import full_disk
from kedro.io import DatasetError
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from PIL import Image

from foldwise.datasets.atomic import (
    CSVDataset,
    JSONDataset,
    MatplotlibDataset,
    ParquetDataset,
    TextDataset,
)
from foldwise.errors import UserError
from foldwise.pipeline_registry import register_pipelines

NUMBERS = np.random.default_rng(0).random(2000)


class Unwritable:
    """A value that fails when it is its turn to be written."""

    def __str__(self):
        raise RuntimeError("cannot be written")

    __repr__ = __str__


class UndrawableArtist(Artist):
    def draw(self, renderer):
        raise RuntimeError("cannot be drawn")


def table(first=0.0):
    return pd.DataFrame({"name": ["é", *["a,b"] * 1999], "value": [first, *NUMBERS[1:]]})


def unwritable_table():
    return pd.DataFrame({"value": [*NUMBERS, Unwritable()]})


def figure(width=2, artist=None):
    drawn = Figure(figsize=(width, 1), dpi=50)
    drawn.subplots().plot(NUMBERS)
    if artist is not None:
        drawn.add_artist(artist)
    return drawn


# the type, its options, a value, another one, and one that fails while it is written
KINDS = {
    "csv": (CSVDataset, {"save_args": {"index": False}}, table(), table(9.0), unwritable_table()),
    "parquet": (ParquetDataset, {}, table(), table(9.0), unwritable_table()),
    "json": (
        JSONDataset,
        {"save_args": {"indent": 2, "sort_keys": True}},
        {"a": NUMBERS.tolist(), "name": "é"},
        {"a": [*NUMBERS.tolist(), 1]},
        {"a": NUMBERS.tolist(), "z": Unwritable()},
    ),
    "text": (TextDataset, {}, "<p>é</p>\n" * 500, "other\n" * 900, 5),
    "png": (
        MatplotlibDataset,
        {"save_args": {"format": "png"}},
        figure(),
        figure(3),
        figure(4, UndrawableArtist()),
    ),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def path(tmp_path, kind):
    return tmp_path / "results" / f"result.{kind}"


@pytest.fixture
def dataset(path, kind):
    constructor, options = KINDS[kind][:2]
    return constructor(filepath=str(path), **options)


def saved(dataset, path, kind, value):
    """Save a value; return what can be compared with another one."""
    dataset.save(value)
    if kind == "png":  # cannot be loaded
        with Image.open(path) as image:
            return image.size
    return dataset.load()


def as_expected(kind, value):
    return tuple(map(int, value.get_size_inches() * value.dpi)) if kind == "png" else value


def test_what_is_loaded_equals_what_was_saved_also_over_an_earlier_one(dataset, path, kind):
    for value in KINDS[kind][2:4]:
        found, expected = saved(dataset, path, kind, value), as_expected(kind, value)
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(found, expected)
        else:
            assert found == expected
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_equal_values_give_equal_bytes(dataset, path, kind):
    dataset.save(KINDS[kind][2])
    first = path.read_bytes()
    dataset.save(KINDS[kind][3])
    assert path.read_bytes() != first
    dataset.save(KINDS[kind][2])
    assert path.read_bytes() == first


def test_a_save_that_fails_midway_leaves_the_earlier_file_and_no_stray(dataset, path, kind):
    good, other, bad = KINDS[kind][2:]
    dataset.save(good)
    earlier = path.read_bytes()
    with pytest.raises(DatasetError, match="Failed while saving"):
        dataset.save(bad)
    assert path.read_bytes() == earlier
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    dataset.save(other)  # and the next save works
    assert path.read_bytes() != earlier


def test_a_first_save_that_fails_leaves_nothing(dataset, path, kind):
    with pytest.raises(DatasetError):
        dataset.save(KINDS[kind][4])
    assert list(path.parent.iterdir()) == []
    assert not dataset.exists()


def test_a_full_disk_leaves_the_earlier_file_and_names_it(dataset, path, kind):
    dataset.save(KINDS[kind][2])
    earlier = path.read_bytes()
    with full_disk(100), pytest.raises((DatasetError, OSError)) as failed:
        dataset.save(KINDS[kind][3])
    assert str(path) in str(failed.value)
    assert path.read_bytes() == earlier
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", [CSVDataset, ParquetDataset, JSONDataset, TextDataset])
def test_what_is_not_there_yet_is_told_with_the_stages(tmp_path, kind):
    with pytest.raises(DatasetError) as caught:
        kind(filepath=str(tmp_path / "plan")).load()
    assert isinstance(caught.value.__cause__, UserError)
    told = str(caught.value.__cause__)
    assert "plan is missing. Run the stage that makes it first" in told
    journeys = register_pipelines().values()
    stages = {tag for journey in journeys for node in journey.nodes for tag in node.tags}
    assert stages <= set(re.findall(r"\w+", told))
