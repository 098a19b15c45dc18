"""Predictions of several models on the same folds > which is better, by more than chance."""

from foldwise.pipelines.compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
