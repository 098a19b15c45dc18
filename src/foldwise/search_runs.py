"""What MLflow is told of a search: a run for each trial, and below it one for each of its fits."""

import json
import math
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from foldwise.child_run import now_ms, process_tags
from foldwise.tasks.events import (
    SearchFinished,
    StudyFinished,
    StudyStarted,
    TrainingEvent,
    TrialFinished,
)
from foldwise.tasks.search.trial import PartScore, StudySpec, TrialRecord, Value
from foldwise.tracking import fold_name

_MAX_TAG = 5000  # letters; MLflow takes 8000 bytes
_MAX_PARAM = 6000  # MLflow's limit
_PER_BATCH = 1000  # metrics, also MLflow's limit
_LEAST_SECONDS = 1.0  # of a fit that has a run of its own
_STATUS = {"failed": RunStatus.FAILED, "lost": RunStatus.KILLED}


class SearchRuns:
    """An observer that writes a trial down when it has ended, while the next ones run.

    A run takes about 50 ms to write. So a fit that took less than a second gets none: its score
    is a metric of the trial's run, as those of all fits are.
    """

    def __init__(self, client: MlflowClient, experiment_id: str, parent_run_id: str) -> None:
        """Open children under a parent run, which is the study's."""
        self._client, self._experiment_id, self._parent = client, experiment_id, parent_run_id
        self._process = process_tags()
        self._spec: StudySpec | None = None
        self._runs: dict[tuple[str, int], str] = {}  # by study and number
        self._writer: ThreadPoolExecutor | None = None
        self._pending: deque[Future[None]] = deque()

    def __call__(self, event: TrainingEvent) -> None:
        """Track what has happened.

        Raises:
            MlflowException: An earlier trial could not be written.
        """
        match event:
            case StudyStarted():
                self._spec = event.spec
            case TrialFinished():
                spec, record, end = self._spec, event.record, now_ms()
                assert spec is not None
                self._later(lambda: self._write(spec, record, end))
            case StudyFinished():
                result = event.result
                self._later(lambda: self._mark_winner(result.spec.name, result.winner_number))
            case SearchFinished():
                self._finish()

    def _later(self, write: Callable[[], None]) -> None:
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "search-runs")
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()
        self._pending.append(self._writer.submit(write))

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None
        while self._pending:
            self._pending.popleft().result()

    def _write(self, spec: StudySpec, trial: TrialRecord, end: int) -> None:
        seconds = trial.seconds if math.isfinite(trial.seconds) else 0.0
        start = end - int(1000 * seconds)
        tags = {"study": trial.study, "trial": str(trial.number), "state": trial.state}
        tags["is_early"] = str(trial.is_early).lower()
        if trial.error is not None:
            tags["error"] = trial.error[:_MAX_TAG]
        run_id = self._create(self._parent, trial_name(spec, trial.number), start, tags)
        self._runs[trial.study, trial.number] = run_id
        metrics = {
            **dict(zip(spec.objectives, trial.values, strict=False)),
            **{f"{part_name(part)}.{spec.objectives[0]}": part.score for part in trial.parts},
            "seconds": seconds,
            "num_epochs": float(trial.num_epochs),
        }
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, end, 0) for name, value in metrics.items()],
            params=[Param(name, _text(value)) for name, value in trial.params.items()],
        )
        for part in trial.parts:
            if part.seconds >= _LEAST_SECONDS:
                start = self._write_part(run_id, part, start)
        self._end(run_id, _STATUS.get(trial.state, RunStatus.FINISHED), end)

    def _write_part(self, trial: str, part: PartScore, start: int) -> int:
        """Write one fit down, which began at `start`; return when it ended."""
        end = start + int(1000 * part.seconds)
        tags = {"repeat": str(part.repeat), "fold": str(part.fold), "inner": str(part.inner)}
        run_id = self._create(trial, part_name(part), start, tags)
        curves = [
            Metric(name, float(value), end, epoch)
            for epoch, record in enumerate(part.history)
            for name, value in record.items()
            if name != "epoch" and value is not None and math.isfinite(value)
        ]
        curves.append(Metric("best_epoch", part.best_epoch, end, 0))
        for first in range(0, len(curves), _PER_BATCH):
            self._client.log_batch(run_id, metrics=curves[first : first + _PER_BATCH])
        self._end(run_id, RunStatus.FINISHED, end)
        return end

    def _create(self, parent: str, name: str, start: int, tags: Mapping[str, str]) -> str:
        of_tree = {MLFLOW_PARENT_RUN_ID: parent, MLFLOW_RUN_NAME: name}
        run = self._client.create_run(
            self._experiment_id, start_time=start, tags={**of_tree, **tags, **self._process}
        )
        return str(run.info.run_id)

    def _end(self, run_id: str, status: int, end: int) -> None:
        self._client.set_terminated(run_id, RunStatus.to_string(status), end_time=end)

    def _mark_winner(self, study: str, number: int) -> None:
        """Tag the winner's run, unless it is of an earlier start of the search."""
        run_id = self._runs.get((study, number))
        if run_id is not None:
            self._client.log_batch(run_id, tags=[RunTag("is_winner", "true")])


def trial_name(spec: StudySpec, number: int) -> str:
    """Return what the run of a trial is called, such as `repeat_0_fold_2_trial_3` of a nested one.

    Below the run of the pipeline, the trials of the main study are simply numbered.
    """
    if not spec.nested:
        return f"trial_{number}"
    ((repeat, fold),) = spec.folds
    return f"repeat_{repeat}_fold_{fold}_trial_{number}"


def part_name(part: PartScore) -> str:
    """Return what the run of a fit is called; the number of its inner part where it is not 0."""
    inner = f"_inner_{part.inner}" if part.inner else ""
    return fold_name(part.repeat, part.fold) + inner


def _text(value: Value) -> str:
    text = json.dumps(value) if isinstance(value, list | dict) else str(value)
    return text[:_MAX_PARAM]
