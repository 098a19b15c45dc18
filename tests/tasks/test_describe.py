"""What is told of a network before it is trained, against what the parameters say."""

import json

import pytest

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.errors import UserError
from foldwise.pipelines.train.nodes import describe_cnn
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.train_config import TrainCnnConfig


def test_the_network_is_described_with_what_its_predictions_depend_on(samples, folds):
    config = TrainCnnConfig.of(
        model={"name": "small_cnn", "widths": [4]},
        transfer={"mode": "head", "weights": "elsewhere"},
        test_time={"flip": True},
    )
    found = describe_cnn(
        samples,
        folds,
        BalanceConfig.of(method="weighted_sampler+threshold"),
        AugmentConfig(),
        config,
        TrainGanConfig(),
    )

    assert json.loads(json.dumps(found))["name"] == "small_cnn"
    # 9 * 4 of the convolution, 2 * 4 of its norm, 4 * 2 + 2 of the head
    assert (found["num_parameters"], found["num_trainable"]) == (36 + 8 + 10, 10)
    assert found["imbalance_remedy"] == "weighted_sampler+threshold"
    assert found["transfer"] == "head"
    assert (found["test_time_flip"], found["test_time_shift"]) == (True, 0)


def test_a_wrong_stage_is_told_before_anything_is_trained(samples, folds):
    transfer = {"mode": "partial", "weights": "elsewhere", "unfreeze_from": "layer9"}
    config = TrainCnnConfig.of(transfer=transfer)

    with pytest.raises(UserError, match=r"layer9.*features"):
        describe_cnn(samples, folds, BalanceConfig(), AugmentConfig(), config, TrainGanConfig())
