import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from foldwise.metrics.estimates import point_metrics
from foldwise.metrics.regression_intervals import Outcomes
from foldwise.metrics.regression_intervals import point_metrics as point_metrics_of_numbers
from foldwise.tasks.evaluate import EvaluateConfig, evaluate
from foldwise.tasks.glossary import glossary_entries, glossary_entry


def classification_names(beta=2.0):
    probabilities = np.eye(2)[[0, 1, 1, 0]] * 0.8 + 0.1
    averages, classes = point_metrics(np.array([0, 1, 0, 1]), probabilities, beta=beta)
    return [*averages, *classes]


def regression_names():
    numbers = np.arange(4.0)[:, None]
    quantiles = numbers[..., None] + np.array([-1.0, 0.0, 1.0])
    levels = np.array([0.05, 0.5, 0.95])
    return [*point_metrics_of_numbers(Outcomes(numbers, numbers, quantiles, levels, np.ones(4)))]


def names_in_json():
    table = pd.DataFrame({"sample_id": list("abcdefgh"), "repeat": 0, "part": "oof"})
    table["fold"] = [0, 1] * 4
    table["target"] = ["no", "no", "yes", "yes"] * 2
    table["p_no"] = np.linspace(0.9, 0.2, 8)
    table["p_yes"] = 1 - table["p_no"]
    scores = evaluate(table, None, EvaluateConfig(num_resamples=100)).metrics["oof"]
    return [name for name, entry in scores.items() if isinstance(entry, dict)]


@pytest.mark.parametrize(
    "names",
    [classification_names(), classification_names(0.5), regression_names(), names_in_json()],
    ids=["classes", "another beta", "numbers", "json"],
)
def test_every_metric_has_an_entry_of_its_own_and_is_explained(names):
    assert len(names) > 7
    for name in names:
        entry = glossary_entry(name)
        assert entry.name == name
        assert all((entry.label, entry.definition, entry.formula, entry.range, entry.misleads))
        assert entry.definition.endswith(".")
        assert entry.misleads.endswith(".")
    explained = [entry.name for entry in glossary_entries(names)]
    assert len(explained) == len(set(explained)) <= len(names)


def test_synonyms_lead_to_the_metric():
    assert {"TPR", "sensitivity", "true-positive rate"} <= set(glossary_entry("recall").synonyms)
    assert "TNR" in glossary_entry("specificity").synonyms
    assert "PPV" in glossary_entry("precision").synonyms
    assert "negative predictive value" in glossary_entry("npv").synonyms


def test_an_average_says_what_it_averages():
    entry = glossary_entry("weighted_f0.5")
    assert entry.label == "weighted F0.5"
    assert "0.25" in entry.formula
    assert "sum n_k m_k / n" in entry.formula
    assert glossary_entry("coverage_90").range.startswith("0 to 1; 0.9 is right")


def test_the_formula_of_f_beta_is_that_of_scikit_learn():
    from sklearn.metrics import fbeta_score

    hits, misses, alarms = 5, 3, 2
    target = [1] * (hits + misses) + [0] * (alarms + 4)
    predicted = [1] * hits + [0] * misses + [1] * alarms + [0] * 4
    formula = glossary_entry("f3").formula
    for name, count in (("TP", hits), ("FN", misses), ("FP", alarms)):
        formula = formula.replace(f") {name}", f") * {count}").replace(f"9 {name}", f"9 * {count}")
        formula = formula.replace(name, str(count))
    assert eval(formula) == pytest.approx(fbeta_score(target, predicted, beta=3))


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no metric 'macro_luck'.*accuracy, balanced_accuracy"):
        glossary_entry("macro_luck")


def test_the_glossary_needs_no_heavy_import():
    code = (
        "import sys; from foldwise.tasks.glossary import glossary_entries; "
        "assert glossary_entries(['macro_f1', 'mae']); "
        "assert not {'torch', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
