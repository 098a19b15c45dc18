"""From parameters by name to what a training is made of."""

from collections.abc import Mapping

from foldwise.config import Config
from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.search.trial import Problem
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig


def recipe_of(problem: Problem, parameters: Mapping[str, Config]) -> Recipe:
    """Return everything that is chosen about a training of the problem's family.

    Raises:
        RecipeError: Choices do not go together.
    """
    training = parameters[f"train_{problem.family}"]
    balance = balance_of(parameters)
    augment = parameters.get("augment", AugmentConfig())
    assert isinstance(training, TrainCnnConfig | TrainRnnConfig | TrainMlpConfig)
    assert isinstance(augment, AugmentConfig)
    return training.recipe(augment, balance)


def balance_of(parameters: Mapping[str, Config]) -> BalanceConfig:
    """Return the remedy."""
    balance = parameters.get("balance", BalanceConfig())
    assert isinstance(balance, BalanceConfig)
    return balance
