"""Nodes of the stage `ingest`."""

from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data import ingest as ingestion
from foldwise.data.card import Card, data_card
from foldwise.data.csv_cells import csv_safe
from foldwise.data.ingest import IngestConfig
from foldwise.data.overview import overview
from foldwise.data.samples import Samples


def ingest(config: IngestConfig, workspace: Path) -> tuple[Samples, pd.DataFrame]:
    """Read the source into its folder; return the samples and the table of skipped files."""
    ingested = ingestion.ingest(config, workspace)
    return ingested.samples, ingested.skipped_files


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def describe_samples(
    samples: Samples, skipped_files: pd.DataFrame
) -> tuple[Card, Any, pd.DataFrame]:
    """Return the data card, the overview (a figure), and the skipped files for a spreadsheet."""
    return data_card(samples, skipped_files), overview(samples), csv_safe(skipped_files)
