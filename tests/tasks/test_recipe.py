"""Choices of different stages that do not go together."""

import pytest

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.errors import UserError
from foldwise.models.config import SmallCnnConfig
from foldwise.modules.config import FitConfig
from foldwise.tasks.recipe import Recipe


def recipe(fit=None, mix=None, **balance):
    return Recipe(
        model=SmallCnnConfig(),
        fit=FitConfig(**(fit or {})),
        augment=AugmentConfig.of(mix=mix or {}),
        seed=0,
        balance=BalanceConfig.of(**balance),
    )


@pytest.mark.parametrize("mix", [{"mixup_alpha": 0.2}, {"cutmix_alpha": 1.0}])
def test_batches_are_not_mixed_twice(mix):
    with pytest.raises(UserError, match=r"'mixup_balanced', which mixes .* augment.mix mixes"):
        recipe(mix=mix, method="mixup_balanced")
    recipe(mix={**mix, "probability": 0}, method="mixup_balanced")
    recipe(mix=mix, method="oversample")


@pytest.mark.parametrize(
    ("fit", "reweight_from", "is_allowed"),
    [
        # Classes are weighed from the ninth epoch on: early stopping may end after patience + 1.
        ({"max_epochs": 10, "patience": 7}, 0.8, False),
        ({"max_epochs": 10, "patience": 1}, 0.8, False),
        ({"max_epochs": 10, "patience": 8}, 0.8, True),
        ({"max_epochs": 10, "patience": 0}, 0.8, True),
        ({"max_epochs": 10, "patience": 3}, 0.3, True),
        ({"max_epochs": 10, "patience": 3}, 1.0, True),
    ],
)
def test_a_fit_does_not_end_before_classes_are_weighed(fit, reweight_from, is_allowed):
    def build():
        return recipe(fit, method="ldam_drw", reweight_from=reweight_from)

    if is_allowed:
        assert build().fit.patience == fit["patience"]
        return
    with pytest.raises(UserError, match=r"after 8 of 10 epochs.*patience of at least 8"):
        build()
