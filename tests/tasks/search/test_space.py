import itertools
import json

import numpy as np
import optuna
import pytest

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.train_config import TrainCnnConfig

NAME, RATE = "train_cnn.model.name", "train_cnn.fit.optimizer.lr"
OPTIMIZER = "train_cnn.fit.optimizer.name"


def number(path, low, high, kind="float", **others):
    return {"path": path, "kind": kind, "low": low, "high": high, **others}


def choice(path, *choices, **others):
    return {"path": path, "kind": "categorical", "choices": list(choices), **others}


def space_of(*parameters, augment=None, balance=None, **train):
    base = {
        "train_cnn": TrainCnnConfig.of(**train),
        "augment": AugmentConfig.of(**(augment or {})),
        "balance": BalanceConfig.of(**(balance or {})),
    }
    return Space(SearchConfig.of(space=list(parameters)).space, base)


def refused(*parameters, **base):
    with pytest.raises(SearchError) as error:
        space_of(*parameters, **base)
    return str(error.value)


def drawn(space, num, seed=0):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trials = [study.ask() for _ in range(num)]
    return [(space.suggest(trial), trial.params) for trial in trials]


MODELS = (
    choice(NAME, "small_cnn", "lenet5"),
    number("train_cnn.model.dropout", 0, 0.6, step=0.1),
    choice("train_cnn.model.widths", [8, 16], "auto", when={NAME: "small_cnn"}),
    choice("train_cnn.model.activation", "tanh", "relu", when={NAME: "lenet5"}),
)


def test_a_models_own_parameters_exist_only_for_that_model():
    space = space_of(*MODELS)
    found = drawn(space, 60)
    for values, _ in found:
        assert ("train_cnn.model.widths" in values) == (values[NAME] == "small_cnn")
        assert ("train_cnn.model.activation" in values) == (values[NAME] == "lenet5")
    assert {values[NAME] for values, _ in found} == {"small_cnn", "lenet5"}


def test_what_optuna_keeps_leads_to_the_parameters():
    space = space_of(*MODELS)
    for values, kept in drawn(space, 60):
        model = space.candidate(kept).parameters["train_cnn"].model
        assert space.candidate(values).parameters["train_cnn"].model == model
        assert model.name == kept[NAME]
        assert model.dropout in (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
        if model.name == "small_cnn":
            assert model.widths in ((8, 16), "auto")


def test_a_group_goes_by_its_json_text_in_optuna():
    groups = [{"name": "lenet5"}, {"name": "small_cnn", "widths": [32, 64]}]
    when = {NAME: "small_cnn"}
    space = space_of(
        choice("train_cnn.model", *groups), number("train_cnn.model.dropout", 0, 0.5, when=when)
    )
    for values, kept in drawn(space, 20):
        assert json.loads(kept["train_cnn.model"]) in groups
        candidate = space.candidate(kept)
        assert candidate.values["train_cnn.model"] in groups
        assert (candidate.parameters["train_cnn"].model.name == "small_cnn") == (len(values) == 2)


def test_a_grid_has_each_combination_once_and_conditional_ones_where_they_exist():
    space = space_of(*MODELS)
    grid = space.grid()
    dropouts = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    expected = {
        *itertools.product(["small_cnn"], dropouts, ["[8, 16]", "auto"]),
        *itertools.product(["lenet5"], dropouts, ["tanh", "relu"]),
    }
    assert len(grid) == 28
    assert {tuple(values.values()) for values in grid} == expected


def test_a_grid_can_be_put_into_optunas_queue():
    space = space_of(*MODELS)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for point in space.grid():
        study.enqueue_trial(point)
    asked = [space.suggest(study.ask()) for _ in range(28)]
    assert asked == space.grid()


def test_a_grid_over_a_continuum_is_refused_with_what_mends_it():
    space = space_of(number(RATE, 0.001, 0.1, log=True), choice(NAME, "small_cnn", "lenet5"))
    with pytest.raises(SearchError) as error:
        space.grid()
    assert f"{RATE}: any number from 0.001 to 0.1" in str(error.value)
    assert "a step" in str(error.value)
    assert "choices" in str(error.value)
    assert NAME not in str(error.value)


def test_a_grid_without_an_end_in_sight_is_refused():
    space = space_of(number("train_cnn.seed", 0, 10**9, kind="int"))
    with pytest.raises(SearchError, match="more than 100,000 points"):
        space.grid()


def test_an_empty_space_is_refused():
    assert "search_cnn.space is empty: there is nothing to search" in refused()


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("train_cnn.fit.lr", RATE),
        ("train_cnn.fit.optimizer.learning_rate", None),
        ("train_cnn.model.witdhs", "train_cnn.model.widths"),
        ("train_rnn.model.widths", "train_cnn.model.widths"),
        ("balance.gama", "balance.gamma"),
        ("lr", RATE),
    ],
)
def test_an_unknown_path_is_refused_with_the_nearest_names(path, near):
    told = refused(number(path, 0, 1))
    assert f"there is no parameter {path!r}" in told
    assert near is None or told.split("The nearest: ")[1].startswith(near)
    assert "names within train_cnn, augment, balance" in told


def test_parameters_of_other_models_are_known():
    space_of(choice("train_cnn.model.stem", "small", "large"), model={"name": "resnet18"})


@pytest.mark.parametrize(
    ("parameter", "value", "limits", "allowed"),
    [
        (number(RATE, 0, 0.1), "0.0", "from 0 to 0.1", "greater than 0"),
        (number("train_cnn.model.dropout", 0, 1), "1.0", "from 0 to 1", "less than 1"),
        (number("train_cnn.fit.patience", -1, 5, kind="int"), "-1", "from -1 to 5", "equal to 0"),
        (choice("train_cnn.fit.monitor", "last", "f1"), "'f1'", "one of last, f1", "val_f1"),
    ],
)
def test_a_space_that_leaves_what_is_allowed_is_refused(parameter, value, limits, allowed):
    told = refused(parameter)
    assert f"search_cnn.space lets {parameter['path']} be {value} ({limits})" in told
    assert allowed in told


def test_a_parameter_that_some_choices_lack_needs_a_condition():
    optimizers = choice(OPTIMIZER, "adamw", "sgd", "adam")
    betas = choice("train_cnn.fit.optimizer.betas", [0.9, 0.99])
    told = refused(optimizers, betas)
    assert f"{OPTIMIZER} be 'sgd'" in told
    assert "unknown parameter 'betas'" in told
    assert "`when`" in told
    space_of(optimizers, {**betas, "when": {OPTIMIZER: ["adam", "adamw"]}})


def test_a_middle_step_that_is_not_allowed_is_found_too():
    widths = number("train_rnn.model.width", 32, 64, kind="int", step=8)
    from foldwise.tasks.train_config import TrainRnnConfig

    base = {"train_rnn": TrainRnnConfig.of(model={"name": "transformer_small", "num_heads": 16})}
    with pytest.raises(SearchError, match=r"search_rnn.space lets train_rnn.model.width be 40"):
        Space(SearchConfig.of(space=[widths]).space, base)


def test_choices_of_different_stages_that_do_not_go_together_are_refused():
    told = refused(
        choice("balance.method", "none", "mixup_balanced"),
        number("augment.mix.mixup_alpha", 0, 1),
        number(RATE, 0.001, 0.1),
    )
    assert "balance.method be 'mixup_balanced'" in told
    assert "augment.mix.mixup_alpha be 1.0 (from 0 to 1)" in told
    assert RATE not in told  # it has nothing to do with it


def test_a_base_that_is_not_allowed_is_told_from_the_space():
    told = refused(
        number(RATE, 0.001, 0.1),
        balance={"method": "mixup_balanced"},
        augment={"mix": {"mixup_alpha": 0.2}},
    )
    assert "what the search starts from is not allowed" in told


def test_conditions_on_the_base_choose_the_parameters_that_suit_it():
    adams = number(RATE, 0.0003, 0.03, log=True, when={OPTIMIZER: ["adam", "adamw"]})
    others = number(RATE, 0.01, 1, log=True, when={OPTIMIZER: ["sgd", "nesterov"]})
    (one,) = space_of(adams, others).parameters
    assert one.high == 0.03
    (one,) = space_of(adams, others, fit={"optimizer": {"name": "nesterov"}}).parameters
    assert one.high == 1
    told = refused(others)
    assert "search_cnn.space is empty here" in told
    assert RATE in told


def test_bounds_may_depend_on_another_choice():
    adam = number(RATE, 0.0003, 0.03, log=True, when={OPTIMIZER: "adamw"})
    sgd = number(RATE, 0.1, 1, when={OPTIMIZER: "sgd"})
    space = space_of(choice(OPTIMIZER, "adamw", "sgd"), adam, sgd)
    for _, kept in drawn(space, 40):
        values = space.candidate(kept).values
        assert set(values) == {OPTIMIZER, RATE}
        low, high = (0.0003, 0.03) if values[OPTIMIZER] == "adamw" else (0.1, 1)
        assert low <= values[RATE] <= high
        assert space.candidate(values) == space.candidate(kept)  # by path, too


def test_each_model_may_have_its_own_choices_of_one_parameter():
    widths = "train_cnn.model.widths"
    space = space_of(
        choice(NAME, "small_cnn", "conv_group"),
        choice(widths, [8], [8, 16], when={NAME: "small_cnn"}),
        choice(widths, [16, 16, 16], when={NAME: "conv_group"}),
        number("train_cnn.model.dropout", 0, 0.5, when={widths: "[16, 16, 16]"}),
    )
    models = [space.candidate(kept).parameters["train_cnn"].model for _, kept in drawn(space, 30)]
    found = {(model.name, model.widths) for model in models}
    assert found == {
        ("small_cnn", (8,)),
        ("small_cnn", (8, 16)),
        ("conv_group", (16, 16, 16)),
    }


def test_a_path_that_is_set_twice_is_refused():
    rate = number(RATE, 0.001, 0.1)
    assert f"{RATE} is set twice" in refused(rate, rate)
    group = choice("train_cnn.model", {"name": "small_cnn", "dropout": 0.1}, {"name": "lenet5"})
    assert "train_cnn.model.dropout is set twice" in refused(
        group, number("train_cnn.model.dropout", 0, 0.5)
    )


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ({"train_cnn.fit.optimiser.name": "adamw"}, f"The nearest: {NAME}, "),
        ({OPTIMIZER: "adamv"}, "Did you mean 'adam'?"),
        ({NAME: "resnet18"}, "it can never be: train_cnn.model.name is one of small_cnn, lenet5"),
        ({RATE: 0.1}, "conditions go in a circle"),
    ],
)
def test_a_condition_that_can_never_be_met_is_refused(when, told):
    models = choice(NAME, "small_cnn", "lenet5")
    assert told in refused(models, number(RATE, 0.001, 0.1, when=when))


def test_a_longer_circle_is_told_in_full():
    told = refused(
        choice(NAME, "small_cnn", when={OPTIMIZER: "adamw"}),
        choice(OPTIMIZER, "adamw", when={"train_cnn.fit.patience": 3}),
        number("train_cnn.fit.patience", 0, 5, kind="int", when={NAME: "small_cnn"}),
    )
    assert "train_cnn.fit.patience > train_cnn.fit.optimizer.name > train_cnn.model.name" in told


def test_a_parameter_may_stand_before_the_one_that_it_depends_on():
    models, dropout, widths, activation = MODELS
    space = space_of(widths, activation, dropout, models)
    for values, _ in drawn(space, 10):
        assert ("train_cnn.model.widths" in values) == (values[NAME] == "small_cnn")


def test_values_of_an_earlier_space_still_lead_to_parameters():
    space = space_of(number(RATE, 0.001, 0.1))
    found = space.candidate({RATE: 0.5, "train_cnn.model.dropout": 0.3})
    assert found.parameters["train_cnn"].fit.optimizer.lr == 0.5
    assert found.parameters["train_cnn"].model.dropout == 0.3


def test_a_name_with_a_condition_of_an_earlier_space_leads_to_its_path():
    name = "train_cnn.model.dropout (train_cnn.model.name=small_cnn)"
    found = space_of(number(RATE, 0.001, 0.1)).candidate({name: 0.3})
    assert found.parameters["train_cnn"].model.dropout == 0.3


def test_generators_are_searched_too():
    base = {"train_gan": TrainGanConfig()}
    loss = choice("train_gan.model.loss", "hinge", "wasserstein")
    smoothing = number("train_gan.fit.label_smoothing", 0, 0.2)
    with pytest.raises(SearchError, match=r"search_gan.space lets train_gan.model.loss be 'wass"):
        Space(SearchConfig.of(space=[loss, smoothing]).space, base)


def test_a_fingerprint_tells_spaces_apart():
    one, same = (space_of(number(RATE, 0.001, 0.1)).fingerprint() for _ in range(2))
    assert one == same == json.loads(json.dumps(one))
    assert space_of(number(RATE, 0.001, 0.2)).fingerprint() != one


def test_random_search_sees_more_of_the_axis_that_matters_than_a_grid():
    rates = number(RATE, 0.001, 0.1)
    random = space_of(rates, number("train_cnn.model.dropout", 0, 0.5))
    seen = {values[RATE] for values, _ in drawn(random, 9)}
    steps = number(RATE, 0.001, 0.101, step=0.05)
    grid = space_of(steps, number("train_cnn.model.dropout", 0, 0.5, step=0.25)).grid()
    assert len(grid) == 9
    assert len({values[RATE] for values in grid}) == 3
    assert len(seen) == 9
    assert np.ptp(list(seen)) > 0.05
