"""A table that not everyone writes, as a catalogue entry."""

from pathlib import Path

import pandas as pd

from foldwise.datasets.atomic import ParquetDataset


class OptionalParquetDataset(ParquetDataset):
    """A table as Parquet; without a file, a table without rows and columns.

    Predictions of another program can be evaluated by writing their table: it has no networks,
    and so no inner validation part that they were predicted for.
    """

    def load(self) -> pd.DataFrame:
        """Load the table, or one that is empty."""
        return super().load() if Path(self._filepath).exists() else pd.DataFrame()
