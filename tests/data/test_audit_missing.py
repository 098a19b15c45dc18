import numpy as np
import pytest
from audited import found, samples_of, table_of
from hypothesis import given
from hypothesis import strategies as st

from foldwise.data.audit.missing import holm

SIZE = 300
GENERATOR = np.random.default_rng(0)
NORMAL = GENERATOR.normal(size=(3, SIZE))
LABELS = np.where(np.arange(SIZE) % 2 == 0, "a", "b")


def table(**columns):
    return table_of({"one": NORMAL[0], **columns}, LABELS)


def gaps(rate, where=True):
    lost = (np.random.default_rng(1).random(SIZE) < rate) & where
    return np.where(lost, np.nan, NORMAL[1])


def test_missing_values_are_told_by_feature():
    (finding,) = found("missing_values", table(few=gaps(0.05)))
    assert finding.severity == "info"
    assert finding.values == {"few": np.isnan(gaps(0.05)).mean()}
    (finding,) = found("missing_values", table(few=gaps(0.05), many=gaps(0.5)))
    assert finding.severity == "warn"
    assert list(finding.values) == ["many", "few"]
    assert found("missing_values", table()) == []


def test_a_feature_missing_in_one_class_is_found():
    (finding,) = found("missing_by_class", table(lost=gaps(0.4, LABELS == "b")))
    rate = np.isnan(gaps(0.4, LABELS == "b"))[LABELS == "b"].mean()
    assert finding.values["lost"] == pytest.approx(rate)
    assert f"in {rate:.0%} of 'b' and 0% of 'a'" in finding.message


def test_a_feature_missing_by_chance_is_no_finding():
    assert found("missing_by_class", table(lost=gaps(0.4))) == []


def test_a_channel_missing_in_one_class_is_found():
    x = np.random.default_rng(0).normal(size=(SIZE, 12, 2)).astype(np.float32)
    x[LABELS == "a", 4, 1] = np.nan
    (finding,) = found("missing_by_class", samples_of(x, LABELS, modality="series"))
    assert finding.values == {"f1": 1.0}


def test_a_feature_missing_where_the_target_is_high_is_found():
    target = NORMAL[2]
    lost = np.where(target > 1, np.nan, NORMAL[1])
    (finding,) = found(
        "missing_by_class", table_of({"lost": lost, "one": NORMAL[0]}, None, target)
    )
    assert finding.values["lost"] == pytest.approx(0.5)
    by_chance = table_of({"lost": gaps(0.3), "one": NORMAL[0]}, None, target)
    assert found("missing_by_class", by_chance) == []


@given(st.lists(st.floats(0, 1), max_size=8), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_its_adjusted_p_values_do(p_values, level):
    order = np.argsort(p_values, kind="stable")
    adjusted = np.zeros(len(p_values))
    factors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.array(p_values)[order] * factors)
    ties = np.isclose(adjusted, level, rtol=1e-9, atol=0)
    expected, rejected = adjusted <= level, np.array(holm(p_values, level), dtype=bool)
    assert (expected == rejected)[~ties].all()


def test_zeros_far_from_all_other_values_are_found():
    pressure = 70 + 10 * NORMAL[1]
    pressure[[3, 50, 70, 99]] = 0
    (finding,) = found("zeros_as_missing", table(pressure=pressure))
    assert finding.values == {"pressure": 4}


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).poisson(3, SIZE),
        np.random.default_rng(0).exponential(1, SIZE).round(1),
        np.where(np.random.default_rng(0).random(SIZE) < 0.9, 0, 500 + 10 * NORMAL[1]),
        np.abs(NORMAL[1]),
        np.arange(SIZE) % 2,
        NORMAL[1].round(1),
        np.append(np.zeros(2), 70 + NORMAL[1][2:]),
    ],
    ids=["counts", "rounded", "amounts", "positive", "flag", "both signs", "two only"],
)
def test_zeros_that_are_values_are_no_finding(values):
    assert found("zeros_as_missing", table(values=values)) == []


@pytest.mark.parametrize("value", [-1, -999, 999, 9999])
def test_numbers_that_stand_for_missing_are_found(value):
    age = np.random.default_rng(0).integers(18, 80, SIZE)
    age[[3, 50, 70, 99]] = value
    (finding,) = found("sentinel_values", table(age=age))
    assert finding.values == {f"age = {value}": 4}


def test_ends_of_a_dense_range_stand_for_nothing():
    percent = np.random.default_rng(0).integers(-1, 100, SIZE)
    assert {-1, 99} <= set(percent)
    assert found("sentinel_values", table(percent=percent)) == []
