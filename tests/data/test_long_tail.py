import numpy as np
import pandas as pd
import pytest

from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.long_tail import long_tail

# CIFAR-10-LT of imbalance factor 100, as its users count it.
EXPECTED = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def cifar_like():
    classes = tuple("abcdefghij")
    labels = np.repeat(classes, 6000)
    split = np.tile(np.repeat(["train", "test"], [5000, 1000]), 10)
    ids = [f"{split[i]}/{labels[i]}/{i % 6000:04d}" for i in range(60_000)]
    return pd.DataFrame({"sample_id": ids, "label": labels, "official_split": split}), classes


def test_the_counts_are_the_published_ones_and_the_test_part_stays():
    table, classes = cifar_like()
    kept = table.iloc[long_tail(table, classes, 100)]
    counts = kept[kept["official_split"] == "train"]["label"].value_counts()
    assert counts.reindex(classes).tolist() == EXPECTED
    assert (kept["official_split"] == "test").sum() == 10_000


def test_what_is_kept_does_not_depend_on_the_order_of_the_rows():
    table, classes = cifar_like()
    table = table.iloc[::7].reset_index(drop=True)
    shuffled = table.sample(frac=1, random_state=0).reset_index(drop=True)
    one = set(table["sample_id"].iloc[long_tail(table, classes, 20)])
    other = set(shuffled["sample_id"].iloc[long_tail(shuffled, classes, 20)])
    assert one == other
    first_in_order = table[table["label"] == "j"].head(5)["sample_id"]
    assert not set(first_in_order) <= one  # a draw, not the first ones


def test_without_an_official_split_all_samples_are_thinned(tmp_path):
    config = IngestConfig.of(source={"kind": "digits"}, long_tail=10)
    samples = ingest(config, tmp_path / "samples").samples
    counts = samples.table["label"].value_counts().reindex(samples.classes)
    assert counts.iloc[0] == 178  # digit 0 keeps all of its 178; the largest class has 183
    assert counts.iloc[9] == 18
    assert counts.is_monotonic_decreasing
    assert len(samples.x) == len(samples.table)


def test_a_factor_of_one_or_less_is_refused():
    with pytest.raises(ValueError, match="greater than 1"):
        IngestConfig.of(long_tail=1)
