import numpy as np
import pandas as pd
import pytest

from foldwise.tasks.slices_columns import SlicesError, sensitive_columns, slice_columns
from foldwise.tasks.slices_config import SlicesConfig

SIZE = 200


def table(**columns):
    rng = np.random.default_rng(0)
    ours = {
        "sample_id": [f"s{i}" for i in range(SIZE)],
        "label": rng.choice(["cat", "dog"], SIZE),
        "group": pd.array([None] * SIZE, dtype="string"),
        "official_split": None,
        "source": "made",
    }
    return pd.DataFrame({**ours, **columns})


def names_of(found):
    return {column.name: column.names for column in found.columns}


def test_categories_stay_and_numbers_are_cut_at_quantiles():
    rng = np.random.default_rng(1)
    exposure = rng.integers(1, 4, SIZE)
    age = np.round(rng.normal(50, 10, SIZE), 1)
    sex = np.array(["f", "m", None], dtype=object)[rng.integers(0, 3, SIZE)]
    found = slice_columns(
        table(meta_exposure=exposure, meta_age=age, meta_sex=sex), SlicesConfig(num_bins=4)
    )
    names = names_of(found)
    assert names["exposure"] == ("exposure = 1", "exposure = 2", "exposure = 3")
    assert names["sex"] == ("sex = f", "sex = m", "sex missing")
    assert len(names["age"]) == 4
    by_name = {column.name: column for column in found.columns}
    for i, name in enumerate(names["age"]):
        low, high = name.removeprefix("age ").split(" to ")
        inside = (age >= float(low)) & (age <= float(high))
        assert (inside == (by_name["age"].codes == i)).all()
        assert 40 <= inside.sum() <= 60
    assert (by_name["sex"].codes == 2).sum() == pd.isna(sex).sum()


def test_what_cannot_be_cut_by_is_left_out_and_said():
    rng = np.random.default_rng(2)
    given = table(
        meta_path=[f"a/{i}.png" for i in range(SIZE)],
        meta_frame=rng.permutation(SIZE),
        meta_town=[f"town {i % 50}" for i in range(SIZE)],
        meta_camera="one",
        meta_zeros=[0.0] * (SIZE - 12) + [float(i) for i in range(1, 13)],
    ).assign(meta_class=lambda t: t["label"].str.upper())
    found = slice_columns(given, SlicesConfig())
    assert found.columns == []
    notes = " ".join(found.notes)
    assert "path, frame: each sample has its own value" in notes
    assert "town: more than 20 distinct names" in notes
    assert "camera: one value only" in notes
    assert "class: the class itself" in notes
    assert "zeros: nearly all samples have one value" in notes


def test_few_groups_lengths_and_times_are_columns_as_well():
    given = table(
        group=[f"g{i % 5}" for i in range(SIZE)],
        length=np.arange(SIZE),
        time=pd.date_range("2020-01-01", periods=SIZE)[::-1],
        meta_patient=[f"p{(i + 1) % 5}" for i in range(SIZE)],
    )
    found = slice_columns(given, SlicesConfig(num_bins=2))
    names = names_of(found)
    assert names["length"] == ("length 0 to 99", "length 100 to 199")
    # The time tells the same samples apart as the length, and the group the same as the patient.
    assert set(names) == {"patient", "length"}
    assert [column.is_group for column in found.columns] == [True, False]


def test_two_columns_at_once_leave_out_what_one_of_them_cuts():
    given = table(
        meta_a=["x", "y"] * 100, meta_b=["u"] * 50 + ["v"] * 150, meta_c=["k", "l"] * 100
    )
    given.loc[given["meta_a"] == "y", "meta_b"] = "v"
    found = slice_columns(given, SlicesConfig(depth=2))
    assert names_of(found)["a and b"] == ("a = x, b = v",)  # x with u is all of u, y has v alone
    assert "c" not in names_of(found)  # it cuts as a does
    assert any("same as a" in note for note in found.notes)
    crossed = found.columns[-1]
    assert (crossed.codes >= 0).sum() == 75


def test_sensitive_columns_have_to_be_there():
    given = table(meta_sex=["f", "m"] * 100, meta_path=[f"{i}.png" for i in range(SIZE)])
    for name in ("sex", "meta_sex"):
        (column,) = sensitive_columns(given, SlicesConfig(sensitive=(name,)))
        assert column.names == ("sex = f", "sex = m")
    with pytest.raises(SlicesError, match=r"sensitive names 'age', .* Allowed: sex, path\."):
        sensitive_columns(given, SlicesConfig(sensitive=("age",)))
    with pytest.raises(SlicesError, match=r"names 'path', which cannot be cut .* own value"):
        sensitive_columns(given, SlicesConfig(sensitive=("path",)))
