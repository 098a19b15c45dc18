import numpy as np
import pytest
from audited import findings, found, table_of

NORMAL = np.random.default_rng(0).normal(size=(2, 500))


def regression(target):
    return table_of({"f": NORMAL[0][: len(target)]}, target=target)


def test_a_normal_target_gives_no_finding():
    assert findings(regression(NORMAL[1])) == ()


def test_a_constant_target_is_an_error():
    (finding,) = found("target_constant", regression(np.full(100, 3.5)))
    assert finding.severity == "error"
    assert "3.5 for all 100" in finding.message


def test_outliers_of_a_target_are_named_farthest_first():
    target = NORMAL[1].copy()
    target[[3, 8]] = 50, -90
    (finding,) = found("target_outliers", regression(target))
    assert finding.sample_ids == (("s8",), ("s3",))
    assert found("target_outliers", regression(target), outlier_z=100) == []


@pytest.mark.parametrize(("power", "is_heavy"), [(0.5, False), (2.0, True)])
def test_a_heavy_tail_is_told(power, is_heavy):
    samples = regression(np.exp(power * NORMAL[1]))
    assert bool(found("target_heavy_tail", samples)) is is_heavy


def test_a_target_of_few_values_is_told():
    (finding,) = found("target_few_values", regression(np.arange(100) % 3))
    assert finding.values == {"target": "target", "count": 3}
    assert found("target_few_values", regression(np.arange(100) % 20)) == []
