import pytest
import torch
from torch import nn

from foldwise.errors import UserError
from foldwise.models.build import build_cnn
from foldwise.models.config import (
    ConvGroupConfig,
    GoogLeNetConfig,
    LeNet5Config,
    MobileNetV2Config,
    ResNet18Config,
    SmallCnnConfig,
    VggConfig,
    WideResNetConfig,
)
from foldwise.models.parts import head_name, names_before, stage_names


def build(config, shape=(3, 32, 32)):
    with torch.device("meta"):
        return build_cnn(config, shape, 5)


@pytest.mark.parametrize(
    ("config", "head"),
    [
        (ResNet18Config(), "fc"),
        (SmallCnnConfig(), "classifier.2"),
        (LeNet5Config(), "classifier.6"),
        (VggConfig(head="dense"), "classifier.6"),
        (GoogLeNetConfig(), "fc"),
        (MobileNetV2Config(), "classifier.1"),
        (WideResNetConfig(), "classifier"),
        (ConvGroupConfig(), "head"),
    ],
)
def test_the_head_is_the_last_dense_layer(config, head):
    assert head_name(build(config)) == head


@pytest.mark.parametrize(
    ("config", "stages"),
    [
        (
            ResNet18Config(),
            ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"),
        ),
        (
            SmallCnnConfig(widths=(4, 8)),
            ("features.0", "features.1", "features.4", "features.5", "classifier"),
        ),
        (LeNet5Config(), ("features.0", "features.3", "classifier")),
    ],
)
def test_stages_are_children_with_parameters_or_the_steps_of_the_only_one(config, stages):
    assert stage_names(build(config)) == stages


class WithAuxiliary(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        self.fc = nn.Linear(2, 3)
        self.AuxLogits = nn.Linear(2, 3)
        self.aux2 = nn.Linear(2, 3)


def test_auxiliary_heads_are_no_head_and_no_stage():
    assert head_name(WithAuxiliary()) == "fc"
    assert stage_names(WithAuxiliary()) == ("first.0", "first.1", "fc")
    assert names_before(WithAuxiliary(), "aux2") == {"", "first", "first.0", "first.1", "fc"}


def test_what_is_before_a_part_is_all_that_is_defined_earlier():
    network = build(SmallCnnConfig(widths=(4, 8)))

    assert names_before(network, "features.4") == {
        "",
        "features",
        *(f"features.{i}" for i in range(4)),
    }


@pytest.mark.parametrize("part", ["layer5", "", "layer"])
def test_an_unknown_part_is_an_error_that_lists_the_stages(part):
    with pytest.raises(UserError, match=f"no part '{part}'.*conv1, bn1, layer1, .*, fc"):
        names_before(build(ResNet18Config()), part)


def test_a_network_without_a_dense_layer_has_no_head():
    with pytest.raises(UserError, match=r"no dense layer.*Conv2d"):
        head_name(nn.Sequential(nn.Conv2d(1, 2, 3)))
