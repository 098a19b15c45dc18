"""Samples, folds, balance plan > trained networks and their predictions."""

from foldwise.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]
