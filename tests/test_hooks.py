from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node

from foldwise import hooks
from foldwise.data.split_config import SplitConfig
from foldwise.errors import UserError
from foldwise.hooks import ObserverHook, ParametersHook
from foldwise.pipeline_registry import register_pipelines
from foldwise.tasks.events import TrainingFinished, TrainingStarted


@pytest.fixture(scope="module")
def registered():
    return register_pipelines()


@pytest.fixture
def check(monkeypatch, registered):
    """Check parameters as at the start of a run; Kedro's own lists of pipelines is not needed."""
    monkeypatch.setattr(hooks, "pipelines", registered)

    def checked(**parameters):
        context = SimpleNamespace(config_loader={"parameters": parameters, "globals": {}})
        ParametersHook().after_context_created(context)

    return checked


def test_the_parameters_of_all_stages_are_known(check):
    check(ingest={}, split={}, balance={}, augment={}, train_cnn={}, experiment="mine")
    check()


@pytest.mark.parametrize(
    ("name", "near"),
    [("trian_cnn", "train_cnn"), ("splitt", "split"), ("experimen", "experiment")],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(check, name, near):
    with pytest.raises(UserError) as refused:
        check(split={}, **{name: {"seed": 1}})
    message = str(refused.value)
    assert f"unknown parameter {name!r} (did you mean {near!r}?)" in message
    allowed = message.split("Allowed: ")[1]
    assert {"experiment", "ingest", "split", "balance", "train_cnn"} <= set(
        allowed.rstrip(".").split(", ")
    )


def test_all_unknown_names_are_told_at_once(check):
    with pytest.raises(UserError, match=r"unknown parameter 'one'.*unknown parameter 'zwei'"):
        check(one=1, split={}, zwei=2)


def test_a_new_pipeline_brings_its_own_parameters(monkeypatch):
    def work(config):
        return config

    pipeline = Pipeline([node(work, "params:search.space.depth", "best")])
    monkeypatch.setattr(hooks, "pipelines", {"search": pipeline})
    context = SimpleNamespace(config_loader={"parameters": {"search": {}}, "globals": {}})
    ParametersHook().after_context_created(context)
    context.config_loader["parameters"]["split"] = {}
    with pytest.raises(UserError, match="unknown parameter 'split'"):
        ParametersHook().after_context_created(context)


@pytest.mark.parametrize("name", ["digits", "a", "7", "2024-05_run-3", "A" * 64])
def test_an_experiment_has_a_plain_name(check, name):
    check(experiment=name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../elsewhere", "a/b", "a\\b", "/tmp", "~", "a b", " a", "a\n", "a\0"),
        *("-a", "_a", "été", "a.b", "a%2e", "a;b", "$HOME", "${x}", "A" * 65, ["a"]),
        *(42, False, None),  # what YAML reads in 42, off and null
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(check, name):
    with pytest.raises(UserError) as refused:
        check(experiment=name)
    assert f"experiment is {name!r}" in str(refused.value)
    assert "1 to 64 letters, digits, '-' and '_'" in str(refused.value)


def test_a_value_is_refused_before_kedro_does_so(monkeypatch):
    def work(config: SplitConfig) -> None: ...

    known = {"a": Pipeline([node(work, "params:split", None)])}
    monkeypatch.setattr(hooks, "pipelines", known)
    config_loader = {"parameters": {"split": {"scheme": "stratifed"}}, "globals": {}}
    with pytest.raises(
        UserError, match=r"^split\.scheme is 'stratifed'. Did you mean 'stratified'"
    ):
        ParametersHook().after_context_created(SimpleNamespace(config_loader=config_loader))


def test_training_nodes_get_an_observer_that_tells_who_listens_then(monkeypatch, capsys):
    monkeypatch.setattr(hooks, "_LISTENERS", {})
    catalog, hook = DataCatalog(), ObserverHook()
    hook.after_catalog_created(catalog)
    observer = catalog["observer"].load()
    observer(TrainingStarted(7, 1, "cpu", "float32"))  # nobody yet
    assert capsys.readouterr().err == ""
    hook.before_pipeline_run()
    observer(TrainingStarted(3, 1, "cpu", "float32"))
    assert capsys.readouterr().err.startswith("Training 3 folds")
    observer(TrainingFinished())


def test_an_environment_cannot_lead_elsewhere_either(monkeypatch, registered):
    monkeypatch.setattr(hooks, "pipelines", registered)
    config_loader = {"parameters": {}, "globals": {"experiment": "../elsewhere"}}
    with pytest.raises(UserError, match="experiment is"):
        ParametersHook().after_context_created(SimpleNamespace(config_loader=config_loader))
