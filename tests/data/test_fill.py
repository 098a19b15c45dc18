import numpy as np
import pandas as pd
import pytest

from foldwise.data.balance import BalanceConfig, BalanceError, plan_balance
from foldwise.data.balance.config import Gan, Oversample
from foldwise.data.balance.fill import lacking, with_places
from foldwise.data.folds import SplitConfig, fold_parts, make_folds


def table_of(**counts):
    labels = [name for name, count in counts.items() for _ in range(count)]
    return pd.DataFrame(
        {
            "sample_id": [f"s{i:03d}" for i in range(len(labels))],
            "label": labels,
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [str(i) for i in range(len(labels))],
        }
    )


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.3])
def test_classes_lack_what_oversampling_would_repeat(ratio):
    table = table_of(common=60, middle=22, rare=18)
    folds = make_folds(table, SplitConfig(num_folds=2))
    repeated = plan_balance(table, folds, BalanceConfig.of(method="oversample", ratio=ratio))
    for parts in fold_parts(folds, table):
        labels = table.set_index("sample_id")["label"].reindex(list(parts.train))
        planned = repeated[repeated["fold"] == parts.fold]
        own = labels.value_counts()
        wanted = planned["sample_id"].map(table.set_index("sample_id")["label"]).value_counts()
        expected = {name: n for name, n in (wanted - own).to_dict().items() if n > 0}
        assert lacking(labels.to_numpy(dtype=object), ratio) == expected


def test_an_epoch_is_as_long_as_that_of_oversampling():
    table = table_of(common=60, middle=22, rare=18)
    folds = make_folds(table, SplitConfig(num_folds=2))
    labels = table.set_index("sample_id")["label"]
    plan = plan_balance(table, folds, BalanceConfig.of(method="gan"))
    sizes = with_places(plan, labels, Gan()).groupby("fold").size()
    repeated = plan_balance(table, folds, BalanceConfig.of(method="oversample"))
    assert sizes.to_dict() == repeated.groupby("fold").size().to_dict()
    assert with_places(repeated, labels, Oversample()) is repeated


def test_a_class_with_two_samples_is_refused_by_its_name():
    table = table_of(common=40, rare=4)
    folds = make_folds(table, SplitConfig(num_folds=2, test_fraction=0, validation_fraction=0.01))
    with pytest.raises(BalanceError, match=r"'rare' has [12], and balance.min_real=3") as refused:
        plan_balance(table, folds, BalanceConfig.of(method="gan"))
    assert "oversample" in str(refused.value)
    # A class that is not to be filled up may be as small as it is.
    plan_balance(table, folds, BalanceConfig.of(method="gan", ratio=0.05))


def test_nothing_lacks_in_an_empty_part():
    assert lacking(np.array([], dtype=object), 1.0) == {}
