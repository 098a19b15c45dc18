import pytest
from pydantic import ValidationError

from foldwise.metrics.operating_points import PointRule
from foldwise.tasks.cost_decisions import CostsError, cost_matrix
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.operating_point_config import OperatingPointConfig

CLASSES = ("healthy", "sick", "a>b")


@pytest.mark.parametrize(
    ("given", "rule", "words"),
    [
        (
            {"at_least": {"metric": "recall", "value": 0.95}},
            PointRule("precision", ("recall", 0.95)),
            "the highest precision with a recall of at least 0.95",
        ),
        (
            {"at_least": {"metric": "precision", "value": 0.5}},
            PointRule("recall", ("precision", 0.5)),
            "the highest recall with a precision of at least 0.5",
        ),
        ({"maximise": "f1"}, PointRule("f1"), "the highest F1"),
    ],
)
def test_what_is_asked_for(given, rule, words):
    config = OperatingPointConfig.of(**given)
    assert config.rule == rule
    assert config.wording() == words


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "asks for nothing"),
        ({"maximise": "accuracy"}, "precision"),
        ({"at_least": {"metric": "recall", "value": 1.2}}, "less than or equal to 1"),
        (
            {"maximise": "recall", "at_least": {"metric": "recall", "value": 0.5}},
            "need not be demanded",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        OperatingPointConfig.of(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"sick>healthy": 10, "a>b>sick": 3},
        {"sick": {"healthy": 10}, "a>b": {"sick": 3}},
        {"sick > healthy": 10, "a>b": {"sick": 3}},
    ],
)
def test_costs_are_named_in_either_way(given):
    costs = EvaluateConfig.of(costs=given).costs
    expected = [[0, 1, 1], [10, 0, 1], [1, 3, 0]]
    assert cost_matrix(costs, CLASSES).tolist() == expected


def test_classes_that_yaml_takes_for_numbers_are_names():
    costs = EvaluateConfig.of(costs={3: {5: 2.5}}).costs
    assert cost_matrix(costs, ("3", "5")).tolist() == [[0, 2.5], [1, 0]]


def test_being_right_may_be_worth_something():
    assert cost_matrix({"sick>sick": -4}, CLASSES)[1, 1] == -4


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"ill>healthy": 1}, "names 'ill', but the classes are 'healthy', 'sick', 'a>b'"),
        ({"sick": {"helthy": 1}}, "names 'helthy'"),
        ({"sick": 3}, "expected is 'actual>decided'"),
        ({"sick>healthy": 1, "sick": {"healthy": 2}}, "twice"),
    ],
)
def test_costs_of_unknown_classes_are_refused(costs, message):
    with pytest.raises(CostsError, match=message):
        cost_matrix(costs, CLASSES)


def test_costs_have_to_be_numbers():
    for wrong in (float("nan"), "dear"):
        with pytest.raises(ValidationError):
            EvaluateConfig.of(costs={"a>b": wrong})
