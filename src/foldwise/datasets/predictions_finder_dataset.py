"""Where the predictions of models lie, as a catalogue entry that a comparison can ask."""

from pathlib import Path
from typing import Any, Never

from kedro.io import AbstractDataset, DatasetError

from foldwise.datasets.run_models_dataset import folds_hash_of_run, models_of_run
from foldwise.tasks.named_predictions import FoundRun, PredictionsFinder


class PredictionsFinderDataset(AbstractDataset[Never, PredictionsFinder]):
    """Gives who finds predictions by a model's name; nothing is read before it is asked."""

    def __init__(
        self, *, filepath: str, experiment: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Take the folder of all data, and the experiment that names without one belong to."""
        self._filepath, self._experiment = Path(filepath), experiment
        self.metadata = metadata

    def load(self) -> PredictionsFinder:
        """Return the finder."""
        return PredictionsFinder(self._filepath, self._experiment, _of_run)

    def save(self, data: Never) -> None:
        """Refuse: predictions of others are only read."""
        raise DatasetError("The predictions of models are only looked up and cannot be saved.")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "experiment": self._experiment}


def _of_run(run_id: str) -> FoundRun:
    """Return what a run has left, or raise `RunError`."""
    asked_by = "compare.models"
    folds_hash = folds_hash_of_run(run_id, asked_by)  # first: it refuses runs of single folds
    return FoundRun(models_of_run(run_id, asked_by), folds_hash)
