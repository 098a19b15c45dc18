import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldwise.data.fold_parts import inner_fold_parts
from foldwise.data.folds import (
    HELD_OUT,
    UNUSED,
    SplitConfig,
    SplitError,
    fold_parts,
    held_out_ids,
    make_folds,
    read_folds,
    write_folds,
)
from foldwise.data.leaks import LeakError


def table(labels, groups=None, contents=None, official=None):
    size = len(labels)
    return pd.DataFrame(
        {
            "sample_id": [f"s{i:05d}" for i in range(size)],
            "label": list(labels),
            "group": groups if groups is not None else [None] * size,
            "official_split": official if official is not None else [None] * size,
            "source": "made",
            "sha256": contents if contents is not None else [f"c{i}" for i in range(size)],
        }
    )


def fold_of(folds):
    return folds.table.set_index("sample_id")["fold"]


labels_strategy = st.lists(st.sampled_from("aaaabbc"), min_size=90, max_size=200).filter(
    lambda labels: min(labels.count(c) for c in "abc") >= 8
)


@settings(max_examples=25, deadline=None)
@given(labels_strategy, st.integers(2, 5), st.integers(0, 10**6))
def test_folds_are_disjoint_complete_stratified_and_blind_to_row_order(labels, num_folds, seed):
    rows = table(labels)
    config = SplitConfig(num_folds=num_folds, seed=seed)
    folds = make_folds(rows, config)
    assert sorted(folds.table["sample_id"]) == sorted(rows["sample_id"])
    assert folds.table["sample_id"].is_unique
    assert set(folds.table["fold"]) == {HELD_OUT, *range(num_folds)}
    shuffled = rows.sample(frac=1, random_state=seed % 1000)
    assert make_folds(shuffled, config).content_hash == folds.content_hash
    counts = pd.crosstab(folds.table["fold"], rows["label"]).drop(index=HELD_OUT)
    assert (counts.max() - counts.min() <= 1).all()


@settings(max_examples=25, deadline=None)
@given(labels_strategy, st.integers(0, 10**6), st.integers(2, 6))
def test_groups_stay_whole_in_outer_and_inner_parts(labels, seed, group_size):
    groups = [f"g{i // group_size}" for i in range(len(labels))]
    rows = table(labels, groups)
    try:
        folds = make_folds(rows, SplitConfig(num_folds=3, seed=seed))
    except SplitError:
        return  # a rare class in too few groups: refused, which another test looks at
    group = rows.set_index("sample_id")["group"]
    assert fold_of(folds).groupby(group).nunique().max() == 1
    for parts in fold_parts(folds, rows):
        named = [set(group[list(ids)]) for ids in (parts.train, parts.validation, parts.oof)]
        assert not named[0] & named[1]
        assert not named[0] & named[2]
        assert not named[1] & named[2]


def test_inner_parts_never_touch_the_outer_fold_or_the_test_part_and_are_the_same_again():
    rows = table(["a"] * 60 + ["b"] * 30)
    folds = make_folds(rows, SplitConfig())
    held_out = set(held_out_ids(folds))
    for parts, again in zip(fold_parts(folds, rows), fold_parts(folds, rows), strict=True):
        train, validation, oof = set(parts.train), set(parts.validation), set(parts.oof)
        assert not train & validation
        assert not (train | validation) & (oof | held_out)
        assert train | validation | oof | held_out == set(rows["sample_id"])
        assert np.array_equal(parts.validation, again.validation)
        assert {"a", "b"} == set(rows.set_index("sample_id").loc[list(validation), "label"])


def test_the_official_test_part_is_held_out_as_it_is():
    official = ["test" if i % 5 == 0 else "train" for i in range(100)]
    folds = make_folds(table(["a", "b"] * 50, official=official), SplitConfig())
    assert ((fold_of(folds) == HELD_OUT).to_numpy() == (np.array(official) == "test")).all()
    assert folds.info["test"] == "official"


def test_an_official_part_that_is_missing_is_said():
    with pytest.raises(SplitError, match="marks no sample as test"):
        make_folds(table(["a", "b"] * 50), SplitConfig(test="official"))


def test_a_rare_class_is_in_the_test_part_too():
    folds = make_folds(table(["a"] * 300 + ["b"] * 7), SplitConfig())
    assert folds.info["counts"]["test"]["b"] >= 1


@pytest.mark.parametrize("members", [1, 3])
def test_too_few_members_name_the_class_the_count_and_what_would_work(members):
    with pytest.raises(SplitError) as refused:
        make_folds(table(["a"] * 50 + ["rare"] * members), SplitConfig())
    message = str(refused.value)
    assert "'rare'" in message
    assert "split.num_folds" in message
    assert "merging or dropping" in message


def test_fewer_folds_without_a_test_part_are_offered_where_they_work():
    rows = table(["a"] * 50 + ["rare"] * 2)
    with pytest.raises(SplitError) as refused:
        make_folds(rows, SplitConfig())
    assert "split.num_folds=2 with split.test_fraction=0" in str(refused.value)
    make_folds(rows, SplitConfig(num_folds=2, test_fraction=0))
    with pytest.raises(SplitError) as refused:
        make_folds(rows, SplitConfig(test_fraction=0))
    assert "after the test part" not in str(refused.value)
    assert "split.test_fraction=0" not in str(refused.value)


def test_equal_contents_are_kept_on_one_side():
    contents = [f"c{i // 2}" for i in range(200)]
    folds = make_folds(table(["a"] * 120 + ["b"] * 80, contents=contents), SplitConfig())
    assert fold_of(folds).groupby(contents).nunique().max() == 1


def test_a_leak_is_an_error_that_names_the_rows():
    contents = [f"c{i // 2}" for i in range(200)]
    rows = table(["a"] * 120 + ["b"] * 80, contents=contents)
    with pytest.raises(LeakError, match=r"samples of equal content.*s00\d\d\d, s00\d\d\d"):
        make_folds(rows, SplitConfig(on_leak="error"))


def test_a_leak_can_be_reported_instead():
    contents = ["same", "same"] + [f"c{i}" for i in range(198)]
    official = ["test"] + ["train"] * 199
    rows = table(["a"] * 120 + ["b"] * 80, contents=contents, official=official)
    findings = make_folds(rows, SplitConfig(on_leak="warn")).info["findings"]
    assert [f["check"] for f in findings] == ["exact_duplicates"]
    assert findings[0]["sample_ids"] == [["s00000", "s00001"]]


def test_what_is_tied_to_an_official_test_part_is_set_aside_and_the_test_part_stays_whole():
    groups = ["g"] * 3 + [f"h{i}" for i in range(97)]
    official = ["test"] + ["train"] * 99
    rows = table(["a", "b"] * 50, groups, official=official)
    folds = make_folds(rows, SplitConfig())
    assert fold_of(folds)[["s00000", "s00001", "s00002"]].tolist() == [HELD_OUT, UNUSED, UNUSED]
    assert (fold_of(folds) >= 0).sum() == 97
    found = folds.info["findings"]
    assert [(f["check"], f["severity"]) for f in found] == [("tied_to_test", "warn")]
    assert found[0]["values"] == {"num_samples": 2}
    assert found[0]["sample_ids"] == [["s00000", "s00001", "s00002"]]
    with pytest.raises(LeakError, match="1 group stands in more"):
        make_folds(rows, SplitConfig(on_leak="error"))


@pytest.mark.parametrize("on_leak", ["warn", "group"])
def test_equal_contents_stay_together_in_the_inner_parts(on_leak):
    contents = [f"c{i // 2}" for i in range(200)]
    rows = table(["a"] * 120 + ["b"] * 80, contents=contents)
    content = rows.set_index("sample_id")["sha256"]
    for parts in fold_parts(make_folds(rows, SplitConfig(on_leak=on_leak)), rows):
        assert not set(content[list(parts.train)]) & set(content[list(parts.validation)])


@pytest.mark.parametrize(
    ("fraction", "expected"), [(0.1, 100), (0.25, 250), (0.3, 300), (0.4, 400), (0.5, 500)]
)
def test_the_test_part_is_as_large_as_asked(fraction, expected):
    rows = table(["a"] * 700 + ["b"] * 300)
    assert len(held_out_ids(make_folds(rows, SplitConfig(test_fraction=fraction)))) == expected


def test_eight_samples_of_each_class_are_enough_for_an_inner_part():
    rows = table(["a", "b", "c"] * 8)
    label = rows.set_index("sample_id")["label"]
    for parts in fold_parts(make_folds(rows, SplitConfig()), rows):
        assert len(parts.validation) in (1, 2, 3)
        assert set(label[list(parts.train)]) == {"a", "b", "c"}


@pytest.mark.parametrize("change", ["one more", "one less", "another name"])
def test_folds_of_other_samples_are_refused(change):
    rows = table(["a", "b"] * 50)
    folds = make_folds(rows, SplitConfig())
    now = table(["a", "b"] * 50 + ["a"])
    others = {
        "one more": now,
        "one less": rows[:-1],
        "another name": rows.replace({"sample_id": {"s00000": "t"}}),
    }
    with pytest.raises(SplitError, match="made from other samples"):
        list(fold_parts(folds, others[change]))


def test_sixty_thousand_samples_with_a_few_duplicates_take_seconds():
    contents = [f"c{max(i, 5)}" for i in range(60_000)]
    rows = table([str(i % 10) for i in range(60_000)], contents=contents)
    start = time.process_time()
    list(fold_parts(make_folds(rows, SplitConfig()), rows))
    assert time.process_time() - start < 10


def test_what_is_read_equals_what_was_written(tmp_path):
    folds = make_folds(table(["a", "b"] * 50), SplitConfig())
    write_folds(tmp_path / "folds.parquet", folds)
    again = read_folds(tmp_path / "folds.parquet")
    pd.testing.assert_frame_equal(again.table, folds.table, check_dtype=False)
    assert again.info == json.loads(json.dumps(folds.info))


def test_damaged_or_foreign_folds_are_refused(tmp_path):
    path = tmp_path / "folds.parquet"
    with pytest.raises(SplitError, match="Run the stage 'split' first"):
        read_folds(path)
    write_folds(path, make_folds(table(["a", "b"] * 50), SplitConfig()))
    other = make_folds(table(["a", "b"] * 50), SplitConfig(seed=1))
    other.table.to_parquet(path)
    with pytest.raises(SplitError, match="does not match its JSON"):
        read_folds(path)
    path.write_bytes(b"PAR1 not a table")
    with pytest.raises(SplitError, match="is damaged"):
        read_folds(path)


def test_no_held_out_fraction_is_offered_where_the_test_part_is_given():
    official = ["test"] * 10 + ["train"] * 42
    rows = table(["a"] * 9 + ["rare"] + ["a"] * 40 + ["rare"] * 2, official=official)
    with pytest.raises(SplitError) as error:
        make_folds(rows, SplitConfig())
    assert "split.num_folds=2" in str(error.value)
    assert "test_fraction" not in str(error.value)


def test_inner_folds_cover_the_training_part_once_and_keep_units_and_shares():
    rows = table("a" * 120 + "b" * 60, groups=[f"g{i // 3}" for i in range(180)])
    folds = make_folds(rows, SplitConfig(num_folds=3, test_fraction=0.2))
    group = rows.set_index("sample_id")["group"]
    label = rows.set_index("sample_id")["label"]
    for whole, inner in zip(
        fold_parts(folds, rows), inner_fold_parts(folds, rows, 4), strict=True
    ):
        training = {*whole.train, *whole.validation}
        assert sorted(i for parts in inner for i in parts.validation) == sorted(training)
        for parts in inner:
            assert {*parts.train, *parts.validation} == training
            assert not set(group[parts.train]) & set(group[parts.validation])
            assert abs((label[parts.validation] == "b").mean() - 1 / 3) < 0.1
            assert list(parts.oof) == list(whole.oof)
    again = list(inner_fold_parts(folds, rows, 4))
    assert all((a.train == b.train).all() for a, b in zip(again[-1], inner, strict=True))


def test_made_samples_are_in_no_inner_fold_and_beside_none_that_they_are_tied_to():
    rows = table("ab" * 45, groups=[f"g{i // 2}" for i in range(90)])
    rows["meta_synthetic"] = [i % 9 == 0 for i in range(90)]
    folds = make_folds(rows, SplitConfig(num_folds=2, test_fraction=0, on_leak="warn"))
    made, group = (
        rows.set_index("sample_id")["meta_synthetic"],
        rows.set_index("sample_id")["group"],
    )
    for inner in inner_fold_parts(folds, rows, 3):
        for parts in inner:
            assert not made[parts.validation].any()
            assert not set(group[parts.train]) & set(group[parts.validation])
        assert any(made[parts.train].any() for parts in inner)


def test_more_inner_folds_than_units_are_refused():
    rows = table("ab" * 30, groups=[f"g{i // 10}" for i in range(60)])
    folds = make_folds(rows, SplitConfig(num_folds=2, test_fraction=0))
    with pytest.raises(SplitError, match="3 independent units, of which 5 inner folds"):
        list(inner_fold_parts(folds, rows, 5))
