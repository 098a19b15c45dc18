"""Samples, folds > one network per imbalance remedy, seed and fold > which remedy works."""

from foldwise.pipelines.compare_balance.pipeline import create_pipeline

__all__ = ["create_pipeline"]
