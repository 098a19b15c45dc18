import pytest
from pydantic import ValidationError

from foldwise.data.balance.config import METHODS, BalanceConfig, BalanceError, parse_remedy
from foldwise.parameter_errors import explain


def refusal(**given):
    with pytest.raises(ValidationError) as caught:
        BalanceConfig.model_validate(given)
    return " ".join(explain(caught.value, "balance", given))


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_read_named_and_written_flat(method):
    config = BalanceConfig.of(method=method)
    assert config.method == config.name == method
    assert config == parse_remedy(method) == BalanceConfig.model_validate(method)
    assert config.flat()["method"] == method
    assert BalanceConfig.model_validate(config.model_dump(mode="json")) == config
    assert BalanceConfig.model_validate_json(config.model_dump_json()) == config


def test_the_default_is_no_remedy():
    assert BalanceConfig() == BalanceConfig.model_validate({}) == parse_remedy("none")
    assert BalanceConfig().flat() == {"method": "none", "threshold": "none"}


def test_parameters_reach_their_method():
    config = BalanceConfig.of(method="ldam_drw", max_margin=0.3, reweight_from=0.5)
    assert (config.remedy.max_margin, config.remedy.scale) == (0.3, 30)
    assert config.flat() == {
        "method": "ldam_drw",
        "max_margin": 0.3,
        "scale": 30.0,
        "reweight_from": 0.5,
        "beta": 0.9999,
        "threshold": "none",
    }


@pytest.mark.parametrize(
    ("text", "method", "threshold"),
    [
        ("threshold", "threshold", "macro_f1"),
        ("none+threshold", "none", "macro_f1"),
        ("weighted_sampler+threshold", "weighted_sampler", "macro_f1"),
        (" threshold + smote ", "smote", "macro_f1"),
        ("class_weights+focal", "focal", "none"),
    ],
)
def test_combinations_that_make_sense(text, method, threshold):
    config = parse_remedy(text)
    assert (config.method, config.threshold) == (method, threshold)
    assert BalanceConfig.of(method=text) == config


def test_a_combination_takes_the_parameters_of_its_method():
    config = BalanceConfig.of(
        method="weighted_sampler+threshold", power=0.5, threshold="balanced_accuracy"
    )
    assert config.remedy.power == 0.5
    assert config.threshold == "balanced_accuracy"
    assert config.name == "weighted_sampler(power=0.5)+threshold(balanced_accuracy)"
    assert parse_remedy("class_weights+focal").remedy.weights == "inverse"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("class_weights+weighted_sampler", "correct twice"),
        ("oversample+logit_adjustment+threshold", "correct twice"),
        ("none+oversample", "'none' is to do without"),
        ("focal+oversample", "goes with 'class_weights' alone"),
        ("threshold+threshold", "names 'threshold' twice"),
        ("oversample+thresholds", "there is no 'thresholds'. Allowed: none, class_weights,"),
        ("smoote", "balance.method is 'smoote'. Did you mean 'smote'?"),
        ("", "balance.method is ''. Allowed: none, class_weights,"),
    ],
)
def test_combinations_that_make_none_are_refused_with_the_reason(text, told):
    with pytest.raises(BalanceError) as caught:
        parse_remedy(text)
    assert told in str(caught.value)
    assert told in refusal(method=text)


def test_a_parameter_of_another_method_is_refused_and_its_owner_named():
    told = refusal(method="oversample", gamma=2.0)
    assert "of the method 'oversample': unknown parameter 'gamma'" in told
    assert "Allowed: method, ratio, seed, threshold." in told
    assert "'gamma' is a parameter of focal." in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"method": "focal", "gamma": -1}, "balance.gamma is -1, but"),
        ({"method": "weighted_sampler", "power": 0}, "balance.power is 0, but"),
        ({"method": "oversample", "ratio": 1.5}, "balance.ratio is 1.5, but"),
        ({"method": "undersample", "ratio": 0.5}, "balance.ratio is 0.5, but"),
        ({"method": "class_weights", "beta": 1}, "balance.beta is 1, but"),
        ({"method": "class_weights", "weights": "sqrt"}, "Allowed: inverse, effective"),
        ({"method": "smote", "k_neighbours": 0}, "balance.k_neighbours is 0, but"),
        ({"method": "none", "threshold": "f1"}, "balance.threshold is 'f1'."),
        ({"method": "threshold", "threshold": "none"}, "threshold is 'none', but the method"),
        ({"method": 3}, "balance.method is '3'. Allowed: none, "),
    ],
)
def test_wrong_values_are_told_by_the_names_that_were_given(given, told):
    assert told in refusal(**given)
