import pytest
from pydantic import ValidationError

from foldwise.parameter_errors import explain
from foldwise.tasks.search.config import FloatParameter, IntParameter, SearchConfig

RATE = {"path": "train_cnn.fit.optimizer.lr", "kind": "float", "low": 0.001, "high": 0.1}


def refused(**values):
    with pytest.raises(ValidationError) as error:
        SearchConfig.model_validate(values)
    return "\n".join(explain(error.value, "search_cnn", values))


def space_refused(**changes):
    return refused(space=[{**RATE, **changes}])


def test_a_range_has_its_ends_in_order():
    told = space_refused(low=1)
    assert "train_cnn.fit.optimizer.lr: low is 1, but high is 0.1" in told


@pytest.mark.parametrize("low", [0, -0.5])
def test_a_logarithmic_scale_begins_above_zero(low):
    told = space_refused(low=low, log=True)
    assert f"low is {low:g}, but log is true" in told
    assert "Allowed: low above 0, or log false" in told


def test_a_logarithmic_scale_has_no_steps():
    assert "step is 0.1, but log is true" in space_refused(log=True, step=0.1)
    told = refused(
        space=[{"path": "a", "kind": "int", "low": 1, "high": 9, "log": True, "step": 2}]
    )
    assert "step is 2, but log is true" in told


def test_steps_end_at_high():
    told = space_refused(low=0, high=1, step=0.3)
    assert "Allowed: high 0.9 or 1.2" in told


def test_steps_are_exact_where_sums_of_floats_are_not():
    tenths = FloatParameter(path="a", kind="float", low=0.0, high=0.7, step=0.1)
    assert tenths.values() == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert tenths.read(0.1 + 0.2) == 0.3  # the sum is 0.30000000000000004


def test_a_wide_range_of_whole_numbers_takes_no_memory():
    sizes = IntParameter(path="a", kind="int", low=1, high=10**12)
    assert len(sizes.values()) == 10**12
    assert {1, 10**12} <= set(sizes.tried())


@pytest.mark.parametrize("choices", [[], [1, 1], [[8, 16], [8, 16]], [float("nan")], [{1, 2}]])
def test_choices_are_several_values_that_yaml_knows(choices):
    told = refused(space=[{"path": "a.b", "kind": "categorical", "choices": choices}])
    assert "choices" in told


def test_an_unknown_kind_is_told_with_those_there_are():
    assert "Allowed: float, int, categorical" in space_refused(kind="flaot")
    assert "Did you mean 'float'?" in space_refused(kind="flaot")


def test_a_condition_names_a_value():
    assert "when.train_cnn.model.name is an empty list" in space_refused(
        when={"train_cnn.model.name": []}
    )


def test_several_objectives_have_no_curve_to_be_pruned_by():
    told = refused(objectives="latency_ms", pruner="median")
    assert "pruner is 'median', but there are several objectives" in told
    assert SearchConfig.of(objectives="latency_ms;num_parameters").objectives == (
        "latency_ms",
        "num_parameters",
    )
    assert "'latency_ms' is named twice" in refused(objectives=["latency_ms", "latency_ms"])


def test_the_wilcoxon_pruner_needs_parts_to_compare():
    told = refused(pruner="wilcoxon", folds=2, inner_folds=2)
    assert "needs at least 5 parts, but folds=2 and inner_folds=2 make 4" in told
    SearchConfig.of(pruner="wilcoxon", folds=3, inner_folds=2)
    SearchConfig.of(pruner="wilcoxon")  # how many folds there are is not known here


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_trials", 0), ("n_trials", -1), ("timeout", 0), ("workers", 0), ("max_failures", 0)],
)
def test_numbers_are_in_range(name, value):
    assert f"search_cnn.{name} is {value}" in refused(**{name: value})


def test_a_storage_is_a_known_kind_or_a_url():
    assert "'jurnal' is no storage" in refused(storage="jurnal")
    SearchConfig.of(storage="postgresql+psycopg://user@host/name")


def test_a_password_is_in_nothing_that_is_written_down():
    config = SearchConfig(space=(), storage="postgresql+psycopg://anna:secret@host/name")
    assert config.storage == "postgresql+psycopg://anna:secret@host/name"
    assert "secret" not in str(config.flat("search_cnn"))
    assert config.flat()["storage"] == "postgresql+psycopg://anna:***@host/name"
    assert SearchConfig(storage="sqlite").flat()["storage"] == "sqlite"


def test_a_password_is_not_repeated_where_a_url_is_mistyped():
    assert "secret" not in refused(storage="postgresql:/me:secret@host/name")


def test_early_trials_get_less_of_something():
    assert "early: trials is 5, but nothing says" in refused(early={"trials": 5})
    SearchConfig.of(early={"trials": 5, "limit": 100})
