import numpy as np
import pandas as pd
import pytest

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Samples, array_hash
from foldwise.models.config import SmallCnnConfig
from foldwise.modules.config import FitConfig


@pytest.fixture(scope="session")
def samples():
    """Bright and dark noise with a stripe: easy, but not solved by the first epoch."""
    generator = np.random.default_rng(0)
    labels = np.array(["bright"] * 60 + ["dark"] * 30)
    x = generator.integers(0, 200, (90, 1, 8, 8), dtype=np.uint8)
    x[labels == "bright", :, 3] += 40
    table = pd.DataFrame(
        {
            "sample_id": [f"s{i:02d}" for i in range(90)],
            "label": labels,
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [array_hash(image) for image in x],
        }
    )
    return Samples(x, table, ("bright", "dark"))


@pytest.fixture(scope="session")
def folds(samples):
    return make_folds(samples.table, SplitConfig(num_folds=2, validation_fraction=0.25))


@pytest.fixture(scope="session")
def plan(samples, folds):
    return plan_balance(samples.table, folds, BalanceConfig(method="weighted_sampler"))


@pytest.fixture(scope="session")
def recipe():
    from foldwise.tasks.recipe import Recipe

    return Recipe(
        model=SmallCnnConfig(widths=(8,), dropout=0.2),
        fit=FitConfig(max_epochs=4, batch_size=16, accelerator="cpu"),
        augment=AugmentConfig(shift=0.1, rotation=10),
        seed=0,
    )
