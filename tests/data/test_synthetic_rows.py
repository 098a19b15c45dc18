import dataclasses

import numpy as np
import pandas as pd
import pytest

from foldwise.data.folds import (
    TRAIN_ONLY,
    SplitConfig,
    SplitError,
    fold_parts,
    held_out_ids,
    make_folds,
)
from foldwise.data.leaks import LeakError
from foldwise.data.samples import array_hash


def table_of(num_real=60, num_synthetic=30, column="meta_synthetic", **more):
    number = num_real + num_synthetic
    is_synthetic = np.arange(number) >= num_real
    columns = {
        "sample_id": [
            f"{'made' if made else 'real'}_{i:03d}" for i, made in enumerate(is_synthetic)
        ],
        "label": np.where(np.arange(number) % 3 == 0, "rare", "common"),
        "group": None,
        "official_split": None,
        "source": "made",
        "sha256": [array_hash(np.array([i])) for i in range(number)],
    }
    return pd.DataFrame({**columns, column: is_synthetic, **more})


SCHEMES = ["stratified", "repeated", "stratified_group", "predefined"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_made_samples_are_in_every_training_part_and_in_no_other(scheme):
    marks = [str(i % 3) for i in range(90)]
    chosen = (
        {"num_folds": 3, "test_fraction": 0.2} if scheme != "predefined" else {"column": "part"}
    )
    repeats = {"num_repeats": 2} if scheme == "repeated" else {}
    config = SplitConfig.of(scheme=scheme, **chosen, **repeats)
    table = table_of(meta_part=marks)
    folds = make_folds(table, config)
    made = {name for name in table["sample_id"] if name.startswith("made")}
    jobs = 0
    for parts in fold_parts(folds, table):
        jobs += 1
        assert made <= set(parts.train)
        assert not made & {*parts.validation, *parts.oof, *held_out_ids(folds)}
        assert len(parts.validation)
    assert jobs == (6 if scheme == "repeated" else 3)


def test_real_samples_are_split_as_if_there_were_no_others():
    with_made, alone = table_of(), table_of(num_synthetic=0)
    config = SplitConfig(num_folds=3)
    found = make_folds(with_made, config).table.set_index("sample_id")["fold"]
    expected = make_folds(alone, config).table.set_index("sample_id")["fold"]
    assert found.loc[expected.index].to_dict() == expected.to_dict()
    assert set(found.drop(expected.index)) == {TRAIN_ONLY}
    pairs = zip(
        fold_parts(make_folds(with_made, config), with_made),
        fold_parts(make_folds(alone, config), alone),
        strict=True,
    )
    for ours, theirs in pairs:
        assert list(ours.validation) == list(theirs.validation)


@pytest.mark.parametrize("column", ["synthetic", "meta_synthetic"])
def test_a_given_test_part_with_made_samples_fails_the_audit(column):
    table = table_of(column=column)
    table["official_split"] = np.where(np.arange(len(table)) % 4 == 0, "test", "train")
    with pytest.raises(
        SplitError, match=r"8 samples whose column 'synthetic' is true stand in the test part"
    ):
        make_folds(table, SplitConfig(num_folds=3, test="official"))


def test_folds_that_hold_made_samples_out_are_refused_where_they_are_read():
    table = table_of()
    folds = make_folds(table, SplitConfig(num_folds=3))
    changed = folds.table.copy()
    changed.loc[changed["sample_id"] == "made_070", "fold"] = 1
    with pytest.raises(SplitError, match="'made_070'"):
        list(fold_parts(dataclasses.replace(folds, table=changed), table))


def test_a_copy_of_a_held_out_sample_is_a_leak():
    table = table_of()
    table.loc[table["sample_id"] == "made_070", "sha256"] = table["sha256"].iloc[4]
    with pytest.raises(LeakError, match="made_070"):
        make_folds(table, SplitConfig(num_folds=3))


def test_in_time_made_samples_are_refused():
    table = table_of(time=np.arange(90))
    with pytest.raises(SplitError, match="'synthetic' is true of 30 samples"):
        make_folds(table, SplitConfig.of(scheme="time_expanding", num_folds=3))


def test_what_is_made_of_a_group_is_not_fitted_on_while_that_group_is_validated_on():
    """In given folds, whose inner parts are drawn: of 40 patients, most have made samples."""
    number = np.arange(90)
    table = table_of(meta_part=["0" if i < 10 else "train" for i in number])
    table["group"] = [f"patient_{i % 60 % 40}" for i in number]
    group_of = table.set_index("sample_id")["group"]
    with_made = set(table["group"][60:])
    config = SplitConfig.of(
        scheme="predefined", column="part", on_leak="group", validation_fraction=0.3
    )
    (parts,) = fold_parts(make_folds(table, config), table)
    fitted, validated = (set(group_of[list(ids)]) for ids in (parts.train, parts.validation))
    assert validated & with_made
    assert fitted & with_made
    assert not fitted & validated
