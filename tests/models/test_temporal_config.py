import pytest
from pydantic import ValidationError

from foldwise.models.config.temporal import (
    Cnn1dConfig,
    FcnConfig,
    TcnConfig,
    TransformerSmallConfig,
)


@pytest.mark.parametrize("config_class", [Cnn1dConfig, FcnConfig])
def test_there_is_a_kernel_for_each_width(config_class):
    told = "widths has 2 numbers and kernel_sizes 3: give one kernel size for each width"
    with pytest.raises(ValidationError, match=told):
        config_class(widths=(8, 8))


def test_heads_are_of_one_width():
    with pytest.raises(
        ValidationError, match=r"width 30 is no multiple of num_heads, .* 4: take 32"
    ):
        TransformerSmallConfig(width=30)


def test_weights_in_parts_are_not_drawn_as_wholes():
    with pytest.raises(ValidationError, match=r"init 'he_normal' .* norm 'batch' or 'none'"):
        TcnConfig(init="he_normal")

    assert TcnConfig(init="he_normal", norm="none").init == "he_normal"


@pytest.mark.parametrize(
    ("config_class", "wrong"),
    [
        (Cnn1dConfig, {"pooling": "min"}),
        (Cnn1dConfig, {"readout": "last"}),
        (Cnn1dConfig, {"widths": (), "kernel_sizes": ()}),
        (FcnConfig, {"kernel_sizes": (8, 5, 0)}),
        (TcnConfig, {"kernel_size": 1}),
        (TcnConfig, {"num_levels": "all"}),
        (TransformerSmallConfig, {"position": "none"}),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused_by_their_name(config_class, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        config_class(**wrong)
