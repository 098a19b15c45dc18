"""How much better the winner's inner score is than its outer one, from tables alone."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.training_sizes import training_sizes
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.result import studies_record, trials_table
from foldwise.tasks.search.scores import search_scores
from foldwise.tasks.search.trial import (
    Candidate,
    PartScore,
    StudyResult,
    StudySpec,
    TrialRecord,
)

CONFIG = SearchConfig.of(
    space=[{"path": "train_mlp.seed", "kind": "int", "low": 0, "high": 9}], sampler="random"
)
SIZE = 90


def rows(**columns):
    return pd.DataFrame(
        {
            "sample_id": [f"s{i:02d}" for i in range(SIZE)],
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [str(i) for i in range(SIZE)],
            **columns,
        }
    )


def folds_of(table):
    return make_folds(table, SplitConfig(num_folds=3, test_fraction=0))


def result_of(objective, inner):
    """A study of two trials, whose second one wins with these scores of the parts."""
    keys = tuple((0, fold) for fold in range(len(inner)))
    direction = "maximize" if objective == "val_f1" else "minimize"
    name = "made_mlp"
    spec = StudySpec(name, keys, False, len(keys), 5, (direction,), (objective,), "hash")

    def trial(number, scores):
        parts = tuple(
            PartScore(*key, 0, score, 5, 4, (), 1.0)
            for key, score in zip(keys, scores, strict=True)
        )
        params = {"train_mlp.seed": number}
        return TrialRecord(name, number, "complete", (np.mean(scores),), params, parts, 3.0)

    trials = (trial(0, [0.1] * len(keys)), trial(1, inner))
    winner = Candidate({"train_mlp.seed": 1}, {})
    return StudyResult(spec, trials, winner, 1, trials[1].values, (1,))


def scored(objective, inner, predictions, table, folds):
    results = [result_of(objective, inner)]
    return search_scores(
        studies_record("mlp", results, CONFIG, "journal"),
        trials_table(results, CONFIG),
        predictions,
        folds,
        training_sizes(folds, table),
        EvaluateConfig(num_resamples=100),
    )


def corrected(pairs, ratio):
    """Mean and limits by Nadeau and Bengio, written out."""
    error = np.sqrt(pairs.var(ddof=1) * (1 / len(pairs) + ratio))
    half = stats.t.ppf(0.975, len(pairs) - 1) * error
    return pairs.mean(), pairs.mean() - half, pairs.mean() + half


def test_the_optimism_of_classes_is_inner_less_outer_macro_f1_fold_by_fold():
    random = np.random.default_rng(0)
    table = rows(label=np.where(random.random(SIZE) < 0.3, "a", "b"))
    folds = folds_of(table)
    fold = folds.table["fold"].to_numpy()
    tables = []
    for method, noise in (("winner", 0.5), ("defaults", 1.5)):
        p = 1 / (1 + np.exp(-((table["label"] == "a") - 0.5 + noise * random.normal(size=SIZE))))
        tables.append(
            pd.DataFrame(
                {
                    "method": method,
                    "sample_id": table["sample_id"],
                    "repeat": 0,
                    "fold": fold,
                    "part": "oof",
                    "target": table["label"],
                    "p_a": p,
                    "p_b": 1 - p,
                }
            )
        )
    inner = [0.9, 0.95, 0.85]
    found = scored("val_f1", inner, pd.concat(tables, ignore_index=True), table, folds)
    outer = {
        of["method"].iloc[0]: np.array(
            [
                f1_score(
                    own["target"], np.where(own["p_a"] > own["p_b"], "a", "b"), average="macro"
                )
                for _, own in of.groupby("fold")
            ]
        )
        for of in tables
    }
    sizes = training_sizes(folds, table).to_numpy()
    ratio = np.mean(np.bincount(fold) / sizes)
    assert found.optimism[:3] == pytest.approx(corrected(inner - outer["winner"], ratio))
    assert found.difference[:3] == pytest.approx(
        corrected(outer["winner"] - outer["defaults"], ratio)
    )
    # A search in the first fold alone is compared with the first outer fold alone.
    first = scored("val_f1", inner[:1], pd.concat(tables, ignore_index=True), table, folds)
    assert first.optimism.difference == pytest.approx(inner[0] - outer["winner"][0])
    assert np.isnan(first.optimism.low)


@pytest.mark.parametrize("has_unit", [True, False])
def test_the_optimism_of_numbers_is_in_standardised_targets(has_unit):
    random = np.random.default_rng(1)
    table = rows(target=100 + 20 * random.normal(size=SIZE))
    folds = folds_of(table)
    fold = folds.table["fold"].to_numpy()
    said = table["target"] + 5 * random.normal(size=SIZE)
    predictions = pd.DataFrame(
        {
            "method": "winner",
            "sample_id": table["sample_id"],
            "repeat": 0,
            "fold": fold,
            "part": "oof",
            "step": 1,
            "target": table["target"],
            "prediction": said,
        }
    )
    if has_unit:
        predictions["standardised_error"] = (said - table["target"]).abs() / 20
    inner = np.array([0.1, 0.12, 0.14])
    found = scored("val_mae", inner, predictions, table, folds)
    if not has_unit:
        assert found.optimism is None
        return
    outer = [predictions.loc[fold == k, "standardised_error"].mean() for k in range(3)]
    assert found.optimism.difference == pytest.approx(np.mean(inner - outer))
    assert found.outer["winner"]["oof"].value == pytest.approx(
        (said - table["target"]).abs().mean()
    )


def test_the_optimism_of_a_loss_is_undefined_and_said():
    random = np.random.default_rng(0)
    table = rows(label=np.where(random.random(SIZE) < 0.5, "a", "b"))
    folds = folds_of(table)
    p = random.random(SIZE)
    columns = {"repeat": 0, "fold": folds.table["fold"], "part": "oof", "target": table["label"]}
    predictions = table[["sample_id"]].assign(method="winner", **columns, p_a=p, p_b=1 - p)
    found = scored("val_loss", [0.3, 0.4, 0.5], predictions, table, folds)
    assert found.optimism is None
    assert any("undefined" in note for note in found.notes)
