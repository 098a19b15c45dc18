"""Samples, folds, balance plan > trained networks and their predictions."""

from foldwise.pipelines.train_cnn.pipeline import create_pipeline

__all__ = ["create_pipeline"]
