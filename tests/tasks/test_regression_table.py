import numpy as np
import pandas as pd
import pytest

from foldwise.tasks.predictions_table import PredictionsError
from foldwise.tasks.regression_table import (
    check_regression_predictions,
    ensemble,
    is_regression,
    pooled,
)

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def regression_predictions(
    size=90, num_steps=1, num_folds=3, num_test=0, repeats=1, levels=LEVELS, noise=1.0, seed=0
):
    """A predictions table as training on numbers writes it."""
    rng = np.random.default_rng(seed)
    target = rng.normal(10, 3, (size + num_test, num_steps))
    ids = np.array([f"s{i:04d}" for i in range(size + num_test)], dtype=object)
    tables = []
    for repeat in range(repeats):
        fold_of = rng.permutation(np.arange(size) % num_folds)
        for fold in range(num_folds):
            for part, rows in (
                ("oof", np.flatnonzero(fold_of == fold)),
                ("test", np.arange(size, size + num_test)),
            ):
                found = target[rows] + noise * rng.normal(size=(len(rows), num_steps))
                columns = {
                    "sample_id": np.repeat(ids[rows], num_steps),
                    "repeat": repeat,
                    "fold": fold,
                    "part": part,
                    "step": np.tile(np.arange(1, num_steps + 1), len(rows)),
                    "target": target[rows].ravel(),
                    "prediction": found.ravel(),
                }
                width = noise * rng.uniform(0.8, 1.2, found.size)
                normal = dict(zip(LEVELS, (-1.645, -0.674, 0, 0.674, 1.645), strict=True))
                for level in levels:
                    columns[f"q_{level:g}"] = found.ravel() + normal[level] * width
                tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def test_what_a_table_tells_of_itself():
    table = regression_predictions(num_steps=3)
    columns = check_regression_predictions(table)
    assert columns.num_steps == 3
    assert columns.levels == LEVELS
    assert columns.quantiles == ["q_0.05", "q_0.25", "q_0.5", "q_0.75", "q_0.95"]
    assert is_regression(table)
    assert not is_regression(pd.DataFrame(columns=["target", "p_a", "p_b"]))


def test_rows_are_sorted_into_samples_and_steps():
    table = regression_predictions(num_steps=2, num_test=6, levels=())
    columns = check_regression_predictions(table)
    shuffled = table.sample(frac=1, random_state=1)
    scales = {(0, fold): float(fold + 1) for fold in range(3)}
    rows = pooled(shuffled, columns, scales)
    assert rows.outcomes.quantiles.shape == (90, 2, 0)
    keyed = table[table["part"] == "oof"].set_index(["sample_id", "step"])
    for position in (0, 40, 89):
        for step in (1, 2):
            expected = keyed.loc[(rows.ids[position], step)]
            assert rows.outcomes.target[position, step - 1] == expected["target"]
            assert rows.outcomes.prediction[position, step - 1] == expected["prediction"]
            assert rows.outcomes.scale[position] == expected["fold"] + 1
    test = ensemble(shuffled, columns, scales)
    means = table[table["part"] == "test"].groupby(["sample_id", "step"])["prediction"].mean()
    np.testing.assert_allclose(test.outcomes.prediction.ravel(), means.to_numpy())
    np.testing.assert_allclose(test.outcomes.scale, 2.0)


def change(column, value, row=5):
    def changed(table):
        table.loc[row, column] = value
        return table

    return changed


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(columns=["step", "target"]), r"lacks the column\(s\) step, target"),
        (lambda t: t.rename(columns={"q_0.05": "q_5"}), "'q_5' .* names no quantile"),
        (lambda t: t.rename(columns={"q_0.05": "q_0.050"}), "'q_0.050' .* names no quantile"),
        (lambda t: t.assign(prediction="high"), "'prediction' .* holds no numbers"),
        (change("prediction", np.nan), "Row 5 .*'prediction' is not a finite number"),
        (change("target", np.inf), "Row 5 .*'target' is not a finite number"),
        (change("q_0.25", 1e6), "Row 5 .*quantiles cross, column 'q_0.25' is above 'q_0.5'"),
        (change("part", "train"), "neither 'oof' nor 'test'"),
        (change("step", 0), "Row 5 .*step 0.*none of 1, 2, 3"),
        (change("sample_id", None), "'sample_id' is empty"),
        (lambda t: t[t["part"] == "test"], "no row of part 'oof'"),
        (lambda t: pd.concat([t, t.iloc[[4]]]), "stand twice in one repeat of part 'oof'"),
        (lambda t: pd.concat([t, t.iloc[[-1]]]), "stand twice for one model in part 'test'"),
        (lambda t: t.drop(index=4), "lacks some of the steps 1 to 2"),
        (lambda t: t.drop(index=[t.index[-1], t.index[-2]]), "only some of the 3 models predict"),
        (lambda t: t.assign(sample_id=t["sample_id"].replace("s0090", "s0001")), "a leak"),
    ],
)
def test_what_cannot_be_scored_is_told(spoil, message):
    table = spoil(regression_predictions(num_steps=2, num_test=4))
    with pytest.raises(PredictionsError, match=message):
        check_regression_predictions(table)


def test_one_target_per_sample_and_step():
    table = regression_predictions(num_test=4)
    last = table.index[-1]
    table.loc[last, "target"] += 1
    with pytest.raises(PredictionsError, match="more than one target"):
        check_regression_predictions(table)


def test_quantiles_that_differ_by_rounding_do_not_cross():
    table = regression_predictions()
    table["q_0.25"] = table["q_0.5"] * (1 + 1e-12)
    assert check_regression_predictions(table).levels == LEVELS
