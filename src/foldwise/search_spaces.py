"""Spaces of searches, looked at before a run begins."""

from collections.abc import Mapping
from typing import Any, get_args

from kedro.io import DataCatalog

from foldwise.journey_parameters import given_parameters, journey_parameters
from foldwise.tasks.search.best_params import SHARED_GROUPS
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.trial import SearchFamily


def require_searchable(run_params: Mapping[str, Any], catalog: DataCatalog) -> None:
    """Refuse a space that can leave what is allowed, before data is read for its search.

    Args:
        run_params: As Kedro hands them to its hooks: `pipeline_names`.
        catalog: Of the run; the parameters are in it.

    Raises:
        SearchError: What is wrong with it, or why there is no grid of it.
    """
    read = journey_parameters(run_params)
    for family in get_args(SearchFamily):
        if f"search_{family}" not in read:
            continue
        config = given_parameters(catalog, f"search_{family}")
        assert isinstance(config, SearchConfig)
        searched = [f"train_{family}", *(name for name in SHARED_GROUPS if name in read)]
        base = {name: given_parameters(catalog, name) for name in searched}
        space = Space(config.space, base)
        if config.sampler == "grid":
            space.grid()
