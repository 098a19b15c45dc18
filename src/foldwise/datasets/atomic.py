"""Kedro's file types, saved whole or not at all.

Kedro writes in place, so a process killed while it saves leaves half a file under the final name.
"""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro_datasets import json, matplotlib, pandas, text

from foldwise.atomic import atomic_path
from foldwise.errors import UserError


class AtomicSave:
    """Makes a file dataset write beside its path and rename; comes first among the bases."""

    _filepath: PurePosixPath
    _temporary: PurePosixPath | None = None

    def _get_save_path(self) -> PurePosixPath:
        return self._temporary or super()._get_save_path()  # type: ignore[misc]  # of the other base

    def load(self) -> Any:  # noqa: ANN401  (whatever the other base gives)
        """Load the file.

        Raises:
            UserError: There is none.
        """
        path = Path(self._filepath)
        if not path.exists():
            raise UserError(
                f"{path} is missing. Run the stage that makes it first: the stages are ingest, "
                "audit, split, balance, augment, baseline, train, explain, compare_baselines, "
                "evaluate, in this order (--tags=...); "
                "after split also train_remedies and compare_remedies "
                "(--pipeline=compare_balance), after balance range_test "
                "(--pipeline=range_test_cnn), train_fractions and learning_curve "
                "(--pipeline=learning_curve_cnn), train_gan and evaluate_gan "
                "(--pipeline=train_gan), after these sample_gan (--pipeline=sample_gan), after "
                "split also search and report_search (--pipeline=search_cnn), after train compare "
                "(--pipeline=compare)."
            )
        return super().load()  # type: ignore[misc]  # of the other base

    def save(self, data: Any) -> None:  # noqa: ANN401  (whatever the other base takes)
        """Save to a temporary sibling, then rename it."""
        with atomic_path(Path(self._filepath)) as temporary:
            self._temporary = PurePosixPath(temporary)
            try:
                super().save(data)  # type: ignore[misc]  # of the other base
            finally:
                self._temporary = None


class CSVDataset(AtomicSave, pandas.CSVDataset):
    """A table as CSV."""


class ParquetDataset(AtomicSave, pandas.ParquetDataset):
    """A table as Parquet."""


class JSONDataset(AtomicSave, json.JSONDataset):
    """A JSON value."""


class MatplotlibDataset(AtomicSave, matplotlib.MatplotlibDataset):
    """A figure."""


class TextDataset(AtomicSave, text.TextDataset):
    """A text."""
