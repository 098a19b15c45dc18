"""Samples, folds, balance plan > the loss over the learning rate, and rates it suggests."""

from foldwise.pipelines.range_test.pipeline import create_pipeline

__all__ = ["create_pipeline"]
