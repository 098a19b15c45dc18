"""The schemes of time, against brute force over all pairs and against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from foldwise.data.folds import (
    HELD_OUT,
    TRAIN_ONLY,
    UNUSED,
    SplitConfig,
    SplitError,
    fold_parts,
    held_out_ids,
    make_folds,
)
from foldwise.data.leaks import LeakError

SCHEMES = ("time_expanding", "time_rolling", "time_blocks")
KINDS = ("int", "float", "date")


def moments(steps, kind):
    """Uneven moments in the order of the steps."""
    steps = np.asarray(steps)
    if kind == "int":
        return steps**2 - 7
    if kind == "float":
        return steps * 0.1 - 3
    return pd.to_datetime("2024-02-27") + pd.to_timedelta(steps * 11, unit="h")


def windows(first, length, kind="int", series=None, **columns):
    first = np.asarray(first)
    return pd.DataFrame(
        {
            "sample_id": [f"w{i:04d}" for i in np.random.default_rng(0).permutation(len(first))],
            "target": np.sin(first),
            "group": None,
            "official_split": None,
            "sha256": [f"c{i}" for i in range(len(first))],
            "series": series if series is not None else "only",
            "time": moments(first, kind),
            "time_end": moments(first + np.asarray(length) - 1, kind),
            **columns,
        }
    )


def points(size, **columns):
    rows = windows(np.arange(size), 1, **columns)
    return rows.drop(columns="time_end").assign(sample_id=[f"p{i:04d}" for i in range(size)])


def shares_a_moment(rows, others):
    """Brute force: does any of `rows` span a moment that any of `others` spans?"""
    first, last = rows["time"].to_numpy()[:, None], rows["time_end"].to_numpy()[:, None]
    return bool(
        ((first <= others["time_end"].to_numpy()) & (others["time"].to_numpy() <= last)).any()
    )


@settings(max_examples=40, deadline=None)
@given(
    first=st.lists(st.integers(0, 60), min_size=40, max_size=90),
    length=st.integers(1, 6),
    scheme=st.sampled_from(SCHEMES),
    kind=st.sampled_from(KINDS),
    gap=st.integers(0, 3),
    embargo=st.integers(0, 3),
    train_size=st.none() | st.integers(15, 30),
    num_folds=st.integers(2, 4),
    test=st.sampled_from(["time", "official", "none"]),
)
def test_no_training_window_shares_a_time_step_with_what_is_held_out(
    first, length, scheme, kind, gap, embargo, train_size, num_folds, test
):
    series = [f"series {i % 3}" for i in range(len(first))]
    rows = windows(first, length, kind, series)
    if test == "official":
        rows.loc[
            (rows["time"] >= moments([20], kind)[0]) & (rows.index % 2 == 0), "official_split"
        ] = "test"
    config = SplitConfig(
        scheme=scheme,
        num_folds=num_folds,
        gap=gap,
        embargo=embargo if scheme == "time_blocks" else 0,
        train_size=train_size if scheme == "time_rolling" else None,
        test_fraction=0 if test == "none" else 0.15,
    )
    try:
        folds = make_folds(rows, config)
    except SplitError:
        reject()
    assert make_folds(rows[::-1], config).content_hash == folds.content_hash
    by_id = rows.set_index("sample_id")
    test_part = by_id.loc[list(held_out_ids(folds))]
    assert (len(test_part) > 0) == (test != "none")
    all_oof = []
    for parts in fold_parts(folds, rows):
        train, validation, oof = (
            by_id.loc[list(ids)] for ids in (parts.train, parts.validation, parts.oof)
        )
        assert len(train)
        assert len(validation)
        assert not shares_a_moment(train, pd.concat([validation, oof, test_part]))
        assert not shares_a_moment(validation, pd.concat([oof, test_part]))
        assert train["time_end"].max() < validation["time"].min()
        if scheme != "time_blocks":
            assert validation["time_end"].max() < oof["time"].min()
        all_oof += list(parts.oof)
    assigned = folds.table.set_index("sample_id")["fold"]
    assert sorted(all_oof) == sorted(assigned[assigned >= 0].index)
    assert set(assigned[assigned < 0]) <= {HELD_OUT, UNUSED, TRAIN_ONLY}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_training_part_is_all_that_the_purge_leaves(scheme):
    rows = windows(np.arange(120), 4)
    config = SplitConfig(scheme=scheme, num_folds=4, gap=2, test_fraction=0)
    if scheme == "time_blocks":
        config = config.model_copy(update={"embargo": 3})
    folds = make_folds(rows, config)
    start_of = dict(zip(rows["sample_id"], range(120), strict=True))  # its step
    for parts in fold_parts(folds, rows):
        found = {start_of[i] for i in [*parts.train, *parts.validation]}
        outer = [start_of[i] for i in parts.oof]
        lost = {start_of[i] for i in parts.validation}
        before = {s for s in range(120) if s + 3 < min(outer) - 2}
        after = {s for s in range(120) if s > max(outer) + 3 + 3}
        wanted = before | after if scheme == "time_blocks" else before
        if scheme == "time_rolling":
            wanted = {s for s in before if s >= min(outer) - 2 - 24}
        # the inner purge takes windows between what is fitted on and the validation part
        inner = {s for s in wanted if min(lost) - 2 <= s + 3 and s < min(lost)}
        assert found == wanted - inner
        counts = folds.info["training"][str(parts.fold)]
        assert counts["size"] == len(wanted)
        if scheme == "time_expanding":
            assert counts["purged"] == min(outer) - len(wanted) == 5


@pytest.mark.parametrize("gap", [0, 3])
@pytest.mark.parametrize("train_size", [None, 15])
def test_moments_are_split_as_by_scikit_learn(gap, train_size):
    rows = points(100)
    scheme = "time_expanding" if train_size is None else "time_rolling"
    config = SplitConfig(
        scheme=scheme, num_folds=5, gap=gap, train_size=train_size, test_fraction=0,
        validation_fraction=0.2,
    )  # fmt: skip
    splitter = TimeSeriesSplit(5, gap=gap, max_train_size=train_size)
    ids = rows["sample_id"].to_numpy(dtype=object)
    found = list(fold_parts(make_folds(rows, config), rows))
    for parts, (train, outer) in zip(found, splitter.split(ids), strict=True):
        assert list(parts.oof) == list(ids[outer])
        inner = int(np.ceil(0.2 * len(train) - 1e-9))
        assert list(parts.validation) == list(ids[train[-inner:]])
        assert list(parts.train) == list(ids[train[: len(train) - inner - gap]])


def test_a_rolling_window_is_as_long_as_the_first_stretch_unless_said_otherwise():
    rows = points(60)
    folds = make_folds(rows, SplitConfig(scheme="time_rolling", num_folds=5, test_fraction=0))
    assert folds.info["train_size"] == 10
    sizes = {len(p.train) + len(p.validation) for p in fold_parts(folds, rows)}
    assert sizes == {10}


def test_samples_of_one_moment_stay_together():
    """A panel: every series has a sample at each moment."""
    rows = points(150).assign(time=np.arange(150) // 3, series=[f"s{i % 3}" for i in range(150)])
    folds = make_folds(rows, SplitConfig(scheme="time_expanding"))
    fold = folds.table.set_index("sample_id")["fold"]
    assert fold.groupby(rows.set_index("sample_id")["time"]).nunique().max() == 1


def test_the_test_part_is_the_last_stretch_and_what_reaches_into_it_is_in_no_part():
    rows = windows(np.arange(100), 5)
    folds = make_folds(rows, SplitConfig(test_fraction=0.2))
    fold = rows["sample_id"].map(folds.table.set_index("sample_id")["fold"])
    assert folds.info["scheme"] == "time_expanding"
    assert folds.info["test"] == "time"
    assert list(np.flatnonzero(fold == HELD_OUT)) == list(range(80, 100))
    assert list(np.flatnonzero(fold == UNUSED)) == [76, 77, 78, 79]
    assert [f["check"] for f in folds.info["findings"]] == ["purged_before_test"]
    assert folds.info["sizes"]["unused"] == 4
    assert folds.info["time"]["test"] == {"first": 80**2 - 7, "last": 103**2 - 7}


def test_what_has_no_windows_can_be_tested_on_the_last_stretch_too():
    rows = points(100).drop(columns="series").assign(time=np.repeat(np.arange(50), 2))
    folds = make_folds(rows, SplitConfig(scheme="stratified", test="time", test_fraction=0.1))
    fold = folds.table["fold"].to_numpy()
    assert list(np.flatnonzero(fold == HELD_OUT)) == list(range(90, 100))
    assert set(fold) == {HELD_OUT, 0, 1, 2, 3, 4}


@pytest.mark.parametrize("scheme", ["auto", "stratified", "time_expanding"])
def test_whole_series_that_span_the_same_moments_are_independent(scheme):
    """A long table of series, each from 0 to 29 (the schemes of time: the later ones later)."""
    begin = np.zeros(40) if scheme != "time_expanding" else np.arange(40) // 4 * 30
    rows = windows(begin, 30).drop(columns="series")
    folds = make_folds(rows, SplitConfig(scheme=scheme))
    assert folds.info["scheme"] == (scheme if scheme != "auto" else "stratified")
    assert folds.info["num_units"] == 40
    assert folds.info["findings"] == []


def test_exact_copies_of_what_is_held_out_are_purged():
    contents = [f"c{i}" for i in range(98)] + ["c0", "c1"]
    rows = points(100).assign(sha256=contents)
    config = SplitConfig(scheme="time_expanding", test_fraction=0)
    last = list(fold_parts(make_folds(rows, config), rows))[-1]
    used = {*last.train, *last.validation}
    assert "p0098" in set(last.oof)
    assert {"p0000", "p0001"}.isdisjoint(used)
    assert "p0002" in used
    findings = make_folds(rows, config).info["findings"]
    assert [(f["check"], f["severity"]) for f in findings] == [("exact_duplicates", "warn")]
    with pytest.raises(LeakError, match="2 sets of samples of equal content stand in"):
        make_folds(rows, SplitConfig(scheme="time_expanding", test_fraction=0, on_leak="error"))


def test_a_group_may_go_on_through_time():
    rows = points(100).assign(group="machine")
    for on_leak in ("error", "group", "warn"):
        folds = make_folds(rows, SplitConfig(scheme="time_blocks", on_leak=on_leak))
        (finding,) = folds.info["findings"]
        assert (finding["check"], finding["severity"]) == ("group_overlap", "info")
        assert "In time a group goes on" in finding["message"]
    one_each = points(100).assign(group=[f"g{i}" for i in range(100)])
    assert make_folds(one_each, SplitConfig(scheme="time_blocks")).info["findings"] == []


def test_near_copies_are_told_of_and_stay():
    rows = points(100)
    near = pd.DataFrame({"sample_id": ["p0000", "p0099"], "exact": None, "near": [0, 0]})
    config = SplitConfig(scheme="time_expanding", test_fraction=0)
    folds = make_folds(rows, config, near)
    found = [(f["check"], f["severity"]) for f in folds.info["findings"]]
    assert found == [("near_duplicates", "warn")]
    last = list(fold_parts(folds, rows))[-1]
    assert "p0099" in last.oof
    assert "p0000" in last.train


def test_units_of_a_series_are_blocks_of_windows_that_overlap_the_first_one():
    rows = windows(np.arange(80), 8).sort_values("sample_id", ignore_index=True)
    folds = make_folds(rows, SplitConfig(num_folds=2, test_fraction=0))
    by_time = rows.assign(unit=folds.table["unit"].to_numpy()).sort_values("time")
    assert by_time["unit"].ne(by_time["unit"].shift()).cumsum().tolist() == [
        1 + step // 8 for step in range(80)
    ]
    assert folds.info["num_units"] == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": None}, "have no column 'time'"),
        ({"time": np.nan}, r"60 of 60 samples have no time, for example 'p0000'"),
        ({"time": 1}, "6 distinct moments or more, but outside the test part there are 1"),
    ],
)
def test_samples_that_cannot_be_split_in_time_are_refused(change, message):
    rows = points(60).assign(**change)
    if change["time"] is None:
        rows = rows.drop(columns="time")
    with pytest.raises(SplitError, match=message):
        make_folds(rows, SplitConfig(scheme="time_expanding", test_fraction=0))


def test_the_scheme_is_blamed_for_a_missing_time_not_the_test_part_that_follows_from_it():
    with pytest.raises(SplitError, match=r"split\.scheme=time_blocks needs to know when"):
        make_folds(points(60).drop(columns="time"), SplitConfig(scheme="time_blocks"))


def test_a_window_that_ends_before_it_begins_is_named():
    rows = windows(np.arange(30), 2)
    rows.loc[3, "time_end"] = -100
    with pytest.raises(SplitError, match=f"Sample '{rows.loc[3, 'sample_id']}' ends at -100"):
        make_folds(rows, SplitConfig())


def test_windows_longer_than_the_first_stretch_are_refused_with_what_would_work():
    rows = windows(np.arange(40), 30)
    with pytest.raises(SplitError, match=r"no sample to train on that ended before.*fewer folds"):
        make_folds(rows, SplitConfig(test_fraction=0))
