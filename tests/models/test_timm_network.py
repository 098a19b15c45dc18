import sys

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch.nn import functional

from foldwise.errors import UserError
from foldwise.models.build import build_cnn
from foldwise.models.config import CnnModelConfig, TimmConfig

SHAPE = (1, 32, 32)
UNION = TypeAdapter(CnnModelConfig)


def test_the_short_name_is_that_of_the_architecture():
    config = UNION.validate_python({"name": "timm:resnet10t", "dropout": 0.1})

    assert config == TimmConfig(architecture="resnet10t", dropout=0.1)
    assert UNION.validate_python(config.model_dump()) == config
    assert UNION.validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "timm"}, "architecture"),
        ({"name": "tim:resnet10t"}, "timm"),
        ({"name": "timm:resnet10t", "widths": [3]}, "unknown parameter 'widths'"),
        ({"name": "timm:resnet10t", "architecture": "vgg11"}, "'timm:resnet10t'.*'vgg11'"),
    ],
)
def test_a_bad_choice_is_refused(values, message):
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        UNION.validate_python(values)


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)

    with pytest.raises(
        UserError, match=r"'timm:resnet10t' needs .*pip install 'foldwise\[timm\]'"
    ):
        build_cnn(TimmConfig(architecture="resnet10t"), SHAPE, 5)


@pytest.mark.slow  # timm needs seconds to import: it registers all of its networks
class TestWithTimm:
    @pytest.fixture(autouse=True)
    def _timm(self):
        pytest.importorskip("timm")

    def test_the_network_takes_the_images_and_gives_logits_of_the_classes(self):
        torch.manual_seed(0)
        network = build_cnn(TimmConfig(architecture="test_resnet"), SHAPE, 5)

        logits = network(torch.rand(4, *SHAPE))
        functional.cross_entropy(logits, torch.arange(4)).backward()

        assert logits.shape == (4, 5)
        assert network.training
        assert all(p.grad is not None for p in network.parameters())

    def test_it_is_timms_own_network_from_the_same_random_draws(self):
        import timm

        torch.manual_seed(1)
        reference = timm.create_model("test_resnet", num_classes=5, in_chans=1).state_dict()
        torch.manual_seed(1)
        ours = build_cnn(TimmConfig(architecture="test_resnet"), SHAPE, 5).state_dict()

        assert reference.keys() == ours.keys()
        assert all(torch.equal(reference[name], ours[name]) for name in reference)

    def test_a_transformer_is_built_for_the_size_of_the_images(self):
        network = build_cnn(TimmConfig(architecture="test_vit"), (3, 64, 48), 5)

        assert network(torch.rand(2, 3, 64, 48)).shape == (2, 5)

    @pytest.mark.parametrize(
        ("architecture", "told"),
        [
            ("resnet10", "Did you mean .*resnet1"),
            ("hf-hub:someone/net", "no network of this name"),
        ],
    )
    def test_an_unknown_name_gives_near_ones(self, architecture, told):
        with pytest.raises(UserError, match=f"'timm:{architecture}'.*{told}"):
            build_cnn(TimmConfig(architecture=architecture), SHAPE, 5)

    def test_a_parameter_that_the_network_does_not_have_is_told(self):
        config = TimmConfig(architecture="vgg11", stochastic_depth=0.1)

        with pytest.raises(UserError, match=r"'timm:vgg11' cannot be built .*drop_path_rate"):
            build_cnn(config, SHAPE, 5)

    def test_images_too_small_are_told_before_training(self):
        config = TimmConfig(architecture="inception_v3")

        with pytest.raises(UserError, match="'timm:inception_v3' cannot be built for 1 x 16 x 16"):
            build_cnn(config, (1, 16, 16), 5)
