import pytest
from pydantic import TypeAdapter, ValidationError

from foldwise.errors import UserError
from foldwise.modules.loss_config import (
    CrossEntropyLossConfig,
    LossConfig,
    MseLossConfig,
    PerceptronLossConfig,
    QuantileLossConfig,
    class_loss,
    number_loss,
)

FOR_CLASSES = ("cross_entropy", "nll", "perceptron")
FOR_NUMBERS = ("mse", "l1", "huber", "quantile")


def parsed(**values):
    return TypeAdapter(LossConfig).validate_python(values)


@pytest.mark.parametrize("name", ["auto", *FOR_CLASSES, *FOR_NUMBERS])
def test_a_loss_is_told_by_its_name(name):
    assert parsed(name=name).name == name


def test_auto_is_what_suits_targets_and_network():
    auto = parsed(name="auto")
    assert class_loss(auto) == CrossEntropyLossConfig()
    assert class_loss(auto, network="perceptron") == PerceptronLossConfig()
    assert number_loss(auto) == MseLossConfig()


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_classes_refuse_a_loss_of_numbers(name):
    told = rf"loss.name is '{name}', but the targets are classes\. Allowed: auto, cross_entropy, "
    with pytest.raises(UserError, match=told + "nll, perceptron"):
        class_loss(parsed(name=name))


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_numbers_refuse_a_loss_of_classes(name):
    told = rf"loss.name is '{name}', but the targets are numbers\. Allowed: auto, mse, l1, huber, "
    with pytest.raises(UserError, match=told + "quantile"):
        number_loss(parsed(name=name))


def test_a_perceptron_refuses_a_loss_that_is_not_its_own():
    with pytest.raises(UserError, match=r"Allowed with model.name='perceptron': auto, perceptron"):
        class_loss(parsed(name="nll"), network="perceptron")
    assert class_loss(parsed(name="perceptron"), network="mlp") == PerceptronLossConfig()


@pytest.mark.parametrize("quantiles", [[], [0.5, 0.1], [0.5, 0.5], [0.0, 0.5], [0.5, 1.0]])
def test_quantiles_have_to_rise_within_0_and_1(quantiles):
    with pytest.raises(ValidationError):
        parsed(name="quantile", quantiles=quantiles)


@pytest.mark.parametrize("values", [{"name": "huber", "delta": 0}, {"name": "mse", "delta": 1.0}])
def test_a_parameter_that_is_wrong_or_anothers_is_refused(values):
    with pytest.raises(ValidationError):
        parsed(**values)


@pytest.mark.parametrize(
    ("quantiles", "point"),
    [
        ((0.1, 0.5, 0.6, 0.9), 0.5),
        ((0.1, 0.4, 0.9), 0.4),
        ((0.2, 0.8), 0.2),
        ((0.3, 0.7), 0.3),
        ((0.9,), 0.9),
    ],
)
def test_the_point_forecast_is_the_median_or_what_is_nearest(quantiles, point):
    config = QuantileLossConfig(quantiles=quantiles)
    assert config.quantiles[config.point] == point
    assert config.num_per_target == len(quantiles)
