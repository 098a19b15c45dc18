"""Samples > folds."""

from foldwise.pipelines.split.pipeline import create_pipeline

__all__ = ["create_pipeline"]
