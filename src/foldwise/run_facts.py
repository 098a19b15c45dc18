"""What a report tells of the run that wrote it: command, commit of the code, parameters."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog

from foldwise import tracking
from foldwise.config import Config, Scalar, flatten
from foldwise.journey_parameters import DEFAULT_PIPELINE, journey_parameters

RunFacts = dict[str, dict[str, Scalar]]  # heading -> name -> value


def run_facts(project: Path, run_params: Mapping[str, Any], catalog: DataCatalog) -> RunFacts:
    """Return names and values under headings, as a report shows them.

    They are those of the whole journey, even where only some of its stages are run.

    Args:
        project: Its folder.
        run_params: As Kedro hands them to its hooks: `pipeline_names`, `env`, `runtime_params`.
        catalog: Of the run; the parameters are in it.
    """
    run: dict[str, Scalar] = {"command": run_command(run_params)}
    commit = tracking.git_commit(project)
    if commit != "unknown":
        run["git commit"] = commit
    parameters: dict[str, Scalar] = {}
    for name in sorted(journey_parameters(run_params)):
        value = catalog.load(f"params:{name}")
        parameters |= value.flat(name) if isinstance(value, Config) else flatten({name: value})
    return {"Run": run, "Parameters": parameters}


def run_command(run_params: Mapping[str, Any]) -> str:
    """Return the command of the whole journey, even where only some of its stages were run.

    >>> run_command({"pipeline_names": ["train_cnn"], "env": "test", "tags": ["evaluate"],
    ...              "runtime_params": {"experiment": "mine", "split": {"seed": 1}}})
    'kedro run --pipeline=train_cnn --env=test --params=experiment=mine,split.seed=1'
    """
    words = ["kedro", "run"]
    names: Sequence[str] = run_params.get("pipeline_names") or ()
    if names and list(names) != [DEFAULT_PIPELINE]:
        words.append(f"--pipeline={','.join(names)}")
    if run_params.get("env") not in (None, "local"):  # what Kedro takes where none is named
        words.append(f"--env={run_params['env']}")
    changed = flatten(run_params.get("runtime_params") or {})
    if changed:
        words.append(f"--params={','.join(f'{name}={value}' for name, value in changed.items())}")
    return shlex.join(words)
