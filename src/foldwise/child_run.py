"""One MLflow run below another one."""

import os
import platform
import time
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from mlflow.entities import Metric, RunStatus, RunTag
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

HOST_TAG, PROCESS_TAG = "foldwise.host", "foldwise.pid"

_FLUSH_INTERVAL_S = 2.0  # a batch of metrics costs a database about 15 ms
_SYSTEM_METRICS_INTERVAL_S = 2.0
_METRICS_PER_BATCH = 1000  # MLflow's limit


class ChildRun:
    """A run that is open: its metrics in batches, pictures, the machine's load, its end."""

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        parent: str,
        name: str,
        tags: Mapping[str, str],
    ) -> None:
        """Create it."""
        self._client = client
        self.run_id = create_child(client, experiment_id, parent, name, tags)
        self._pending: list[Metric] = []
        self._flushed_at = time.monotonic()
        self._monitor: SystemMetricsMonitor | None = None

    def watch(self) -> None:
        """Sample the machine's load into it until it is closed."""
        self._monitor = SystemMetricsMonitor(
            self.run_id,
            sampling_interval=_SYSTEM_METRICS_INTERVAL_S,
            tracking_uri=self._client.tracking_uri,
        )
        self._monitor.start()

    def add(self, points: Iterable[tuple[str, float, int]]) -> None:
        """Take names, values and steps; they are sent from time to time."""
        now = now_ms()
        self._pending += [Metric(name, value, now, step) for name, value, step in points]
        if time.monotonic() - self._flushed_at > _FLUSH_INTERVAL_S:
            self._flush()

    def log_image(self, key: str, image: npt.NDArray[np.uint8], step: int) -> None:
        """Add a picture (H, W, C) to the series of this key; the UI steps through it."""
        self._client.log_image(self.run_id, image, key=key, step=step)

    def close(self, status: int, tags: Mapping[str, str] | None = None) -> None:
        """Send what is left and end it."""
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None
        self._flush()
        if tags:
            entries = [RunTag(key, value) for key, value in tags.items()]
            self._client.log_batch(self.run_id, tags=entries)
        self._client.set_terminated(self.run_id, RunStatus.to_string(status))

    def _flush(self) -> None:
        _log(self._client, self.run_id, self._pending)
        self._pending.clear()
        self._flushed_at = time.monotonic()


def create_child(
    client: MlflowClient, experiment_id: str, parent: str, name: str, tags: Mapping[str, str]
) -> str:
    """Create a run below another one and return its id."""
    of_tree = {MLFLOW_PARENT_RUN_ID: parent, MLFLOW_RUN_NAME: name}
    run = client.create_run(experiment_id, tags={**of_tree, **tags, **process_tags()})
    return str(run.info.run_id)


def log_metrics(client: MlflowClient, run_id: str, metrics: Mapping[str, float]) -> None:
    """Add numbers that have no steps to a run."""
    now = now_ms()
    _log(client, run_id, [Metric(name, value, now, 0) for name, value in metrics.items()])


def process_tags() -> dict[str, str]:
    """Return which process of which machine a run belongs to."""
    return {HOST_TAG: platform.node(), PROCESS_TAG: str(os.getpid())}


def now_ms() -> int:
    """Return the time of day as MLflow takes it."""
    return time.time_ns() // 1_000_000


def _log(client: MlflowClient, run_id: str, metrics: list[Metric]) -> None:
    for start in range(0, len(metrics), _METRICS_PER_BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_PER_BATCH])
