import numpy as np
import pytest
from audited import findings, found, samples_of

SIZE = 60


def series(change=None, **columns):
    x = np.random.default_rng(0).normal(size=(SIZE, 30, 2)).astype(np.float32)
    if change is not None:
        change(x)
    return samples_of(x, ["a", "b"] * (SIZE // 2), modality="series", **columns)


def texts(lengths):
    x = np.random.default_rng(0).integers(1, 20, (len(lengths), max(lengths))).astype(np.int32)
    for row, length in zip(x, lengths, strict=True):
        row[length:] = 0
    labels = ["a", "b"] * (len(lengths) // 2)
    return samples_of(x, labels, modality="tokens", length=np.array(lengths))


def test_series_that_never_change_are_found():
    def change(x):
        x[3] = [7, -2]
        x[5] = np.nan
        x[9, :, 0] = 1  # one dead channel of two

    (finding,) = found("constant_series", series(change))
    assert finding.sample_ids == (("s3",), ("s5",))


def test_padding_is_not_part_of_a_series():
    lengths = np.full(SIZE, 30)
    lengths[4] = 10

    def change(x):
        x[4, :10] = 5
        x[4, 10:] = 0

    (finding,) = found("constant_series", series(change, length=lengths))
    assert finding.sample_ids == (("s4",),)


def test_long_gaps_are_found_and_scattered_ones_are_not():
    def change(x):
        x[2, 5:15, 1] = np.nan
        x[7, ::2, 0] = np.nan

    (finding,) = found("missing_runs", series(change))
    assert finding.sample_ids == (("s2",),)
    assert finding.values == {"count": 1, "longest": 10}


def test_complete_series_give_no_finding():
    assert findings(series()) == ()


def test_empty_and_single_token_texts_are_found():
    lengths = list(np.random.default_rng(0).integers(5, 40, SIZE))
    lengths[3], lengths[8] = 0, 1
    (finding,) = found("short_samples", texts(lengths))
    assert finding.severity == "warn"
    assert finding.sample_ids == (("s3",), ("s8",))
    assert finding.values == {"empty": 1, "single": 1}


def test_texts_that_are_cut_off_are_found():
    lengths = np.random.default_rng(0).geometric(0.02, 400)
    (finding,) = found("truncated_samples", texts(list(np.minimum(lengths, 60))))
    assert finding.values["length"] == 60
    assert finding.values["count"] == (lengths >= 60).sum()


@pytest.mark.parametrize(
    "lengths",
    [
        5 + np.random.default_rng(0).geometric(0.02, 400),
        np.random.default_rng(0).integers(2, 9, 400),
        np.full(400, 57),
    ],
    ids=["whole", "short", "equal"],
)
def test_texts_of_their_own_length_are_no_finding(lengths):
    assert found("truncated_samples", texts(list(lengths))) == []
    assert found("short_samples", texts(list(lengths))) == []
