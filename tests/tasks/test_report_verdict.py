import pytest

from foldwise.tasks.report_verdict import (
    Gravity,
    Risk,
    audit_risks,
    baseline_sentence,
    first_sentence,
    risk_sentence,
    score_risks,
    score_sentence,
    split_risks,
)

SHOWN = {
    "oof": "0.9573",
    "test": "0.9500",
    "oof_interval": "0.9452 to 0.9663",
    "test_interval": "0.9300 to 0.9700",
    "confidence": "95%",
    "num_oof": "1,527",
    "num_test": "270",
}
OOF = {"value": 0.9573, "low": 0.9452, "high": 0.9663, "method": "BCa bootstrap"}
TEST = {"value": 0.95, "low": 0.93, "high": 0.97, "method": "BCa bootstrap"}


def finding(check, severity="warn", message="Something is odd. See below."):
    return {"check": check, "severity": severity, "message": message}


def test_the_score_has_its_interval_and_how_it_was_found():
    assert score_sentence("macro F1", OOF, TEST, SHOWN) == (
        "On 1,527 samples that the predicting network had not seen, macro F1 is 0.9573 (95% "
        "interval 0.9452 to 0.9663, BCa bootstrap); on the 270 held-out ones it is 0.9500 "
        "(0.9300 to 0.9700)."
    )


def test_an_undefined_score_is_called_so_and_no_number_is_made_up():
    nothing = {"value": None, "low": None, "high": None, "method": "undefined"}
    text = score_sentence("macro F1", nothing, nothing, SHOWN | {"oof_interval": ""})
    assert text == "Macro F1 is undefined on the 1,527 out-of-fold samples."


def test_a_score_without_limits_shows_none():
    text = score_sentence("R²", OOF, None, SHOWN | {"oof_interval": ""})
    assert text.endswith("R² is 0.9573.")


def test_the_first_line_on_the_baselines_is_the_verdict():
    assert baseline_sentence(["The network is worth it: ...", "Left out: svm."]) == (
        "The network is worth it: ..."
    )
    assert "not known" in baseline_sentence([])


@pytest.mark.parametrize("gravest", [0, 1, 2])
def test_the_gravest_risk_is_told_wherever_it_stands(gravest):
    risks = [Risk(Gravity.USE, "the curves", f"risk {number}.") for number in range(3)]
    risks[gravest] = Risk(Gravity.SCORE, "the split", "two parts share a group.")
    assert risk_sentence(risks, ["the split"]) == (
        "The biggest risk, found by the split (2 more below): two parts share a group."
    )


def test_of_equal_risks_the_first_is_told():
    risks = [Risk(Gravity.MEANING, "a", "first."), Risk(Gravity.MEANING, "b", "second.")]
    assert "first." in risk_sentence(risks, [])


def test_no_risk_says_where_it_was_looked_for():
    text = risk_sentence([], ["the audit", "the split", "the slices"])
    assert "No risk was found by the audit, the split and the slices" in text


def test_a_leak_outweighs_all_else():
    leak = finding("group", "error", "2 groups stand in more than one part (a; b).")
    risks = split_risks([finding("giant_unit"), leak]) + audit_risks([finding("target_leak")])
    assert [risk.gravity for risk in risks] == [Gravity.MEANING, Gravity.SCORE, Gravity.SCORE]
    assert "2 groups stand" in risk_sentence(risks, [])


@pytest.mark.parametrize("check", ["tied_to_test", "purged_before_test"])
def test_samples_that_were_set_aside_are_no_risk(check):
    assert split_risks([finding(check)]) == []


@pytest.mark.parametrize(
    ("check", "severity", "gravity"),
    [
        ("target_leak", "warn", Gravity.SCORE),
        ("undeclared_group", "error", Gravity.SCORE),
        ("visible_shortcut", "warn", Gravity.MEANING),
        ("visible_shortcut", "info", None),
        ("near_duplicates", "warn", None),  # the split keeps them together
        ("class_imbalance", "warn", None),  # what macro scores are for
    ],
)
def test_findings_of_the_audit_count_by_what_they_put_at_risk(check, severity, gravity):
    assert [risk.gravity for risk in audit_risks([finding(check, severity)])] == [
        value for value in [gravity] if value is not None
    ]


def test_every_check_that_is_weighed_exists():
    from foldwise.data.audit.audit import CHECKS
    from foldwise.tasks import report_verdict

    names = {check.name for check in CHECKS}
    assert {*report_verdict._OF_THE_SCORE, *report_verdict._OF_ITS_MEANING} <= names


def test_few_units_and_wide_intervals_are_risks():
    metrics = {"num_samples": 300, "num_independent_units": 12, "f1": OOF | {"low": 0.8}}
    few, wide = score_risks(metrics, "f1", num_classes=3)
    assert "only 12 independent units" in few.text
    assert few.gravity > wide.gravity
    assert "from 0.800 to 0.966" in wide.text
    assert score_risks({"num_samples": 300, "f1": OOF}, "f1", num_classes=3) == []
    wide_mae = {"value": 5.0, "low": 2.0, "high": 9.0}
    assert score_risks({"num_samples": 300, "mae": wide_mae}, "mae", num_classes=0) == []


def test_classes_that_are_never_predicted_are_a_risk():
    names = [f"c{i}" for i in range(7)]
    (risk,) = score_risks({"num_samples": 300, "f1": OOF}, "f1", 9, names)
    assert "7 of 9 classes are never predicted" in risk.text
    assert "'c4' and 2 more" in risk.text


@pytest.mark.parametrize(("high", "number"), [(0.86, 1), (0.93, 0), (None, 0)])
def test_prediction_intervals_that_are_too_narrow_are_a_risk(high, number):
    coverage = {"value": 0.83, "low": 0.8, "high": high}
    metrics = {"num_samples": 300, "mae": OOF, "coverage_90": coverage}
    found = score_risks(metrics, "mae", num_classes=0)
    assert len(found) == number
    assert all("90 % intervals" in risk.text and "83.0%" in risk.text for risk in found)


def test_long_messages_are_cut():
    assert first_sentence("One of 3.5 is odd. Two.") == "One of 3.5 is odd."
    assert len(first_sentence("a" * 1000)) <= 320
