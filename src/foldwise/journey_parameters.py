"""Which parameters a run reads, and what they are; as the catalogue has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from kedro.framework.project import pipelines
from kedro.io import DataCatalog

from foldwise.config import Config

_PARAMETERS = "params:"
DEFAULT_PIPELINE = "__default__"  # what Kedro calls it


def journey_parameters(run_params: Mapping[str, Any]) -> set[str]:
    """Return the names of the parameters of the whole journey, even where only a stage is run.

    Args:
        run_params: As Kedro hands them to its hooks: `pipeline_names`.
    """
    journeys: Sequence[str] = run_params.get("pipeline_names") or [DEFAULT_PIPELINE]
    read = {dataset for journey in journeys for dataset in pipelines[journey].inputs()}
    return {name.removeprefix(_PARAMETERS) for name in read if name.startswith(_PARAMETERS)}


def given_parameters(catalog: DataCatalog, name: str) -> Config:
    """Return parameters as the nodes get them."""
    config = catalog[f"{_PARAMETERS}{name}"].load()
    assert isinstance(config, Config)
    return config


def replace_parameters(catalog: DataCatalog, name: str, config: Config) -> None:
    """Let the nodes get others."""
    # Kedro would warn of a dataset that is replaced.
    catalog[f"{_PARAMETERS}{name}"].save(config)
