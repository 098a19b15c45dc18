"""Suggested values merged into the parameters that a search starts from."""

from collections.abc import Mapping

from pydantic import ValidationError

from foldwise.config import Config
from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.parameter_errors import explain
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.search.merging import Tree, as_given, merge, nested
from foldwise.tasks.search.trial import Candidate, SearchError, Value
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig


def build_candidate(base: Mapping[str, Config], values: Mapping[str, Value]) -> Candidate:
    """Return the parameters with these values, validated again.

    Where a value chooses another variant than the base's (another model, another remedy), the
    parameters that belong to the base's variant are dropped.

    Args:
        base: The parameters that the search starts from, by name (train_cnn, augment, balance).
        values: By path, such as `train_cnn.fit.optimizer.lr`.

    Raises:
        SearchError: The parameters are not allowed, with one line for each that is wrong.
    """
    parameters, wrong = {}, []
    for name, config in base.items():
        given = merged_values(config, name, values)
        try:
            parameters[name] = type(config).model_validate(given)
        except ValidationError as error:
            wrong += explain(error, name, given)
    if wrong:
        raise SearchError("\n".join(wrong))
    return Candidate(values=dict(values), parameters=parameters)


def merged_values(config: Config, name: str, values: Mapping[str, Value]) -> Tree:
    """Return one of the base's parameter objects as YAML has it, with the values that are its."""
    new: Tree = {}
    for path in sorted(values, key=lambda path: path.count(".")):  # a group before what is in it
        value = values[path]
        if path == name and isinstance(value, str) and isinstance(config, BalanceConfig):
            value = {"method": value}  # as in the files of parameters
        if path == name:
            if not isinstance(value, Mapping):
                raise SearchError(f"{name} is {value!r}, but it holds parameters of its own.")
            new = merge(None, new, value)
        elif path.startswith(f"{name}."):
            new = merge(None, new, nested(path.removeprefix(f"{name}."), value))
    return merge(type(config), as_given(config), new)


def require_recipe(candidate: Candidate) -> None:
    """Raise a RecipeError where choices of different stages do not go together."""
    parameters = candidate.parameters
    generator = parameters.get("train_gan")
    assert generator is None or isinstance(generator, TrainGanConfig)
    for config in parameters.values():
        if not isinstance(config, TrainCnnConfig | TrainRnnConfig | TrainMlpConfig):
            continue
        augment = parameters.get("augment", AugmentConfig())
        balance = parameters.get("balance", BalanceConfig())
        assert isinstance(augment, AugmentConfig)
        assert isinstance(balance, BalanceConfig)
        if isinstance(config, TrainMlpConfig):
            config.recipe(augment, balance)
        else:
            config.recipe(augment, balance, generator)
