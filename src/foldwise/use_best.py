"""Parameters that a search has found, in place of those that a run would be given."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from kedro.config import AbstractConfigLoader
from kedro.io import DataCatalog
from pydantic import ValidationError

from foldwise.config import Config
from foldwise.errors import UserError
from foldwise.journey_parameters import (
    given_parameters,
    journey_parameters,
    replace_parameters,
)
from foldwise.tasks.search.best_params import read_best_params, with_best
from foldwise.tasks.search.trial import SearchFamily

logger = logging.getLogger(__name__)


def use_best(
    run_params: Mapping[str, Any],
    catalog: DataCatalog,
    loader: AbstractConfigLoader,
    project: Path,
) -> None:
    """Put what searches have found into the catalogue, where `use_best` asks for it.

    It is the whole journey that counts, so that a stage that is run alone gets what it gets
    there. What is given on the command line stays. A search starts from the parameters without
    what an earlier one has found.

    Args:
        run_params: As Kedro hands them to its hooks: `pipeline_names`, `runtime_params`.
        catalog: Of the run; the parameters are in it.
        loader: Of the files of parameters.
        project: Its folder.

    Raises:
        UserError: No search has found anything yet, what it has found cannot be read or does not
            go with the rest, or two families would each bring their own `augment` and `balance`.
    """
    read = journey_parameters(run_params)
    asking = [family for family in get_args(SearchFamily) if _asks(catalog, family, read)]
    searched = [family for family in asking if f"search_{family}" in read]
    for family in searched:
        _ignore(catalog, family)
    trained = [family for family in asking if family not in searched]
    _require_one_owner([family for family in trained if family != "gan"])
    for family in trained:
        _use(family, catalog, loader, run_params.get("runtime_params") or {}, project)


def _asks(catalog: DataCatalog, family: str, read: set[str]) -> bool:
    name = f"train_{family}"
    return name in read and bool(getattr(given_parameters(catalog, name), "use_best", False))


def _ignore(catalog: DataCatalog, family: str) -> None:
    name = f"train_{family}"
    config = given_parameters(catalog, name)
    replace_parameters(catalog, name, config.model_copy(update={"use_best": False}))
    logger.info(
        "train_%s.use_best is not looked at: a search starts from the parameters as they are "
        "without what an earlier one has found.",
        family,
    )


def _require_one_owner(families: Sequence[str]) -> None:
    if len(families) > 1:
        asking = " and ".join(f"train_{family}.use_best" for family in families)
        raise UserError(
            f"{asking} are true in one run, but each search has found its own `augment` and "
            "`balance`. Run the pipelines one after the other."
        )


def _use(
    family: str,
    catalog: DataCatalog,
    loader: AbstractConfigLoader,
    command_line: Mapping[str, Any],
    project: Path,
) -> None:
    path = Path(catalog.get(f"{family}_best_params")._filepath)  # type: ignore[union-attr]
    shown = Path(os.path.relpath(path, project)) if path.is_absolute() else path
    best = read_best_params(path, family, shown)
    files = _of_files(loader)
    for name, found in best.items():
        config = given_parameters(catalog, name)
        own = _own(config, files.get(name, {}))
        merged = with_best(config, name, found, own, command_line.get(name))
        replace_parameters(catalog, name, merged)
    logger.info("train_%s.use_best: parameters are taken from %s.", family, shown)


def _of_files(loader: AbstractConfigLoader) -> dict[str, Any]:
    """Return the parameters without those of the command line."""
    given, loader.runtime_params = loader.runtime_params, {}
    try:
        return dict(loader["parameters"])
    finally:
        loader.runtime_params = given


def _own(config: Config, given: object) -> Config:
    """Return what files say, or all that is given where files alone say too little."""
    try:
        return type(config).model_validate(given)
    except ValidationError:
        return config
