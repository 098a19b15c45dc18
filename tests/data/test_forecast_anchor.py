"""What the changes of a window start from, and their units, by hand."""

import numpy as np
import pandas as pd
import pytest

from foldwise.data import forecast_anchor
from foldwise.data.forecast_anchor import Anchors, ForecastAnchor, fit_forecast_anchor
from foldwise.data.samples import Feature, Samples

NAN = np.nan
ANCHOR = ForecastAnchor(channel="price", index=1, mean=50.0, unit=4.0)


def series(*rows, other=-1000.0):
    """Two channels, the second one as given; shorter rows are padded by zeros."""
    lengths = np.array([len(row) for row in rows])
    x = np.zeros((len(rows), max(lengths), 2), np.float32)
    for place, row in enumerate(rows):
        x[place, : len(row), 0] = other
        x[place, : len(row), 1] = row
    return x, lengths


def samples_of(*rows):
    x, lengths = series(*rows)
    table = pd.DataFrame({"sample_id": [f"s{i}" for i in range(len(x))], "length": lengths})
    features = (Feature(name="other"), Feature(name="price"))
    return Samples(x, table, modality="series", features=features)


HAND = {  # start and unit
    "whole": ([1, 3, 5, 7], 7, np.sqrt(5)),
    "shorter": ([2, 6], 6, 2),
    "last step missing": ([2, 6, 4, NAN], 4, np.sqrt(8 / 3)),
    "last two missing": ([2, 6, NAN, NAN], 6, 2),
    "missing in between": ([2, NAN, NAN, 6], 6, 2),
    "padding behind a gap": ([2, 6, NAN], 6, 2),
    "constant": ([9, 9, 9, 9], 9, 4),
    "hardly varies": ([9, 9.001, 9, 9.001], np.float32(9.001), 4),
    "one step": ([8], 8, 4),
    "nothing there": ([NAN, NAN], 50, 4),
}


@pytest.mark.parametrize("case", HAND)
def test_the_last_value_that_is_there_and_the_deviation_of_all_by_hand(case):
    row, start, unit = HAND[case]
    found = ANCHOR.anchors(*series(row, [0, 100, 0, 100]))
    np.testing.assert_allclose([found.start[0], found.unit[0]], [start, unit], rtol=1e-12)
    np.testing.assert_allclose([found.start[1], found.unit[1]], [100, 50])


def test_changes_are_undone():
    rng = np.random.default_rng(0)
    anchors = Anchors(rng.normal(100, 50, 20), rng.uniform(0.1, 9, 20))
    values = rng.normal(100, 50, (20, 3))
    changes = anchors.changes(values)
    np.testing.assert_allclose(changes[4, 2], (values[4, 2] - anchors.start[4]) / anchors.unit[4])
    np.testing.assert_allclose(anchors.values(changes), values, rtol=1e-12)
    quantiles = np.stack([changes, changes + 1], axis=2)
    found = anchors.values(quantiles)
    np.testing.assert_allclose(found[:, :, 0], values, rtol=1e-12)
    np.testing.assert_allclose(found[:, :, 1] - found[:, :, 0], anchors.unit[:, None] + [[0] * 3])


def test_no_windows_have_no_anchors():
    samples = samples_of([1, 2, 3])
    none = ANCHOR.of_rows(samples, np.empty(0, np.int64))
    assert none.values(np.zeros((0, 2))).shape == (0, 2)
    assert none.values(np.zeros((0, 2, 5))).shape == (0, 2, 5)


@pytest.mark.parametrize("chunk", [1, 3, 4096])
def test_what_is_usual_is_that_of_the_training_part(monkeypatch, chunk):
    monkeypatch.setattr(forecast_anchor, "_CHUNK", chunk)
    rows = [[0, 2], [0, 4, NAN], [0, 20], [5, 5, 5], [0, 1e6]]  # deviations 1, 2, 10, 0
    fitted = fit_forecast_anchor(samples_of(*rows), np.array([3, 2, 1, 0, 2]), "price")
    assert (fitted.channel, fitted.index) == ("price", 1)
    assert fitted.unit == 2
    assert fitted.mean == pytest.approx((2 + 4 + 20 + 15) / 9)


def test_anchors_do_not_depend_on_the_other_windows(monkeypatch):
    rng = np.random.default_rng(1)
    samples = samples_of(*[rng.normal(size=rng.integers(1, 9)) for _ in range(10)])
    order = rng.permutation(10)
    whole = ANCHOR.of_rows(samples, order)
    monkeypatch.setattr(forecast_anchor, "_CHUNK", 3)
    for found, expected in zip(ANCHOR.of_rows(samples, order), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_array_equal(
        whole.start, [samples.x[row, samples.lengths[row] - 1, 1] for row in order]
    )


def test_where_nothing_varies_the_unit_is_one():
    fitted = fit_forecast_anchor(samples_of([3, 3], [NAN, NAN]), np.arange(2), "price")
    assert (fitted.mean, fitted.unit) == (3, 1)
