import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from foldwise.data.time_steps import NEVER, overlapping_windows, time_spans, window_blocks
from foldwise.data.units import connect, find_ties

codes_strategy = st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 6)), max_size=30)


@settings(max_examples=80, deadline=None)
@given(codes_strategy)
def test_units_are_the_chains_of_ties(pairs):
    """Against a union by repeated merging."""
    ties = [np.array([pair[i] for pair in pairs], dtype=np.int64) for i in (0, 1)]
    expected = list(range(len(pairs)))
    for _ in pairs:
        for codes in ties:
            for i in range(len(pairs)):
                for j in range(i):
                    if codes[i] == codes[j] >= 0:
                        expected[i] = expected[j] = min(expected[i], expected[j])
    units = connect(ties, len(pairs))
    assert [expected.index(e) for e in expected] == [units.tolist().index(u) for u in units]


def test_units_follow_chains_of_groups_and_contents():
    rows = pd.DataFrame({"group": ["g", "g", None, None, None], "sha256": list("12234")})
    ties = find_ties(rows.assign(sample_id=list("abcde")), None, None)
    assert connect([tie.codes for tie in ties.values()], 5).tolist() == [0, 0, 0, 1, 2]


def test_the_sets_of_the_audit_are_ties():
    rows = pd.DataFrame({"sample_id": list("abcdef"), "group": None, "sha256": list("xxyzvw")})
    duplicates = pd.DataFrame(
        {"sample_id": ["f", "c", "d", "e"], "exact": None, "near": [1, 1, 0, 0]}
    )
    ties = find_ties(rows, duplicates, None)
    sets = {check: pd.Series(list("abcdef")).groupby(t.codes).sum() for check, t in ties.items()}
    assert {s for s in sets["exact_duplicates"] if len(s) > 1} == {"ab"}
    assert set(sets["near_duplicates"].drop(index=-1)) == {"cf", "de"}


windows_strategy = st.lists(
    st.tuples(st.sampled_from("pq"), st.integers(0, 40), st.integers(0, 5)), max_size=25
)


@settings(max_examples=80, deadline=None)
@given(windows_strategy)
def test_overlapping_windows_of_one_series_are_one_run(windows):
    series, first, length = ([w[i] for w in windows] for i in range(3))
    rows = pd.DataFrame({"series": series, "time": first, "time_end": np.add(first, length)})
    rows = rows.astype({"time": "int64", "time_end": "int64"}).assign(sample_id="s")
    spans = time_spans(rows)

    def overlap(i, j):
        one, two = rows.iloc[i], rows.iloc[j]
        meet = one["time"] <= two["time_end"] and two["time"] <= one["time_end"]
        return one["series"] == two["series"] and meet

    size = len(rows)
    pairs = [(i, j) for i in range(size) for j in range(size) if overlap(i, j)]
    adjacency = [np.full(size, -1) for _ in pairs]
    for number, pair in enumerate(pairs):
        adjacency[number][list(pair)] = number
    expected = connect(adjacency, size)
    runs = overlapping_windows(rows, spans)
    assert connect([runs], size).tolist() == expected.tolist()
    blocks = window_blocks(rows, spans)
    for block in set(blocks):
        members = rows[blocks == block].sort_values(["time", "time_end"])
        assert members["series"].nunique() == 1
        assert (members["time"] <= members["time_end"].iloc[0]).all()
        others = rows[(blocks > block) & (rows["series"] == members["series"].iloc[0])]
        assert (others["time"] > members["time_end"].iloc[0]).all()


def test_steps_count_distinct_moments_of_any_type():
    days = pd.to_datetime(["2024-01-03", "2024-01-01", None, "2024-02-01"])
    rows = pd.DataFrame({"sample_id": list("abcd"), "time": days})
    spans = time_spans(rows)
    assert spans.first.tolist() == spans.last.tolist() == [1, 0, NEVER, 2]
    ends = rows.assign(time_end=pd.to_datetime(["2024-01-09", None, None, "2024-02-01"]))
    spans = time_spans(ends)
    assert spans.first.tolist() == [1, 0, NEVER, 3]
    assert spans.last.tolist() == [2, 0, NEVER, 3]
    assert spans.touch(spans.of(np.array([0, 2]))).tolist() == [True, False, False, False]
    assert spans.within(0, 2).tolist() == [True, True, False, False]
    assert spans.widened(1, 0).first.tolist() == [0, 0, NEVER, 2]
