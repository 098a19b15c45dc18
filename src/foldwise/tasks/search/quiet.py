"""Silence for what Optuna says of what is meant to be."""

import contextlib
import warnings
from collections.abc import Iterator

import optuna
from optuna.exceptions import ExperimentalWarning


@contextlib.contextmanager
def quiet_optuna() -> Iterator[None]:
    """Hold back Optuna's lines on studies and trials, errors aside; Foldwise has its own."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


@contextlib.contextmanager
def experiments_expected() -> Iterator[None]:
    """Hold back the warnings that a part of Optuna may still change: its version is locked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
