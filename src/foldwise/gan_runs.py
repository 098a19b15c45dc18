"""What MLflow is told of generators: one run each, with the losses of every batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from mlflow.entities import RunStatus
from mlflow.tracking import MlflowClient

from foldwise.child_run import ChildRun, log_metrics
from foldwise.modules.gan_records import GanRecord
from foldwise.tasks.events import (
    GanEpochFinished,
    GanFoldFinished,
    GanFoldStarted,
    TrainingEvent,
    TrainingFinished,
)
from foldwise.tracking import FoldNumber, fold_name

_GRID = "samples"  # the name of the image series
_LEAST_GRID_SIDE = 400  # px, of what is shown: a grid of 8 x 8 px pictures is a stamp
_MAX_TAG = 5000  # letters; MLflow takes 8000 bytes
_MEANS = ("generator_loss", "discriminator_loss")  # of an epoch; those of batches have the names

Point = tuple[str, float, int]


class GanRuns:
    """An observer that keeps one child run per generator, and one per attempt that is given up.

    The step of everything is the number of the batch, so that curves, records of epochs and
    pictures stand at the same place of one axis.
    """

    def __init__(self, client: MlflowClient, experiment_id: str, parent_run_id: str) -> None:
        """Open children under a parent run."""
        self._client, self._experiment_id, self._parent = client, experiment_id, parent_run_id
        self._runs: dict[FoldNumber, str] = {}
        self._open: ChildRun | None = None

    def __call__(self, event: TrainingEvent) -> None:
        """Track what has happened."""
        match event:
            case GanFoldStarted():
                self._begin(event)
            case GanEpochFinished():
                self._advance(event)
            case GanFoldFinished():
                self._finish(event)
            case TrainingFinished():
                self._close(RunStatus.FAILED)

    def log_metrics(self, key: FoldNumber, metrics: Mapping[str, float]) -> None:
        """Add a generator's own scores to its run, where it has one."""
        if key in self._runs:
            log_metrics(self._client, self._runs[key], metrics)

    def _begin(self, event: GanFoldStarted) -> None:
        reasons = [finding.message for finding in event.findings]
        self._close(
            RunStatus.FAILED, {"given_up": " ".join(reasons)[:_MAX_TAG]} if reasons else {}
        )
        run = self._start(event.repeat, event.fold, event.attempt)
        run.watch()
        run.add(_losses(event.generator_losses, event.discriminator_losses, 0))
        run.add(_records(event.history, len(event.generator_losses)))

    def _advance(self, event: GanEpochFinished) -> None:
        if self._open is None:
            return
        losses, others = event.generator_losses, event.discriminator_losses
        last_step = event.first_step + len(losses) - 1
        self._open.add(_losses(losses, others, event.first_step))
        self._open.add(_record(asdict(event.record), last_step))
        if event.first_grid is not None:
            self._open.log_image(_GRID, _enlarged(event.first_grid), 0)
        if event.grid is not None:
            self._open.log_image(_GRID, _enlarged(event.grid), last_step)

    def _finish(self, event: GanFoldFinished) -> None:
        card = event.card
        if event.was_skipped:
            run = self._start(card.repeat, card.fold, card.num_restarts)
            # The batches of that training were not kept: each epoch is one step.
            run.add(_records([GanRecord(**record) for record in card.history], len(card.history)))
        told = " ".join(finding.message for finding in card.findings)
        tags = {
            "model": card.model.name,
            "weights.sha256": card.weights_sha256,
            "fingerprint": card.fingerprint,
            "was_skipped": str(event.was_skipped).lower(),
            "num_restarts": str(card.num_restarts),
            "findings": told[:_MAX_TAG] or "none",
        }
        self._close(RunStatus.FINISHED, tags)

    def _start(self, repeat: int, fold: int, attempt: int) -> ChildRun:
        name = f"generator_{fold_name(repeat, fold)}"
        tags = {"repeat": str(repeat), "fold": str(fold), "attempt": str(attempt)}
        if attempt:
            name += f"_attempt_{attempt + 1}"
        run = ChildRun(self._client, self._experiment_id, self._parent, name, tags)
        self._open, self._runs[repeat, fold] = run, run.run_id
        return run

    def _close(self, status: int, tags: Mapping[str, str] | None = None) -> None:
        """End the open child, if there is one."""
        if self._open is not None:
            self._open.close(status, tags)
            self._open = None


def _losses(generator: Sequence[float], discriminator: Sequence[float], first: int) -> list[Point]:
    points: list[Point] = []
    for name, losses in zip(_MEANS, (generator, discriminator), strict=True):
        points += [(name, loss, first + i) for i, loss in enumerate(losses)]
    return points


def _records(history: Sequence[GanRecord], num_steps: int) -> Iterator[Point]:
    """Yield the records of epochs that have as many steps each."""
    for i, record in enumerate(history):
        yield from _record(asdict(record), (i + 1) * num_steps // len(history) - 1)


def _record(values: dict[str, Any], step: int) -> Iterator[Point]:
    for name, value in values.items():
        if value is not None:
            yield (f"epoch_{name}" if name in _MEANS else name), value, step


def _enlarged(grid: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Repeat the pixels of (H, W, C) as often as it takes to be seen."""
    times = -(-_LEAST_GRID_SIDE // max(grid.shape[:2]))
    return grid.repeat(times, axis=0).repeat(times, axis=1)
