import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from foldwise import journey_parameters
from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.search_spaces import require_searchable
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.train_config import TrainCnnConfig

RATE = {"path": "train_cnn.fit.optimizer.lr", "kind": "float", "low": 0.001, "high": 0.1}


@pytest.fixture
def check(monkeypatch):
    def work(*given):
        return None

    names = ["train_cnn", "augment", "balance", "search_cnn"]
    pipelines = {
        "search_cnn": Pipeline([node(work, [f"params:{name}" for name in names], "made")]),
        "split": Pipeline([node(work, ["params:augment"], "made")]),
    }
    monkeypatch.setattr(journey_parameters, "pipelines", pipelines)

    def checked(pipeline="search_cnn", **search):
        catalog = DataCatalog()
        given = [TrainCnnConfig(), AugmentConfig(), BalanceConfig(), SearchConfig.of(**search)]
        for name, config in zip(names, given, strict=True):
            catalog[f"params:{name}"] = MemoryDataset(config)
        require_searchable({"pipeline_names": [pipeline]}, catalog)

    return checked


def test_a_space_is_looked_at_before_data_is_read(check):
    check(space=[RATE])
    with pytest.raises(SearchError, match=r"search_cnn.space lets train_cnn.fit.optimizer.lr be"):
        check(space=[{**RATE, "low": 0}])
    with pytest.raises(SearchError, match=r"search_cnn\.space is empty"):
        check(space=[])


def test_a_grid_that_has_no_end_is_told_then_too(check):
    with pytest.raises(SearchError, match="a grid has no end"):
        check(space=[RATE], sampler="grid")
    check(space=[{**RATE, "low": 0.1, "high": 0.3, "step": 0.1}], sampler="grid")


def test_remedies_and_augmentation_are_searched_too(check):
    check(space=[{"path": "balance.method", "kind": "categorical", "choices": ["none", "focal"]}])


def test_other_pipelines_do_not_care(check):
    check("split", space=[])
