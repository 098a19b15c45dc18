"""Raw data to validated samples."""

from foldwise.pipelines.ingest.pipeline import create_pipeline

__all__ = ["create_pipeline"]
