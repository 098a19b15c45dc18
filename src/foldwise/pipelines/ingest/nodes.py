"""Nodes of the stage `ingest`."""

from typing import Any

import pandas as pd

from foldwise.data import ingest as ingestion
from foldwise.data.card import Card, data_card
from foldwise.data.contact_sheet import contact_sheet
from foldwise.data.ingest import IngestConfig
from foldwise.data.samples import Samples


def ingest(config: IngestConfig) -> tuple[Samples, pd.DataFrame]:
    """Read the source; return the samples and the table of skipped files."""
    ingested = ingestion.ingest(config)
    return ingested.samples, ingested.skipped_files


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def describe_samples(samples: Samples, skipped_files: pd.DataFrame) -> tuple[Card, Any]:
    """Return the data card and the contact sheet, a figure."""
    return data_card(samples, skipped_files), contact_sheet(samples)
