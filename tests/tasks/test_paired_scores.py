import numpy as np
import pytest
from test_evaluate import predictions_of

from foldwise.metrics.paired_tests import paired_bootstraps
from foldwise.tasks.paired_scores import (
    CLASS_METRICS,
    _class_cells,
    pair_differences,
    parts_of,
)


def parts():
    tables = [predictions_of(strength=strength, num_test=0) for strength in (1.0, 2.0, 2.2)]
    return [parts_of(table, None)["oof"] for table in tables]


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_the_derivatives_in_closed_form_are_those_found_by_small_steps(metric):
    counts, scored, gradient = _class_cells(parts(), metric)
    cells = np.asarray(counts[0].sum(axis=0), dtype=float).ravel()
    steps = 1e-4 * np.eye(len(cells))
    expected = (scored(cells + steps) - scored(cells - steps)) / 2e-4
    assert gradient(cells) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_pairs_are_tested_alike_with_both(metric):
    found = list(pair_differences(parts(), metric, 300, 0.9, np.random.default_rng(1)))
    counts, scored, _ = _class_cells(parts(), metric)
    expected = paired_bootstraps(counts, scored, 300, 0.9, np.random.default_rng(1))
    for (first, second, one), (*pair, other) in zip(found, expected, strict=True):
        assert [first, second] == pair
        assert tuple(one)[:5] == pytest.approx(tuple(other)[:5], abs=1e-6)
        assert one.difference > 0 or second == 2
