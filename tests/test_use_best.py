from types import SimpleNamespace

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from foldwise import journey_parameters as module
from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.balance.config import Gan
from foldwise.datasets.atomic import TextDataset
from foldwise.errors import UserError
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.train import _generator_fingerprint
from foldwise.tasks.train_config import TrainCnnConfig, TrainRnnConfig
from foldwise.use_best import use_best

KINDS = {
    "train_cnn": TrainCnnConfig,
    "train_rnn": TrainRnnConfig,
    "train_gan": TrainGanConfig,
    "augment": AugmentConfig,
    "balance": BalanceConfig,
}


def reads(*names):
    def work(*given):
        return None

    return Pipeline([node(work, [f"params:{name}" for name in names], "made")])


PIPELINES = {
    "train_cnn": reads("train_cnn", "augment", "balance"),
    "train_rnn": reads("train_rnn", "augment", "balance"),
    "both": reads("train_cnn", "train_rnn", "augment", "balance"),
    "train_gan": reads("train_gan"),
    "search_cnn": reads("train_cnn", "augment", "balance", "search_cnn"),
    "split": reads("augment"),
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the hook's work as Kedro does; returns the parameters that nodes are given."""
    monkeypatch.setattr(module, "pipelines", PIPELINES)
    for environment in ("base", "mine"):
        (tmp_path / "conf" / environment).mkdir(parents=True)

    def found(pipeline, files, command_line=None):
        text = yaml.safe_dump(files)
        (tmp_path / "conf" / "base" / "parameters.yml").write_text(text)
        loader = OmegaConfigLoader(
            str(tmp_path / "conf"),
            env="mine",
            base_env="base",
            merge_strategy={"parameters": "soft"},
            runtime_params=command_line or {},
        )
        given = loader["parameters"]
        catalog = DataCatalog()
        for name, kind in KINDS.items():
            catalog[f"params:{name}"] = MemoryDataset(kind.model_validate(given.get(name, {})))
        for family in ("cnn", "rnn", "gan"):
            path = tmp_path / "data" / f"{family}.yml"
            catalog[f"{family}_best_params"] = TextDataset(filepath=str(path))
        run_params = {"pipeline_names": [pipeline], "runtime_params": command_line or {}}
        use_best(run_params, catalog, loader, tmp_path)
        assert loader.runtime_params == (command_line or {})
        return SimpleNamespace(**{name: catalog[f"params:{name}"].load() for name in KINDS})

    return found


@pytest.fixture
def best(tmp_path):
    def write(family, **found):
        path = tmp_path / "data" / f"{family}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(found))

    return write


def test_nothing_is_looked_for_unless_it_is_asked_for(run):
    assert run("train_cnn", {"train_cnn": {"seed": 4}}).train_cnn == TrainCnnConfig(seed=4)


def test_a_training_takes_what_was_found_of_all_stages(run, best):
    best("cnn", train_cnn={"fit": {"patience": 3}}, balance={"method": "focal"})
    files = {"train_cnn": {"seed": 4, "use_best": True}, "augment": {"rotation": 7}}
    found = run("train_cnn", files)
    assert found.train_cnn == TrainCnnConfig.of(seed=4, use_best=True, fit={"patience": 3})
    assert found.balance == BalanceConfig.of(method="focal")
    assert found.augment == AugmentConfig(rotation=7)


def test_the_command_line_wins(run, best):
    best(
        "cnn",
        train_cnn={"model": {"widths": [8]}, "fit": {"patience": 3}},
        balance={"method": "focal"},
    )
    asked = {"train_cnn": {"use_best": True, "model": {"name": "lenet5"}}, "balance": "smote"}
    found = run("train_cnn", {"train_cnn": {"model": {"name": "small_cnn"}}}, asked)
    assert found.train_cnn.model.name == "lenet5"
    assert found.train_cnn.fit.patience == 3
    assert found.balance.method == "smote"


def test_a_search_starts_without_what_an_earlier_one_has_found(run, best, caplog):
    caplog.set_level("INFO")
    files = {"train_cnn": {"use_best": True, "seed": 4}}
    assert run("search_cnn", files).train_cnn == TrainCnnConfig(seed=4)  # also with no file yet
    best("cnn", train_cnn={"seed": 9})
    assert run("search_cnn", files).train_cnn == TrainCnnConfig(seed=4)
    assert "train_cnn.use_best is not looked at" in caplog.text


def test_before_a_search_it_is_told_which_one_to_run(run):
    with pytest.raises(UserError, match="kedro run --pipeline=search_cnn") as error:
        run("train_cnn", {"train_cnn": {"use_best": True}})
    assert "there is no data/cnn.yml" in str(error.value)


def test_other_pipelines_are_not_concerned(run):
    run("split", {"train_cnn": {"use_best": True}})
    run("train_rnn", {"train_cnn": {"use_best": True}})


def test_two_searches_do_not_share_a_run(run):
    asked = {"train_cnn": {"use_best": True}, "train_rnn": {"use_best": True}}
    with pytest.raises(UserError, match=r"train_cnn.use_best and train_rnn.use_best are true"):
        run("both", asked)


def test_generators_too(run, best):
    best("gan", train_gan={"fit": {"discriminator": {"betas": [0.0, 0.9]}}})
    found = run("train_gan", {"train_gan": {"use_best": True}}).train_gan.fit.discriminator
    assert found.betas == (0.0, 0.9)
    assert found.lr == 0.0004  # the default of the discriminator, not of Adam


def test_folds_do_not_depend_on_it():
    recipes = [
        TrainCnnConfig(use_best=flag).recipe(
            AugmentConfig(), BalanceConfig(remedy=Gan()), TrainGanConfig(use_best=flag)
        )
        for flag in (False, True)
    ]
    plain, best = (_generator_fingerprint(recipe) for recipe in recipes)
    assert plain == best
