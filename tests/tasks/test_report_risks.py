from types import SimpleNamespace

import pytest

from foldwise.tasks.report_risks import calibration_risks, label_risks, training_risks
from foldwise.tasks.report_verdict import Gravity


@pytest.mark.parametrize(
    ("verdict", "number"),
    [("overfitting", 1), ("underfitting", 1), ("fine", 0), ("unknown", 0)],
)
def test_over_and_underfitting_are_risks_of_use(verdict, number):
    sentences = ("Overfitting: in 3 of 3 folds it rises by 5.0%. The weights ...", "A gap.")
    found = training_risks(verdict, sentences)
    assert len(found) == number
    for risk in found:
        assert risk.gravity is Gravity.USE
        assert risk.text == "Overfitting: in 3 of 3 folds it rises by 5.0%."


def calibration(mass, gap, parts=("oof",)):
    before = SimpleNamespace(
        mass_error=SimpleNamespace(p_value=mass), test=SimpleNamespace(gap_p_value=gap)
    )
    return SimpleNamespace(
        parts={name: SimpleNamespace(before=before) for name in parts},
        config=SimpleNamespace(confidence=0.95),
        sentences=("The network is over-confident (out of fold): it says 90 %.",),
    )


@pytest.mark.parametrize(
    ("mass", "gap", "number"), [(0.4, 0.3, 0), (0.01, 0.3, 1), (0.4, 0.01, 1), (0.06, 0.06, 0)]
)
def test_probabilities_that_chance_does_not_explain_are_a_risk(mass, gap, number):
    assert len(calibration_risks(calibration(mass, gap))) == number


def test_a_regression_has_no_calibration_to_be_wrong():
    assert calibration_risks(calibration(0.0, 0.0, parts=())) == []


def test_many_labels_that_are_likely_wrong_are_a_risk():
    assert label_risks(2, 100) == []
    assert label_risks(0, 100) == []
    (risk,) = label_risks(3, 100)
    assert risk.gravity is Gravity.MEANING
    assert "3 of 100 labels (3.0%)" in risk.text
