"""Encoded tables agree with scikit-learn, and depend on their training part alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from foldwise.data.samples import Feature
from foldwise.data.table_encoding import (
    TableEncoding,
    TableEncodingConfig,
    fit_table_encoding,
)

NUMERIC = Feature(name="age")
CATEGORICAL = Feature(name="city", kind="categorical", categories=("Oslo", "Paris", "Rome"))
FEATURES = (NUMERIC, CATEGORICAL)
NAN = np.nan

numbers = hnp.arrays(
    np.float32, (9, 1), elements=st.one_of(st.just(NAN), st.floats(-1e6, 1e6, width=32))
)
codes = hnp.arrays(np.float32, (9, 1), elements=st.sampled_from([NAN, 0.0, 1.0, 2.0]))
tables = st.tuples(numbers, codes).map(np.hstack)
configs = st.builds(
    TableEncodingConfig,
    fill=st.sampled_from(["median", "mean"]),
    categories=st.sampled_from(["one_hot", "index"]),
)


@given(tables, tables, st.sets(st.integers(0, 8)), configs)
def test_other_rows_and_the_order_change_nothing(x, other, training, config):
    rows = np.array(sorted(training), np.int64)
    changed = other.copy()
    changed[rows] = x[rows]
    encoding = fit_table_encoding(x, FEATURES, rows, config)
    assert fit_table_encoding(changed, FEATURES, rows, config) == encoding
    assert fit_table_encoding(x, FEATURES, rows[::-1], config) == encoding
    encoded = encoding.encode(other, FEATURES)
    assert encoded.shape == (9, len(encoding.names)) == (9, len(encoding.cardinalities))
    assert encoded.dtype == np.float32
    assert np.isfinite(encoded).all()
    assert TableEncoding.model_validate_json(encoding.model_dump_json()) == encoding


@given(tables, st.integers(1, 8), st.sampled_from(["median", "mean"]))
def test_numbers_agree_with_scikit_learn(x, num_training, fill):
    x[0, 0] = 1.0  # scikit-learn drops a column without any value
    rows = np.arange(num_training)
    encoding = fit_table_encoding(x[:, :1], [NUMERIC], rows, TableEncodingConfig(fill=fill))
    reference = make_pipeline(SimpleImputer(strategy=fill), StandardScaler())
    reference.fit(x[rows, :1].astype(np.float64))
    encoded = encoding.encode(x[:, :1], [NUMERIC])
    expected = reference.transform(x[:, :1].astype(np.float64))
    np.testing.assert_allclose(encoded[:, :1], expected, rtol=1e-4, atol=1e-5)
    if np.isnan(x[rows, 0]).any():
        assert encoding.names == ("age", "age is missing")
        np.testing.assert_array_equal(encoded[:, 1], np.isnan(x[:, 0]))
    else:
        assert encoding.names == ("age",)


@given(codes, st.integers(1, 8))
def test_categories_agree_with_scikit_learn(x, num_training):
    rows = np.arange(num_training)
    names = np.array([*CATEGORICAL.categories, None], dtype=object)
    words = names[np.where(np.isnan(x), 3, x).astype(int)]
    reference = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(words[rows])
    encoding = fit_table_encoding(x, [CATEGORICAL], rows)
    encoded = encoding.encode(x, [CATEGORICAL])
    np.testing.assert_array_equal(encoded, reference.transform(words))
    index = fit_table_encoding(x, [CATEGORICAL], rows, TableEncodingConfig(categories="index"))
    is_known = encoded.any(axis=1)
    expected = np.where(is_known, encoded.argmax(axis=1) + 1, 0)
    np.testing.assert_array_equal(index.encode(x, [CATEGORICAL])[:, 0], expected)
    assert index.cardinalities == (encoded.shape[1] + 1,)


def test_a_case_by_hand():
    x = np.array([[1, 0], [NAN, 1], [3, NAN], [5, 2], [NAN, NAN]], np.float32)
    encoding = fit_table_encoding(x, FEATURES, np.array([0, 1, 2]))
    assert encoding.names == (
        *("age", "age is missing"),
        *("city=Oslo", "city=Paris", "city is missing"),
    )
    std = np.sqrt(2 / 3)  # of 1, 2, 3
    expected = [
        [-1 / std, 0, 1, 0, 0],
        [0, 1, 0, 1, 0],
        [1 / std, 0, 0, 0, 1],
        [3 / std, 0, 0, 0, 0],  # Rome was not seen
        [0, 1, 0, 0, 1],
    ]
    np.testing.assert_allclose(encoding.encode(x, FEATURES), expected, rtol=1e-6)


def test_categories_go_by_name_not_by_number():
    encoding = fit_table_encoding(np.float32([[0], [1]]), [CATEGORICAL], np.arange(2))
    other = CATEGORICAL.model_copy(update={"categories": ("Bonn", "Paris", "Oslo")})
    assert encoding.encode(np.float32([[0], [1], [2]]), [other]).tolist() == [
        [0, 0],
        [0, 1],
        [1, 0],
    ]


@pytest.mark.parametrize("value", [7.0, 16777216.0, -0.1])
def test_constant_columns_become_zero(value):
    x = np.full((5, 1), value, np.float32)
    encoding = fit_table_encoding(x, [NUMERIC], np.arange(5))
    np.testing.assert_allclose(encoding.encode(x, [NUMERIC]), 0, atol=1e-6)


def test_a_column_without_values_becomes_zero_and_a_flag():
    x = np.array([[NAN], [NAN], [4]], np.float32)
    encoding = fit_table_encoding(x, [NUMERIC], np.arange(2))
    assert encoding.encode(x, [NUMERIC]).tolist() == [[0, 1], [0, 1], [4, 0]]


def test_other_features_are_refused():
    encoding = fit_table_encoding(np.zeros((2, 1), np.float32), [NUMERIC], np.arange(2))
    with pytest.raises(ValueError, match=r"must be \[\('age', 'numeric'\)\], but got .*'size'"):
        encoding.encode(np.zeros((2, 1), np.float32), [Feature(name="size")])
