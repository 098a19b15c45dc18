import pytest

from foldwise.data.balance import BalanceConfig
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.search.candidate import build_candidate
from foldwise.tasks.search.merging import as_given, merge, names
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig


@pytest.mark.parametrize(
    "config",
    [
        *(TrainCnnConfig(), TrainRnnConfig(), TrainMlpConfig(), TrainGanConfig(), BalanceConfig()),
        TrainCnnConfig.of(
            model={"name": "timm:resnet10t"}, transfer={"mode": "head", "weights": "a.pt"}
        ),
        TrainCnnConfig.of(model={"name": "vgg_d", "batch_norm": False}),
        TrainRnnConfig.of(model={"name": "cnn1d", "widths": [8], "kernel_sizes": [3]}),
        TrainGanConfig.of(model={"name": "recurrent", "discriminator": "gru"}),
        BalanceConfig.of(method="class_weights+focal"),
        BalanceConfig.of(method="threshold"),
        BalanceConfig.of(method="oversample", ratio=0.5, threshold="balanced_accuracy"),
    ],
)
def test_what_has_been_given_leads_to_the_same_again(config):
    assert type(config).model_validate(as_given(config)) == config


def cnn(values, **base):
    found = build_candidate({"train_cnn": TrainCnnConfig.of(**base)}, values)
    return found.parameters["train_cnn"]


def test_a_value_is_set_beside_the_others():
    given = {"model": {"name": "small_cnn", "dropout": 0.3}, "fit": {"max_epochs": 7}}
    found = cnn({"train_cnn.model.widths": [8, 16]}, **given)
    assert found == TrainCnnConfig.of(
        model={"name": "small_cnn", "dropout": 0.3, "widths": [8, 16]}, fit={"max_epochs": 7}
    )


def test_another_model_does_not_take_over_the_parameters_of_the_one_before():
    given = {"model": {"name": "small_cnn", "dropout": 0.3, "widths": [8]}}
    assert cnn({"train_cnn.model.name": "lenet5"}, **given).model.dropout == 0  # its own default
    same = cnn({"train_cnn.model.name": "small_cnn"}, **given)
    assert same.model.dropout == 0.3
    assert same.model.widths == (8,)


def test_own_parameters_come_with_the_model_in_whatever_order():
    values = {"train_cnn.model.depth": 3, "train_cnn.model.name": "conv_group"}
    assert cnn(values).model.depth == 3


def test_a_mapping_stands_for_a_group():
    given = {"model": {"name": "lenet5", "activation": "relu"}}
    group = {"name": "small_cnn", "widths": [32, 64]}
    values = {"train_cnn.model.dropout": 0.2, "train_cnn.model": group}
    assert cnn(values, **given) == TrainCnnConfig.of(model={**group, "dropout": 0.2})


def test_the_schedule_and_the_optimiser_are_variants_too():
    given = {"fit": {"optimizer": {"name": "adamw", "betas": [0.8, 0.9], "lr": 0.1}}}
    values = {"train_cnn.fit.optimizer.name": "sgd", "train_cnn.fit.schedule.name": "step"}
    found = cnn(values, **given).fit
    assert found.optimizer.lr == 0.1  # the default of sgd, not by chance: see below
    assert cnn({"train_cnn.fit.optimizer.name": "adam"}, **given).fit.optimizer.lr == 0.001
    assert found.schedule.name == "step"


def balance(chosen, path="balance.method", **base):
    found = build_candidate({"balance": BalanceConfig.of(**base)}, {path: chosen})
    return found.parameters["balance"]


def test_a_method_says_whether_the_decision_is_tuned():
    tuned = {"method": "weighted_sampler+threshold", "power": 0.5}
    assert balance("none", **tuned) == BalanceConfig()
    assert balance("weighted_sampler", **tuned) == BalanceConfig.of(
        method="weighted_sampler", power=0.5
    )
    assert balance("weighted_sampler+threshold", **tuned) == BalanceConfig.of(**tuned)
    measured = {**tuned, "threshold": "balanced_accuracy"}
    assert balance("focal+threshold", **measured).threshold == "balanced_accuracy"


def test_a_remedy_may_be_one_text_or_a_group():
    assert balance("focal", path="balance") == BalanceConfig.of(method="focal")
    group = {"method": "oversample", "ratio": 0.5}
    assert balance(group, path="balance", method="smote", k_neighbours=3) == BalanceConfig.of(
        **group
    )
    with pytest.raises(SearchError, match="balance is 3, but it holds parameters of its own"):
        balance(3, path="balance")


def test_all_that_is_wrong_is_told_in_the_users_words():
    base = {"train_cnn": TrainCnnConfig(), "balance": BalanceConfig()}
    values = {"train_cnn.fit.optimizer.lr": 0, "balance.method": "smotee"}
    with pytest.raises(SearchError) as error:
        build_candidate(base, values)
    assert "train_cnn.fit.optimizer.lr is 0, but should be greater than 0." in str(error.value)
    assert "Did you mean 'smote'?" in str(error.value)


def test_names_are_those_of_all_variants():
    found = set(names(TrainCnnConfig, "train_cnn"))
    assert {
        "train_cnn.model.widths",
        "train_cnn.model.stem",
        "train_cnn.fit.optimizer.rho",
    } <= found
    assert {"balance.gamma", "balance.threshold"} <= set(names(BalanceConfig, "balance"))
    assert "balance.remedy" not in set(names(BalanceConfig, "balance"))


def test_what_is_given_is_not_changed():
    given = {"model": {"name": "small_cnn", "widths": [8]}}
    merge(TrainCnnConfig, given, {"model": {"name": "lenet5"}})
    assert given == {"model": {"name": "small_cnn", "widths": [8]}}
