"""Predictions > scores with intervals, figures and a report."""

from foldwise.pipelines.evaluate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
