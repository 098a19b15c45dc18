import numpy as np
import pandas as pd
import pytest
from audited import findings, found, samples_of, table_of
from hypothesis import given, settings
from hypothesis import strategies as st

from foldwise.data.audit.time_order import spans
from foldwise.data.time_steps import overlapping_windows, time_spans


def windows(starts, length=5, series=None, **columns):
    """Make windows of `length` steps, of noise."""
    starts = np.asarray(starts)
    x = np.random.default_rng(0).normal(size=(len(starts), 8, 1)).astype(np.float32)
    return samples_of(
        x,
        (["a", "b"] * len(starts))[: len(starts)],
        modality="series",
        series=["one"] * len(starts) if series is None else series,
        time=starts,
        time_end=starts + length - 1,
        **columns,
    )


def test_windows_side_by_side_are_no_finding():
    assert findings(windows(np.arange(0, 200, 5))) == ()


def test_windows_that_share_a_step_are_found():
    (finding,) = found("overlapping_windows", windows(np.arange(0, 160, 4)))
    assert finding.values == {"count": 39, "share": 39 / 40}
    assert finding.sample_ids[:2] == (("s0", "s1"), ("s1", "s2"))


def test_windows_of_two_series_never_overlap():
    series = ["one", "two"] * 20
    starts = np.repeat(np.arange(20) * 5, 2)
    assert found("overlapping_windows", windows(starts, series=series)) == []


def test_windows_that_a_group_keeps_together_are_no_finding():
    starts = np.arange(40) * 4
    assert found("overlapping_windows", windows(starts, group=["one"] * 40)) == []


def test_dates_are_times():
    starts = pd.date_range("2020-01-01", periods=30, freq="D")
    samples = windows(np.arange(30) * 5)
    samples.table["time"] = starts
    samples.table["time_end"] = starts + pd.Timedelta(days=1)
    (finding,) = found("overlapping_windows", samples)
    assert finding.values["count"] == 29
    assert found("irregular_times", samples) == []


spans_strategy = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 6), st.sampled_from(["train", "val", "test"])),
    min_size=2,
    max_size=25,
)


@settings(deadline=None, max_examples=40)
@given(spans_strategy)
def test_shared_moments_are_those_that_comparing_all_with_all_finds(made):
    starts = np.array([start for start, _, _ in made])
    ends = starts + np.array([length for _, length, _ in made]) - 1
    parts = np.array([part for _, _, part in made])
    samples = windows(starts, official_split=list(parts))
    samples.table["time_end"] = ends
    share = (starts[:, None] <= ends) & (starts <= ends[:, None])
    np.fill_diagonal(share, val=False)
    overlapping = found("overlapping_windows", samples)
    assert bool(overlapping) == share.any()
    if overlapping:  # the split's own numbering of runs, found by counting steps
        runs = overlapping_windows(samples.table, time_spans(samples.table))
        assert overlapping[0].values["count"] == len(runs) - len(np.unique(runs))
    across = found("windows_across_official_split", samples)
    assert bool(across) == (share & (parts[:, None] != parts)).any()


def test_windows_on_both_sides_of_the_official_split_are_an_error():
    samples = windows([0, 3, 10], official_split=["train", "test", "test"])
    (finding,) = found("windows_across_official_split", samples)
    assert finding.severity == "error"
    assert finding.sample_ids == (("s1",),)


def test_samples_of_no_series_may_share_moments():
    """As whole series that were all recorded from 0 to 29 do, or the rows of a year."""
    parts = ["train"] * 30 + ["test"] * 10
    whole = windows([0] * 40, 30, official_split=parts)
    del whole.table["series"]
    assert found("overlapping_windows", whole) == []
    assert found("windows_across_official_split", whole) == []
    moments = windows([2020] * 40, official_split=parts)
    del moments.table["time_end"]
    assert found("windows_across_official_split", moments) == []
    of_one_year = table_of({"f": np.arange(40.0)}, ["a", "b"] * 20)
    of_one_year.table["time"], of_one_year.table["official_split"] = 2020, parts
    assert found("windows_across_official_split", of_one_year) == []


def test_overlapping_windows_are_on_one_side_of_the_folds_in_which_shortcuts_are_tried():
    """Labels have nothing to do with what is missing, but both last longer than a stride."""
    told = 0
    for seed in range(6):
        generator = np.random.default_rng(seed)
        begin = np.arange(0, 7800, 10)
        values = np.where(generator.random(8000) < 0.1, np.nan, generator.normal(size=8000))
        x = values[begin[:, None] + np.arange(200)][:, :, None].astype(np.float32)
        labels = generator.integers(0, 2, 20)[begin // 400]
        samples = samples_of(
            x, labels, modality="series", series="one", time=begin, time_end=begin + 199
        )
        told += len(found("visible_shortcut", samples))
    assert told <= 1  # three, were each window its own unit


def test_a_split_against_time_speaks_of_series_only_where_there_are_any():
    parts = ["test"] * 10 + ["train"] * 30
    samples = windows(np.arange(40) * 5, official_split=parts)
    (finding,) = found("official_split_against_time", samples)
    assert finding.message.endswith("later than the first test sample of their series.")
    del samples.table["series"]
    (finding,) = found("official_split_against_time", samples)
    assert finding.message.endswith("later than the first test sample.")


def test_a_split_against_time_is_found():
    parts = ["test"] * 10 + ["train"] * 30
    (finding,) = found(
        "official_split_against_time", windows(np.arange(40) * 5, official_split=parts)
    )
    assert finding.values == {"count": 30, "share": 1}
    in_order = windows(np.arange(40) * 5, official_split=parts[::-1])
    assert found("official_split_against_time", in_order) == []


def test_moments_that_occur_twice_in_a_series_are_found():
    starts = [*range(0, 100, 5), 50]
    (finding,) = found("repeated_times", windows(starts))
    assert finding.sample_ids == (("s10", "s20"),)
    other = ["one"] * 20 + ["two"]
    assert found("repeated_times", windows(starts, series=other)) == []


def test_a_panel_without_series_is_not_taken_for_repeats():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(100, 3)).astype(np.float32)
    panel = samples_of(x, ["a", "b"] * 50, modality="table", time=np.repeat(np.arange(10), 10))
    assert found("repeated_times", panel) == []


def test_a_large_gap_is_found():
    starts = np.concatenate([np.arange(0, 100, 5), np.arange(500, 600, 5)])
    (finding,) = found("irregular_times", windows(starts))
    assert finding.values["gaps"] == 1
    assert finding.values["longest"] == pytest.approx(81)
    assert finding.sample_ids == (("s20",),)


def test_uneven_steps_are_found():
    starts = np.cumsum(np.random.default_rng(0).geometric(0.1, 60)) * 5
    (finding,) = found("irregular_times", windows(starts))
    assert finding.values["uneven_share"] > 0.3


def test_working_days_are_regular():
    days = pd.bdate_range("2020-01-01", periods=200)
    samples = windows(np.arange(200) * 5)
    samples.table["time"] = samples.table["time_end"] = days
    assert found("irregular_times", samples) == []


def test_gaps_between_two_series_do_not_count():
    starts = np.concatenate([np.arange(0, 100, 5), np.arange(10_000, 10_100, 5)])
    series = ["one"] * 20 + ["two"] * 20
    assert found("irregular_times", windows(starts, series=series)) == []


def test_samples_without_a_moment_are_left_out():
    samples = windows([5, 0, 10])
    samples.table["time"] = [5.0, np.nan, 0.0]
    assert spans(samples.table)["sample_id"].tolist() == ["s2", "s0"]
