"""Samples, folds > simple models on them > whether a network is worth it."""

from foldwise.pipelines.baseline.pipeline import create_pipeline

__all__ = ["create_pipeline"]
