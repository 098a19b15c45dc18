"""The spaces of conf/ are allowed beside the parameters of every environment."""

import pytest
from project_copy import ROOT

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.space import Space
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig

KINDS = {
    "cnn": TrainCnnConfig,
    "rnn": TrainRnnConfig,
    "mlp": TrainMlpConfig,
    "gan": TrainGanConfig,
}
ENVIRONMENTS = sorted(
    path.name for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "local"
)


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def parameters(request):
    loader = CONFIG_LOADER_CLASS(str(ROOT / "conf"), env=request.param, **CONFIG_LOADER_ARGS)
    return loader["parameters"]


def space_of(family, parameters):
    base = {f"train_{family}": KINDS[family].model_validate(parameters[f"train_{family}"])}
    if family != "gan":
        base["augment"] = AugmentConfig.model_validate(parameters["augment"])
        base["balance"] = BalanceConfig.model_validate(parameters["balance"])
    config = SearchConfig.model_validate(parameters[f"search_{family}"])
    return config, Space(config.space, base)


@pytest.mark.parametrize("family", KINDS)
def test_a_space_is_allowed_and_holds_a_rate(parameters, family):
    config, space = space_of(family, parameters)
    paths = [parameter.path for parameter in space.parameters]
    assert any(path.endswith(".lr") for path in paths)
    assert len(paths) > 1
    assert config.n_trials >= 3
