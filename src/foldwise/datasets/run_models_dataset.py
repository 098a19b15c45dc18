"""Where the networks of an MLflow run lie, as a catalogue entry that training nodes can ask."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Never

from kedro.io import AbstractDataset, DatasetError
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from foldwise.errors import UserError
from foldwise.tasks.fold_models import FoldModels, ModelError, read_card
from foldwise.tasks.pretrained import FindRun

MODELS_PATH_TAG = "models.path"  # of a training's run: the folder of its networks
_REPEAT_TAG, _FOLD_TAG, _WEIGHTS_TAG = "repeat", "fold", "weights.sha256"  # of each fold's run


class RunError(UserError):
    """A run is unknown, or its networks are not where it left them."""


class RunModelsDataset(AbstractDataset[Never, FindRun]):
    """Gives the function from a run's id to its networks; the store is asked when it is called."""

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        """Take nothing: the tracking server is the one of the Kedro run."""
        self.metadata = metadata

    def load(self) -> FindRun:
        """Return the function."""
        return models_of_run

    def save(self, data: Never) -> None:
        """Refuse: runs are only read."""
        raise DatasetError("The networks of runs are only looked up and cannot be saved.")

    def _describe(self) -> dict[str, Any]:
        return {}


def models_of_run(run_id: str, asked_by: str = "transfer.weights") -> Path:
    """Return the folder of a run's networks: of a family, or of one fold for a fold's run.

    The run says where they were left, and the runs of its folds with which content: what a later
    training has put in their place is refused.

    Raises:
        RunError: There is no such run, it trained nothing, or its networks are gone or replaced.
    """
    client = MlflowClient()
    run = _run(client, run_id, asked_by)
    parent_id = run.data.tags.get(MLFLOW_PARENT_RUN_ID)
    is_fold = _WEIGHTS_TAG in run.data.tags and parent_id is not None
    owner = _run(client, parent_id, asked_by) if is_fold and parent_id is not None else run
    path = owner.data.tags.get(MODELS_PATH_TAG)
    if path is None:
        if is_fold:
            raise RunError(
                f"{asked_by} is the MLflow run {run_id}, a fold of a training that did not "
                f"end, or of a comparison of remedies: the run above it has no tag "
                f"{MODELS_PATH_TAG!r}. Give the path of the fold's folder instead."
            )
        raise RunError(
            f"{asked_by} is the MLflow run {run_id}, which has trained no networks: it has "
            f"no tag {MODELS_PATH_TAG!r}. Take the run of a training, or of one of its folds."
        )
    models = FoldModels(Path(path))
    _require_unchanged(models, [run] if is_fold else _folds(client, run), run_id)
    return _folder(models, run) if is_fold else models.root


def folds_hash_of_run(run_id: str, asked_by: str) -> str | None:
    """Return the hash of the folds that a run was made on, if it tells.

    Raises:
        RunError: There is no such run, or it is one of a single fold.
    """
    tags = _run(MlflowClient(), run_id, asked_by).data.tags
    if _WEIGHTS_TAG in tags:
        raise RunError(
            f"{asked_by} is the MLflow run {run_id}, which is one fold of a training. Take the "
            f"run above it, {tags.get(MLFLOW_PARENT_RUN_ID)}."
        )
    return tags.get("folds.hash")


def _run(client: MlflowClient, run_id: str, asked_by: str) -> Run:
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        raise RunError(
            f"{asked_by} is the MLflow run {run_id}, but there is none with this id in "
            f"{client.tracking_uri} ({error.message})."
        ) from None


def _folds(client: MlflowClient, run: Run) -> list[Run]:
    query = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{run.info.run_id}' and tags.`{_WEIGHTS_TAG}` != ''"
    return list(client.search_runs([run.info.experiment_id], query))


def _folder(models: FoldModels, fold: Run) -> Path:
    return models.folder(int(fold.data.tags[_REPEAT_TAG]), int(fold.data.tags[_FOLD_TAG]))


def _require_unchanged(models: FoldModels, folds: Iterable[Run], run_id: str) -> None:
    for fold in folds:
        folder = _folder(models, fold)
        try:
            found = read_card(folder).weights_sha256
        except ModelError as error:
            raise RunError(
                f"The networks of the MLflow run {run_id} are not where it left them: {error}"
            ) from None
        if found != fold.data.tags[_WEIGHTS_TAG]:
            raise RunError(
                f"The network that the MLflow run {run_id} left in {folder} has been replaced by "
                "that of a later training. Train it again, or give the path of this one."
            )
