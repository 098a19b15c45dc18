"""The schemes that are not of time: disjoint, complete, units whole, blind to row order."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, PredefinedSplit

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


def samples_table(labels, **columns):
    size = len(labels)
    return pd.DataFrame(
        {
            "sample_id": [f"s{i:05d}" for i in range(size)],
            "label": list(labels),
            "group": None,
            "official_split": None,
            "sha256": [f"c{i}" for i in range(size)],
            **columns,
        }
    )


def duplicates_of(sets):
    """The audit's table: near duplicates, given as sets of row numbers."""
    rows = [(f"s{i:05d}", None, number) for number, members in enumerate(sets) for i in members]
    table = pd.DataFrame(rows, columns=["sample_id", "exact", "near"])
    return table.astype({"exact": "Int64", "near": "Int64"})


def fold_of(folds, repeat=0):
    table = folds.table[folds.table["repeat"] == repeat]
    return table.set_index("sample_id")["fold"]


def findings_of(folds):
    return {finding["check"]: finding for finding in folds.info["findings"]}


def is_whole(values, codes):
    """Whether no code (a missing one aside) stands under two values."""
    return bool((pd.Series(np.asarray(values)).groupby(np.asarray(codes)).nunique() <= 1).all())


rows_strategy = st.lists(
    st.tuples(
        st.sampled_from("aaabbc"),
        st.integers(0, 30),  # group
        st.integers(0, 60),  # content; the large ones are their own
        st.sampled_from(["train", "train", "val", "test"]),
        st.sampled_from(["one", "two", "three", "train", "test", ""]),
    ),
    min_size=80,
    max_size=160,
)


def table_of(rows, official):
    labels, groups, contents, parts, cells = zip(*rows, strict=True)
    return samples_table(
        labels,
        group=[f"g{g}" if g < 25 else None for g in groups],
        sha256=[f"c{c}" if c < 8 else f"own {i}" for i, c in enumerate(contents)],
        official_split=parts if official else None,
        meta_part=[cell or None for cell in cells],
    )


@settings(max_examples=40, deadline=None)
@given(
    rows=rows_strategy,
    scheme=st.sampled_from(
        ["stratified", "group", "stratified_group", "repeated", "leave_one_group_out", "official",
         "predefined"]
    ),
    official=st.booleans(),
    near=st.lists(st.tuples(st.integers(0, 79), st.integers(0, 79)), max_size=4),
    num_folds=st.integers(2, 4),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_every_scheme_is_disjoint_complete_whole_and_blind_to_the_order_of_rows(
    rows, scheme, official, near, num_folds, seed
):
    table = table_of(rows, official)
    if scheme == "stratified":
        table["group"] = None
    if scheme == "leave_one_group_out":
        table["group"] = table["group"].fillna("g")
    read = scheme in ("official", "predefined", "leave_one_group_out")
    config = SplitConfig(
        scheme=scheme,
        num_folds=5 if read else num_folds,
        column="part" if scheme == "predefined" else None,
        seed=seed,
    )
    duplicates = duplicates_of([pair for pair in near if pair[0] != pair[1]][:1])
    try:
        folds = make_folds(table, config, duplicates)
    except SplitError:
        reject()
    again = make_folds(table.sample(frac=1, random_state=seed), config, duplicates[::-1])
    assert again.table.equals(folds.table)
    assert again.info == folds.info

    known = table.set_index("sample_id")
    unit = folds.table[folds.table["repeat"] == 0].set_index("sample_id")["unit"]
    assert is_whole(unit[known.index], known["group"])
    assert is_whole(unit[known.index], known["sha256"])
    assert duplicates.groupby("near")["sample_id"].apply(lambda i: unit[i].nunique()).le(1).all()

    for repeat in range(folds.table["repeat"].max() + 1):
        fold = fold_of(folds, repeat)
        assert sorted(fold.index) == sorted(known.index)
        assert set(range(fold.max() + 1)) == set(fold[fold >= 0])
        assert set(held_out_ids(folds)) == set(fold.index[fold == HELD_OUT])
        if scheme not in ("official", "predefined"):
            used = fold[fold != UNUSED]
            assert is_whole(used, unit[used.index])
    for parts in fold_parts(folds, table):
        fold = fold_of(folds, parts.repeat)
        named = [set(parts.train), set(parts.validation), set(parts.oof), set(held_out_ids(folds))]
        assert all(not one & two for one, two in itertools.combinations(named, 2))
        assert named[2] == set(fold.index[fold == parts.fold])
        others = set(fold.index[(fold >= 0) | (fold == TRAIN_ONLY)]) - named[2]
        tied = set(unit[list(named[2])])
        assert named[0] | named[1] == {i for i in others if unit[i] not in tied}
        units = [set(unit[list(ids)]) for ids in named]
        outer_and_test = units[2] | units[3]
        assert not units[0] & outer_and_test
        assert not units[1] & outer_and_test
        if not folds.info["findings"] or "inner_part_cuts_unit" not in findings_of(folds):
            assert not units[0] & units[1]


def test_auto_takes_the_scheme_from_what_there_is():
    labels = ["a", "b"] * 50
    plain = samples_table(labels)
    assert make_folds(plain, SplitConfig()).info["scheme"] == "stratified"
    grouped = plain.assign(group=[f"g{i // 2}" for i in range(100)])
    assert make_folds(grouped, SplitConfig()).info["scheme"] == "stratified_group"
    near = duplicates_of([(0, 1)])
    assert make_folds(plain, SplitConfig(), near).info["scheme"] == "stratified_group"
    timed = plain.assign(time=np.arange(100), time_end=np.arange(100) + 1)
    assert make_folds(timed, SplitConfig()).info["scheme"] == "stratified"
    windows = timed.assign(series="one")
    assert make_folds(windows, SplitConfig()).info["scheme"] == "time_expanding"


def test_repeats_differ_in_their_folds_and_inner_parts_but_not_in_the_test_part():
    table = samples_table(["a", "b"] * 60)
    folds = make_folds(table, SplitConfig(scheme="repeated", num_folds=3, num_repeats=4))
    assert folds.jobs == [(r, f) for r in range(4) for f in range(3)]
    by_repeat = folds.table.pivot(index="sample_id", columns="repeat", values="fold")
    assert (by_repeat.nunique(axis=1)[by_repeat[0] == HELD_OUT] == 1).all()
    development = by_repeat[by_repeat[0] >= 0]
    for one, two in itertools.combinations(range(4), 2):
        assert 0.1 < (development[one] == development[two]).mean() < 0.6  # by chance a third
    inner = [set(parts.validation) for parts in fold_parts(folds, table)]
    assert len({frozenset(ids) for ids in inner}) == 12
    once = make_folds(table, SplitConfig(scheme="stratified", num_folds=3))
    assert (fold_of(once) == by_repeat[0]).all()
    assert set(folds.info["counts"]) >= {"test", "repeat 0, fold 0", "repeat 3, fold 2"}


def test_groups_are_left_out_one_by_one_as_by_scikit_learn():
    groups = [f"patient {i % 7}" for i in range(70)]
    table = samples_table(["a", "b"] * 35, group=groups)
    folds = make_folds(table, SplitConfig(scheme="leave_one_group_out", test_fraction=0))
    splitter = LeaveOneGroupOut().split(groups, groups=groups)
    for number, (_, outer) in enumerate(splitter):
        found = fold_of(folds)
        assert list(np.flatnonzero(found == number)) == list(outer)
        assert folds.info["fold_names"][str(number)] == groups[outer[0]]


def test_groups_that_share_content_are_left_out_together():
    groups = [f"g{i // 10}" for i in range(60)]
    contents = [f"c{i}" for i in range(59)] + ["c0"]
    table = samples_table(["a", "b"] * 30, group=groups, sha256=contents)
    folds = make_folds(table, SplitConfig(scheme="leave_one_group_out", test_fraction=0))
    assert folds.info["fold_names"]["0"] == "g0 + g5"
    assert sorted(set(fold_of(folds))) == [0, 1, 2, 3, 4]


def test_of_two_groups_the_inner_part_is_cut_from_the_other_one():
    table = samples_table(["a", "b"] * 30, group=["g", "h"] * 30)
    folds = make_folds(table, SplitConfig(scheme="leave_one_group_out", test_fraction=0))
    assert findings_of(folds)["class_not_trained"]["severity"] == "warn"
    assert findings_of(folds)["inner_part_cuts_unit"]["values"] == {"num_folds": 2}
    for parts in fold_parts(folds, table):
        assert (len(parts.train), len(parts.validation), len(parts.oof)) == (27, 3, 30)


def test_groups_are_as_even_as_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 60, 900) ** 2 // 60
    table = samples_table(["a", "b", "c"] * 300, group=[f"g{g}" for g in groups])
    folds = make_folds(table, SplitConfig(scheme="group", test_fraction=0))
    found = np.bincount(fold_of(folds))
    reference = [len(outer) for _, outer in GroupKFold(5).split(groups, groups=groups)]
    assert np.ptp(found) <= np.ptp(reference) + 5
    assert is_whole(fold_of(folds), groups)


def test_a_regression_is_stratified_by_quantiles():
    target = np.random.default_rng(0).lognormal(size=400)
    table = samples_table(target).rename(columns={"label": "target"})
    folds = make_folds(table, SplitConfig(num_bins=8))
    octile = pd.qcut(target, 8, labels=False)
    counts = pd.crosstab(fold_of(folds).to_numpy(), octile)
    assert (counts.drop(index=HELD_OUT).max() - counts.drop(index=HELD_OUT).min() <= 1).all()
    assert folds.info["scheme"] == "stratified"
    told = folds.info["targets"]["2"]
    assert told["mean"] == pytest.approx(target[fold_of(folds) == 2].mean(), rel=1e-5)
    assert told["median"] == pytest.approx(np.median(target[fold_of(folds) == 2]), rel=1e-5)
    for parts in fold_parts(folds, table):
        inner = octile[[int(i[1:]) for i in parts.validation]]
        assert set(inner) == set(range(8))


def test_several_steps_ahead_and_equal_targets_are_regressions_too():
    table = samples_table([1.0] * 60).rename(columns={"label": "target_1"}).assign(target_2=1.0)
    folds = make_folds(table, SplitConfig())
    assert folds.info["targets"]["test"]["std"] == 0
    assert sorted(set(fold_of(folds))) == [HELD_OUT, 0, 1, 2, 3, 4]


@pytest.fixture
def official():
    parts = ["train"] * 60 + ["val"] * 20 + ["test"] * 20
    return samples_table(["a", "b"] * 50, official_split=parts)


def test_the_official_split_is_one_fold(official):
    folds = make_folds(official, SplitConfig(scheme="official"))
    assert folds.jobs == [(0, 0)]
    assert fold_of(folds).tolist() == [TRAIN_ONLY] * 60 + [0] * 20 + [HELD_OUT] * 20
    assert folds.info["fold_names"] == {"0": "val"}
    (parts,) = fold_parts(folds, official)
    assert list(parts.oof) == [f"s{i:05d}" for i in range(60, 80)]
    assert len(parts.train) + len(parts.validation) == 60
    assert folds.info["counts"]["train_only"] == {"a": 30, "b": 30}


def test_what_is_tied_to_the_official_validation_part_is_not_trained_on(official):
    near = duplicates_of([(0, 65), (1, 90)])
    folds = make_folds(official, SplitConfig(scheme="official"), near)
    assert fold_of(folds)[["s00000", "s00001"]].tolist() == [TRAIN_ONLY, UNUSED]
    (parts,) = fold_parts(folds, official)
    assert "s00000" not in {*parts.train, *parts.validation}
    assert folds.info["training"]["0"] == {"size": 58, "purged": 1}
    assert findings_of(folds)["near_duplicates"]["sample_ids"] == [["s00000", "s00065"]]
    assert findings_of(folds)["tied_to_test"]["values"] == {"num_samples": 1}


def test_an_official_split_without_validation_part_is_scored_on_the_test_part(official):
    folds = make_folds(official.replace("val", "train"), SplitConfig(scheme="official"))
    assert folds.info["fold_names"] == {"0": "test"}
    assert folds.info["test"] == "none"
    assert fold_of(folds).tolist() == [TRAIN_ONLY] * 80 + [0] * 20


def test_an_official_split_without_anything_to_be_scored_on_says_what_would_work(official):
    table = official.replace(["val", "test"], "train")
    with pytest.raises(SplitError, match=r"no sample as 'val'.*split.test=official"):
        make_folds(table, SplitConfig(scheme="official"))


def test_predefined_folds_are_those_of_the_column_and_of_scikit_learn():
    cells = [(i * 7) % 4 for i in range(100)]
    table = samples_table(["a", "b"] * 50, meta_cv=cells)
    folds = make_folds(table, SplitConfig(scheme="predefined", column="cv"))
    assert folds.info["test"] == "none"
    for number, (_, outer) in enumerate(PredefinedSplit(cells).split()):
        assert list(np.flatnonzero(fold_of(folds) == number)) == list(outer)


def test_predefined_cells_can_mark_test_training_and_nothing():
    cells = ["fold 2", "fold 10", "Train", "test", None] * 20
    table = samples_table(["a", "a", "b", "a", "a", "b"] * 16 + ["a"] * 4, meta_part=cells)
    folds = make_folds(table, SplitConfig(scheme="predefined", column="meta_part"))
    assert fold_of(folds).tolist() == [0, 1, TRAIN_ONLY, HELD_OUT, UNUSED] * 20
    assert folds.info["fold_names"] == {"0": "fold 2", "1": "fold 10"}
    assert folds.info["test"] == "column"
    with pytest.raises(SplitError, match="marks samples as 'test'"):
        make_folds(table, SplitConfig(scheme="predefined", column="part", test="fraction"))


def test_whole_numbers_that_a_gap_made_real_are_the_same_folds():
    cells = [0.0, 1.0, np.nan, 2.0] * 25
    folds = make_folds(
        samples_table(["a", "b"] * 50, meta_cv=cells),
        SplitConfig(scheme="predefined", column="cv"),
    )
    assert folds.info["fold_names"] == {"0": "0", "1": "1", "2": "2"}
    assert folds.info["sizes"]["unused"] == 25


@pytest.mark.parametrize(
    ("cells", "column", "message"),
    [
        (["x"] * 40, "prt", r"no such meta_\* column. Did you mean 'meta_part'"),
        (["x"] * 40, "part", "nothing is left to train on"),
        (["train", "test"] * 20, "part", "names no fold; it holds test, train"),
        ([-1, 0] * 20, "part", "A negative number could mean several things"),
    ],
)
def test_predefined_columns_that_cannot_be_used_are_refused(cells, column, message):
    table = samples_table(["a", "b"] * 20, meta_part=cells)
    with pytest.raises(SplitError, match=message):
        make_folds(table, SplitConfig(scheme="predefined", column=column))


def test_the_test_part_can_be_groups():
    groups = [f"site {i % 6}" for i in range(120)]
    contents = [f"c{i}" for i in range(119)] + ["c0"]  # of site 5, as one of site 0
    table = samples_table(["a"] * 60 + ["b"] * 60, group=groups, sha256=contents)
    folds = make_folds(table, SplitConfig(test_groups="site 0", num_folds=4))
    fold = fold_of(folds).to_numpy()
    assert set(fold[0::6]) == {HELD_OUT}
    assert set(fold[5::6]) == {UNUSED}
    assert (fold >= 0).sum() == 80
    assert folds.info["test"] == "group"
    assert folds.info["groups"]["test"]["site 0"] == 20
    with pytest.raises(
        SplitError, match=r"'site 9', which is no group.*There are: site 0, site 1"
    ):
        make_folds(table, SplitConfig(test_groups="site 9"))


def test_a_stratified_split_of_groups_is_a_leak():
    table = samples_table(["a", "b"] * 50, group=[f"g{i // 4}" for i in range(100)])
    with pytest.raises(LeakError, match=r"groups? stands?.*split.scheme=stratified_group"):
        make_folds(table, SplitConfig(scheme="stratified"))
    folds = make_folds(table, SplitConfig(scheme="stratified", on_leak="warn"))
    assert findings_of(folds)["group_overlap"]["severity"] == "error"


def test_overlapping_windows_stay_together_outside_the_schemes_of_time():
    first = np.tile(np.arange(0, 30, 2), 8)
    table = samples_table(
        ["a"] * 60 + ["b"] * 60,
        series=np.repeat([f"s{i}" for i in range(8)], 15),
        time=first,
        time_end=first + np.where(first == 14, 1, 3),  # two runs in each series
    )
    config = SplitConfig(scheme="stratified_group", num_folds=3)
    folds = make_folds(table, config)
    run = [f"{s} {f > 14}" for s, f in zip(table["series"], first, strict=True)]
    assert is_whole(fold_of(folds), run)
    assert folds.info["num_units"] == 16
    config = SplitConfig(scheme="stratified", num_folds=3, on_leak="error")
    with pytest.raises(LeakError, match="overlapping windows of one series"):
        make_folds(table, config)


def test_a_giant_unit_is_named_with_its_cause():
    table = samples_table(["a", "b"] * 60)
    chain = duplicates_of([range(70), (80, 81)])
    finding = findings_of(make_folds(table, SplitConfig(test_fraction=0), chain))["giant_unit"]
    assert finding["values"] == {"num_samples": 70, "share": 0.5833, "cause": "near_duplicates"}
    assert "near duplicates alone up to 70" in finding["message"]
    assert "on_leak=warn" in finding["advice"]
    everything = duplicates_of([range(118)])
    with pytest.raises(SplitError, match=r"'a' has 2.*118 of 120 samples.*near duplicates alone"):
        make_folds(table, SplitConfig(test_fraction=0), everything)


def test_duplicates_of_other_samples_are_refused():
    other = duplicates_of([(0, 500)])
    with pytest.raises(SplitError, match=r"names 1 samples that there are not.*'s00500'"):
        make_folds(samples_table(["a", "b"] * 50), SplitConfig(), other)


@pytest.fixture
def few():
    """Four classes, of which two are rare, as ECG5000 has them."""
    return samples_table(["a"] * 60 + ["b"] * 40 + ["c"] * 4 + ["d"] * 2)


def test_rare_classes_can_be_dropped(few):
    folds = make_folds(few, SplitConfig(rare_classes="drop"))
    fold = fold_of(folds).to_numpy()
    assert set(fold[100:]) == {UNUSED}
    assert UNUSED not in set(fold[:100])
    assert "'d' has" in findings_of(folds)["rare_class"]["message"]


def test_rare_classes_can_be_kept(few):
    folds = make_folds(few, SplitConfig(rare_classes="keep", test_fraction=0))
    fold = fold_of(folds).to_numpy()
    assert len(set(fold[100:104])) == 4
    assert len(set(fold[104:])) == 2
    assert findings_of(folds)["rare_class"]["values"] == {"d": 2, "c": 4}
    ids = {i for parts in fold_parts(folds, few) for i in parts.oof}
    assert ids == set(few["sample_id"])


def test_the_error_on_a_rare_class_offers_what_works(few):
    with pytest.raises(SplitError) as refused:
        make_folds(few, SplitConfig(test_fraction=0))
    for offer in ("num_folds=2", "scheme=repeated", "rare_classes=drop", "rare_classes=keep"):
        assert offer in str(refused.value)
    for way in (
        {"num_folds": 2},
        {"num_folds": 2, "scheme": "repeated"},
        {"rare_classes": "drop"},
        {"rare_classes": "keep"},
    ):
        make_folds(few, SplitConfig(test_fraction=0, **way))


@pytest.mark.parametrize(
    ("scheme", "columns", "message"),
    [
        ("group", {}, "no sample has a group and no two are tied"),
        ("leave_one_group_out", {"group": ["g", None] * 20}, "20 of 40 have none.*'s00001'"),
        ("leave_one_group_out", {"group": "g"}, "two independent groups or more.*there is 1: g"),
        ("group", {"group": ["g", "h"] * 20}, "there are 2 independent units.*num_folds=2"),
    ],
)
def test_schemes_of_groups_say_what_they_lack(scheme, columns, message):
    table = samples_table(["a"] * 20 + ["b"] * 20, **columns)
    with pytest.raises(SplitError, match=message):
        make_folds(table, SplitConfig(scheme=scheme, test_fraction=0))


@pytest.mark.parametrize(
    ("column", "value"), [("label", "b"), ("group", "g"), ("sha256", "x"), ("target", 1.0)]
)
def test_folds_of_samples_that_changed_under_the_same_ids_are_refused(column, value):
    table = samples_table(["a"] * 50 + ["b"] * 50)
    if column == "target":
        table = table.rename(columns={"label": "target"}).assign(target=np.arange(100.0))
    folds = make_folds(table, SplitConfig())
    list(fold_parts(folds, table.sample(frac=1, random_state=0)))
    changed = table.astype({"group": object})
    changed.loc[7, column] = value
    with pytest.raises(SplitError, match=f"not what stands in {column}"):
        list(fold_parts(folds, changed))


def test_groups_that_are_all_in_the_test_part_or_tied_to_it_leave_none():
    table = samples_table("ab" * 10, group=["g1", "g2"] * 10)
    table.loc[1, "sha256"] = table.loc[0, "sha256"]
    config = SplitConfig(scheme="leave_one_group_out", test_groups=("g1",))
    with pytest.raises(SplitError, match="the test part there is none: all are in it or tied"):
        make_folds(table, config)


def test_samples_that_are_all_alike_are_said_to_be():
    table = samples_table(["a", "b"] * 20).assign(sha256="the same")
    with pytest.raises(
        SplitError, match=r"no sample outside .* Of the 40 samples all are tied .*"
    ):
        make_folds(table, SplitConfig(on_leak="group"))


def test_a_test_part_that_takes_all_is_refused():
    table = samples_table(["a", "b"] * 20, group="g", meta_part=["one"] * 20 + ["test"] * 20)
    with pytest.raises(SplitError, match="leaves no sample outside the test part"):
        make_folds(table, SplitConfig(test_groups="g"))
    with pytest.raises(SplitError, match=r"Fold 0 of .*predefined would have no sample"):
        make_folds(table, SplitConfig(scheme="predefined", column="part"))
