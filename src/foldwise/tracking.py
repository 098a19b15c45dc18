"""What MLflow is told of a run: its tree of methods and folds, hashes, the address in the UI."""

import contextlib
import math
import platform
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import mlflow
import psutil
from mlflow.entities import Experiment, Param, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from foldwise.child_run import (
    HOST_TAG,
    PROCESS_TAG,
    ChildRun,
    create_child,
    log_metrics,
    process_tags,
)
from foldwise.config import Scalar
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.modules.records import EpochRecord
from foldwise.tasks.events import (
    ComparisonFinished,
    EpochFinished,
    FoldFinished,
    FoldStarted,
    MethodStarted,
    TrainingEvent,
    TrainingFinished,
)
from foldwise.tasks.fold_models import ModelCard

FoldNumber = tuple[int, int]

_CONNECT_TIMEOUT_S = 5.0
_PARAMS_PER_BATCH = 100  # MLflow's limit
_MAX_PARAM_NAME = 250  # also MLflow's
_UI_OF_A_DATABASE = "http://127.0.0.1:5000"  # where `make ui` serves


class TrackingError(UserError):
    """The tracking server does not answer."""


class FoldRuns:
    """An observer that keeps one child run per fold: its curves as they grow, its end."""

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        parent_run_id: str,
        seed: int | None = None,
    ) -> None:
        """Open children under a parent run; they are named after the seed where it has several."""
        self._client, self._experiment_id, self._parent = client, experiment_id, parent_run_id
        self._seed = seed
        self._runs: dict[FoldNumber, str] = {}
        self._open: ChildRun | None = None

    def __call__(self, event: TrainingEvent) -> None:
        """Track what has happened."""
        match event:
            case FoldStarted():
                self._start((event.repeat, event.fold)).watch()
                self._add(event.history)
            case EpochFinished():
                self._add((event.record,))
            case FoldFinished():
                self._finish(event)
            case TrainingFinished():
                self._close(RunStatus.FAILED)

    def log_metrics(self, key: FoldNumber, metrics: Mapping[str, float]) -> None:
        """Add a fold's own scores to its run, where it has one."""
        if key in self._runs:
            log_metrics(self._client, self._runs[key], metrics)

    def _start(self, key: FoldNumber) -> ChildRun:
        repeat, fold = key
        name = fold_name(repeat, fold)
        tags = {"repeat": str(repeat), "fold": str(fold)}
        if self._seed is not None:
            name, tags["seed"] = f"seed_{self._seed}_{name}", str(self._seed)
        run = ChildRun(self._client, self._experiment_id, self._parent, name, tags)
        self._open, self._runs[key] = run, run.run_id
        return run

    def _add(self, history: tuple[EpochRecord, ...]) -> None:
        if self._open is not None:
            self._open.add(point for record in history for point in _points(record))

    def _finish(self, event: FoldFinished) -> None:
        card = event.card
        if event.was_skipped:
            self._start((card.repeat, card.fold))
            self._add(tuple(EpochRecord(**record) for record in card.history))
        self._close(RunStatus.FINISHED, _card_tags(event))

    def _close(self, status: int, tags: Mapping[str, str] | None = None) -> None:
        """End the open child, if there is one."""
        if self._open is not None:
            self._open.close(status, tags)
            self._open = None


class MethodRuns:
    """An observer that keeps the tree of a run: its folds, or its methods with their folds."""

    def __init__(self, client: MlflowClient, experiment_id: str, parent_run_id: str) -> None:
        """Open children under a parent run."""
        self._client, self._experiment_id, self._parent = client, experiment_id, parent_run_id
        self.folds = FoldRuns(client, experiment_id, parent_run_id)  # of the open method, if any
        self._methods: dict[str, str] = {}
        self._folds: dict[tuple[str, int | None], FoldRuns] = {}
        self._open: str | None = None

    def __call__(self, event: TrainingEvent) -> None:
        """Track what has happened."""
        match event:
            case MethodStarted():
                self._start(event.name, event.seed)
            case ComparisonFinished():
                self._close(RunStatus.FINISHED if event.is_complete else RunStatus.FAILED)
            case _:
                self.folds(event)

    def log_metrics(self, method: str, metrics: Mapping[str, float]) -> None:
        """Add a method's scores to its run, which is made where nothing was trained."""
        if method not in self._methods:
            self._create(method)
            self._close(RunStatus.FINISHED)
        log_metrics(self._client, self._methods[method], metrics)

    def log_fold_metrics(
        self, method: str, seed: int, key: FoldNumber, metrics: Mapping[str, float]
    ) -> None:
        """Add a fold's own scores to its run, where it has one."""
        for known in (seed, None):
            if (method, known) in self._folds:
                self._folds[method, known].log_metrics(key, metrics)

    def _start(self, method: str, seed: int | None) -> None:
        if method != self._open:
            self._close(RunStatus.FINISHED)
            self._create(method)
        self.folds = FoldRuns(self._client, self._experiment_id, self._methods[method], seed)
        self._folds[method, seed] = self.folds

    def _create(self, method: str) -> None:
        self._methods[method] = create_child(
            self._client, self._experiment_id, self._parent, method, {"method": method}
        )
        self._open = method

    def _close(self, status: int) -> None:
        """End the open method's run, if there is one."""
        if self._open is not None:
            run_id = self._methods[self._open]
            self._client.set_terminated(run_id, RunStatus.to_string(status))
            self._open = None


def fold_name(repeat: int, fold: int) -> str:
    """Return what the run of a fold is called."""
    return f"fold_{fold}" if repeat == 0 else f"repeat_{repeat}_fold_{fold}"


def _points(record: EpochRecord) -> Iterator[tuple[str, float, int]]:
    values = asdict(record)
    epoch = values.pop("epoch")
    for name, value in values.items():
        if value is not None:  # a score of the other kind of targets
            yield name, value, epoch


def _card_tags(event: FoldFinished) -> dict[str, str]:
    card: ModelCard = event.card
    return {
        "best_epoch": str(card.best_epoch),
        "weights.sha256": card.weights_sha256,
        "fingerprint": card.fingerprint,
        "was_skipped": str(event.was_skipped).lower(),
    }


def require_server(uri: str) -> None:
    """Fail at once, not after minutes of retries, when a tracking server does not answer.

    Raises:
        TrackingError: It names the address and what decides it.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=_CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise TrackingError(
            f"The MLflow server at {parts.scheme}://{parts.hostname}:{port} does not answer "
            f"({error}). Start it, or correct MLFLOW_TRACKING_URI or server.mlflow_tracking_uri "
            "in mlflow.yml; without either, runs go to sqlite:///mlflow.db."
        ) from None


def prepare_store(uri: str, experiment: str, project: Path) -> None:
    """Create the database and the experiment, if they are not there.

    A database gets write-ahead logging, so that readers and one writer do not wait for each
    other; an experiment is marked as model training, so that the UI opens on its runs.
    """
    client = MlflowClient(tracking_uri=uri)
    location = None
    if uri.startswith("sqlite:"):
        location = (project / "mlruns" / experiment).as_uri()
        _write_ahead(client, uri)
    if client.get_experiment_by_name(experiment) is None:
        tags = {"mlflow.experimentKind": "custom_model_development"}
        # Another machine may have been faster: then it is there, which is all that is wanted.
        with contextlib.suppress(MlflowException):
            client.create_experiment(experiment, artifact_location=location, tags=tags)


def _write_ahead(client: MlflowClient, uri: str) -> None:
    import sqlite3

    client.search_experiments(max_results=1)  # makes the tables
    connection = sqlite3.connect(uri.removeprefix("sqlite:///"), timeout=30)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def close_orphans(client: MlflowClient, experiment: Experiment) -> None:
    """Mark as killed what processes of this machine that no longer run have left running."""
    query = f"attributes.status = 'RUNNING' and tags.`{HOST_TAG}` = '{platform.node()}'"
    query += f" and tags.`{PROCESS_TAG}` != ''"
    for run in client.search_runs([experiment.experiment_id], query):
        if not _is_running(int(run.data.tags[PROCESS_TAG]), run.info.start_time / 1000):
            client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))


def run_tags(project: Path, experiment: str) -> dict[str, str]:
    """Return where code and data of a run come from."""
    tags = {"git.commit": git_commit(project), **process_tags()}
    tags["dvc.data_md5"] = _dvc_md5(project, experiment)
    return tags


def log_params(client: MlflowClient, run_id: str, params: Mapping[str, Scalar]) -> None:
    """Log flattened parameters in batches.

    A name may hold what a user chose, as in `evaluate.costs`: `sick>healthy` is `sick:healthy`
    in MLflow, which refuses most signs.
    """
    names = _param_names(params)
    entries = [Param(names[name], str(value)[:6000]) for name, value in params.items()]
    for start in range(0, len(entries), _PARAMS_PER_BATCH):
        client.log_batch(run_id, params=entries[start : start + _PARAMS_PER_BATCH])


def _param_names(params: Mapping[str, Scalar]) -> dict[str, str]:
    """Return a name that MLflow takes for each, unlike those of the others."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for name in params:
        allowed = re.sub(r"[^\w.\-: ]", "_", name.replace(">", ":"))[:_MAX_PARAM_NAME]
        unique, number = allowed, 2
        while unique in taken:
            unique, number = f"{allowed[: _MAX_PARAM_NAME - 6]}_{number}", number + 1
        taken.add(unique)
        names[name] = unique
    return names


def log_samples(samples: Samples, experiment: str) -> None:
    """Log the samples as the dataset input of the active run."""
    targets = ["label"] if samples.classes else list(samples.target_names)
    dataset = mlflow.data.from_pandas(  # type: ignore[attr-defined]  # made at import
        samples.table[["sample_id", *targets]],
        source=f"data/03_primary/{experiment}/samples",
        targets=targets[0],
        name=experiment,
        digest=samples.content_hash[:36],
    )
    mlflow.log_input(dataset, context="training")


def run_address(uri: str, experiment_id: str, run_id: str) -> str:
    """Return where the UI shows this very run."""
    base = uri.rstrip("/") if uri.startswith(("http:", "https:")) else _UI_OF_A_DATABASE
    # Without the query the UI shows the side bar of language-model traces.
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


def numeric_leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Flatten nested metrics; `value` gives its parent's name, what is undefined is left out.

    >>> numeric_leaves({"oof": {"f1": {"value": 0.5, "low": 0.4, "method": "bca"}, "auc": None}})
    {'oof.f1': 0.5, 'oof.f1.low': 0.4}
    """
    flat: dict[str, float] = {}
    for key, value in tree.items():
        name = prefix if key == "value" else f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            flat.update(numeric_leaves(value, name))
        elif _is_number(value):
            flat[name] = float(value)
    return flat


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _is_running(pid: int, since: float) -> bool:
    """Tell whether a process runs that could have started something at `since` (seconds)."""
    try:
        return bool(psutil.Process(pid).create_time() <= since)
    except psutil.Error:
        return False


def git_commit(project: Path) -> str:
    """Return the commit of the code, with `-dirty` where it has changed since; or `unknown`."""

    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(project), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.strip()

    try:
        is_dirty = bool(git("status", "--porcelain", "--untracked-files=no"))
        return git("rev-parse", "HEAD") + ("-dirty" if is_dirty else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _dvc_md5(project: Path, experiment: str) -> str:
    """Return the MD5 that dvc.lock holds for the experiment's samples."""
    import yaml

    try:
        lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return "not under DVC"
    except (OSError, yaml.YAMLError):
        return "unknown: dvc.lock cannot be read"
    path = f"data/03_primary/{experiment}/samples"
    outs = [out for stage in lock.get("stages", {}).values() for out in stage.get("outs", [])]
    found = (str(out.get("md5", "unknown")) for out in outs if out.get("path") == path)
    return next(found, "not under DVC")
